//! Numbers of another range.

use crate::{
    DType, Error, Result, Tensor,
    config::Numbers,
    layers::{Call, Layer, SimpleLayer},
};

/// `x * scale + offset` as a float, as for images: `Rescaling::new(1.0 / 255.0)`; one number or, as a list, one for each channel.
///
/// ```
/// use wgrad::prelude::*;
/// let y = Rescaling::new([0.5, 2.0]).offset(1.0).apply(&Tensor::from([[2.0f32, 3.0]]));
/// assert_eq!(y.to_vec::<f32>()?, [2.0, 7.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Rescaling")]
pub struct Rescaling {
    /// The factor.
    #[layer(new)]
    scale: Numbers,
    /// What is added after scaling.
    #[layer(default = 0.0)]
    offset: Numbers,
}

impl SimpleLayer for Rescaling {
    fn supports_masking(&self) -> bool {
        true
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let array = |numbers: &Numbers| Tensor::from_slice(numbers.values(), numbers.shape());
        let x = x.cast(DType::F32);
        let scaled = self.scale.one().map_or_else(|| Ok(&x * array(&self.scale)?), |scale| Ok::<_, Error>(&x * scale))?;
        self.offset.one().map_or_else(|| Ok(&scaled + array(&self.offset)?), |offset| Ok(&scaled + offset))
    }
}
