//! A vector for each number, and back to a number of points for each.

use super::{Build, Call, Inputs, Layer, Outputs, Weight, embedding::check, options::fits};
use crate::{DType, Result, Shape, initializers::RandomUniform};

/// An [`Embedding`](super::Embedding) that also goes back: called with `reverse`, `(…, output_dim)` to `(…, input_dim)`, the
/// product with the transposed table or with one of its own. A language model's first and last layer share weights this way.
///
/// Weights: `embeddings` (input_dim, output_dim) and, unless tied, `reverse_embeddings` (output_dim, input_dim).
///
/// ```
/// use wgrad::prelude::*;
/// let tokens = Input::new([5]).dtype(DType::I32).symbol();
/// let table = ReversibleEmbedding::new(100, 16).shared();
/// let vectors = table.clone().apply(&tokens);
/// let scores = table.call_with(&vectors).with("reverse", Argument::Value(true.into())).apply();
/// assert_eq!(Model::new(&tokens, &scores)?.call(&Tensor::from([[1, 2, 3, 4, 5]]), Training::No)?.shape()[..], [1, 5, 100]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.ReversibleEmbedding")]
pub struct ReversibleEmbedding {
    /// How many numbers there are, from 0 on.
    #[layer(new)]
    input_dim: usize,
    /// Size of a vector.
    #[layer(new)]
    output_dim: usize,
    /// Whether the way back takes the same table.
    #[layer(default = true)]
    tie_weights: bool,
    /// Whether 0 stands for what is missing: layers behind do not look there.
    mask_zero: bool,
    /// In which dtype the way back is calculated; the layer's if not set.
    reverse_dtype: Option<DType>,
    /// Keeps the results of the way back within this distance from zero: `cap * tanh(x / cap)`.
    logit_soft_cap: Option<f32>,
    #[layer(start = RandomUniform::new())]
    embeddings: Weight,
    #[layer(weight)]
    reverse_embeddings: Weight,
}

impl Layer for ReversibleEmbedding {
    fn arguments(&self) -> &'static [&'static str] {
        &["reverse"]
    }

    fn build(&mut self, build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        check(self.input_dim, self.output_dim)?;
        self.embeddings = build.weight("embeddings", [self.input_dim, self.output_dim]).options(&self.embeddings).add()?;
        if !self.tie_weights {
            let table = build.weight("reverse_embeddings", [self.output_dim, self.input_dim]);
            self.reverse_embeddings = table.initializer(self.embeddings.initializer()).add()?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let x = inputs.one()?;
        if !inputs.flag("reverse")? {
            let mask = self.mask_zero.then(|| x.not_equal(0));
            return Ok(Outputs::from(self.embeddings.value().take(&x.cast(DType::I32), 0)).with_mask(mask));
        }
        fits(x, -1, self.output_dim, "features")?;
        let table = if self.tie_weights { self.embeddings.value().transpose() } else { self.reverse_embeddings.value() };
        let dtype = self.reverse_dtype.unwrap_or(x.dtype());
        let logits = x.cast(dtype).matmul(&table.cast(dtype));
        Ok(self.logit_soft_cap.map_or(logits.clone(), |cap| (logits / cap).tanh() * cap).into())
    }
}
