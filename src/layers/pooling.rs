//! Pooling of images: the largest or the mean value of each window.

use super::{
    Build, Call, SimpleLayer,
    check::{Sizes, axes},
};
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
#[derive(Clone, Debug)]
#[doc(alias = "keras.layers.MaxPooling2D")]
#[doc(alias = "MaxPool2D")]
pub struct MaxPooling2D {
    pool_size: [usize; 2],
    strides: Option<[usize; 2]>,
    padding: Padding,
}

impl MaxPooling2D {
    /// Windows of `pool_size` rows and columns.
    pub fn new(pool_size: impl Into<Sizes<2>>) -> Self {
        Self { pool_size: pool_size.into().0, strides: None, padding: Padding::Valid }
    }

    /// Rows and columns from one window to the next.
    pub fn strides(mut self, strides: impl Into<Sizes<2>>) -> Self {
        self.strides = Some(strides.into().0);
        self
    }

    /// `Valid` or `Same`.
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }
}

impl SimpleLayer for MaxPooling2D {
    fn class_name(&self) -> &'static str {
        "MaxPooling2D"
    }

    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        axes::<4>(input, "(N, H, W, C)", HINT).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        x.max_pool2d(self.pool_size, self.strides, self.padding)
    }
}

/// The mean of each window, padding not counted: `(N, H, W, C)` to `(N, H', W', C)`.
///
/// Windows stand side by side unless `strides` says otherwise; an incomplete last one is left out, or kept with `Same`.
#[derive(Clone, Debug)]
#[doc(alias = "keras.layers.AveragePooling2D")]
#[doc(alias = "AvgPool2D")]
pub struct AveragePooling2D {
    pool_size: [usize; 2],
    strides: Option<[usize; 2]>,
    padding: Padding,
}

impl AveragePooling2D {
    /// Windows of `pool_size` rows and columns.
    pub fn new(pool_size: impl Into<Sizes<2>>) -> Self {
        Self { pool_size: pool_size.into().0, strides: None, padding: Padding::Valid }
    }

    /// Rows and columns from one window to the next.
    pub fn strides(mut self, strides: impl Into<Sizes<2>>) -> Self {
        self.strides = Some(strides.into().0);
        self
    }

    /// `Valid` or `Same`.
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }
}

impl SimpleLayer for AveragePooling2D {
    fn class_name(&self) -> &'static str {
        "AveragePooling2D"
    }

    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        axes::<4>(input, "(N, H, W, C)", HINT).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        x.average_pool2d(self.pool_size, self.strides, self.padding)
    }
}
