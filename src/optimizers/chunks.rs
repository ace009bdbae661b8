//! How an arena is cut: each chunk is part of one variable, one workgroup or one task of the optimizer's kernels.

use bytemuck::{Pod, Zeroable};

/// A part of a variable. The cut depends on sizes alone, so that sums over chunks have the same bits everywhere.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct Chunk {
    /// First word in the arena, and number of words.
    pub start: u32,
    pub length: u32,
    /// The chunks of the same variable: the first, and the one behind the last.
    pub first: u32,
    pub last: u32,
    /// [`DECAYS`] and [`IDLE`].
    pub flags: u32,
}

/// The variable takes part in weight decay.
pub(super) const DECAYS: u32 = 1;
/// The variable has no gradient in this step.
pub(super) const IDLE: u32 = 2;

/// Words of a chunk at least, and chunks of large arenas about: each workgroup looks at what was found in all of them.
const SMALLEST: usize = 4096;
const MOST: usize = 1024;

impl Chunk {
    pub const WORDS: usize = size_of::<Self>() / 4;

    /// Cuts variables given as start, size and flags.
    pub fn cut(variables: &[(usize, usize, u32)]) -> Vec<Chunk> {
        let total: usize = variables.iter().map(|(_, size, _)| size).sum();
        let chunk = total.div_ceil(MOST).max(SMALLEST).next_multiple_of(64); // starts stay aligned
        let mut chunks = Vec::new();
        for &(start, size, flags) in variables {
            let (first, last) = (chunks.len(), chunks.len() + size.div_ceil(chunk));
            chunks.extend((0..size).step_by(chunk).map(|at| Chunk {
                start: (start + at) as u32,
                length: chunk.min(size - at) as u32,
                first: first as u32,
                last: last as u32,
                flags,
            }));
        }
        chunks
    }

    /// Its words in the arena.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.length) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_each_variable_and_no_more() {
        let chunk = |start, length, first, last, flags| Chunk { start, length, first, last, flags };
        let cut = Chunk::cut(&[(0, 5000, DECAYS), (5056, 0, 0), (5056, 10, IDLE)]);
        assert_eq!(cut, [chunk(0, 4096, 0, 2, DECAYS), chunk(4096, 904, 0, 2, DECAYS), chunk(5056, 10, 2, 3, IDLE)]);
        let large = Chunk::cut(&[(0, 100_000_000, 0)]);
        assert!(large.len() <= 1024 && large.iter().all(|chunk| chunk.start.is_multiple_of(64)));
        assert_eq!(large.iter().map(|chunk| chunk.length).sum::<u32>(), 100_000_000);
    }
}
