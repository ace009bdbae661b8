//! Convolution layers with filters of each channel's own.

use super::{
    super::{ActivationFn, Build, Call, DataFormat, Layer, SimpleLayer, Sizes, Weight, space},
    Moves,
};
use crate::{
    Result, Shape, Tensor,
    initializers::{GlorotUniform, Zeros},
    ops::Padding,
};

/// `activation(depthwise_conv(x, kernel) + bias)` of inputs with N axes of space: each channel by `depth_multiplier` filters of its own,
/// `(N, space…, C)` to `(N, places…, C * depth_multiplier)`. The layers are [`DepthwiseConv1D`] and [`DepthwiseConv2D`].
///
/// Weights: `kernel` (window…, C, depth_multiplier) and `bias` (C * depth_multiplier).
///
/// ```
/// use wgrad::layers::DepthwiseConv2D;
/// let layer = DepthwiseConv2D::new(3).depth_multiplier(2).use_bias(false);
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2))]
pub struct DepthwiseConv<const N: usize> {
    /// Size of the window, for each axis or for all.
    #[layer(new)]
    kernel_size: Sizes<N>,
    /// From one window to the next.
    #[layer(default = 1)]
    strides: Sizes<N>,
    /// `Valid` or `Same`.
    padding: Padding,
    /// Filters of each channel.
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
    kernel: Weight,
    #[layer(start = Zeros)]
    bias: Weight,
}

/// Depthwise convolution of sequences: `(N, T, C)` to `(N, T', C * depth_multiplier)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(DepthwiseConv1D::new(3).depth_multiplier(2).apply(&Tensor::ones([2, 8, 3])).shape()[..], [2, 6, 6]);
/// ```
#[doc(alias = "keras.layers.DepthwiseConv1D")]
pub type DepthwiseConv1D = DepthwiseConv<1>;
/// Depthwise convolution of images: `(N, H, W, C)` to `(N, H', W', C * depth_multiplier)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(DepthwiseConv2D::new(3).depth_multiplier(2).apply(&Tensor::ones([2, 8, 7, 3])).shape()[..], [2, 6, 5, 6]);
/// ```
#[doc(alias = "keras.layers.DepthwiseConv2D")]
pub type DepthwiseConv2D = DepthwiseConv<2>;

impl<const N: usize> DepthwiseConv<N> {
    fn moves(&self) -> Moves<'_> {
        Moves::new(&self.kernel_size, &self.strides, self.padding, &self.dilation_rate, self.data_format)
    }
}

impl<const N: usize> SimpleLayer for DepthwiseConv<N> {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let (channels, multiplier) = (space::channels::<N>(input, self.data_format)?, self.depth_multiplier);
        self.moves().check(&[("depth_multiplier", multiplier)])?;
        let shape = [&self.kernel_size[..], &[channels, multiplier]].concat();
        self.kernel = build.weight("kernel", shape).options(&self.kernel).add()?;
        if self.use_bias {
            self.bias = build.weight("bias", [channels * multiplier]).options(&self.bias).add()?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let (kernel, moves) = (self.kernel.value(), self.moves());
        moves.call(x, kernel.shape()[N], |x| x.depthwise_conv(&kernel, &moves.options(1)), &self.bias, self.activation)
    }
}
