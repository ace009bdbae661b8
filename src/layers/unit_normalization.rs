//! Normalization to length one.

use super::{Axes, Call, Layer, SimpleLayer};
use crate::{Result, Tensor};

/// `x / sqrt(sum(x²))`, the sum over `axis`: vectors of length one; the shape stays. Zeros stay zeros.
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
