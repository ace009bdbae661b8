//! Fully connected layer.

use super::{ActivationFn, Build, Call, Layer, SimpleLayer, Weight, options::fits};
use crate::{
    Error, Result, Shape, Tensor,
    initializers::{GlorotUniform, Zeros},
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
    #[layer(start = GlorotUniform::new())]
    kernel: Weight,
    #[layer(start = Zeros)]
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
        self.kernel = build.weight("kernel", [features, self.units]).options(&self.kernel).add()?;
        if self.use_bias {
            self.bias = build.weight("bias", [self.units]).options(&self.bias).add()?;
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
