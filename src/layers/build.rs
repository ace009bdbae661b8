//! What makes the weights of a layer.

use super::weight::{LayerWeight, Weight, WeightOptions};
use crate::{
    DType, Error, Result, Shape, Tensor, Variable,
    config::Object,
    constraints::Constraint,
    initializers::{GlorotUniform, Initializer, Zeros},
    mixed_precision::Policy,
    regularizers::Regularizer,
    scope::scope,
};
use std::cell::Cell;

/// What a layer builds its weights with.
///
/// ```
/// use wgrad::prelude::*;
///
/// /// Adds a number that no optimizer changes.
/// #[derive(Layer, Clone, Debug)]
/// struct Shift {
///     #[layer(weight)]
///     offset: Weight,
/// }
///
/// impl SimpleLayer for Shift {
///     fn build(&mut self, build: &mut Build, _input: &Shape) -> Result<()> {
///         self.offset = build.weight("offset", [1]).initializer(Constant(2.0)).frozen().add()?;
///         Ok(())
///     }
///     fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
///         Ok(x + self.offset.value())
///     }
/// }
///
/// assert_eq!(Shift::new().apply(&Tensor::from([[1.0f32]])).to_vec::<f32>()?, [3.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
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
