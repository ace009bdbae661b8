//! Pooling of whole inputs: one value for each channel.

use super::super::{Build, Call, DataFormat, Layer, SimpleLayer, space};
use crate::{Result, Shape, Tensor};

/// The largest value of each channel of inputs with N axes of space: `(N, space…, C)` to `(N, C)`, or `(N, 1…, C)` with `keepdims`. The layers are
/// [`GlobalMaxPooling1D`], [`GlobalMaxPooling2D`] and [`GlobalMaxPooling3D`].
///
/// ```
/// use wgrad::prelude::*;
/// let y = GlobalMaxPooling1D::new().apply(&Tensor::from_slice(&[1.0f32, 6.0, 3.0, 2.0], [1, 2, 2])?);
/// assert_eq!(y.to_vec::<f32>()?, [3.0, 6.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
pub struct GlobalMaxPooling<const N: usize> {
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// Whether the axes of space stay, with size one.
    keepdims: bool,
}

/// The largest value of each channel of sequences: `(N, T, C)` to `(N, C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(GlobalMaxPooling1D::new().keepdims(true).apply(&Tensor::ones([2, 4, 3])).shape()[..], [2, 1, 3]);
/// ```
#[doc(alias = "keras.layers.GlobalMaxPooling1D")]
#[doc(alias = "GlobalMaxPool1D")]
pub type GlobalMaxPooling1D = GlobalMaxPooling<1>;
/// The largest value of each channel of images: `(N, H, W, C)` to `(N, C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = GlobalMaxPooling2D::new().apply(&Tensor::arange(0.0, 8.0, 1.0).reshape([1, 2, 2, 2]));
/// assert_eq!(y.to_vec::<f32>()?, [6.0, 7.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.layers.GlobalMaxPooling2D")]
#[doc(alias = "GlobalMaxPool2D")]
pub type GlobalMaxPooling2D = GlobalMaxPooling<2>;
/// The largest value of each channel of volumes: `(N, D, H, W, C)` to `(N, C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(GlobalMaxPooling3D::new().apply(&Tensor::ones([2, 4, 5, 6, 3])).shape()[..], [2, 3]);
/// ```
#[doc(alias = "keras.layers.GlobalMaxPooling3D")]
#[doc(alias = "GlobalMaxPool3D")]
pub type GlobalMaxPooling3D = GlobalMaxPooling<3>;

impl<const N: usize> SimpleLayer for GlobalMaxPooling<N> {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        space::channels::<N>(input, self.data_format).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        space::channels::<N>(x.shape(), self.data_format)?;
        let axes = space::axes::<N>(self.data_format);
        let y = x.max(&axes);
        Ok(if self.keepdims { y.keep_dims(x.shape(), &axes) } else { y })
    }
}

/// The mean of each channel of inputs with N axes of space: `(N, space…, C)` to `(N, C)`, or `(N, 1…, C)` with `keepdims`. The layers are
/// [`GlobalAveragePooling1D`], [`GlobalAveragePooling2D`] and [`GlobalAveragePooling3D`]. The mean of
/// sequences with a mask is that of the steps which count.
///
/// ```
/// use wgrad::prelude::*;
/// let y = GlobalAveragePooling1D::new().apply(&Tensor::from_slice(&[1.0f32, 6.0, 3.0, 2.0], [1, 2, 2])?);
/// assert_eq!(y.to_vec::<f32>()?, [2.0, 4.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
pub struct GlobalAveragePooling<const N: usize> {
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// Whether the axes of space stay, with size one.
    keepdims: bool,
}

/// The mean of each channel of sequences: `(N, T, C)` to `(N, C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(GlobalAveragePooling1D::new().keepdims(true).apply(&Tensor::ones([2, 4, 3])).shape()[..], [2, 1, 3]);
/// ```
#[doc(alias = "keras.layers.GlobalAveragePooling1D")]
#[doc(alias = "GlobalAvgPool1D")]
pub type GlobalAveragePooling1D = GlobalAveragePooling<1>;
/// The mean of each channel of images: `(N, H, W, C)` to `(N, C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = GlobalAveragePooling2D::new().apply(&Tensor::arange(0.0, 8.0, 1.0).reshape([1, 2, 2, 2]));
/// assert_eq!(y.to_vec::<f32>()?, [3.0, 4.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.layers.GlobalAveragePooling2D")]
#[doc(alias = "GlobalAvgPool2D")]
pub type GlobalAveragePooling2D = GlobalAveragePooling<2>;
/// The mean of each channel of volumes: `(N, D, H, W, C)` to `(N, C)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(GlobalAveragePooling3D::new().apply(&Tensor::ones([2, 4, 5, 6, 3])).shape()[..], [2, 3]);
/// ```
#[doc(alias = "keras.layers.GlobalAveragePooling3D")]
#[doc(alias = "GlobalAvgPool3D")]
pub type GlobalAveragePooling3D = GlobalAveragePooling<3>;

impl<const N: usize> SimpleLayer for GlobalAveragePooling<N> {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        space::channels::<N>(input, self.data_format).map(drop)
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        space::channels::<N>(x.shape(), self.data_format)?;
        let axes = space::axes::<N>(self.data_format);
        let y = match call.mask() {
            Some(mask) if N == 1 => {
                // (N, T) as (N, T, 1) or (N, 1, T).
                let counts = mask.expand_dims(if axes[0] == 1 { 2 } else { 1 });
                let kept = Tensor::where_(&counts.broadcast_to(x.shape()), x, &x.zeros_like());
                kept.sum(&axes) / counts.cast(x.dtype()).sum(&axes)
            }
            _ => x.mean(&axes),
        };
        Ok(if self.keepdims { y.keep_dims(x.shape(), &axes) } else { y })
    }
}
