//! Softmax as a layer, which knows masks.

use super::{Axes, Call, Layer, SimpleLayer};
use crate::{DType, Error, Result, Tensor};

/// `e^x / sum(e^x)` along `axis`; the shape stays. What is masked gets zero, and the rest adds up to one.
///
/// ```
/// use wgrad::prelude::*;
/// let y = wgrad::layers::Softmax::new().apply(&Tensor::from([[1.0f32, 1.0]]));
/// assert_eq!(y.to_vec::<f32>()?, [0.5, 0.5]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Softmax")]
pub struct Softmax {
    /// The axes that add up to one together.
    #[layer(default = -1)]
    axis: Axes,
}

impl SimpleLayer for Softmax {
    fn supports_masking(&self) -> bool {
        true
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let axes = self.axis.list();
        x.shape().axes(axes)?;
        let Some(mask) = call.mask() else { return Ok(along(x, axes)) };
        if mask.shape().broadcast(x.shape()).as_ref() != Ok(x.shape()) {
            return Err(Error::shape(format!("mask {} does not broadcast to input {}", mask.shape(), x.shape())));
        }
        Ok(masked(x, mask, |x| along(x, axes)))
    }
}

fn along(x: &Tensor, axes: &[isize]) -> Tensor {
    match axes {
        [axis] => x.softmax(*axis),
        _ => (x - x.logsumexp(axes).keep_dims(x.shape(), axes)).exp(),
    }
}

/// `softmax(x)` where `mask` is true, zero elsewhere, also where it is true nowhere.
pub(super) fn masked(x: &Tensor, mask: &Tensor, softmax: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
    let y = softmax(&hidden(x, mask));
    Tensor::where_(mask, &y, &y.zeros_like())
}

/// `x` where `mask` is true, else a number so low that no softmax sees it, unless all are.
pub(super) fn hidden(x: &Tensor, mask: &Tensor) -> Tensor {
    let low = if x.dtype() == DType::F16 { -3e4 } else { -1e9 };
    Tensor::where_(mask, x, &x.number_like(low))
}
