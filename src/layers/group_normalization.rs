//! Group normalization: each sample is normalized over groups of channels.

use super::{Build, Call, Layer, SimpleLayer, Weight, options::fits};
use crate::{
    Error, Result, Shape, Tensor,
    config::Object,
    constraints::Constraint,
    initializers::{Initializer, Ones, Zeros},
    regularizers::Regularizer,
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
    /// How `beta` starts.
    #[layer(default = Zeros)]
    beta_initializer: Object<dyn Initializer>,
    /// How `gamma` starts.
    #[layer(default = Ones)]
    gamma_initializer: Object<dyn Initializer>,
    /// What `beta` adds to the loss.
    beta_regularizer: Option<Object<dyn Regularizer>>,
    /// What `gamma` adds to the loss.
    gamma_regularizer: Option<Object<dyn Regularizer>>,
    /// Where `beta` is brought back to after each step.
    beta_constraint: Option<Object<dyn Constraint>>,
    /// Where `gamma` is brought back to after each step.
    gamma_constraint: Option<Object<dyn Constraint>>,
    #[layer(weight)]
    gamma: Weight,
    #[layer(weight)]
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
            let gamma = build.weight("gamma", [size]).initializer(&self.gamma_initializer);
            self.gamma = gamma.regularizer(&self.gamma_regularizer).constraint(&self.gamma_constraint).add()?;
        }
        if self.center {
            let beta = build.weight("beta", [size]).initializer(&self.beta_initializer);
            self.beta = beta.regularizer(&self.beta_regularizer).constraint(&self.beta_constraint).add()?;
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
