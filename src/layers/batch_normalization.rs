//! Batch normalization: each channel is normalized over the batch.

use super::{Build, Call, Layer, SimpleLayer, Weight, options::fits};
use crate::{
    Error, Result, Shape, Tensor,
    config::Object,
    constraints::Constraint,
    initializers::{Initializer, Ones, Zeros},
    regularizers::Regularizer,
};
/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta` for each place along `axis`; the shape stays (Ioffe and Szegedy, 2015).
///
/// While training, mean and variance are the batch's, over all other axes, and move the moving ones:
/// `moving = momentum * moving + (1 - momentum) * batch`. Else they are the moving ones. Weights, each of the axis' size: `gamma`, `beta`,
/// and, not trained, `moving_mean` and `moving_variance`. A frozen layer (`trainable(false)`) uses and keeps the moving ones, as in Keras.
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.BatchNormalization")]
pub struct BatchNormalization {
    /// The axis whose places are normalized each by itself, the channels.
    #[layer(default = -1)]
    axis: isize,
    /// How much of the moving mean and variance stays at each step.
    #[layer(default = 0.99)]
    momentum: f32,
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
    /// How the moving mean starts.
    #[layer(default = Zeros)]
    moving_mean_initializer: Object<dyn Initializer>,
    /// How the moving variance starts.
    #[layer(default = Ones)]
    moving_variance_initializer: Object<dyn Initializer>,
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
    #[layer(weight)]
    moving_mean: Weight,
    #[layer(weight)]
    moving_variance: Weight,
}

impl SimpleLayer for BatchNormalization {
    fn is_exact(&self) -> bool {
        true
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        if input.rank() < 2 {
            return Err(Error::shape(format!("expected (N, ..., C), got {input}; add an axis for the channels")));
        }
        let size = [input[input.axis(self.axis)?]];
        if self.scale {
            let gamma = build.weight("gamma", size).initializer(&self.gamma_initializer);
            self.gamma = gamma.regularizer(&self.gamma_regularizer).constraint(&self.gamma_constraint).add()?;
        }
        if self.center {
            let beta = build.weight("beta", size).initializer(&self.beta_initializer);
            self.beta = beta.regularizer(&self.beta_regularizer).constraint(&self.beta_constraint).add()?;
        }
        self.moving_mean = build.weight("moving_mean", size).frozen().initializer(&self.moving_mean_initializer).add()?;
        self.moving_variance = build.weight("moving_variance", size).frozen().initializer(&self.moving_variance_initializer).add()?;
        Ok(())
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let (moving_mean, moving_variance) = (self.moving_mean.value(), self.moving_variance.value());
        fits(x, self.axis, moving_mean.size(), "channels")?;
        let gamma = self.scale.then(|| self.gamma.value());
        let beta = self.center.then(|| self.beta.value());
        let axis = x.shape().axis(self.axis)?;
        if !call.training() || call.frozen() {
            // One multiplication and one addition for each element.
            let along = |v: Tensor| v.reshape((0..x.rank()).map(|at| if at == axis { v.size() } else { 1 }).collect::<Shape>());
            let deviation = (moving_variance + self.epsilon).sqrt();
            let scale = gamma.unwrap_or_else(|| deviation.ones_like()) / deviation;
            let offset = beta.unwrap_or_else(|| scale.zeros_like()) - moving_mean * &scale;
            return Ok(x * along(scale) + along(offset));
        }
        let (weights, moving) = ([gamma.as_ref(), beta.as_ref()], [&moving_mean, &moving_variance]);
        let [y, mean, variance] = x.normalize_batch(self.axis, weights, moving, self.momentum, self.epsilon)?;
        call.update(&self.moving_mean, mean);
        call.update(&self.moving_variance, variance);
        Ok(y)
    }
}
