//! A vector for each number.

use super::{Build, Call, Layer, SimpleLayer, Weight};
use crate::{DType, Error, Result, Shape, Tensor, initializers::RandomUniform};

/// The row of a table for each number: `(N, …)` of integers to `(N, …, output_dim)`. A number outside of the table takes its
/// nearest row.
///
/// Weights: `embeddings` (input_dim, output_dim).
///
/// ```
/// use wgrad::prelude::*;
/// let words = Embedding::new(20_000, 128).mask_zero(true);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Embedding")]
pub struct Embedding {
    /// How many numbers there are, from 0 on.
    #[layer(new)]
    input_dim: usize,
    /// Size of a vector.
    #[layer(new)]
    output_dim: usize,
    /// Whether 0 stands for what is missing: layers behind do not look there.
    mask_zero: bool,
    #[layer(start = RandomUniform::new())]
    embeddings: Weight,
}

impl SimpleLayer for Embedding {
    /// So that numbers which come as floats are not rounded; what is taken is cast.
    fn is_exact(&self) -> bool {
        true
    }

    fn compute_mask(&self, x: &Tensor, _mask: Option<&Tensor>) -> Option<Tensor> {
        self.mask_zero.then(|| x.not_equal(0))
    }

    fn build(&mut self, build: &mut Build, _input: &Shape) -> Result<()> {
        check(self.input_dim, self.output_dim)?;
        self.embeddings = build.weight("embeddings", [self.input_dim, self.output_dim]).options(&self.embeddings).add()?;
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(self.embeddings.value().take(&x.cast(DType::I32), 0))
    }
}

/// That a table has rows and columns.
pub(super) fn check(input_dim: usize, output_dim: usize) -> Result<()> {
    if input_dim == 0 || output_dim == 0 {
        return Err(Error::invalid(format!("input_dim {input_dim} and output_dim {output_dim} must be at least 1")));
    }
    Ok(())
}
