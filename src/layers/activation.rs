//! Activations: the functions as an enum, and the layer that applies one.

use super::{Call, Layer, SimpleLayer};
use crate::{Result, Tensor, config::Choice};

/// An activation function, by its Keras name and with Keras' defaults. Those with other options are layers of their own.
///
/// ```
/// use wgrad::{layers::ActivationFn::Softmax, prelude::*};
/// assert_eq!(Softmax.apply(&Tensor::zeros([1, 2])).to_vec::<f32>()?, [0.5, 0.5]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq)]
#[doc(alias = "keras.activations")]
#[non_exhaustive]
pub enum ActivationFn {
    /// `x`.
    #[default]
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x` where positive, else `0.2 x`.
    LeakyRelu,
    /// `x` where positive, else `e^x - 1` (Clevert et al., 2016).
    Elu,
    /// `1.0507 x` where positive, else `1.7581 (e^x - 1)`; goes with `LecunNormal` (Klambauer et al., 2017).
    Selu,
    /// `x` where positive, else `e^x - 1`; an alias of `Elu` at its default (Barron, 2017).
    Celu,
    /// `x * Φ(x)` with the normal distribution function, exact as by Keras' default (Hendrycks and Gimpel, 2016).
    Gelu,
    /// `x * sigmoid(x)`, also called swish (Ramachandran et al., 2017).
    #[doc(alias = "swish")]
    #[choice("silu", "swish")]
    Silu,
    /// `x * tanh(softplus(x))` (Misra, 2020).
    Mish,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `log(sigmoid(x))`.
    LogSigmoid,
    /// `min(max(x / 6 + 1 / 2, 0), 1)`.
    HardSigmoid,
    /// `x * hard_sigmoid(x)`, also called hard swish.
    #[doc(alias = "hard_swish")]
    #[choice("hard_silu", "hard_swish")]
    HardSilu,
    /// Hyperbolic tangent.
    Tanh,
    /// `min(max(x, -1), 1)`.
    HardTanh,
    /// `x - tanh(x)`.
    TanhShrink,
    /// `x` moved towards zero by 0.5, zero where it would pass it.
    SoftShrink,
    /// `x` where `|x| > 0.5`, else 0.
    HardShrink,
    /// `e^x / sum(e^x)` along the last axis.
    Softmax,
    /// `x - log(sum(e^x))` along the last axis.
    LogSoftmax,
    /// `log(1 + e^x)`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `(x + sqrt(x^2 + 4)) / 2`.
    Squareplus,
    /// 0 up to -1, `(x + 1)^2 / 4` up to 1, `x` beyond.
    SparsePlus,
    /// 0 up to -1, `(x + 1) / 2` up to 1, 1 beyond.
    SparseSigmoid,
    /// `e^x`.
    Exponential,
    /// `a * sigmoid(b)` with the halves `a` and `b` of the last axis (Dauphin et al., 2017).
    Glu,
    /// `max(x - τ, 0)` along the last axis with a threshold τ by its elements, as [`Tensor::sparsemax`].
    Sparsemax,
}

impl ActivationFn {
    /// Applies it.
    pub fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Self::Linear => x.clone(),
            Self::Relu => x.relu(),
            Self::Relu6 => x.relu6(),
            Self::LeakyRelu => x.leaky_relu(0.2),
            Self::Elu => x.elu(1.0),
            Self::Selu => x.selu(),
            Self::Celu => x.celu(1.0),
            Self::Gelu => x.gelu(),
            Self::Silu => x.silu(),
            Self::Mish => x.mish(),
            Self::Sigmoid => x.sigmoid(),
            Self::LogSigmoid => x.log_sigmoid(),
            Self::HardSigmoid => x.hard_sigmoid(),
            Self::HardSilu => x.hard_silu(),
            Self::Tanh => x.tanh(),
            Self::HardTanh => x.hard_tanh(),
            Self::TanhShrink => x.tanh_shrink(),
            Self::SoftShrink => x.soft_shrink(0.5),
            Self::HardShrink => x.hard_shrink(0.5),
            Self::Softmax => x.softmax(-1),
            Self::LogSoftmax => x.log_softmax(-1),
            Self::Softplus => x.softplus(),
            Self::Softsign => x.softsign(),
            Self::Squareplus => x.squareplus(4.0),
            Self::SparsePlus => x.sparse_plus(),
            Self::SparseSigmoid => x.sparse_sigmoid(),
            Self::Exponential => x.exp(),
            Self::Glu => x.glu(-1),
            Self::Sparsemax => x.sparsemax(-1),
        }
    }
}

/// Applies an activation function; the shape stays.
///
/// ```
/// use wgrad::prelude::*;
/// let y = Activation::new(Relu).apply(&Tensor::from([[-1.0f32, 2.0]]));
/// assert_eq!(y.to_vec::<f32>()?, [0.0, 2.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Activation")]
pub struct Activation {
    /// What is applied.
    #[layer(new)]
    activation: ActivationFn,
}

impl SimpleLayer for Activation {
    fn supports_masking(&self) -> bool {
        true
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(self.activation.apply(x))
    }
}
