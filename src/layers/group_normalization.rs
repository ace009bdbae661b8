//! Group normalization: each sample is normalized over groups of channels.

use super::{Build, Call, Layer, SimpleLayer, Weight, options::fits};
use crate::{
    Error, Result, Shape, Tensor,
    initializers::{Ones, Zeros},
};

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance of each sample over a group of neighbouring channels
/// and all other axes; the shape stays (Wu and He, 2018). Weights, each of the channels' number: `gamma` and `beta`.
///
/// ```
/// use wgrad::prelude::*;
/// let eight_groups = GroupNormalization::new().groups(8);
/// let each_channel = GroupNormalization::new().groups(-1);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.GroupNormalization")]
pub struct GroupNormalization {
    /// How many groups; -1 for one of each channel.
    #[layer(default = 32)]
    groups: isize,
    /// The axis of channels.
    #[layer(default = -1)]
    axis: isize,
    /// What is added to the variance.
    #[layer(default = 1e-3)]
    epsilon: f32,
    /// Whether `beta` is added.
    #[layer(default = true)]
    center: bool,
    /// Whether the result is multiplied by `gamma`.
    #[layer(default = true)]
    scale: bool,
    #[layer(start = Ones)]
    gamma: Weight,
    #[layer(start = Zeros)]
    beta: Weight,
    #[layer(skip)]
    channels: usize,
}

impl SimpleLayer for GroupNormalization {
    fn is_exact(&self) -> bool {
        true
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let axis = input.axis(self.axis)?;
        let size = input[axis];
        if axis == 0 {
            return Err(Error::invalid(format!("axis {} is the batch axis of {input}; channels have an axis of their own", self.axis)));
        }
        let groups = if self.groups == -1 { size } else { usize::try_from(self.groups).unwrap_or(0) };
        if groups == 0 || !size.is_multiple_of(groups) {
            return Err(Error::invalid(format!("{} groups do not divide the {size} channels of input {input}", self.groups)));
        }
        (self.channels, self.groups) = (size, groups as isize);
        if self.scale {
            self.gamma = build.weight("gamma", [size]).options(&self.gamma).add()?;
        }
        if self.center {
            self.beta = build.weight("beta", [size]).options(&self.beta).add()?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        fits(x, self.axis, self.channels, "channels")?;
        let (axis, groups) = (x.shape().axis(self.axis)?, self.groups as usize);
        // (N, before, groups, channels of a group, behind), the groups brought in front.
        let size = |sizes: &[usize]| sizes.iter().product::<usize>();
        let (samples, before, behind) = (x.shape()[0], size(&x.shape()[1..axis]), size(&x.shape()[axis + 1..]));
        let split = [samples, before, groups, self.channels / groups, behind];
        let rows = x.reshape(split).permute(&[0, 2, 1, 3, 4]);
        let moved = rows.shape().clone();
        let normal = rows.reshape([samples, groups, before * self.channels / groups * behind]).layer_norm(&[-1], None, None, self.epsilon);
        let y = normal.reshape(moved).permute(&[0, 2, 1, 3, 4]).reshape(x.shape());
        let along =
            |weight: &Weight| weight.value().reshape((0..x.rank()).map(|at| if at == axis { self.channels } else { 1 }).collect::<Shape>());
        let y = if self.scale { y * along(&self.gamma) } else { y };
        Ok(if self.center { y + along(&self.beta) } else { y })
    }
}
