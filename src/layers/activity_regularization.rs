//! A penalty on what flows through.

use super::{Call, Layer, SimpleLayer};
use crate::{DType, Result, Tensor};

/// Adds `l1 * sum(|x|) + l2 * sum(x²)`, divided by the batch size, to the model's loss; the output is the input.
///
/// ```
/// use wgrad::prelude::*;
/// let mut call = Call::new(Training::Yes, 1, 0);
/// ActivityRegularization::new().l1(0.5).shared().call(&mut call, &Tensor::from([[1.0f32, -3.0]]))?;
/// assert_eq!(call.take_losses()[0].item::<f32>()?, 2.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.ActivityRegularization")]
pub struct ActivityRegularization {
    /// The factor of the absolute values.
    l1: f32,
    /// The factor of the squares.
    l2: f32,
}

impl SimpleLayer for ActivityRegularization {
    fn supports_masking(&self) -> bool {
        true
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let wide = x.cast(DType::F32);
        let samples = x.shape().first().copied().unwrap_or(1).max(1);
        call.add_loss((wide.abs().sum(&[]) * self.l1 + wide.square().sum(&[]) * self.l2) / samples as f32);
        Ok(x.clone())
    }
}
