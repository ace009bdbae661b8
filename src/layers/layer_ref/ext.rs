//! What can be said of any layer: its name, policy and the like, and its application.

use super::LayerRef;
use crate::{
    Tensor,
    config::Object,
    layers::{Inputs, LayerCall},
    mixed_precision::Policy,
    regularizers::Regularizer,
};

/// What can be said of any layer before it is added to a model; comes last in a chain of setters.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Dense::new(2).name("head").trainable(false);
/// assert_eq!((layer.layer_name(), layer.is_trainable()), ("head", false));
/// ```
pub trait LayerExt: Into<LayerRef> {
    /// Names the layer.
    fn name(self, name: &str) -> LayerRef {
        let layer = self.into();
        let _ = layer.0.name.set(name.to_owned());
        layer
    }

    /// Whether optimizers may change the layer.
    fn trainable(self, trainable: bool) -> LayerRef {
        let layer = self.into();
        layer.set_trainable(trainable);
        layer
    }

    /// In which dtype the layer calculates, whatever the model does: `.dtype_policy(Policy::Float32)` on a last layer, say.
    /// Keras' argument `dtype`.
    ///
    /// # Panics
    /// When the layer was built, or is shared already.
    fn dtype_policy(self, policy: Policy) -> LayerRef {
        let mut layer = self.into();
        layer.unshared("dtype policy").policy = policy;
        layer
    }

    /// What the layer's outputs add to the loss, for each sample.
    ///
    /// # Panics
    /// When the layer was built, or is shared already.
    fn activity_regularizer(self, regularizer: impl Into<Object<dyn Regularizer>>) -> LayerRef {
        let mut layer = self.into();
        layer.unshared("activity regularizer").activity_regularizer = Some(regularizer.into());
        layer
    }

    /// The output for a tensor, or the symbol of it: `Dense::new(64).apply(&x)`. What goes wrong with symbols is told by the model
    /// that is made of them.
    ///
    /// # Panics
    /// When no input is a symbol and the layer does not take them.
    #[track_caller]
    fn apply(self, inputs: impl Into<Inputs>) -> Tensor {
        self.call_with(inputs).apply()
    }

    /// A call with arguments: `attention.call_with((&query, &value)).causal().apply()`.
    fn call_with(self, inputs: impl Into<Inputs>) -> LayerCall {
        LayerCall::new(self.into(), inputs.into())
    }

    /// One layer to be called in several places.
    fn shared(self) -> LayerRef {
        self.into()
    }
}

impl<L: Into<LayerRef>> LayerExt for L {}
