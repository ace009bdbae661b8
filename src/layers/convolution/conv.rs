//! Convolution layers: windows that slide over sequences, images and volumes.

use super::{
    super::{ActivationFn, Build, Call, DataFormat, Layer, SimpleLayer, Sizes, Weight, space},
    Moves,
};
use crate::{
    Error, Result, Shape, Tensor,
    initializers::{GlorotUniform, Zeros},
    ops::Padding,
};

/// `activation(conv(x, kernel) + bias)` of inputs with N axes of space: `(N, space…, C)` to `(N, places…, filters)`. Padding `Same` keeps
/// `ceil(size / stride)` places of an axis, `Valid` takes whole windows only. The layers are [`Conv1D`], [`Conv2D`] and [`Conv3D`].
///
/// Weights: `kernel` (window…, C / groups, filters) and `bias` (filters).
///
/// ```
/// use wgrad::layers::{ActivationFn::Relu, Conv1D, Conv2D};
/// use wgrad::ops::Padding::{Causal, Same};
/// let layer = Conv2D::new(32, 3).strides(2).padding(Same).activation(Relu);
/// let wide = Conv2D::new(8, [1, 7]);
/// let dilated = Conv1D::new(16, 3).padding(Causal).dilation_rate(2);
/// ```
#[derive(Layer, Clone, Debug)]
#[layer(rank(1, 2, 3))]
pub struct Conv<const N: usize> {
    /// Number of output channels.
    #[layer(new)]
    filters: usize,
    /// Size of the window, for each axis or for all.
    #[layer(new)]
    kernel_size: Sizes<N>,
    /// From one window to the next.
    #[layer(default = 1)]
    strides: Sizes<N>,
    /// `Valid` or `Same`; of sequences also `Causal`, by which no output sees a later input.
    padding: Padding,
    /// Where the axis of channels is.
    data_format: DataFormat,
    /// From one tap of a window to the next.
    #[layer(default = 1)]
    dilation_rate: Sizes<N>,
    /// Parts that the channels are cut into; each part of the filters sees its own part only.
    #[layer(default = 1)]
    groups: usize,
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

/// Convolution of sequences: `(N, T, C)` to `(N, T', filters)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(Conv1D::new(4, 3).apply(&Tensor::ones([2, 8, 3])).shape()[..], [2, 6, 4]);
/// ```
#[doc(alias = "keras.layers.Conv1D")]
#[doc(alias = "Convolution1D")]
pub type Conv1D = Conv<1>;
/// Convolution of images: `(N, H, W, C)` to `(N, H', W', filters)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(Conv2D::new(4, 3).padding(Same).apply(&Tensor::ones([2, 8, 6, 3])).shape()[..], [2, 8, 6, 4]);
/// ```
#[doc(alias = "keras.layers.Conv2D")]
#[doc(alias = "Convolution2D")]
pub type Conv2D = Conv<2>;
/// Convolution of volumes: `(N, D, H, W, C)` to `(N, D', H', W', filters)`.
///
/// ```
/// use wgrad::prelude::*;
/// assert_eq!(Conv3D::new(4, 3).apply(&Tensor::ones([2, 5, 6, 7, 1])).shape()[..], [2, 3, 4, 5, 4]);
/// ```
#[doc(alias = "keras.layers.Conv3D")]
#[doc(alias = "Convolution3D")]
pub type Conv3D = Conv<3>;

impl<const N: usize> Conv<N> {
    fn moves(&self) -> Moves<'_> {
        let moves = Moves::new(&self.kernel_size, &self.strides, self.padding, &self.dilation_rate, self.data_format);
        Moves { takes_causal: N == 1, ..moves }
    }
}

impl<const N: usize> SimpleLayer for Conv<N> {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let (channels, filters, groups) = (space::channels::<N>(input, self.data_format)?, self.filters, self.groups);
        self.moves().check(&[("filters", filters), ("groups", groups)])?;
        if !filters.is_multiple_of(groups) || !channels.is_multiple_of(groups) {
            let text = format!("{groups} groups must divide the {filters} filters and the input's {channels} channels");
            return Err(Error::invalid(text));
        }
        let shape = [&self.kernel_size[..], &[channels / groups, filters]].concat();
        self.kernel = build.weight("kernel", shape).options(&self.kernel).add()?;
        if self.use_bias {
            self.bias = build.weight("bias", [filters]).options(&self.bias).add()?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let (kernel, moves) = (self.kernel.value(), self.moves());
        let channels = kernel.shape()[N] * self.groups;
        moves.call(x, channels, |x| x.conv(&kernel, &moves.options(self.groups)), &self.bias, self.activation)
    }
}
