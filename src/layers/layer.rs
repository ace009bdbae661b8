//! What every layer shares: naming, building, weights, and the context of a call.

use crate::{
    Error, ErrorKind, Result, Shape, Tensor, Variable, device::Device, graph::LayerScope, initializers::Initializer, random::RandomKey,
};
use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// A layer of one input and one output. Its fields are its Keras config; shapes include the batch axis.
#[doc(alias = "keras.layers.Layer")]
pub trait SimpleLayer: fmt::Debug + Send + Sync + 'static {
    /// Keras' class name.
    fn class_name(&self) -> &'static str;

    /// Makes the weights for inputs of shape `input`. The batch size in it means nothing.
    ///
    /// # Errors
    /// When the layer does not take such inputs: what was expected, what came, and a hint.
    fn build(&mut self, _build: &mut Build, _input: &Shape) -> Result<()> {
        Ok(())
    }

    /// The output for `x`.
    ///
    /// # Errors
    /// When the shape differs from the one the layer was built for.
    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor>;
}

/// Whether a call trains: dropout drops and batch normalization looks at the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Training {
    /// Part of a training step.
    Yes,
    /// Evaluation and prediction.
    No,
}

/// A weight of a layer: a variable once the layer is built. A clone is unbuilt again, so that layers never share by accident.
#[derive(Default)]
pub struct Weight(Option<Variable>);

impl Weight {
    /// The current version.
    ///
    /// # Panics
    /// Before the layer was built.
    #[track_caller]
    pub fn value(&self) -> Tensor {
        self.variable().value()
    }

    /// The variable behind it.
    ///
    /// # Panics
    /// Before the layer was built.
    #[track_caller]
    pub fn variable(&self) -> &Variable {
        self.0.as_ref().expect("a layer is built before its weights are used")
    }
}

impl Clone for Weight {
    fn clone(&self) -> Self {
        Weight(None)
    }
}

impl fmt::Debug for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a layer builds its weights with.
pub struct Build {
    device: Device,
    path: String,
    seed: u64,
    weights: Vec<(Variable, bool)>,
}

impl Build {
    /// A weight called `name`: give it an initializer, then `add` it.
    pub fn weight<'a>(&'a mut self, name: &'a str, shape: impl Into<Shape>) -> WeightBuilder<'a> {
        WeightBuilder { build: self, name, shape: shape.into(), trainable: true }
    }
}

/// A weight about to be added.
#[must_use = "a weight exists once it is added"]
pub struct WeightBuilder<'a> {
    build: &'a mut Build,
    name: &'a str,
    shape: Shape,
    trainable: bool,
}

impl WeightBuilder<'_> {
    /// A weight that no optimizer touches, as moving statistics.
    pub fn frozen(mut self) -> Self {
        self.trainable = false;
        self
    }

    /// Draws the weight on the host, by the seed and the weight's path, so that it is equal on every device.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn add(self, initializer: &dyn Initializer) -> Result<Weight> {
        let path = format!("{}/{}", self.build.path, self.name);
        let values = initializer.values(&self.shape, &RandomKey::new(self.build.seed, &path, 0))?;
        let variable = Variable::new(path, Tensor::from_slice_on(&self.build.device, &values, self.shape)?);
        self.build.weights.push((variable.clone(), self.trainable));
        Ok(Weight(Some(variable)))
    }
}

/// The context of one call of a model: whether it trains, random numbers, and updates for the caller to apply.
pub struct Call {
    training: Training,
    seed: u64,
    step: u64,
    path: Vec<String>,
    updates: Vec<(Variable, Tensor)>,
}

impl Call {
    /// The context of step `step`: one step's random numbers repeat when it is run again.
    pub fn new(training: Training, seed: u64, step: u64) -> Self {
        Self { training, seed, step, path: Vec::new(), updates: Vec::new() }
    }

    /// Whether this call trains.
    pub fn training(&self) -> bool {
        self.training == Training::Yes
    }

    /// The random numbers of this layer at this step.
    pub fn random(&self) -> RandomKey {
        RandomKey::new(self.seed, &self.path.join("/"), self.step)
    }

    /// Asks for `weight` to become `value` once the step is done.
    pub fn update(&mut self, weight: &Weight, value: Tensor) {
        self.updates.push((weight.variable().clone(), value));
    }

    /// The collected updates, in call order.
    pub(crate) fn take_updates(self) -> Vec<(Variable, Tensor)> {
        self.updates
    }
}

/// A layer with a name: what models own. Clones are the same layer.
#[derive(Clone)]
pub struct LayerRef(Arc<Inner>);

struct Inner {
    name: OnceLock<String>,
    trainable: AtomicBool,
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

    /// Makes the weights for inputs of shape `input`, if they do not exist yet.
    pub(crate) fn build(&self, device: &Device, seed: u64, input: &Shape) -> Result<()> {
        let mut config = self.0.config.lock().unwrap_or_else(PoisonError::into_inner);
        // Built from a copy that is put back on an error: a wrong shape must not lose the layer.
        let Some(mut layer) = config.take() else { return Ok(()) };
        let mut build = Build { device: device.clone(), path: self.layer_name().to_owned(), seed, weights: Vec::new() };
        match layer.build(&mut build, input) {
            Ok(()) => {
                let _ = self.0.built.set(Built { layer, weights: build.weights });
                Ok(())
            }
            Err(error) => {
                *config = Some(layer);
                Err(error.at(format_args!("layer {} ({})", self.layer_name(), self.class_name())))
            }
        }
    }

    /// The output for `x`; the layer must be built.
    pub fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let Some(built) = self.0.built.get() else {
            return Err(Error::new(ErrorKind::Invalid, format!("layer {} is called before it is built", self.layer_name())));
        };
        let _scope = LayerScope::enter(self.layer_name());
        call.path.push(self.layer_name().to_owned());
        // A frozen layer is called as in prediction where that matters (Keras' rule for batch normalization).
        let training = call.training;
        if !self.is_trainable() && self.class_name() == "BatchNormalization" {
            call.training = Training::No;
        }
        let result = built.layer.call(call, x);
        call.training = training;
        call.path.pop();
        result.map_err(|error| error.at(format_args!("layer {} ({})", self.layer_name(), self.class_name())))
    }
}

impl fmt::Debug for LayerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} {}>", self.class_name(), self.layer_name())
    }
}

/// That axis `axis` of `x` has the size that the weights were built for.
pub(crate) fn fits(x: &Tensor, axis: isize, expected: usize, what: &str) -> Result<()> {
    let found = x.shape().axis(axis).map(|axis| x.shape()[axis])?;
    if found == expected {
        return Ok(());
    }
    Err(Error::shape(format!("expected {expected} {what} on axis {axis}, got shape {}; the layer was built for another input", x.shape())))
}
