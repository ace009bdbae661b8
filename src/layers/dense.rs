//! Fully connected layer.

use super::{ActivationFn, Build, Call, Layer, SimpleLayer, Weight, options::fits};
use crate::{
    Error, Result, Shape, Tensor,
    config::Object,
    constraints::Constraint,
    initializers::{GlorotUniform, Initializer, Zeros},
    regularizers::Regularizer,
};

/// `activation(x · kernel + bias)` along the last axis: `(N, …, D)` to `(N, …, units)`.
///
/// Weights: `kernel` (D, units) and `bias` (units).
///
/// ```
/// use wgrad::prelude::*;
/// let hidden = Dense::new(64).activation(Relu);
/// let projection = Dense::new(16).use_bias(false).kernel_initializer(HeNormal::new());
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Dense")]
pub struct Dense {
    /// Size of the output's last axis.
    #[layer(new)]
    units: usize,
    /// What is applied to the result.
    activation: ActivationFn,
    /// Whether a bias is added.
    #[layer(default = true)]
    use_bias: bool,
    /// How the kernel starts.
    #[layer(default = GlorotUniform::new())]
    kernel_initializer: Object<dyn Initializer>,
    /// How the bias starts.
    #[layer(default = Zeros)]
    bias_initializer: Object<dyn Initializer>,
    /// What the kernel adds to the loss.
    kernel_regularizer: Option<Object<dyn Regularizer>>,
    /// What the bias adds to the loss.
    bias_regularizer: Option<Object<dyn Regularizer>>,
    /// Where the kernel is brought back to after each step.
    kernel_constraint: Option<Object<dyn Constraint>>,
    /// Where the bias is brought back to after each step.
    bias_constraint: Option<Object<dyn Constraint>>,
    #[layer(weight)]
    kernel: Weight,
    #[layer(weight)]
    bias: Weight,
}

impl SimpleLayer for Dense {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let Some(&features) = input.get(1..).and_then(<[usize]>::last) else {
            return Err(Error::shape(format!("expected (N, ..., D), got {input}; add an axis for the features")));
        };
        let kernel = build.weight("kernel", [features, self.units]).initializer(&self.kernel_initializer);
        self.kernel = kernel.regularizer(&self.kernel_regularizer).constraint(&self.kernel_constraint).add()?;
        if self.use_bias {
            let bias = build.weight("bias", [self.units]).initializer(&self.bias_initializer);
            self.bias = bias.regularizer(&self.bias_regularizer).constraint(&self.bias_constraint).add()?;
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
