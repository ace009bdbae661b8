//! Numbers of categories as rows.

use super::OutputMode;
use crate::{
    DType, Error, Result, Shape,
    layers::{Build, Call, Inputs, Layer, Outputs},
};

/// Numbers below `num_tokens` as rows of so many: `(N, L)` to `(N, num_tokens)`, or one row for each number with `OneHot`.
/// The call's argument `count_weights`, of the input's shape, says what each number counts.
///
/// ```
/// use wgrad::{layers::{CategoryEncoding, OutputMode}, prelude::*};
/// let y = CategoryEncoding::new(3).output_mode(OutputMode::Count).apply(&Tensor::from([[0, 2, 2]]));
/// assert_eq!(y.to_vec::<f32>()?, [1.0, 0.0, 2.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.CategoryEncoding")]
pub struct CategoryEncoding {
    /// How many categories there are.
    #[layer(new)]
    num_tokens: usize,
    /// What comes of the numbers: `OneHot`, `MultiHot` or `Count`.
    #[layer(default = OutputMode::MultiHot)]
    output_mode: OutputMode,
}

impl Layer for CategoryEncoding {
    fn arguments(&self) -> &'static [&'static str] {
        &["count_weights"]
    }

    fn build(&mut self, _build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        if self.num_tokens == 0 {
            return Err(Error::invalid("num_tokens must be at least 1"));
        }
        self.output_mode.check(&[OutputMode::OneHot, OutputMode::MultiHot, OutputMode::Count])
    }

    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let (x, weights) = (inputs.one()?, inputs.tensor("count_weights")?);
        if let Some(weights) = weights {
            if self.output_mode != OutputMode::Count {
                return Err(Error::invalid(format!("count_weights are for output_mode Count, not {:?}", self.output_mode)));
            }
            if weights.shape() != x.shape() {
                return Err(Error::shape(format!("count_weights have shape {}, the input {}", weights.shape(), x.shape())));
            }
        }
        let weights = weights.map(|weights| weights.cast(DType::F32));
        Ok(self.output_mode.encode(&x.cast(DType::I32), self.num_tokens, weights.as_ref()).into())
    }
}
