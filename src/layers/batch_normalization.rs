//! Batch normalization: each channel is normalized over the batch.

use super::{Build, Call, SimpleLayer, Weight, layer::fits};
use crate::{
    Error, Result, Shape, Tensor,
    initializers::{Initializer, Ones, Zeros},
};
use std::sync::Arc;

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta` for each place along `axis`; the shape stays (Ioffe and Szegedy, 2015).
///
/// While training, mean and variance are the batch's, over all other axes, and move the moving ones:
/// `moving = momentum * moving + (1 - momentum) * batch`. Else they are the moving ones. Weights, each of the axis' size: `gamma`, `beta`,
/// and, not trained, `moving_mean` and `moving_variance`. A frozen layer (`trainable(false)`) uses and keeps the moving ones, as in Keras.
#[derive(Clone, Debug)]
#[doc(alias = "keras.layers.BatchNormalization")]
pub struct BatchNormalization {
    axis: isize,
    momentum: f32,
    epsilon: f32,
    center: bool,
    scale: bool,
    beta_initializer: Arc<dyn Initializer>,
    gamma_initializer: Arc<dyn Initializer>,
    moving_mean_initializer: Arc<dyn Initializer>,
    moving_variance_initializer: Arc<dyn Initializer>,
    gamma: Weight,
    beta: Weight,
    moving_mean: Weight,
    moving_variance: Weight,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self {
            axis: -1,
            momentum: 0.99,
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta_initializer: Arc::new(Zeros),
            gamma_initializer: Arc::new(Ones),
            moving_mean_initializer: Arc::new(Zeros),
            moving_variance_initializer: Arc::new(Ones),
            gamma: Weight::default(),
            beta: Weight::default(),
            moving_mean: Weight::default(),
            moving_variance: Weight::default(),
        }
    }
}

impl BatchNormalization {
    /// With Keras' defaults: the last axis, momentum 0.99, epsilon 0.001.
    pub fn new() -> Self {
        Self::default()
    }

    /// The axis whose places are normalized each by itself, the channels.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }

    /// How much of the moving mean and variance stays at each step.
    pub fn momentum(mut self, momentum: f32) -> Self {
        self.momentum = momentum;
        self
    }

    /// What is added to the variance.
    pub fn epsilon(mut self, epsilon: f32) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Whether `beta` is added.
    pub fn center(mut self, center: bool) -> Self {
        self.center = center;
        self
    }

    /// Whether the result is multiplied by `gamma`.
    pub fn scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }

    /// How `beta` starts.
    pub fn beta_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.beta_initializer = Arc::new(initializer);
        self
    }

    /// How `gamma` starts.
    pub fn gamma_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.gamma_initializer = Arc::new(initializer);
        self
    }

    /// How the moving mean starts.
    pub fn moving_mean_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.moving_mean_initializer = Arc::new(initializer);
        self
    }

    /// How the moving variance starts.
    pub fn moving_variance_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.moving_variance_initializer = Arc::new(initializer);
        self
    }
}

impl SimpleLayer for BatchNormalization {
    fn class_name(&self) -> &'static str {
        "BatchNormalization"
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        if input.rank() < 2 {
            return Err(Error::shape(format!("expected (N, ..., C), got {input}; add an axis for the channels")));
        }
        let size = [input[input.axis(self.axis)?]];
        if self.scale {
            self.gamma = build.weight("gamma", size).add(&*self.gamma_initializer)?;
        }
        if self.center {
            self.beta = build.weight("beta", size).add(&*self.beta_initializer)?;
        }
        self.moving_mean = build.weight("moving_mean", size).frozen().add(&*self.moving_mean_initializer)?;
        self.moving_variance = build.weight("moving_variance", size).frozen().add(&*self.moving_variance_initializer)?;
        Ok(())
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let (moving_mean, moving_variance) = (self.moving_mean.value(), self.moving_variance.value());
        fits(x, self.axis, moving_mean.size(), "channels")?;
        let gamma = self.scale.then(|| self.gamma.value());
        let beta = self.center.then(|| self.beta.value());
        let axis = x.shape().axis(self.axis)?;
        if !call.training() {
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
