//! Fully connected layer.

use super::{ActivationFn, Build, Call, SimpleLayer, Weight, layer::fits};
use crate::{
    Error, Result, Shape, Tensor,
    initializers::{GlorotUniform, Initializer, Zeros},
};
use std::sync::Arc;

/// `activation(x · kernel + bias)` along the last axis: `(N, …, D)` to `(N, …, units)`.
#[derive(Clone, Debug)]
#[doc(alias = "keras.layers.Dense")]
pub struct Dense {
    units: usize,
    activation: ActivationFn,
    use_bias: bool,
    kernel_initializer: Arc<dyn Initializer>,
    bias_initializer: Arc<dyn Initializer>,
    kernel: Weight,
    bias: Weight,
}

impl Dense {
    /// A layer of so many units, with Keras' defaults.
    pub fn new(units: usize) -> Self {
        Self {
            units,
            activation: ActivationFn::Linear,
            use_bias: true,
            kernel_initializer: Arc::new(GlorotUniform),
            bias_initializer: Arc::new(Zeros),
            kernel: Weight::default(),
            bias: Weight::default(),
        }
    }

    /// What is applied to the result.
    pub fn activation(mut self, activation: ActivationFn) -> Self {
        self.activation = activation;
        self
    }

    /// Whether a bias is added.
    pub fn use_bias(mut self, use_bias: bool) -> Self {
        self.use_bias = use_bias;
        self
    }

    /// How the kernel starts.
    pub fn kernel_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.kernel_initializer = Arc::new(initializer);
        self
    }

    /// How the bias starts.
    pub fn bias_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.bias_initializer = Arc::new(initializer);
        self
    }
}

impl SimpleLayer for Dense {
    fn class_name(&self) -> &'static str {
        "Dense"
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let Some(&features) = input.get(1..).and_then(<[usize]>::last) else {
            return Err(Error::shape(format!("expected (N, ..., D), got {input}; add an axis for the features")));
        };
        self.kernel = build.weight("kernel", [features, self.units]).add(&*self.kernel_initializer)?;
        if self.use_bias {
            self.bias = build.weight("bias", [self.units]).add(&*self.bias_initializer)?;
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let kernel = self.kernel.value();
        fits(x, -1, kernel.shape()[0], "features")?;
        let mut y = x.matmul(&kernel);
        if self.use_bias {
            y += self.bias.value();
        }
        Ok(self.activation.apply(&y))
    }
}
