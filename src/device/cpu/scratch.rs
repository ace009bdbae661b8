//! Scratch memory of the calling thread: aligned, kept between calls, so that a steady training step allocates nothing.

use bytemuck::{Pod, Zeroable};
use std::cell::RefCell;

/// One cache line, which gives the buffers their alignment.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

thread_local! {
    static FREE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Lends `len` floats of unspecified content, on 64 bytes. Calls may nest; equal nesting meets the same buffers again.
pub fn with<R>(len: usize, body: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut lines = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if lines.len() < len.div_ceil(16) {
        lines = vec![Line([0.0; 16]); len.div_ceil(16)];
    }
    let result = body(&mut bytemuck::cast_slice_mut(&mut lines)[..len]);
    FREE.with_borrow_mut(|free| free.push(lines));
    result
}

#[cfg(test)]
mod tests {
    #[test]
    fn buffers_come_back_aligned_and_apart() {
        let first = super::with(100, |outer| {
            let inner = super::with(50, |inner| inner.as_ptr() as usize);
            assert!(inner != outer.as_ptr() as usize && inner.is_multiple_of(64));
            outer.as_ptr() as usize
        });
        assert_eq!(super::with(90, |again| again.as_ptr() as usize), first);
    }
}
