//! Dropout: zeros a random share of its input while training.

use super::{Build, Call, Layer, PartialShape, SimpleLayer};
use crate::{Error, Result, Shape, Tensor};

/// While training, a share `rate` of the elements becomes zero, the others are divided by `1 - rate`; the shape stays
/// (Srivastava et al., 2014). Which ones follows from the seed, the layer's name and the step.
///
/// ```
/// use wgrad::prelude::*;
/// let whole_steps = Dropout::new(0.2).noise_shape([None, None, Some(1)]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Dropout")]
pub struct Dropout {
    /// The share that is dropped, from 0 to 1.
    #[layer(new)]
    rate: f32,
    /// The shape of what is drawn, where several elements are to be dropped together; `None` for an axis' own size.
    noise_shape: Option<PartialShape>,
    /// What decides with the layer's name and the step which ones are dropped; the model's seed if not set.
    seed: Option<u64>,
}

impl SimpleLayer for Dropout {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        self.noise_shape.as_ref().map_or(Ok(input.clone()), |shape| shape.filled_by(input))?;
        check_rate(self.rate)
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        if !call.training() {
            return Ok(x.clone());
        }
        let shape = self.noise_shape.as_ref().map_or(Ok(x.shape().clone()), |shape| shape.filled_by(x.shape()))?;
        Ok(x.dropout_of(self.rate, shape, &call.random().seeded(self.seed)))
    }
}

/// That a rate is a share.
pub(super) fn check_rate(rate: f32) -> Result<()> {
    if (0.0..=1.0).contains(&rate) {
        return Ok(());
    }
    Err(Error::invalid(format!("rate is a share from 0 to 1, got {rate}")))
}
