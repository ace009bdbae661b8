//! Dropout for networks that normalize themselves.

use super::{Build, Call, Layer, PartialShape, SimpleLayer, dropout::check_rate};
use crate::{Result, Shape, Tensor};

/// Dropout that keeps mean and variance, for networks of SELU units: dropped elements take the value where SELU ends to the left,
/// and everything is scaled and moved back (Klambauer et al., 2017). The shape stays.
///
/// ```
/// use wgrad::prelude::*;
/// let units = Dense::new(64).activation(Selu).kernel_initializer(LecunNormal::new());
/// let model = Sequential::new().add(Input::new([8])).add(units).add(AlphaDropout::new(0.1)).add(Dense::new(1)).build()?;
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.AlphaDropout")]
pub struct AlphaDropout {
    /// The share that is dropped, from 0 to 1.
    #[layer(new)]
    rate: f32,
    /// The shape of what is drawn, where several elements are to be dropped together; `None` for an axis' own size.
    noise_shape: Option<PartialShape>,
    /// What decides with the layer's name and the step which ones are dropped; the model's seed if not set.
    seed: Option<u64>,
}

/// Where SELU ends to the left: `-1.0507 * 1.6733`.
const END: f32 = -1.758_099_3;

impl SimpleLayer for AlphaDropout {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        self.noise_shape.as_ref().map_or(Ok(input.clone()), |shape| shape.filled_by(input))?;
        check_rate(self.rate)
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        if !call.training() || self.rate == 0.0 {
            return Ok(x.clone());
        }
        let shape = self.noise_shape.as_ref().map_or(Ok(x.shape().clone()), |shape| shape.filled_by(x.shape()))?;
        let unit = x.uniform_like(shape, &call.random().seeded(self.seed));
        let kept = Tensor::where_(&unit.greater_equal(self.rate), x, &(x.zeros_like() + END));
        let scale = ((1.0 - self.rate) * (1.0 + self.rate * END * END)).sqrt().recip();
        Ok(kept * scale - scale * END * self.rate)
    }
}
