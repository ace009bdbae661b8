//! What layers check of their inputs, with errors that say what was expected, what came, and what may help.

use crate::{Error, Result, Shape};

/// The sizes of an input that must have so many axes: `names` says which, as `(N, H, W, C)`.
pub(crate) fn axes<const RANK: usize>(shape: &Shape, names: &str, hint: &str) -> Result<[usize; RANK]> {
    shape[..].try_into().map_err(|_| Error::shape(format!("expected {names}, got {shape}; {hint}")))
}

/// One number for each of N axes, or one for all: `3`, `[3, 5]` or `(3, 5)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes<const N: usize>(pub(crate) [usize; N]);

impl<const N: usize> From<usize> for Sizes<N> {
    fn from(size: usize) -> Self {
        Self([size; N])
    }
}

impl<const N: usize> From<[usize; N]> for Sizes<N> {
    fn from(sizes: [usize; N]) -> Self {
        Self(sizes)
    }
}

impl From<(usize, usize)> for Sizes<2> {
    fn from((high, wide): (usize, usize)) -> Self {
        Self([high, wide])
    }
}
