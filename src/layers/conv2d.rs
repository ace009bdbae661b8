//! Convolution of images.

use super::{
    ActivationFn, Build, Call, SimpleLayer, Weight,
    check::{Sizes, axes},
    conv::Options,
    layer::fits,
};
use crate::{
    Result, Shape, Tensor,
    initializers::{GlorotUniform, Initializer, Zeros},
    ops::{Conv2dOptions, Padding},
};
use std::sync::Arc;

const HINT: &str = "images have an axis of channels, also when there is but one: Reshape can add it";

/// `activation(conv2d(x, kernel) + bias)`: `(N, H, W, C)` to `(N, H', W', filters)`. Padding `Same` keeps `H' = ceil(H / stride)`.
///
/// Weights: `kernel` (KH, KW, C / groups, filters) and `bias` (filters).
///
/// ```
/// use wgrad::layers::{ActivationFn::Relu, Conv2D};
/// use wgrad::ops::Padding::Same;
/// let layer = Conv2D::new(32, 3).strides(2).padding(Same).activation(Relu);
/// let wide = Conv2D::new(8, [1, 7]);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "keras.layers.Conv2D")]
#[doc(alias = "Convolution2D")]
pub struct Conv2D {
    filters: usize,
    kernel_size: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
    dilation_rate: [usize; 2],
    groups: usize,
    activation: ActivationFn,
    use_bias: bool,
    kernel_initializer: Arc<dyn Initializer>,
    bias_initializer: Arc<dyn Initializer>,
    kernel: Weight,
    bias: Weight,
}

impl Conv2D {
    /// A layer of so many filters with windows of `kernel_size`, with Keras' defaults.
    pub fn new(filters: usize, kernel_size: impl Into<Sizes<2>>) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into().0,
            strides: [1, 1],
            padding: Padding::Valid,
            dilation_rate: [1, 1],
            groups: 1,
            activation: ActivationFn::Linear,
            use_bias: true,
            kernel_initializer: Arc::new(GlorotUniform),
            bias_initializer: Arc::new(Zeros),
            kernel: Weight::default(),
            bias: Weight::default(),
        }
    }

    /// Rows and columns from one window to the next.
    pub fn strides(mut self, strides: impl Into<Sizes<2>>) -> Self {
        self.strides = strides.into().0;
        self
    }

    /// `Valid` or `Same`.
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Rows and columns from one tap of a window to the next.
    pub fn dilation_rate(mut self, dilation_rate: impl Into<Sizes<2>>) -> Self {
        self.dilation_rate = dilation_rate.into().0;
        self
    }

    /// Parts that the channels are cut into; each part of the filters sees its own part only.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// What is applied to the result.
    pub fn activation(mut self, activation: ActivationFn) -> Self {
        self.activation = activation;
        self
    }

    /// Whether a bias is added.
    pub fn use_bias(mut self, use_bias: bool) -> Self {
        self.use_bias = use_bias;
        self
    }

    /// How the kernel starts.
    pub fn kernel_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.kernel_initializer = Arc::new(initializer);
        self
    }

    /// How the bias starts.
    pub fn bias_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.bias_initializer = Arc::new(initializer);
        self
    }
}

impl SimpleLayer for Conv2D {
    fn class_name(&self) -> &'static str {
        "Conv2D"
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let [_, _, _, channels] = axes(input, "(N, H, W, C)", HINT)?;
        let Self { filters, kernel_size, strides, padding, dilation_rate, groups, .. } = &*self;
        Options { filters: *filters, kernel_size, strides, dilation_rate, groups: *groups, padding: *padding }.check(channels)?;
        let [high, wide] = *kernel_size;
        self.kernel = build.weight("kernel", [high, wide, channels / groups, *filters]).add(&*self.kernel_initializer)?;
        if self.use_bias {
            self.bias = build.weight("bias", [self.filters]).add(&*self.bias_initializer)?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let [_, _, _, _] = axes(x.shape(), "(N, H, W, C)", HINT)?;
        let kernel = self.kernel.value();
        fits(x, -1, kernel.shape()[2] * self.groups, "channels")?;
        let Self { strides, padding, dilation_rate, groups, .. } = *self;
        let mut y = x.conv2d(&kernel, &Conv2dOptions { strides, padding, dilation_rate, groups })?;
        if self.use_bias {
            y += self.bias.value();
        }
        Ok(self.activation.apply(&y))
    }
}
