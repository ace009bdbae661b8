//! A layer with a name, built once and called often: what models own.

use super::{Build, Call, SimpleLayer, Training};
use crate::lock::lock;
use crate::{DType, Error, ErrorKind, Result, Shape, Tensor, Variable, graph::LayerScope, mixed_precision::Policy};
use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// A layer with a name: what models own. Clones are the same layer.
#[derive(Clone)]
pub struct LayerRef(Arc<Inner>);

struct Inner {
    name: OnceLock<String>,
    trainable: AtomicBool,
    policy: Policy,
    class_name: &'static str,
    config: Mutex<Option<Box<dyn SimpleLayer>>>,
    built: OnceLock<Built>,
}

struct Built {
    layer: Box<dyn SimpleLayer>,
    weights: Vec<(Variable, bool)>,
}

impl<L: SimpleLayer> From<L> for LayerRef {
    fn from(layer: L) -> Self {
        LayerRef(Arc::new(Inner {
            name: OnceLock::new(),
            trainable: AtomicBool::new(true),
            policy: Policy::current(),
            class_name: layer.class_name(),
            config: Mutex::new(Some(Box::new(layer))),
            built: OnceLock::new(),
        }))
    }
}

/// What can be said of any layer before it is added to a model; comes last in a chain of setters.
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
        let inner = Arc::get_mut(&mut layer.0).filter(|inner| inner.built.get().is_none());
        inner.expect("the dtype policy of a layer is set before it is built or shared").policy = policy;
        layer
    }

    /// One layer to be called in several places.
    fn shared(self) -> LayerRef {
        self.into()
    }
}

impl<L: Into<LayerRef>> LayerExt for L {}

impl LayerRef {
    /// Keras' class name.
    pub fn class_name(&self) -> &'static str {
        self.0.class_name
    }

    /// Its name; empty until it is part of a model.
    pub fn layer_name(&self) -> &str {
        self.0.name.get().map_or("", String::as_str)
    }

    /// Name and class, for messages.
    fn described(&self) -> String {
        let policy = if self.policy() == Policy::Float32 { String::new() } else { format!(", {}", self.policy()) };
        format!("{} ({}{policy})", self.layer_name(), self.class_name())
    }

    /// In which dtype it calculates.
    pub fn policy(&self) -> Policy {
        self.0.policy
    }

    /// The dtype that `layer` sees inside.
    fn dtype_inside(&self, layer: &dyn SimpleLayer) -> DType {
        if layer.is_exact() { DType::F32 } else { self.policy().compute_dtype() }
    }

    /// Names it, if it has no name yet.
    pub(crate) fn name_if_unnamed(&self, name: impl FnOnce() -> String) {
        self.0.name.get_or_init(name);
    }

    /// Freezes or thaws the layer.
    pub fn set_trainable(&self, trainable: bool) {
        self.0.trainable.store(trainable, Ordering::Relaxed);
    }

    /// Whether optimizers may change it.
    pub fn is_trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Relaxed)
    }

    /// Whether its weights exist.
    pub fn is_built(&self) -> bool {
        self.0.built.get().is_some()
    }

    /// All weights in Keras' order, and whether each would be trained if the layer is.
    pub(crate) fn weights(&self) -> &[(Variable, bool)] {
        self.0.built.get().map_or(&[], |built| &built.weights)
    }

    /// Its weights, trainable or not, in Keras' order.
    pub fn variables(&self) -> Vec<Variable> {
        self.weights().iter().map(|(variable, _)| variable.clone()).collect()
    }

    /// Makes the weights for inputs of shape `input` where new tensors live, if they do not exist yet.
    pub(crate) fn build(&self, seed: u64, input: &Shape) -> Result<()> {
        let mut config = lock(&self.0.config);
        // Built from a copy that is put back on an error: a wrong shape must not lose the layer.
        let Some(mut layer) = config.take() else { return Ok(()) };
        let mut build = Build::new(self.layer_name(), seed, self.dtype_inside(&*layer));
        match layer.build(&mut build, input) {
            Ok(()) => {
                let _ = self.0.built.set(Built { layer, weights: build.weights });
                Ok(())
            }
            Err(error) => {
                *config = Some(layer);
                Err(error.at_layer(&self.described()))
            }
        }
    }

    /// The output for `x`, in the policy's dtype if it is a float; the layer must be built.
    pub fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let Some(built) = self.0.built.get() else {
            return Err(Error::new(ErrorKind::Invalid, format!("layer {} is called before it is built", self.layer_name())));
        };
        let _scope = LayerScope::enter(&self.described());
        call.path.push(self.layer_name().to_owned());
        // A frozen layer is called as in prediction where that matters (Keras' rule for batch normalization).
        let training = call.training;
        if !self.is_trainable() && self.class_name() == "BatchNormalization" {
            call.training = Training::No;
        }
        let cast = |x: &Tensor, dtype| if x.dtype().is_float() { x.cast(dtype) } else { x.clone() };
        let result = built.layer.call(call, &cast(x, self.dtype_inside(&*built.layer)));
        call.training = training;
        call.path.pop();
        result.map(|y| cast(&y, self.policy().compute_dtype())).map_err(|error| error.at_layer(&self.described()))
    }
}

impl fmt::Debug for LayerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} {}>", self.class_name(), self.layer_name())
    }
}
