//! Dropout of whole feature maps.

use super::{Build, Call, DataFormat, Layer, SimpleLayer, dropout::check_rate, options::axes};
use crate::{
    Error, Result, Shape, Tensor,
    config::{Fields, Flatten, Options},
};

/// [`Dropout`](super::Dropout) of whole channels of `(N, T, C)`: neighbours in time say nearly the same, so that dropping single
/// elements would hide little (Tompson et al., 2014).
///
/// ```
/// use wgrad::prelude::*;
/// let y = SpatialDropout1D::new(0.5).shared().call(&mut Call::new(Training::Yes, 1, 0), &Tensor::ones([4, 8, 16]))?;
/// let sums = y.sum(&[1]).to_vec::<f32>()?; // of each channel of each sequence: dropped whole, or doubled
/// assert!(sums.iter().all(|&sum| sum == 0.0 || sum == 16.0));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.SpatialDropout1D")]
pub struct SpatialDropout1D {
    /// The share that is dropped, from 0 to 1.
    #[layer(new)]
    rate: f32,
    /// What decides with the layer's name and the step which ones are dropped; the model's seed if not set.
    seed: Option<u64>,
    #[layer(flatten)]
    bare: Bare,
}

impl SimpleLayer for SpatialDropout1D {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        axes::<3>(input, "(N, T, C)", "use SpatialDropout2D for images")?;
        check_rate(self.rate)
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(drop_maps(call, x, self.rate, self.seed, DataFormat::ChannelsLast))
    }
}

/// [`Dropout`](super::Dropout) of whole channels of images `(N, H, W, C)` or volumes `(N, D, H, W, C)`; `(N, C, …)` where channels
/// come first.
///
/// ```
/// use wgrad::prelude::*;
/// let y = SpatialDropout2D::new(0.5).shared().call(&mut Call::new(Training::Yes, 1, 0), &Tensor::ones([4, 2, 2, 16]))?;
/// assert!(y.sum(&[1, 2]).to_vec::<f32>()?.iter().all(|&sum| sum == 0.0 || sum == 8.0));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(2, 3))]
#[doc(alias = "keras.layers.SpatialDropout2D")]
#[doc(alias = "keras.layers.SpatialDropout3D")]
pub struct SpatialDropout<const N: usize> {
    /// The share that is dropped, from 0 to 1.
    #[layer(new)]
    rate: f32,
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// What decides with the layer's name and the step which ones are dropped; the model's seed if not set.
    seed: Option<u64>,
    #[layer(flatten)]
    bare: Bare,
}

/// Dropout of whole channels of images.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(SpatialDropout2D::new(0.5).apply(&Tensor::ones([2, 4, 4, 3])).shape()[..], [2, 4, 4, 3]);
/// ```
pub type SpatialDropout2D = SpatialDropout<2>;
/// Dropout of whole channels of volumes.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(SpatialDropout3D::new(0.5).apply(&Tensor::ones([2, 4, 4, 4, 3])).shape()[..], [2, 4, 4, 4, 3]);
/// ```
pub type SpatialDropout3D = SpatialDropout<3>;

impl<const N: usize> SimpleLayer for SpatialDropout<N> {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        if input.rank() != N + 2 {
            return Err(Error::shape(format!("expected {} axes, got {input}: batch, {N} of space, channels", N + 2)));
        }
        check_rate(self.rate)
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(drop_maps(call, x, self.rate, self.seed, self.data_format))
    }
}

fn drop_maps(call: &Call, x: &Tensor, rate: f32, seed: Option<u64>, format: DataFormat) -> Tensor {
    if !call.training() {
        return x.clone();
    }
    let channels = if format == DataFormat::ChannelsFirst { 1 } else { x.rank() - 1 };
    let one_each = (0..x.rank()).map(|axis| if axis == 0 || axis == channels { x.shape()[axis] } else { 1 });
    x.dropout_of(rate, one_each.collect::<Shape>(), &call.random().seeded(seed))
}

/// Keras' constructors of these layers take no `trainable`, and the dtype as a name: so it is written.
#[derive(Clone, Debug, Default)]
struct Bare;

impl Flatten for Bare {
    fn write(&self, out: &mut Options) {
        out.shift_remove("trainable");
        if let Some(name) = out.get("dtype").and_then(|policy| policy.pointer("/config/name")).cloned() {
            out.insert("dtype".into(), name);
        }
    }

    fn read(_fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}
