//! Categories as numbers, as one-hot rows, or as what a row of them holds.

use crate::{Dim, Dims, Error, Result, Tensor, config::Choice};

/// What comes of categories.
///
/// ```
/// use wgrad::{layers::OutputMode, prelude::*};
/// let y = CategoryEncoding::new(3).output_mode(OutputMode::MultiHot).apply(&Tensor::from([[0, 2, 2]]));
/// assert_eq!(y.to_vec::<f32>()?, [1.0, 0.0, 1.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputMode {
    /// Their numbers.
    #[default]
    Int,
    /// A row for each that is 1 at its number; a last axis of size 1 becomes the row.
    OneHot,
    /// A row for each sample that is 1 at the numbers in it.
    #[choice("multi_hot", "binary")]
    MultiHot,
    /// A row for each sample that counts the numbers in it.
    Count,
    /// As `Count`, each number weighted by how rare it is.
    #[choice("tf_idf", "tf-idf")]
    TfIdf,
}

impl OutputMode {
    /// That it is one of those that a layer has.
    pub(super) fn check(self, known: &[OutputMode]) -> Result<()> {
        if known.contains(&self) {
            return Ok(());
        }
        Err(Error::invalid(format!("output_mode is one of {known:?}, not {self:?}")))
    }

    /// The output's sizes for categories of shape `shape`, of which there are `depth`.
    pub(super) fn dims(self, shape: &[usize], depth: usize) -> Dims {
        let rank = shape.len();
        let kept = match self {
            OutputMode::Int => return shape.iter().map(|&size| Dim(Some(size))).collect(),
            OutputMode::OneHot if rank > 1 && shape[rank - 1] == 1 => [&shape[..rank - 1], &[]],
            OutputMode::OneHot => [shape, &[]],
            // As in Keras, it is the second axis that is summed over.
            _ if rank < 2 => [&[][..], &[]],
            _ => [&shape[..1], &shape[2..]],
        };
        kept.concat().into_iter().chain([depth]).map(|size| Dim(Some(size))).collect()
    }

    /// Rows for `indices` of shape `shape`; those that are not below `depth` have no place in them.
    pub(super) fn rows(self, indices: &[i64], shape: &[usize], depth: usize) -> Vec<i64> {
        // A row's indices lie `inner` apart.
        let (rows, length, inner) = match shape {
            _ if self == OutputMode::OneHot => (indices.len(), 1, 1),
            [] | [_] => (1, indices.len(), 1),
            [samples, length, rest @ ..] => {
                let inner = rest.iter().product();
                (samples * inner, *length, inner)
            }
        };
        let mut out = vec![0; rows * depth];
        for (at, &index) in indices.iter().enumerate().filter(|(_, index)| (0..depth as i64).contains(*index)) {
            let row = at / (length * inner) * inner + at % inner;
            let count = &mut out[row * depth + index as usize];
            *count = if self == OutputMode::Count || self == OutputMode::TfIdf { *count + 1 } else { 1 };
        }
        out
    }

    /// Rows for an int32 tensor, as float32; with `weights` of the same shape each counts so much.
    pub(super) fn encode(self, x: &Tensor, depth: usize, weights: Option<&Tensor>) -> Tensor {
        let rank = x.rank();
        let axis = if rank > 1 { 1 } else { 0 };
        let weighted = |rows: Tensor| weights.map_or_else(|| rows.clone(), |weights| &rows * weights.expand_dims(-1));
        match self {
            OutputMode::Int => x.clone(),
            OutputMode::OneHot if rank > 1 && x.shape()[rank - 1] == 1 => x.squeeze(&[-1]).one_hot(depth),
            OutputMode::OneHot => x.one_hot(depth),
            OutputMode::MultiHot => x.one_hot(depth).max(&[axis]),
            OutputMode::Count | OutputMode::TfIdf => weighted(x.one_hot(depth)).sum(&[axis]),
        }
    }
}

/// That an option which would make sparse tensors is not set.
pub(super) fn dense(sparse: bool) -> Result<()> {
    if sparse { Err(Error::invalid("sparse outputs do not exist here: leave sparse out, rows are dense")) } else { Ok(()) }
}
