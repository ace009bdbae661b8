//! Layer normalization: each sample is normalized over its features.

use super::{Build, Call, SimpleLayer, Weight, layer::fits};
use crate::{
    Error, Result, Shape, Tensor,
    initializers::{Initializer, Ones, Zeros},
};
use std::sync::Arc;

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance over `axis` of each sample; the shape stays
/// (Ba et al., 2016). Weights: `gamma` and `beta` of the sizes of those axes.
///
/// ```
/// use wgrad::layers::LayerNormalization;
/// let features = LayerNormalization::new();
/// let rows_and_features = LayerNormalization::new().axis([1, 2]).epsilon(1e-6);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "keras.layers.LayerNormalization")]
pub struct LayerNormalization {
    axis: Vec<isize>,
    epsilon: f32,
    center: bool,
    scale: bool,
    beta_initializer: Arc<dyn Initializer>,
    gamma_initializer: Arc<dyn Initializer>,
    gamma: Weight,
    beta: Weight,
    /// Sizes of the axes it was built for.
    sizes: Shape,
}

impl Default for LayerNormalization {
    fn default() -> Self {
        Self {
            axis: vec![-1],
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta_initializer: Arc::new(Zeros),
            gamma_initializer: Arc::new(Ones),
            gamma: Weight::default(),
            beta: Weight::default(),
            sizes: Shape::scalar(),
        }
    }
}

impl LayerNormalization {
    /// With Keras' defaults: the last axis, epsilon 0.001.
    pub fn new() -> Self {
        Self::default()
    }

    /// The axes that are normalized together.
    pub fn axis(mut self, axis: impl Into<Vec<isize>>) -> Self {
        self.axis = axis.into();
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
}

impl SimpleLayer for LayerNormalization {
    fn class_name(&self) -> &'static str {
        "LayerNormalization"
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        if self.axis.is_empty() {
            return Err(Error::invalid("axis names no axis; use axis([-1]) for the last one"));
        }
        let sizes: Shape = input.axes(&self.axis)?.iter().map(|&axis| input[axis]).collect();
        if self.scale {
            self.gamma = build.weight("gamma", &sizes).add(&*self.gamma_initializer)?;
        }
        if self.center {
            self.beta = build.weight("beta", &sizes).add(&*self.beta_initializer)?;
        }
        self.sizes = sizes;
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        for (&axis, &size) in x.shape().axes(&self.axis)?.iter().zip(&self.sizes[..]) {
            fits(x, axis as isize, size, "features")?;
        }
        let gamma = self.scale.then(|| self.gamma.value());
        let beta = self.center.then(|| self.beta.value());
        Ok(x.layer_norm(&self.axis, gamma.as_ref(), beta.as_ref(), self.epsilon))
    }
}
