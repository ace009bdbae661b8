//! Convolution of sequences.

use super::{ActivationFn, Build, Call, SimpleLayer, Weight, check::axes, conv::Options, layer::fits};
use crate::{
    Result, Shape, Tensor,
    initializers::{GlorotUniform, Initializer, Zeros},
    ops::{Conv1dOptions, Padding},
};
use std::sync::Arc;

const HINT: &str = "sequences have an axis of channels, also when there is but one: Reshape can add it";

/// `activation(conv1d(x, kernel) + bias)`: `(N, T, C)` to `(N, T', filters)`. Padding `Same` keeps `T' = ceil(T / stride)`,
/// `Causal` too, and no output sees a later input.
///
/// Weights: `kernel` (KT, C / groups, filters) and `bias` (filters).
///
/// ```
/// use wgrad::layers::Conv1D;
/// use wgrad::ops::Padding::Causal;
/// let layer = Conv1D::new(16, 3).padding(Causal).dilation_rate(2);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "keras.layers.Conv1D")]
#[doc(alias = "Convolution1D")]
pub struct Conv1D {
    filters: usize,
    kernel_size: usize,
    strides: usize,
    padding: Padding,
    dilation_rate: usize,
    groups: usize,
    activation: ActivationFn,
    use_bias: bool,
    kernel_initializer: Arc<dyn Initializer>,
    bias_initializer: Arc<dyn Initializer>,
    kernel: Weight,
    bias: Weight,
}

impl Conv1D {
    /// A layer of so many filters with windows of `kernel_size`, with Keras' defaults.
    pub fn new(filters: usize, kernel_size: usize) -> Self {
        Self {
            filters,
            kernel_size,
            strides: 1,
            padding: Padding::Valid,
            dilation_rate: 1,
            groups: 1,
            activation: ActivationFn::Linear,
            use_bias: true,
            kernel_initializer: Arc::new(GlorotUniform),
            bias_initializer: Arc::new(Zeros),
            kernel: Weight::default(),
            bias: Weight::default(),
        }
    }

    /// Steps from one window to the next.
    pub fn strides(mut self, strides: usize) -> Self {
        self.strides = strides;
        self
    }

    /// `Valid`, `Same` or `Causal`.
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Steps from one tap of a window to the next.
    pub fn dilation_rate(mut self, dilation_rate: usize) -> Self {
        self.dilation_rate = dilation_rate;
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

impl SimpleLayer for Conv1D {
    fn class_name(&self) -> &'static str {
        "Conv1D"
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let [_, _, channels] = axes(input, "(N, T, C)", HINT)?;
        let Self { filters, kernel_size, strides, padding, dilation_rate, groups, .. } = *self;
        Options { filters, kernel_size: &[kernel_size], strides: &[strides], dilation_rate: &[dilation_rate], groups, padding }
            .check(channels)?;
        self.kernel = build.weight("kernel", [kernel_size, channels / groups, filters]).add(&*self.kernel_initializer)?;
        if self.use_bias {
            self.bias = build.weight("bias", [self.filters]).add(&*self.bias_initializer)?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let [_, _, _] = axes(x.shape(), "(N, T, C)", HINT)?;
        let kernel = self.kernel.value();
        fits(x, -1, kernel.shape()[1] * self.groups, "channels")?;
        let Self { strides, padding, dilation_rate, groups, .. } = *self;
        let mut y = x.conv1d(&kernel, &Conv1dOptions { strides, padding, dilation_rate, groups })?;
        if self.use_bias {
            y += self.bias.value();
        }
        Ok(self.activation.apply(&y))
    }
}
