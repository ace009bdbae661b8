//! Dropout: zeros a random share of its input while training.

use super::{Build, Call, Layer, SimpleLayer};
use crate::{Error, Result, Shape, Tensor};

/// While training, a share `rate` of the elements becomes zero, the others are divided by `1 - rate`; the shape stays
/// (Srivastava et al., 2014). Which ones follows from the seed, the layer's name and the step.
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Dropout")]
pub struct Dropout {
    /// The share that is dropped, from 0 to 1.
    #[layer(new)]
    rate: f32,
    /// What decides with the layer's name and the step which ones are dropped; the model's seed if not set.
    seed: Option<u64>,
}

impl SimpleLayer for Dropout {
    fn build(&mut self, _build: &mut Build, _input: &Shape) -> Result<()> {
        if (0.0..=1.0).contains(&self.rate) {
            return Ok(());
        }
        Err(Error::invalid(format!("rate is a share from 0 to 1, got {}", self.rate)))
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        if !call.training() || self.rate == 0.0 {
            return Ok(x.clone());
        }
        Ok(if self.rate == 1.0 { x.zeros_like() } else { x.dropout(self.rate, &call.random().seeded(self.seed)) })
    }
}
