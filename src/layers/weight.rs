//! Weights of a layer, and what makes them.

use crate::{
    DType, Error, Result, Shape, Tensor, Variable,
    config::{Fields, Object, Options, Value},
    constraints::Constraint,
    graph::VariableId,
    initializers::{GlorotUniform, Initializer, Zeros},
    mixed_precision::Policy,
    random::RandomKey,
    regularizers::Regularizer,
    scope::scope,
};
use std::{
    cell::{Cell, RefCell},
    fmt,
};

/// A weight of a layer: its options, and a variable once the layer is built, with the dtype in which the layer calculates. A clone is
/// unbuilt again, so that layers never share by accident.
#[derive(Default)]
pub struct Weight {
    options: WeightOptions,
    built: Option<(Variable, DType)>,
}

/// The options of a weight, where its layer has them.
#[derive(Clone, Debug, Default)]
struct WeightOptions {
    /// How it starts.
    initializer: Option<Object<dyn Initializer>>,
    /// What it adds to the loss.
    regularizer: Option<Object<dyn Regularizer>>,
    /// Where it is brought back to after each step.
    constraint: Option<Object<dyn Constraint>>,
}

/// What the derive of a field with the attribute `start` calls: options `kernel_initializer`, `kernel_regularizer` and
/// `kernel_constraint` of a weight called `kernel`.
#[doc(hidden)]
impl Weight {
    pub fn starting(initializer: impl Into<Object<dyn Initializer>>) -> Self {
        Self { options: WeightOptions { initializer: Some(initializer.into()), ..WeightOptions::default() }, built: None }
    }

    pub fn write_options(&self, name: &str, out: &mut Options) {
        out.insert(format!("{name}_initializer"), self.options.initializer.to_json());
        out.insert(format!("{name}_regularizer"), self.options.regularizer.to_json());
        out.insert(format!("{name}_constraint"), self.options.constraint.to_json());
    }

    pub fn read_options(mut self, name: &str, fields: &mut Fields<'_>) -> Self {
        self.options.initializer = fields.take(&format!("{name}_initializer")).or(self.options.initializer);
        self.options.regularizer = fields.take(&format!("{name}_regularizer"));
        self.options.constraint = fields.take(&format!("{name}_constraint"));
        self
    }

    pub fn set_initializer(&mut self, initializer: impl Into<Object<dyn Initializer>>) {
        self.options.initializer = Some(initializer.into());
    }

    pub fn set_regularizer(&mut self, regularizer: impl Into<Object<dyn Regularizer>>) {
        self.options.regularizer = Some(regularizer.into());
    }

    pub fn set_constraint(&mut self, constraint: impl Into<Object<dyn Constraint>>) {
        self.options.constraint = Some(constraint.into());
    }
}

impl Weight {
    fn of(options: WeightOptions, variable: Variable, dtype: DType) -> Self {
        Self { options, built: Some((variable, dtype)) }
    }

    /// A number kept from call to call, which is none of the layer's weights.
    pub(super) fn state(variable: Variable, dtype: DType) -> Self {
        Self::of(WeightOptions::default(), variable, dtype)
    }

    /// The same weight once more.
    pub(super) fn same(&self) -> Self {
        Self { options: self.options.clone(), built: self.built.clone() }
    }

    /// How it starts, if that is an option.
    pub(super) fn initializer(&self) -> Object<dyn Initializer> {
        self.options.initializer.clone().unwrap_or_else(|| Zeros.into())
    }

    /// The current version, in the dtype in which the layer calculates.
    ///
    /// # Panics
    /// Before the layer was built.
    #[track_caller]
    pub fn value(&self) -> Tensor {
        let (variable, dtype) = self.built();
        let replaced = REPLACED.with_borrow(|list| list.iter().rev().find(|(id, _)| *id == variable.id()).map(|(_, value)| value.clone()));
        replaced.unwrap_or_else(|| variable.value()).cast(*dtype)
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
        self.built.is_some()
    }

    #[track_caller]
    fn built(&self) -> &(Variable, DType) {
        self.built.as_ref().expect("a layer is built before its weights are used")
    }
}

thread_local! {
    static REPLACED: RefCell<Vec<(VariableId, Tensor)>> = const { RefCell::new(Vec::new()) };
}

/// Runs `body` while weights behind `variable` have this value.
pub(super) fn with_value<R>(variable: &Variable, value: Tensor, body: impl FnOnce() -> R) -> R {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            REPLACED.with_borrow_mut(Vec::pop);
        }
    }
    REPLACED.with_borrow_mut(|list| list.push((variable.id(), value)));
    let _last = Last;
    body()
}

impl Clone for Weight {
    fn clone(&self) -> Self {
        Self { options: self.options.clone(), built: None }
    }
}

impl fmt::Debug for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.built.fmt(f)
    }
}

/// A weight as models see it.
#[derive(Clone, Debug)]
pub struct LayerWeight {
    /// Its name inside of the layer.
    pub name: String,
    /// How it starts.
    pub initializer: Object<dyn Initializer>,
    /// Its variable.
    pub variable: Variable,
    /// Whether it is trained if its layer is.
    pub trainable: bool,
    /// What it adds to the loss.
    pub regularizer: Option<Object<dyn Regularizer>>,
}

