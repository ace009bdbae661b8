//! Marks steps of a sequence that are to be left out.

use super::{Call, Layer, SimpleLayer};
use crate::{Result, Tensor};

/// Steps whose features all equal `mask_value` become zero and are masked: layers behind leave them out. `(N, T, D)`; the shape stays.
///
/// ```
/// use wgrad::prelude::*;
/// let padded_with_zeros = Masking::new();
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Masking")]
pub struct Masking {
    /// The value that stands for nothing.
    mask_value: f32,
}

impl Masking {
    /// Where some feature differs.
    fn kept(&self, x: &Tensor) -> Tensor {
        x.not_equal(self.mask_value).any(&[-1])
    }
}

impl SimpleLayer for Masking {
    fn compute_mask(&self, x: &Tensor, _mask: Option<&Tensor>) -> Option<Tensor> {
        Some(self.kept(x))
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(Tensor::where_(&self.kept(x).expand_dims(-1), x, &x.zeros_like()))
    }
}
