//! Pooling of whole images: one value for each channel.

use super::{Build, Call, DataFormat, Layer, SimpleLayer, options::axes};
use crate::{Result, Shape, Tensor};

const HINT: &str = "images have a batch axis, two of space and one of channels";

/// The mean of each channel: `(N, H, W, C)` to `(N, C)`, or `(N, 1, 1, C)` with `keepdims`.
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.GlobalAveragePooling2D")]
#[doc(alias = "GlobalAvgPool2D")]
pub struct GlobalAveragePooling2D {
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// Whether rows and columns stay, with size one.
    keepdims: bool,
}

impl SimpleLayer for GlobalAveragePooling2D {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        axes::<4>(input, "(N, H, W, C)", HINT).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let [n, _, _, c] = axes(x.shape(), "(N, H, W, C)", HINT)?;
        let y = x.mean(&[1, 2]);
        Ok(if self.keepdims { y.reshape([n, 1, 1, c]) } else { y })
    }
}

/// The largest value of each channel: `(N, H, W, C)` to `(N, C)`, or `(N, 1, 1, C)` with `keepdims`.
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.GlobalMaxPooling2D")]
#[doc(alias = "GlobalMaxPool2D")]
pub struct GlobalMaxPooling2D {
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// Whether rows and columns stay, with size one.
    keepdims: bool,
}

impl SimpleLayer for GlobalMaxPooling2D {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        axes::<4>(input, "(N, H, W, C)", HINT).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let [n, _, _, c] = axes(x.shape(), "(N, H, W, C)", HINT)?;
        let y = x.max(&[1, 2]);
        Ok(if self.keepdims { y.reshape([n, 1, 1, c]) } else { y })
    }
}
