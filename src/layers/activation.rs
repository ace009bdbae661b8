//! Activations: the functions as an enum, and the layer that applies one.

use super::{Call, SimpleLayer};
use crate::{Result, Tensor};

/// An activation function, by its Keras name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum ActivationFn {
    /// `x`.
    #[default]
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

impl ActivationFn {
    /// Applies it.
    pub fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Self::Linear => x.clone(),
            Self::Relu => x.relu(),
            Self::Sigmoid => x.sigmoid(),
            Self::Tanh => x.tanh(),
        }
    }
}

/// Applies an activation function.
#[derive(Clone, Debug)]
#[doc(alias = "keras.layers.Activation")]
pub struct Activation {
    activation: ActivationFn,
}

impl Activation {
    /// A layer that applies `activation`.
    pub fn new(activation: ActivationFn) -> Self {
        Self { activation }
    }
}

impl SimpleLayer for Activation {
    fn class_name(&self) -> &'static str {
        "Activation"
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(self.activation.apply(x))
    }
}
