//! Convolution in one to three axes, transposed, in groups and by depth: options and methods; the op itself, on images, stands in `op.rs`.

mod cases;
mod gpu;
mod op;
mod rank;

pub(super) use cases::cases;

use super::window::{Padding, Windows};
use crate::{Error, Result, Shape, Tensor};

/// How a filter moves over its input. One number stands for all axes of space. Keras' defaults: strides of one, no padding, no dilation,
/// one group.
///
/// ```
/// use wgrad::prelude::*;
/// let halving = ConvOptions { strides: &[2], padding: Padding::Same, ..ConvOptions::default() };
/// let y = Tensor::ones([1, 28, 28, 3]).conv(&Tensor::ones([3, 3, 3, 8]), &halving)?;
/// assert_eq!(y.shape()[..], [1, 14, 14, 8]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOptions<'a> {
    /// From one output to the next.
    pub strides: &'a [usize],
    /// What surrounds the input; `Causal` is for sequences.
    pub padding: Padding,
    /// From one tap of the filter to the next.
    pub dilation_rate: &'a [usize],
    /// Parts that the channels of input and output are cut into; each part of the output sees its own part of the input only.
    pub groups: usize,
}

impl Default for ConvOptions<'_> {
    fn default() -> Self {
        Self { strides: &[1], padding: Padding::Valid, dilation_rate: &[1], groups: 1 }
    }
}

impl Tensor {
    /// Convolution of (N, space..., C) with a filter (taps..., C / groups, K), as deep learning has it: the filter is not flipped. Space are
    /// one to three axes: the time of a sequence, rows and columns of an image, or depth, rows and columns of a volume.
    /// The result is (N, places..., K), for an image
    /// `y[n, p, q, k] = sum over i, j, c of x[n, p * s + i * d - pad, q * s + j * d - pad, c] * filter[i, j, c, k]`.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [1, 3, 1])?;
    /// let causal = ConvOptions { padding: Padding::Causal, ..ConvOptions::default() };
    /// let y = x.conv(&Tensor::ones([2, 1, 1]), &causal)?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 3.0, 5.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// Other ranks or dtypes than float32, channels that do not fit, groups that do not divide them, a filter larger than the padded input.
    #[doc(alias = "keras.ops.conv")]
    pub fn conv(&self, filter: &Tensor, options: &ConvOptions) -> Result<Tensor> {
        rank::conv(self, filter, options)
    }

    /// The transpose of [`conv`](Self::conv), which makes larger what that makes smaller: (N, places..., K) with a filter
    /// (taps..., C / groups, K) to (N, space..., C), the gradient of a convolution's input. An axis of `size` gets
    /// `(size - 1) * stride + span + output_padding` places under `Valid`, and `size * stride` under `Same`; with an output padding
    /// `(size - 1) * stride + span % 2 + output_padding` there too. The span is `(taps - 1) * dilation + 1`; without an output padding
    /// `Valid` takes what a stride beyond the span leaves out.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0], [1, 2, 1])?;
    /// let doubling = ConvOptions { strides: &[2], ..ConvOptions::default() };
    /// let y = x.conv_transpose(&Tensor::ones([2, 1, 1]), &doubling, None)?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 1.0, 2.0, 2.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As `conv`; causal padding; an output padding that is not less than the stride.
    #[doc(alias = "keras.ops.conv_transpose")]
    pub fn conv_transpose(&self, filter: &Tensor, options: &ConvOptions, output_padding: Option<&[usize]>) -> Result<Tensor> {
        rank::conv_transpose(self, filter, options, output_padding)
    }

    /// Convolution of each channel of (N, space..., C) with M filters of its own, (taps..., C, M); the result is (N, places..., C * M),
    /// channel `c * M + m` for filter m of input channel c. `groups` in the options counts for nothing: every channel is a group.
    ///
    /// # Errors
    /// As [`conv`](Self::conv).
    #[doc(alias = "keras.ops.depthwise_conv")]
    pub fn depthwise_conv(&self, filter: &Tensor, options: &ConvOptions) -> Result<Tensor> {
        let (x, shape) = (self.shape(), filter.shape());
        let (Some(&c), [taps @ .., channels, multiplier]) = (x.last(), &shape[..]) else {
            return Err(Error::shape(format!("depthwise_conv: takes (N, space…, C) and a filter (taps…, C, M), not {x} and {shape}")));
        };
        if c != *channels {
            return Err(Error::shape(format!("depthwise_conv: the input {x} has {c} channels, the filter {shape} has {channels}")));
        }
        let grouped: Shape = taps.iter().copied().chain([1, c * multiplier]).collect();
        self.conv(&filter.reshape(grouped), &ConvOptions { groups: c, ..*options })
    }

