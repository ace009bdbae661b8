//! Transposed convolution layers, which make larger what convolutions make smaller.

use super::{
    super::{ActivationFn, Build, Call, DataFormat, Layer, SimpleLayer, Sizes, Weight, space},
    Moves,
};
use crate::{
    Result, Shape, Tensor,
    initializers::{GlorotUniform, Zeros},
    ops::Padding,
};

/// `activation(conv_transpose(x, kernel) + bias)` of inputs with N axes of space: `(N, space…, C)` to `(N, places…, filters)`. An axis of
/// `size` gets `size * stride` places under `Same`, and under `Valid` what windows beyond that cover:
/// `(size - 1) * stride + max(window, stride)`. The layers are [`Conv1DTranspose`], [`Conv2DTranspose`] and [`Conv3DTranspose`].
///
/// Weights: `kernel` (window…, filters, C) and `bias` (filters).
///
/// ```
/// use wgrad::layers::Conv2DTranspose;
/// use wgrad::ops::Padding::Same;
/// let doubling = Conv2DTranspose::new(16, 3).strides(2).padding(Same);
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3), name = "Conv{}DTranspose")]
pub struct ConvTranspose<const N: usize> {
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
    /// Places beyond the last whole window, less than the strides: `(size - 1) * stride + window + output_padding` under `Valid`, and
    /// `(size - 1) * stride + window % 2 + output_padding` under `Same`.
    output_padding: Option<Sizes<N>>,
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
    #[layer(start = GlorotUniform::new())]
    kernel: Weight,
    #[layer(start = Zeros)]
    bias: Weight,
}

/// Transposed convolution of sequences: `(N, T, C)` to `(N, T', filters)`.
///
/// ```
/// use wgrad::prelude::*;
/// let doubling = Conv1DTranspose::new(4, 3).strides(2).padding(Same);
/// assert_eq!(doubling.apply(&Tensor::ones([2, 8, 3])).shape()[..], [2, 16, 4]);
/// ```
#[doc(alias = "keras.layers.Conv1DTranspose")]
#[doc(alias = "Convolution1DTranspose")]
pub type Conv1DTranspose = ConvTranspose<1>;
/// Transposed convolution of images: `(N, H, W, C)` to `(N, H', W', filters)`.
///
/// ```
/// use wgrad::prelude::*;
/// let doubling = Conv2DTranspose::new(4, 3).strides(2).padding(Same);
/// assert_eq!(doubling.apply(&Tensor::ones([2, 8, 6, 3])).shape()[..], [2, 16, 12, 4]);
/// ```
#[doc(alias = "keras.layers.Conv2DTranspose")]
#[doc(alias = "Convolution2DTranspose")]
pub type Conv2DTranspose = ConvTranspose<2>;
/// Transposed convolution of volumes: `(N, D, H, W, C)` to `(N, D', H', W', filters)`.
///
/// ```
/// use wgrad::prelude::*;
/// let doubling = Conv3DTranspose::new(4, 3).strides(2).padding(Same);
/// assert_eq!(doubling.apply(&Tensor::ones([2, 3, 4, 5, 1])).shape()[..], [2, 6, 8, 10, 4]);
/// ```
#[doc(alias = "keras.layers.Conv3DTranspose")]
#[doc(alias = "Convolution3DTranspose")]
pub type Conv3DTranspose = ConvTranspose<3>;

impl<const N: usize> ConvTranspose<N> {
    fn moves(&self) -> Moves<'_> {
        Moves::new(&self.kernel_size, &self.strides, self.padding, &self.dilation_rate, self.data_format)
    }
}

impl<const N: usize> SimpleLayer for ConvTranspose<N> {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let (channels, filters) = (space::channels::<N>(input, self.data_format)?, self.filters);
        self.moves().check(&[("filters", filters)])?;
        self.kernel = build.weight("kernel", [&self.kernel_size[..], &[filters, channels]].concat()).options(&self.kernel).add()?;
        if self.use_bias {
            self.bias = build.weight("bias", [filters]).options(&self.bias).add()?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let (kernel, moves) = (self.kernel.value(), self.moves());
        let output_padding = self.output_padding.as_ref().map(|sizes| &sizes[..]);
        let conv = |x: &Tensor| x.conv_transpose(&kernel, &moves.options(1), output_padding);
        moves.call(x, kernel.shape()[N + 1], conv, &self.bias, self.activation)
    }
}