impl LayerWeight {
    /// Names the variable by the layer's path and, with a seed, gives it its first value: drawn on the host, by seed and path, so that
    /// it is equal on every device.
    pub(super) fn draw(&self, layer: &str, seed: Option<u64>) -> Result<()> {
        let variable = &self.variable;
        variable.name_if_unnamed(|| if layer.is_empty() { self.name.clone() } else { format!("{layer}/{}", self.name) });
        let Some(seed) = seed else { return Ok(()) };
        let (key, spec) = (RandomKey::new(seed, variable.name(), 0), variable.spec());
        let values = self.initializer.values(&spec.shape, &key).map_err(|error: Error| error.at(&self.name))?;
        variable.assign(&Tensor::from_slice_on(variable.device(), &values, &spec.shape)?.cast(spec.dtype))
    }
}

/// What a layer builds its weights with.
pub struct Build {
    policy: Policy,
    /// In which the layer calculates.
    dtype: DType,
    weights: Vec<LayerWeight>,
}

impl Build {
    pub(super) fn new(policy: Policy, dtype: DType) -> Self {
        Self { policy, dtype, weights: Vec::new() }
    }

    /// A weight called `name`: give it an initializer, then `add` it. Kernels start from `GlorotUniform`, vectors from zeros.
    pub fn weight<'a>(&'a mut self, name: &'a str, shape: impl Into<Shape>) -> WeightBuilder<'a> {
        let options = WeightOptions::default();
        WeightBuilder { build: self, name, shape: shape.into(), dtype: None, trainable: true, kept: options.clone(), options }
    }

    /// Makes a weight of the layer `inside` this layer's own too.
    pub(super) fn share(&mut self, inside: &str, weight: LayerWeight) -> Weight {
        let variable = weight.variable.clone();
        self.weights.push(LayerWeight { name: format!("{inside}/{}", weight.name), ..weight });
        Weight::state(variable, self.dtype)
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
    dtype: Option<DType>,
    trainable: bool,
    options: WeightOptions,
    /// The options of the layer, whatever those of this weight become.
    kept: WeightOptions,
}

impl WeightBuilder<'_> {
    /// A weight that no optimizer touches, as moving statistics.
    pub fn frozen(mut self) -> Self {
        self.trainable = false;
        self
    }

    /// In which dtype it is kept, whatever the policy says.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// The options of the field that it is for, one with the attribute `start`.
    pub fn options(mut self, field: &Weight) -> Self {
        (self.options, self.kept) = (field.options.clone(), field.options.clone());
        self
    }

    /// How it starts.
    pub fn initializer(mut self, initializer: impl Into<Object<dyn Initializer>>) -> Self {
        self.options.initializer = Some(initializer.into());
        self
    }

    /// What it adds to the loss.
    pub fn regularizer(mut self, regularizer: &Option<Object<dyn Regularizer>>) -> Self {
        self.options.regularizer = regularizer.clone();
        self
    }

    /// Where it is brought back to after each step.
    pub fn constraint(mut self, constraint: &Option<Object<dyn Constraint>>) -> Self {
        self.options.constraint = constraint.clone();
        self
    }

    /// Makes the weight. Its values are drawn once the layer has its place in a model.
    ///
    /// # Errors
    /// When the device has no room, or the file that is being loaded holds no such weight.
    pub fn add(self) -> Result<Weight> {
        charge(&self.shape).map_err(|error| error.at(self.name))?;
        let Self { name, shape, dtype, trainable, options: WeightOptions { initializer, regularizer, constraint }, kept, .. } = self;
        let initializer = initializer.unwrap_or_else(|| if shape.rank() > 1 { GlorotUniform::new().into() } else { Object::from(Zeros) });
        let dtype = dtype.unwrap_or(self.build.policy.variable_dtype());
        let mut variable = Variable::unnamed(Tensor::zeros(shape).cast(dtype));
        if let Some(constraint) = constraint {
            variable = variable.constrained(move |weight| constraint.call(weight));
        }
        let weight = LayerWeight { name: name.into(), initializer, variable: variable.clone(), trainable, regularizer };
        self.build.weights.push(weight);
        Ok(Weight::of(kept, variable, self.build.dtype))
    }
}

thread_local! {
    /// Elements that weights may still have, while a file is loaded.
    static ALLOWED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs `body`, in which new weights have no more than so many elements together: a file's config is not believed.
pub(crate) fn at_most<R>(elements: usize, body: impl FnOnce() -> R) -> R {
    scope(&ALLOWED, Some(elements), body)
}

fn charge(shape: &Shape) -> Result<()> {
    let Some(allowed) = ALLOWED.get() else { return Ok(()) };
    let size = shape.iter().try_fold(1_usize, |size, &axis| size.checked_mul(axis));
    let rest = size.and_then(|size| allowed.checked_sub(size));
    let rest = rest.ok_or_else(|| Error::shape(format!("a weight of shape {shape} is more than what is left of the file's")))?;
    ALLOWED.set(Some(rest));
    Ok(())
}
