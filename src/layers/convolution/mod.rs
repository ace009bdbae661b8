//! Convolution layers of one to three axes, and what they share: how windows move, and the checks of it.

mod conv;
mod conv_transpose;
mod depthwise_conv;
mod separable_conv;

pub use conv::{Conv, Conv1D, Conv2D, Conv3D};
pub use conv_transpose::{Conv1DTranspose, Conv2DTranspose, Conv3DTranspose, ConvTranspose};
pub use depthwise_conv::{DepthwiseConv, DepthwiseConv1D, DepthwiseConv2D};
pub use separable_conv::{SeparableConv, SeparableConv1D, SeparableConv2D};

use super::{ActivationFn, DataFormat, Sizes, Weight, options::fits, space};
use crate::{
    Error, Result, Tensor,
    ops::{ConvOptions, Padding},
};

/// How the windows of a layer move over its input.
#[derive(Clone, Copy)]
struct Moves<'a> {
    kernel_size: &'a [usize],
    strides: &'a [usize],
    padding: Padding,
    takes_causal: bool,
    dilation_rate: &'a [usize],
    data_format: DataFormat,
}

impl<'a> Moves<'a> {
    /// Those of a layer with these options, which takes no causal padding.
    fn new<const N: usize>(
        kernel_size: &'a Sizes<N>,
        strides: &'a Sizes<N>,
        padding: Padding,
        dilation_rate: &'a Sizes<N>,
        data_format: DataFormat,
    ) -> Self {
        Self {
            kernel_size: &**kernel_size,
            strides: &**strides,
            padding,
            takes_causal: false,
            dilation_rate: &**dilation_rate,
            data_format,
        }
    }

    /// That they go together, by Keras' rules; `counts` are further options that must be at least 1.
    fn check(&self, counts: &[(&str, usize)]) -> Result<()> {
        let &Self { kernel_size, strides, padding, dilation_rate, .. } = self;
        let refuse = |text: String| Err(Error::invalid(text));
        for (name, sizes) in [("kernel_size", kernel_size), ("strides", strides), ("dilation_rate", dilation_rate)] {
            if sizes.contains(&0) {
                return refuse(format!("{name} {sizes:?} must be at least 1"));
            }
        }
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return refuse(format!("{name} 0 must be at least 1"));
        }
        if strides.iter().any(|&stride| stride > 1) && dilation_rate.iter().any(|&rate| rate > 1) {
            return refuse(format!("strides {strides:?} and dilation_rate {dilation_rate:?}: only one of them may be above 1"));
        }
        match padding {
            Padding::Causal if !self.takes_causal => refuse("causal padding is for Conv1D; use Same or Valid".into()),
            Padding::Explicit(_) => refuse("layers pad by Same, Valid or Causal; use a ZeroPadding layer for other widths".into()),
            _ => Ok(()),
        }
    }

    /// For the ops.
    fn options(&self, groups: usize) -> ConvOptions<'a> {
        let Self { strides, padding, dilation_rate, .. } = *self;
        ConvOptions { strides, padding, dilation_rate, groups }
    }

    /// `activation(conv(x) + bias)` of an input with so many channels.
    fn call(
        &self,
        x: &Tensor,
        channels: usize,
        conv: impl FnOnce(&Tensor) -> Result<Tensor>,
        bias: &Weight,
        activation: ActivationFn,
    ) -> Result<Tensor> {
        let y = space::channels_last(x, self.data_format, |x| {
            fits(x, -1, channels, "channels")?;
            let y = conv(x)?;
            Ok(if bias.is_built() { y + bias.value() } else { y })
        })?;
        Ok(activation.apply(&y))
    }
}
