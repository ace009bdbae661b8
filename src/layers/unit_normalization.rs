//! Normalization to length one.

use super::{Axes, Call, Layer, SimpleLayer};
use crate::{Result, Tensor};

/// `x / sqrt(sum(x²))`, the sum over `axis`: vectors of length one; the shape stays. Zeros stay zeros.
///
/// ```
/// use wgrad::prelude::*;
/// let y = UnitNormalization::new().apply(&Tensor::from([[3.0f32, 4.0]])).to_vec::<f32>()?;
/// assert!((y[0] - 0.6).abs() < 1e-6 && (y[1] - 0.8).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.UnitNormalization")]
pub struct UnitNormalization {
    /// The axes along which a vector lies.
    #[layer(default = -1)]
    axis: Axes,
}

impl SimpleLayer for UnitNormalization {
    fn is_exact(&self) -> bool {
        true
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        x.shape().axes(self.axis.list())?;
        Ok(unit(x, self.axis.list(), 1e-12))
    }
}

/// Vectors over `axes` (all where none are given) with length one; those shorter than `epsilon` are divided by that.
pub(super) fn unit(x: &Tensor, axes: &[isize], epsilon: f64) -> Tensor {
    x * x.square().sum(axes).maximum(epsilon * epsilon).rsqrt().keep_dims(x.shape(), axes)
}