    /// [`depthwise_conv`](Self::depthwise_conv) with `depthwise` (taps..., C, M), then a convolution with `pointwise` (1..., C * M, K).
    ///
    /// # Errors
    /// As both.
    #[doc(alias = "keras.ops.separable_conv")]
    pub fn separable_conv(&self, depthwise: &Tensor, pointwise: &Tensor, options: &ConvOptions) -> Result<Tensor> {
        self.depthwise_conv(depthwise, options)?.conv(pointwise, &ConvOptions::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(x: [usize; 4], filter: [usize; 4], options: ConvOptions) -> String {
        let device = crate::Device::cpu();
        device.scope(|| Tensor::ones(x).conv(&Tensor::ones(filter), &options).unwrap_err().to_string())
    }

    #[test]
    fn errors_name_both_shapes_and_a_way_out() {
        let default = ConvOptions::default();
        assert_eq!(
            message([2, 8, 8, 4], [3, 3, 3, 8], default),
            "conv2d: the input (2, 8, 8, 4) has 4 channels in each of 1 groups, but the filter (3, 3, 3, 8) takes 3: \
             a filter is (taps…, C / groups, K)"
        );
        assert_eq!(
            message([2, 8, 8, 4], [3, 3, 1, 8], ConvOptions { groups: 3, ..default }),
            "conv2d: 3 groups must divide the 4 channels of the input (2, 8, 8, 4) and the 8 of the filter (3, 3, 1, 8)"
        );
        assert_eq!(
            message([2, 3, 8, 4], [3, 3, 4, 8], ConvOptions { dilation_rate: &[2], ..default }),
            "conv2d: the filter (3, 3, 4, 8) spans 5 x 5, but the input (2, 3, 8, 4) has only 3 x 8 positions, its padding included; \
             use a smaller one or padding `Same`"
        );
        let strides = message([2, 8, 8, 4], [3, 3, 4, 8], ConvOptions { strides: &[0, 1], ..default });
        assert!(strides.contains("strides [0, 1]") && strides.contains("at least 1"), "{strides}");
        let causal = message([2, 8, 8, 4], [3, 3, 4, 8], ConvOptions { padding: Padding::Causal, ..default });
        assert!(causal.contains("causal padding is for sequences"), "{causal}");
    }

    #[test]
    fn ranks_and_dtypes_are_checked() {
        crate::Device::cpu().scope(|| {
            let (image, filter) = (Tensor::ones([2, 8, 8, 4]), Tensor::ones([3, 3, 4, 8]));
            let text = |result: Result<Tensor>| result.unwrap_err().to_string();
            let rank = text(Tensor::ones([8, 8, 4]).conv(&filter, &ConvOptions::default()));
            assert!(rank.contains("(8, 8, 4)") && rank.contains("(N, space…, C)"), "{rank}");
            let dtype = text(image.cast(crate::DType::I32).conv(&filter, &ConvOptions::default()));
            assert!(dtype.contains("int32") && dtype.contains("cast"), "{dtype}");
            let depth = text(image.depthwise_conv(&Tensor::ones([3, 3, 5, 2]), &ConvOptions::default()));
            assert!(depth.contains("4 channels") && depth.contains("has 5"), "{depth}");
            let sequence = text(image.conv(&Tensor::ones([3, 4, 8]), &ConvOptions::default()));
            assert!(sequence.contains("(N, space…, C)"), "{sequence}");
            let strides = text(image.conv(&filter, &ConvOptions { strides: &[1, 2, 1], ..ConvOptions::default() }));
            assert!(strides.contains("strides [1, 2, 1]") && strides.contains("all 2 axes"), "{strides}");
            let one = |padding| ConvOptions { strides: &[2], padding, ..ConvOptions::default() };
            let transposed = |padding, added: usize| text(image.conv_transpose(&Tensor::ones([3, 3, 8, 4]), &one(padding), Some(&[added])));
            let padding = transposed(Padding::Same, 2);
            assert!(padding.contains("output_padding Some([2])") && padding.contains("less than the strides"), "{padding}");
            let causal = transposed(Padding::Causal, 0);
            assert!(causal.contains("Causal padding") && causal.contains("Valid or Same"), "{causal}");
            let channels = text(image.conv_transpose(&Tensor::ones([3, 3, 8, 5]), &one(Padding::Same), None));
            assert!(channels.contains("has 4 channels") && channels.contains("takes 5"), "{channels}");
        });
    }
}
