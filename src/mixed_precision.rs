//! Dtype policies: in which dtype layers calculate, while they keep their weights in float32.

use crate::{DType, Error, Result, lock::lock, scope::scope};
use std::{cell::Cell, fmt, str::FromStr, sync::Mutex};

/// In which dtype a layer calculates. Weights are float32 unless the policy's name is that of a half alone; a layer casts those that it reads and its float inputs.
/// Normalization, softmax and losses calculate in float32 inside.
///
/// A layer takes the policy of the moment when it is made a part of a model, or named, unless it was
/// [given one](crate::layers::LayerExt::dtype_policy). `compile` scales the loss of a model under `MixedFloat16`
/// ([`LossScaleOptimizer`](crate::optimizers::LossScaleOptimizer)).
///
/// ```
/// use wgrad::prelude::*;
/// let model = Policy::MixedBfloat16.scope(|| {
///     Sequential::new().add(Input::new([4])).add(Dense::new(8)).add(Dense::new(2).dtype_policy(Policy::Float32)).build()
/// })?;
/// let x = Tensor::ones([1, 4]);
/// assert_eq!(model.layers()[0].policy().compute_dtype(), DType::BF16);
/// assert_eq!(model.call(&x, Training::No)?.dtype(), DType::F32);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "keras.DTypePolicy")]
pub enum Policy {
    /// Everything in float32.
    #[default]
    Float32,
    /// Calculates in float16, whose small gradients need a scaled loss.
    MixedFloat16,
    /// Calculates in bfloat16: the range of float32, less precision.
    MixedBfloat16,
    /// Everything in float16, weights too: for prediction, since optimizers train float32 weights only.
    Float16,
    /// Everything in bfloat16, weights too: for prediction.
    Bfloat16,
}

static DEFAULT: Mutex<Policy> = Mutex::new(Policy::Float32);

thread_local! {
    static SCOPED: Cell<Option<Policy>> = const { Cell::new(None) };
}

/// Makes `policy` that of all layers made from now on, in the whole process.
///
/// ```
/// use wgrad::prelude::*;
/// set_dtype_policy(Policy::MixedBfloat16);
/// assert_eq!(Policy::current(), Policy::MixedBfloat16);
/// ```
#[doc(alias = "keras.config.set_dtype_policy")]
pub fn set_dtype_policy(policy: Policy) {
    *lock(&DEFAULT) = policy;
}

impl Policy {
    /// The policy of this thread's innermost scope, else the process-wide one.
    #[doc(alias = "keras.config.dtype_policy")]
    pub fn current() -> Self {
        SCOPED.get().unwrap_or_else(|| *lock(&DEFAULT))
    }

    /// Runs `body` with this as the policy of layers made on this thread.
    pub fn scope<R>(self, body: impl FnOnce() -> R) -> R {
        scope(&SCOPED, Some(self), body)
    }

    /// Keras' name.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Float32 => "float32",
            Policy::MixedFloat16 => "mixed_float16",
            Policy::MixedBfloat16 => "mixed_bfloat16",
            Policy::Float16 => "float16",
            Policy::Bfloat16 => "bfloat16",
        }
    }

    /// The dtype of a layer's calculations and of its output.
    pub fn compute_dtype(self) -> DType {
        match self {
            Policy::Float32 => DType::F32,
            Policy::MixedFloat16 | Policy::Float16 => DType::F16,
            Policy::MixedBfloat16 | Policy::Bfloat16 => DType::BF16,
        }
    }

    /// The dtype of a layer's weights.
    pub fn variable_dtype(self) -> DType {
        match self {
            Policy::Float32 | Policy::MixedFloat16 | Policy::MixedBfloat16 => DType::F32,
            Policy::Float16 => DType::F16,
            Policy::Bfloat16 => DType::BF16,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Keras' names.
impl FromStr for Policy {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        let all = [Policy::Float32, Policy::MixedFloat16, Policy::MixedBfloat16, Policy::Float16, Policy::Bfloat16];
        all.into_iter()
            .find(|policy| policy.name() == name)
            .ok_or_else(|| Error::invalid(format!("unknown dtype policy {name:?}: expected one of {}", all.map(Policy::name).join(", "))))
    }
}
