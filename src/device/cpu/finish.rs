//! What a kernel's finished elements go through while they are still cached.

use super::pool::{self, SharedMut};

/// Called once for each element, with the index of a piece's first element and the piece; pieces are called from several threads.
pub type Finish<'a> = Option<&'a (dyn Fn(usize, &mut [f32]) + Sync)>;

/// A whole output in parallel, for kernels that do not finish it piece by piece.
pub fn all(finish: Finish, out: &mut [f32]) {
    if let Some(finish) = finish {
        let (length, shared) = (out.len(), SharedMut::new(out));
        // SAFETY: chunks are disjoint.
        pool::for_chunks(length, 64 * 1024, &|range| finish(range.start, unsafe { shared.slice(range) }));
    }
}
