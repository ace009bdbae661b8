//! Weights of a layer, and their options.

use crate::{
    DType, Error, Result, Tensor, Variable,
    config::{Fields, Object, Options, Value},
    constraints::Constraint,
    graph::VariableId,
    initializers::{Initializer, Zeros},
    random::RandomKey,
    regularizers::Regularizer,
};
use std::{cell::RefCell, fmt};

/// A weight of a layer: its options, and a variable once the layer is built, with the dtype in which the layer calculates. A clone is
/// unbuilt again, so that layers never share by accident.
#[derive(Default)]
pub struct Weight {
    pub(super) options: WeightOptions,
    built: Option<(Variable, DType)>,
}

/// The options of a weight, where its layer has them.
#[derive(Clone, Debug, Default)]
pub(super) struct WeightOptions {
    /// How it starts.
    pub initializer: Option<Object<dyn Initializer>>,
    /// What it adds to the loss.
    pub regularizer: Option<Object<dyn Regularizer>>,
    /// Where it is brought back to after each step.
    pub constraint: Option<Object<dyn Constraint>>,
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
    pub(super) fn of(options: WeightOptions, variable: Variable, dtype: DType) -> Self {
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
