//! Pooling to so many windows, whatever the size.

use super::super::{Build, Call, DataFormat, Layer, SimpleLayer, Sizes, space};
use crate::{Result, Shape, Tensor};

/// The largest value of each of `output_size` windows, which are as equal as they can be, of inputs with N axes of space: `(N, space…, C)` to
/// `(N, output_size…, C)`. The layers are [`AdaptiveMaxPooling1D`], [`AdaptiveMaxPooling2D`] and [`AdaptiveMaxPooling3D`].
///
/// Window i of an axis goes from `floor(i * size / output_size)` to `ceil((i + 1) * size / output_size)`.
///
/// ```
/// use wgrad::layers::AdaptiveMaxPooling2D;
/// let layer = AdaptiveMaxPooling2D::new([4, 3]);
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
pub struct AdaptiveMaxPooling<const N: usize> {
    /// How many windows each axis, or all axes, get.
    #[layer(new)]
    output_size: Sizes<N>,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

/// Adaptive pooling of sequences: `(N, T, C)` to `(N, T', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = AdaptiveMaxPooling1D::new(2).apply(&Tensor::from_slice(&[1.0f32, 3.0, 2.0, 4.0], [1, 4, 1])?);
/// assert_eq!(y.to_vec::<f32>()?, [3.0, 4.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.layers.AdaptiveMaxPooling1D")]
pub type AdaptiveMaxPooling1D = AdaptiveMaxPooling<1>;
/// Adaptive pooling of images: `(N, H, W, C)` to `(N, H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(AdaptiveMaxPooling2D::new([4, 3]).apply(&Tensor::ones([2, 9, 7, 3])).shape()[..], [2, 4, 3, 3]);
/// ```
#[doc(alias = "keras.layers.AdaptiveMaxPooling2D")]
pub type AdaptiveMaxPooling2D = AdaptiveMaxPooling<2>;
/// Adaptive pooling of volumes: `(N, D, H, W, C)` to `(N, D', H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(AdaptiveMaxPooling3D::new(2).apply(&Tensor::ones([1, 5, 6, 7, 3])).shape()[..], [1, 2, 2, 2, 3]);
/// ```
#[doc(alias = "keras.layers.AdaptiveMaxPooling3D")]
pub type AdaptiveMaxPooling3D = AdaptiveMaxPooling<3>;

impl<const N: usize> SimpleLayer for AdaptiveMaxPooling<N> {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        space::channels::<N>(input, self.data_format).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        space::channels_last(x, self.data_format, |x| x.adaptive_max_pool(&self.output_size[..]))
    }
}

/// The mean of each of `output_size` windows, which are as equal as they can be, of inputs with N axes of space: `(N, space…, C)` to
/// `(N, output_size…, C)`. The layers are [`AdaptiveAveragePooling1D`], [`AdaptiveAveragePooling2D`] and [`AdaptiveAveragePooling3D`].
///
/// Window i of an axis goes from `floor(i * size / output_size)` to `ceil((i + 1) * size / output_size)`.
///
/// ```
/// use wgrad::layers::AdaptiveAveragePooling2D;
/// let layer = AdaptiveAveragePooling2D::new([4, 3]);
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
pub struct AdaptiveAveragePooling<const N: usize> {
    /// How many windows each axis, or all axes, get.
    #[layer(new)]
    output_size: Sizes<N>,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

/// Adaptive pooling of sequences: `(N, T, C)` to `(N, T', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = AdaptiveAveragePooling1D::new(2).apply(&Tensor::from_slice(&[1.0f32, 3.0, 2.0, 4.0], [1, 4, 1])?);
/// assert_eq!(y.to_vec::<f32>()?, [2.0, 3.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.layers.AdaptiveAveragePooling1D")]
pub type AdaptiveAveragePooling1D = AdaptiveAveragePooling<1>;
/// Adaptive pooling of images: `(N, H, W, C)` to `(N, H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(AdaptiveAveragePooling2D::new([4, 3]).apply(&Tensor::ones([2, 9, 7, 3])).shape()[..], [2, 4, 3, 3]);
/// ```
#[doc(alias = "keras.layers.AdaptiveAveragePooling2D")]
pub type AdaptiveAveragePooling2D = AdaptiveAveragePooling<2>;
/// Adaptive pooling of volumes: `(N, D, H, W, C)` to `(N, D', H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(AdaptiveAveragePooling3D::new(2).apply(&Tensor::ones([1, 5, 6, 7, 3])).shape()[..], [1, 2, 2, 2, 3]);
/// ```
#[doc(alias = "keras.layers.AdaptiveAveragePooling3D")]
pub type AdaptiveAveragePooling3D = AdaptiveAveragePooling<3>;

impl<const N: usize> SimpleLayer for AdaptiveAveragePooling<N> {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        space::channels::<N>(input, self.data_format).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        space::channels_last(x, self.data_format, |x| x.adaptive_average_pool(&self.output_size[..]))
    }
}
