//! The ReLU family as layers, with their options.

use super::{Build, Call, Layer, SimpleLayer};
use crate::{Error, Result, Shape, Tensor};

/// `x` above `threshold`, limited to `max_value`; below, `negative_slope * (x - threshold)`. The shape stays.
///
/// ```
/// use wgrad::prelude::*;
/// let limited = ReLU::new().max_value(6.0);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.ReLU")]
pub struct ReLU {
    /// The largest result; without limit if not set.
    max_value: Option<f32>,
    /// The slope below the threshold.
    negative_slope: f32,
    /// Where the positive side begins.
    threshold: f32,
}

impl SimpleLayer for ReLU {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, _build: &mut Build, _input: &Shape) -> Result<()> {
        let Self { max_value, negative_slope, threshold } = *self;
        if max_value.is_some_and(|value| value < 0.0) || negative_slope < 0.0 || threshold < 0.0 {
            let text = format!("max_value {max_value:?}, negative_slope {negative_slope} and threshold {threshold} must not be negative");
            return Err(Error::invalid(text));
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let Self { max_value, negative_slope: slope, threshold } = *self;
        if slope != 0.0 && max_value.is_none() && threshold == 0.0 {
            return Ok(x.leaky_relu(slope));
        }
        let mut y = if threshold == 0.0 { x.relu() } else { x * x.greater(threshold).cast(x.dtype()) };
        if let Some(most) = max_value {
            // At 6 the slope ends, as that of `relu6` does.
            y = if threshold == 0.0 && most == 6.0 { x.relu6() } else { y.clip(0.0, most) };
        }
        Ok(if slope == 0.0 { y } else { y - (threshold - x).relu() * slope })
    }
}

/// `x` where positive, else `negative_slope * x`; the shape stays (Maas et al., 2013).
///
/// ```
/// use wgrad::prelude::*;
/// let y = LeakyReLU::new().apply(&Tensor::from([[-2.0f32, 3.0]]));
/// assert_eq!(y.to_vec::<f32>()?, [-0.6, 3.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.LeakyReLU")]
pub struct LeakyReLU {
    /// The slope where `x` is negative.
    #[layer(default = 0.3)]
    negative_slope: f32,
}

impl SimpleLayer for LeakyReLU {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, _build: &mut Build, _input: &Shape) -> Result<()> {
        if self.negative_slope < 0.0 {
            return Err(Error::invalid(format!("negative_slope must not be negative, got {}", self.negative_slope)));
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(x.leaky_relu(self.negative_slope))
    }
}

/// `x` where positive, else `alpha * (e^x - 1)`; the shape stays (Clevert et al., 2016).
///
/// ```
/// use wgrad::prelude::*;
/// let y = ELU::new().alpha(2.0).apply(&Tensor::from([[-100.0f32, 3.0]]));
/// assert_eq!(y.to_vec::<f32>()?, [-2.0, 3.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.ELU")]
pub struct ELU {
    /// Where the negative side ends, with its sign turned.
    #[layer(default = 1.0)]
    alpha: f32,
}

impl SimpleLayer for ELU {
    fn supports_masking(&self) -> bool {
        true
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(x.elu(self.alpha))
    }
}
