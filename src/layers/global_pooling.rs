//! Pooling of whole images: one value for each channel.

use super::{Build, Call, SimpleLayer, check::axes};
use crate::{Result, Shape, Tensor};

const HINT: &str = "images have a batch axis, two of space and one of channels";

/// The mean of each channel: `(N, H, W, C)` to `(N, C)`, or `(N, 1, 1, C)` with `keepdims`.
#[derive(Clone, Debug, Default)]
#[doc(alias = "keras.layers.GlobalAveragePooling2D")]
#[doc(alias = "GlobalAvgPool2D")]
pub struct GlobalAveragePooling2D {
    keepdims: bool,
}

impl GlobalAveragePooling2D {
    /// With Keras' defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether rows and columns stay, with size one.
    pub fn keepdims(mut self, keepdims: bool) -> Self {
        self.keepdims = keepdims;
        self
    }
}

impl SimpleLayer for GlobalAveragePooling2D {
    fn class_name(&self) -> &'static str {
        "GlobalAveragePooling2D"
    }

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
#[derive(Clone, Debug, Default)]
#[doc(alias = "keras.layers.GlobalMaxPooling2D")]
#[doc(alias = "GlobalMaxPool2D")]
pub struct GlobalMaxPooling2D {
    keepdims: bool,
}

impl GlobalMaxPooling2D {
    /// With Keras' defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether rows and columns stay, with size one.
    pub fn keepdims(mut self, keepdims: bool) -> Self {
        self.keepdims = keepdims;
        self
    }
}

impl SimpleLayer for GlobalMaxPooling2D {
    fn class_name(&self) -> &'static str {
        "GlobalMaxPooling2D"
    }

    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        axes::<4>(input, "(N, H, W, C)", HINT).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let [n, _, _, c] = axes(x.shape(), "(N, H, W, C)", HINT)?;
        let y = x.max(&[1, 2]);
        Ok(if self.keepdims { y.reshape([n, 1, 1, c]) } else { y })
    }
}
