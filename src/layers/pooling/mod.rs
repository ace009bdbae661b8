//! Pooling layers of one to three axes: the largest or the mean value of each window.

mod adaptive;
mod global;

pub use adaptive::{
    AdaptiveAveragePooling, AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D, AdaptiveMaxPooling,
    AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D,
};
pub use global::{
    GlobalAveragePooling, GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling, GlobalMaxPooling1D,
    GlobalMaxPooling2D, GlobalMaxPooling3D,
};

use super::{Build, Call, DataFormat, Layer, SimpleLayer, Sizes, space};
use crate::{Result, Shape, Tensor, ops::Padding};

/// The largest value of each window of inputs with N axes of space: `(N, space…, C)` to `(N, places…, C)`. The layers are [`MaxPooling1D`],
/// [`MaxPooling2D`] and [`MaxPooling3D`].
///
/// Windows stand side by side unless `strides` says otherwise; an incomplete last one is left out, or padded with `Same`.
///
/// ```
/// use wgrad::layers::MaxPooling2D;
/// let halving = MaxPooling2D::new(2);
/// let overlapping = MaxPooling2D::new(3).strides(2);
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
pub struct MaxPooling<const N: usize> {
    /// Size of a window, for each axis or for all.
    #[layer(new, default = 2)]
    pool_size: Sizes<N>,
    /// From one window to the next; the size of a window if not set.
    strides: Option<Sizes<N>>,
    /// `Valid` or `Same`.
    padding: Padding,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

/// The largest value of each window of sequences: `(N, T, C)` to `(N, T', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = MaxPooling1D::new(2).apply(&Tensor::from_slice(&[1.0f32, 3.0, 2.0, 4.0], [1, 4, 1])?);
/// assert_eq!(y.to_vec::<f32>()?, [3.0, 4.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.layers.MaxPooling1D")]
#[doc(alias = "MaxPool1D")]
pub type MaxPooling1D = MaxPooling<1>;
/// The largest value of each window of images: `(N, H, W, C)` to `(N, H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = MaxPooling2D::new(2).apply(&Tensor::arange(0.0, 16.0, 1.0).reshape([1, 4, 4, 1]));
/// assert_eq!(y.to_vec::<f32>()?, [5.0, 7.0, 13.0, 15.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.layers.MaxPooling2D")]
#[doc(alias = "MaxPool2D")]
pub type MaxPooling2D = MaxPooling<2>;
/// The largest value of each window of volumes: `(N, D, H, W, C)` to `(N, D', H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(MaxPooling3D::new(2).apply(&Tensor::ones([1, 4, 6, 8, 3])).shape()[..], [1, 2, 3, 4, 3]);
/// ```
#[doc(alias = "keras.layers.MaxPooling3D")]
#[doc(alias = "MaxPool3D")]
pub type MaxPooling3D = MaxPooling<3>;

impl<const N: usize> SimpleLayer for MaxPooling<N> {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        space::channels::<N>(input, self.data_format).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let strides = self.strides.as_ref().map(|strides| &strides[..]);
        space::channels_last(x, self.data_format, |x| x.max_pool(&self.pool_size[..], strides, self.padding))
    }
}

/// The mean, padding not counted, of each window of inputs with N axes of space: `(N, space…, C)` to `(N, places…, C)`. The layers are [`AveragePooling1D`],
/// [`AveragePooling2D`] and [`AveragePooling3D`].
///
/// Windows stand side by side unless `strides` says otherwise; an incomplete last one is left out, or kept with `Same`.
///
/// ```
/// use wgrad::layers::AveragePooling2D;
/// let halving = AveragePooling2D::new(2);
/// let overlapping = AveragePooling2D::new(3).strides(2);
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
pub struct AveragePooling<const N: usize> {
    /// Size of a window, for each axis or for all.
    #[layer(new, default = 2)]
    pool_size: Sizes<N>,
    /// From one window to the next; the size of a window if not set.
    strides: Option<Sizes<N>>,
    /// `Valid` or `Same`.
    padding: Padding,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

/// The mean, padding not counted, of each window of sequences: `(N, T, C)` to `(N, T', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = AveragePooling1D::new(2).apply(&Tensor::from_slice(&[1.0f32, 3.0, 2.0, 4.0], [1, 4, 1])?);
/// assert_eq!(y.to_vec::<f32>()?, [2.0, 3.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.layers.AveragePooling1D")]
#[doc(alias = "AvgPool1D")]
pub type AveragePooling1D = AveragePooling<1>;
/// The mean, padding not counted, of each window of images: `(N, H, W, C)` to `(N, H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = AveragePooling2D::new(2).apply(&Tensor::arange(0.0, 16.0, 1.0).reshape([1, 4, 4, 1]));
/// assert_eq!(y.to_vec::<f32>()?, [2.5, 4.5, 10.5, 12.5]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.layers.AveragePooling2D")]
#[doc(alias = "AvgPool2D")]
pub type AveragePooling2D = AveragePooling<2>;
/// The mean, padding not counted, of each window of volumes: `(N, D, H, W, C)` to `(N, D', H', W', C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(AveragePooling3D::new(2).apply(&Tensor::ones([1, 4, 6, 8, 3])).shape()[..], [1, 2, 3, 4, 3]);
/// ```
#[doc(alias = "keras.layers.AveragePooling3D")]
#[doc(alias = "AvgPool3D")]
pub type AveragePooling3D = AveragePooling<3>;

impl<const N: usize> SimpleLayer for AveragePooling<N> {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        space::channels::<N>(input, self.data_format).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let strides = self.strides.as_ref().map(|strides| &strides[..]);
        space::channels_last(x, self.data_format, |x| x.average_pool(&self.pool_size[..], strides, self.padding))
    }
}
