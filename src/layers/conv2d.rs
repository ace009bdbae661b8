//! Convolution of images.

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
    ops::{Conv2dOptions, Padding},
    regularizers::Regularizer,
};
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
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Conv2D")]
#[doc(alias = "Convolution2D")]
pub struct Conv2D {
    /// Number of output channels.
    #[layer(new)]
    filters: usize,
    /// Size of the window.
    #[layer(new)]
    kernel_size: Sizes<2>,
    /// Rows and columns from one window to the next.
    #[layer(default = 1)]
    strides: Sizes<2>,
    /// `Valid`, `Same`.
    padding: Padding,
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// Rows and columns from one tap of a window to the next.
    #[layer(default = 1)]
    dilation_rate: Sizes<2>,
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

impl SimpleLayer for Conv2D {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let [_, _, _, channels] = axes(input, "(N, H, W, C)", HINT)?;
        let Self { filters, kernel_size, strides, padding, dilation_rate, groups, .. } = &*self;
        Options {
            filters: *filters,
            kernel_size: &**kernel_size,
            strides: &**strides,
            dilation_rate: &**dilation_rate,
            groups: *groups,
            padding: *padding,
        }
        .check(channels)?;
        let [high, wide] = **kernel_size;
        let kernel = build.weight("kernel", [high, wide, channels / groups, *filters]).initializer(&self.kernel_initializer);
        self.kernel = kernel.regularizer(&self.kernel_regularizer).constraint(&self.kernel_constraint).add()?;
        if self.use_bias {
            let bias = build.weight("bias", [self.filters]).initializer(&self.bias_initializer);
            self.bias = bias.regularizer(&self.bias_regularizer).constraint(&self.bias_constraint).add()?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let [_, _, _, _] = axes(x.shape(), "(N, H, W, C)", HINT)?;
        let kernel = self.kernel.value();
        fits(x, -1, kernel.shape()[2] * self.groups, "channels")?;
        let Self { strides, padding, dilation_rate, groups, .. } = *self;
        let mut y = x.conv2d(&kernel, &Conv2dOptions { strides: *strides, padding, dilation_rate: *dilation_rate, groups })?;
        if self.use_bias {
            y += self.bias.value();
        }
        Ok(self.activation.apply(&y))
    }
}
