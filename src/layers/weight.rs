//! Weights of a layer, and what makes them.

use crate::{
    DType, Error, Result, Shape, Tensor, Variable,
    config::Object,
    constraints::Constraint,
    initializers::{GlorotUniform, Initializer, Zeros},
    mixed_precision::Policy,
    random::RandomKey,
    regularizers::Regularizer,
};
use std::fmt;

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

    /// Whether it exists: before the layer is built, and where an option leaves it out, it does not.
    pub fn is_built(&self) -> bool {
        self.0.is_some()
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

/// A weight as models see it.
#[derive(Clone, Debug)]
pub struct LayerWeight {
    /// Its variable.
    pub variable: Variable,
    /// Whether it is trained if its layer is.
    pub trainable: bool,
    /// What it adds to the loss.
    pub regularizer: Option<Object<dyn Regularizer>>,
    /// Where it is brought back to after each step.
    pub constraint: Option<Object<dyn Constraint>>,
}

/// What a layer builds its weights with.
pub struct Build {
    path: String,
    seed: u64,
    policy: Policy,
    /// In which the layer calculates.
    dtype: DType,
    weights: Vec<LayerWeight>,
}

impl Build {
    pub(super) fn new(path: String, seed: u64, policy: Policy, dtype: DType) -> Self {
        Self { path, seed, policy, dtype, weights: Vec::new() }
    }

    /// A weight called `name`: give it an initializer, then `add` it. Kernels start from `GlorotUniform`, vectors from zeros.
    pub fn weight<'a>(&'a mut self, name: &'a str, shape: impl Into<Shape>) -> WeightBuilder<'a> {
        let shape = shape.into();
        let initializer = if shape.rank() > 1 { GlorotUniform::new().into() } else { Object::from(Zeros) };
        WeightBuilder { build: self, name, shape, trainable: true, initializer, regularizer: None, constraint: None }
    }

    /// The layer's policy, for layers inside.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// In which dtype the layer calculates.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Trained weights first, as Keras orders them.
    pub(super) fn weights(self) -> Vec<LayerWeight> {
        let (mut trained, frozen): (Vec<_>, Vec<_>) = self.weights.into_iter().partition(|weight| weight.trainable);
        trained.extend(frozen);
        trained
    }
}

/// A weight about to be added.
#[must_use = "a weight exists once it is added"]
pub struct WeightBuilder<'a> {
    build: &'a mut Build,
    name: &'a str,
    shape: Shape,
    trainable: bool,
    initializer: Object<dyn Initializer>,
    regularizer: Option<Object<dyn Regularizer>>,
    constraint: Option<Object<dyn Constraint>>,
}

impl WeightBuilder<'_> {
    /// A weight that no optimizer touches, as moving statistics.
    pub fn frozen(mut self) -> Self {
        self.trainable = false;
        self
    }

    /// How it starts.
    pub fn initializer(mut self, initializer: impl Into<Object<dyn Initializer>>) -> Self {
        self.initializer = initializer.into();
        self
    }

    /// What it adds to the loss.
    pub fn regularizer(mut self, regularizer: &Option<Object<dyn Regularizer>>) -> Self {
        self.regularizer = regularizer.clone();
        self
    }

    /// Where it is brought back to after each step.
    pub fn constraint(mut self, constraint: &Option<Object<dyn Constraint>>) -> Self {
        self.constraint = constraint.clone();
        self
    }

    /// Draws the weight on the host, by the seed and the weight's path, so that it is equal on every device.
    ///
    /// # Errors
    /// When the initializer makes no such shape, or the device has no room.
    pub fn add(self) -> Result<Weight> {
        let path = format!("{}/{}", self.build.path, self.name);
        let key = RandomKey::new(self.build.seed, &path, 0);
        let values = self.initializer.values(&self.shape, &key).map_err(|error: Error| error.at(self.name))?;
        let initial = Tensor::from_slice(&values, self.shape)?.cast(self.build.policy.variable_dtype());
        let variable = Variable::new(path, initial);
        let Self { trainable, regularizer, constraint, .. } = self;
        self.build.weights.push(LayerWeight { variable: variable.clone(), trainable, regularizer, constraint });
        Ok(Weight(Some((variable, self.build.dtype))))
    }
}
