//! Convolution layers in two steps: each channel by itself, then all channels of a place.

use super::{
    super::{ActivationFn, Build, Call, DataFormat, Layer, SimpleLayer, Sizes, Weight, space},
    Moves,
};
use crate::{
    Result, Shape, Tensor,
    initializers::{GlorotUniform, Zeros},
    ops::Padding,
};

/// `activation(separable_conv(x, depthwise, pointwise) + bias)` of inputs with N axes of space: `(N, space…, C)` to `(N, places…, filters)`
/// by way of `C * depth_multiplier` channels. The layers are [`SeparableConv1D`] and [`SeparableConv2D`].
///
/// Weights: `depthwise_kernel` (window…, C, depth_multiplier), `pointwise_kernel` (1…, C * depth_multiplier, filters) and `bias` (filters).
///
/// ```
/// use wgrad::layers::{ActivationFn::Relu, SeparableConv2D};
/// let layer = SeparableConv2D::new(32, 3).activation(Relu);
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2))]
pub struct SeparableConv<const N: usize> {
    /// Number of output channels.
    #[layer(new)]
    filters: usize,
    /// Size of the window, for each axis or for all.
    #[layer(new)]
    kernel_size: Sizes<N>,
    /// From one window to the next.
    #[layer(default = 1)]
    strides: Sizes<N>,
    /// `Valid` or `Same`.
    padding: Padding,
    /// Filters of each channel in the first step.
    #[layer(default = 1)]
    depth_multiplier: usize,
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// From one tap of a window to the next.
    #[layer(default = 1)]
    dilation_rate: Sizes<N>,
    /// What is applied to the result.
    activation: ActivationFn,
    /// Whether a bias is added.
    #[layer(default = true)]
    use_bias: bool,
    #[layer(start = GlorotUniform::new(), key = "depthwise")]
    depthwise_kernel: Weight,
    #[layer(start = GlorotUniform::new(), key = "pointwise")]
    pointwise_kernel: Weight,
    #[layer(start = Zeros)]
    bias: Weight,
}

/// Separable convolution of sequences: `(N, T, C)` to `(N, T', filters)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(SeparableConv1D::new(4, 3).apply(&Tensor::ones([2, 8, 3])).shape()[..], [2, 6, 4]);
/// ```
#[doc(alias = "keras.layers.SeparableConv1D")]
#[doc(alias = "SeparableConvolution1D")]
pub type SeparableConv1D = SeparableConv<1>;
/// Separable convolution of images: `(N, H, W, C)` to `(N, H', W', filters)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(SeparableConv2D::new(4, 3).padding(Same).apply(&Tensor::ones([2, 8, 6, 3])).shape()[..], [2, 8, 6, 4]);
/// ```
#[doc(alias = "keras.layers.SeparableConv2D")]
#[doc(alias = "SeparableConvolution2D")]
pub type SeparableConv2D = SeparableConv<2>;

impl<const N: usize> SeparableConv<N> {
    fn moves(&self) -> Moves<'_> {
        Moves::new(&self.kernel_size, &self.strides, self.padding, &self.dilation_rate, self.data_format)
    }
}

impl<const N: usize> SimpleLayer for SeparableConv<N> {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let (channels, multiplier, filters) = (space::channels::<N>(input, self.data_format)?, self.depth_multiplier, self.filters);
        self.moves().check(&[("filters", filters), ("depth_multiplier", multiplier)])?;
        let shape = [&self.kernel_size[..], &[channels, multiplier]].concat();
        self.depthwise_kernel = build.weight("depthwise_kernel", shape).options(&self.depthwise_kernel).add()?;
        let shape = [&[1; N][..], &[channels * multiplier, filters]].concat();
        self.pointwise_kernel = build.weight("pointwise_kernel", shape).options(&self.pointwise_kernel).add()?;
        if self.use_bias {
            self.bias = build.weight("bias", [filters]).options(&self.bias).add()?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let (depthwise, pointwise, moves) = (self.depthwise_kernel.value(), self.pointwise_kernel.value(), self.moves());
        let conv = |x: &Tensor| x.separable_conv(&depthwise, &pointwise, &moves.options(1));
        moves.call(x, depthwise.shape()[N], conv, &self.bias, self.activation)
    }
}
