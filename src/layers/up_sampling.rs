//! Layers that make sequences, images and volumes larger.

use super::{Build, Call, DataFormat, Layer, SimpleLayer, Sizes, space};
use crate::{Error, Result, Shape, Tensor, ops::Interpolation};

/// Each element `size` times along each axis of space.
fn repeated<const N: usize>(x: &Tensor, size: [usize; N], format: DataFormat) -> Tensor {
    let axes = space::axes::<N>(format).into_iter().zip(size);
    axes.filter(|(_, count)| *count > 1).fold(x.clone(), |x, (axis, count)| x.repeat(count, axis))
}

fn check<const N: usize>(input: &Shape, size: [usize; N], format: DataFormat) -> Result<()> {
    if size.contains(&0) {
        return Err(Error::invalid(format!("size {size:?} must be at least 1")));
    }
    space::channels::<N>(input, format).map(drop)
}

/// Longer sequences: each step `size` times, `(N, T, C)` to `(N, T * size, C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = UpSampling1D::new(2).apply(&Tensor::from_slice(&[1.0f32, 2.0], [1, 2, 1])?);
/// assert_eq!(y.to_vec::<f32>()?, [1.0, 1.0, 2.0, 2.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.UpSampling1D")]
pub struct UpSampling1D {
    /// How many steps one becomes.
    #[layer(new, default = 2)]
    size: usize,
}

impl SimpleLayer for UpSampling1D {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        check(input, [self.size], DataFormat::ChannelsLast)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(repeated(x, [self.size], DataFormat::ChannelsLast))
    }
}

/// Larger images: `(N, H, W, C)` to `(N, H * size, W * size, C)`, by repeating pixels or by another interpolation.
///
/// ```
/// use wgrad::{layers::UpSampling2D, ops::Interpolation::Bilinear};
/// let layer = UpSampling2D::new(2).interpolation(Bilinear);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.UpSampling2D")]
pub struct UpSampling2D {
    /// How many rows and columns one becomes.
    #[layer(new, default = 2)]
    size: Sizes<2>,
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// What stands between pixels.
    #[layer(default = Interpolation::Nearest)]
    interpolation: Interpolation,
}

impl SimpleLayer for UpSampling2D {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        if self.interpolation == Interpolation::Area {
            return Err(Error::invalid("interpolation Area is for Resizing; of enlarged images Nearest gives the same"));
        }
        check(input, *self.size, self.data_format)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        if self.interpolation == Interpolation::Nearest {
            return Ok(repeated(x, *self.size, self.data_format));
        }
        space::channels_last(x, self.data_format, |x| {
            let size = [x.shape()[1] * self.size[0], x.shape()[2] * self.size[1]];
            x.resize(size, self.interpolation, false)
        })
    }
}

/// Larger volumes: each element `size` times along each axis, `(N, D, H, W, C)` to `(N, D * size, H * size, W * size, C)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = UpSampling3D::new([1, 2, 3]).apply(&Tensor::ones([1, 2, 2, 2, 4]));
/// assert_eq!(y.shape()[..], [1, 2, 4, 6, 4]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.UpSampling3D")]
pub struct UpSampling3D {
    /// How many slices, rows and columns one becomes.
    #[layer(new, default = 2)]
    size: Sizes<3>,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

impl SimpleLayer for UpSampling3D {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        check(input, *self.size, self.data_format)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(repeated(x, *self.size, self.data_format))
    }
}
