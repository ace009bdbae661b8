//! Pooling of images: the largest or the mean value of each window.

use super::{Build, Call, DataFormat, Layer, SimpleLayer, Sizes, options::axes};
use crate::{Result, Shape, Tensor, ops::Padding};

const HINT: &str = "images have a batch axis, two of space and one of channels";

/// The largest value of each window: `(N, H, W, C)` to `(N, H', W', C)`.
///
/// Windows stand side by side unless `strides` says otherwise; an incomplete last one is left out, or padded with `Same`.
///
/// ```
/// use wgrad::layers::MaxPooling2D;
/// let halving = MaxPooling2D::new(2);
/// let overlapping = MaxPooling2D::new(3).strides(2);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.MaxPooling2D")]
#[doc(alias = "MaxPool2D")]
pub struct MaxPooling2D {
    /// Rows and columns of a window.
    #[layer(new, default = 2)]
    pool_size: Sizes<2>,
    /// Rows and columns from one window to the next; those of a window if not set.
    strides: Option<Sizes<2>>,
    /// `Valid` or `Same`.
    padding: Padding,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

impl SimpleLayer for MaxPooling2D {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        axes::<4>(input, "(N, H, W, C)", HINT).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        x.max_pool2d(*self.pool_size, self.strides.map(|strides| *strides), self.padding)
    }
}

/// The mean of each window, padding not counted: `(N, H, W, C)` to `(N, H', W', C)`.
///
/// Windows stand side by side unless `strides` says otherwise; an incomplete last one is left out, or kept with `Same`.
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.AveragePooling2D")]
#[doc(alias = "AvgPool2D")]
pub struct AveragePooling2D {
    /// Rows and columns of a window.
    #[layer(new, default = 2)]
    pool_size: Sizes<2>,
    /// Rows and columns from one window to the next; those of a window if not set.
    strides: Option<Sizes<2>>,
    /// `Valid` or `Same`.
    padding: Padding,
    /// Where the axis of channels is.
    data_format: DataFormat,
}

impl SimpleLayer for AveragePooling2D {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        axes::<4>(input, "(N, H, W, C)", HINT).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        x.average_pool2d(*self.pool_size, self.strides.map(|strides| *strides), self.padding)
    }
}
