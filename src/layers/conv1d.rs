//! Convolution of sequences.

use super::{
    ActivationFn, Build, Call, DataFormat, Layer, SimpleLayer, Sizes, Weight,
    conv::Options,
    options::{axes, fits},
};
use crate::{
    Result, Shape, Tensor,
    config::Object,
    constraints::Constraint,
    initializers::{GlorotUniform, Initializer, Zeros},
    ops::{Conv1dOptions, Padding},
    regularizers::Regularizer,
};
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
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Conv1D")]
#[doc(alias = "Convolution1D")]
pub struct Conv1D {
    /// Number of output channels.
    #[layer(new)]
    filters: usize,
    /// Size of the window.
    #[layer(new)]
    kernel_size: Sizes<1>,
    /// Steps from one window to the next.
    #[layer(default = 1)]
    strides: Sizes<1>,
    /// `Valid`, `Same` or `Causal`.
    padding: Padding,
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// Steps from one tap of a window to the next.
    #[layer(default = 1)]
    dilation_rate: Sizes<1>,
    /// Parts that the channels are cut into; each part of the filters sees its own part only.
    #[layer(default = 1)]
    groups: usize,
    /// What is applied to the result.
    activation: ActivationFn,
    /// Whether a bias is added.
    #[layer(default = true)]
    use_bias: bool,
    /// How the kernel starts.
    #[layer(default = GlorotUniform::new())]
    kernel_initializer: Object<dyn Initializer>,
    /// How the bias starts.
    #[layer(default = Zeros)]
    bias_initializer: Object<dyn Initializer>,
    /// What the kernel adds to the loss.
    kernel_regularizer: Option<Object<dyn Regularizer>>,
    /// What the bias adds to the loss.
    bias_regularizer: Option<Object<dyn Regularizer>>,
    /// Where the kernel is brought back to after each step.
    kernel_constraint: Option<Object<dyn Constraint>>,
    /// Where the bias is brought back to after each step.
    bias_constraint: Option<Object<dyn Constraint>>,
    #[layer(weight)]
    kernel: Weight,
    #[layer(weight)]
    bias: Weight,
}

impl SimpleLayer for Conv1D {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let [_, _, channels] = axes(input, "(N, T, C)", HINT)?;
        let Self { filters, kernel_size, strides, padding, dilation_rate, groups, .. } = *self;
        Options { filters, kernel_size: &*kernel_size, strides: &*strides, dilation_rate: &*dilation_rate, groups, padding }
            .check(channels)?;
        let kernel = build.weight("kernel", [kernel_size[0], channels / groups, filters]).initializer(&self.kernel_initializer);
        self.kernel = kernel.regularizer(&self.kernel_regularizer).constraint(&self.kernel_constraint).add()?;
        if self.use_bias {
            let bias = build.weight("bias", [self.filters]).initializer(&self.bias_initializer);
            self.bias = bias.regularizer(&self.bias_regularizer).constraint(&self.bias_constraint).add()?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let [_, _, _] = axes(x.shape(), "(N, T, C)", HINT)?;
        let kernel = self.kernel.value();
        fits(x, -1, kernel.shape()[1] * self.groups, "channels")?;
        let Self { strides, padding, dilation_rate, groups, .. } = *self;
        let mut y = x.conv1d(&kernel, &Conv1dOptions { strides: strides[0], padding, dilation_rate: dilation_rate[0], groups })?;
        if self.use_bias {
            y += self.bias.value();
        }
        Ok(self.activation.apply(&y))
    }
}
