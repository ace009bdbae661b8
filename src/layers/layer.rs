//! What every layer shares: building, weights, and the context of a call.

use crate::{DType, Error, Result, Shape, Tensor, Variable, initializers::Initializer, random::RandomKey};
use std::fmt;

/// A layer of one input and one output. Its fields are its Keras config; shapes include the batch axis.
#[doc(alias = "keras.layers.Layer")]
pub trait SimpleLayer: fmt::Debug + Send + Sync + 'static {
    /// Keras' class name.
    fn class_name(&self) -> &'static str;

    /// Whether the layer calculates in float32 under every policy, as normalization does: its float input comes so, and its output
    /// is cast afterwards.
    fn is_exact(&self) -> bool {
        false
    }

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

/// A weight of a layer: a variable once the layer is built, and the dtype in which the layer calculates. A clone is unbuilt again, so that layers never share by accident.
#[derive(Default)]
pub struct Weight(Option<(Variable, DType)>);

impl Weight {
    /// The current version, in the dtype in which the layer calculates.
    ///
    /// # Panics
    /// Before the layer was built.
    #[track_caller]
    pub fn value(&self) -> Tensor {
        let (variable, dtype) = self.built();
        variable.value().cast(*dtype)
    }

    /// The variable behind it.
    ///
    /// # Panics
    /// Before the layer was built.
    #[track_caller]
    pub fn variable(&self) -> &Variable {
        &self.built().0
    }

    #[track_caller]
    fn built(&self) -> &(Variable, DType) {
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
    path: String,
    seed: u64,
    /// In which the layer calculates.
    dtype: DType,
    pub(super) weights: Vec<(Variable, bool)>,
}

impl Build {
    pub(super) fn new(path: &str, seed: u64, dtype: DType) -> Self {
        Self { path: path.to_owned(), seed, dtype, weights: Vec::new() }
    }

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
        let variable = Variable::new(path, Tensor::from_slice(&values, self.shape)?);
        self.build.weights.push((variable.clone(), self.trainable));
        Ok(Weight(Some((variable, self.build.dtype))))
    }
}

/// The context of one call of a model: whether it trains, random numbers, and updates for the caller to apply.
pub struct Call {
    pub(super) training: Training,
    seed: u64,
    step: u64,
    pub(super) path: Vec<String>,
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

/// That axis `axis` of `x` has the size that the weights were built for.
pub(crate) fn fits(x: &Tensor, axis: isize, expected: usize, what: &str) -> Result<()> {
    let found = x.shape().axis(axis).map(|axis| x.shape()[axis])?;
    if found == expected {
        return Ok(());
    }
    Err(Error::shape(format!("expected {expected} {what} on axis {axis}, got shape {}; the layer was built for another input", x.shape())))
}
