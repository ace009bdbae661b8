//! Several optimizers, each for the variables whose names fit a pattern.

use super::{Extras, Formula, Optimizer, State};
use crate::{
    Error, Result, Shape, Tensor, Variable,
    config::{Class, Config, Entry, Fields, Json, Options, Value, Written, submit},
    data::Array,
};
use regex_lite::Regex;
use std::sync::OnceLock;

/// Gives each variable to the optimizer whose pattern is its name or, as a regular expression, fits all of it; what fits none goes
/// to the default one. Keras' `OptimizerMap` is part of it. Names of variables are paths of layers, such as `encoder/dense/kernel`.
///
/// ```
/// use wgrad::prelude::*;
/// let [kernel, bias] = ["dense/kernel", "dense/bias"].map(|name| Variable::new(name, Tensor::from([1.0f32])));
/// let optimizer = MultiOptimizer::new(SGD::new(0.5)).optimizer(".*/bias", SGD::new(0.25));
/// let gradient = Some(Tensor::from([1.0f32]));
/// optimizer.apply(&[gradient.clone(), gradient], &[kernel.clone(), bias.clone()])?;
/// assert_eq!((kernel.value().item::<f32>()?, bias.value().item::<f32>()?), (0.5, 0.75));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "keras.optimizers.MultiOptimizer")]
#[doc(alias = "keras.optimizers.OptimizerMap")]
pub struct MultiOptimizer {
    /// Its name and loss scale; what steps leave lies with the optimizers inside.
    state: State,
    patterns: Vec<String>,
    /// One for each pattern, then the default one.
    optimizers: Vec<Box<dyn Optimizer>>,
    /// Which optimizer each variable has.
    owners: OnceLock<Vec<usize>>,
}

impl MultiOptimizer {
    /// `default` is for all variables that no pattern fits.
    pub fn new(default: impl Optimizer + 'static) -> Self {
        Self::of(Box::new(default))
    }

    fn of(default: Box<dyn Optimizer>) -> Self {
        let mut made = Self { state: 0.0.into(), patterns: Vec::new(), optimizers: vec![default], owners: OnceLock::new() };
        made.share_scale();
        made
    }

    /// An optimizer for variables that `pattern` fits; a variable may fit one pattern only, unless one is its name.
    pub fn optimizer(self, pattern: &str, optimizer: impl Optimizer + 'static) -> Self {
        self.with(pattern, Box::new(optimizer))
    }

    fn with(mut self, pattern: &str, optimizer: Box<dyn Optimizer>) -> Self {
        self.optimizers.insert(self.patterns.len(), optimizer);
        self.patterns.push(pattern.to_owned());
        self.share_scale();
        self
    }

    /// [`scale_loss`](Optimizer::scale_loss) multiplies by this, and gradients are divided by it. Those of the optimizers inside do
    /// not count, as in Keras.
    pub fn loss_scale_factor(mut self, factor: f32) -> Self {
        self.state.options.loss_scale_factor = Some(factor);
        self.share_scale();
        self
    }

    fn share_scale(&mut self) {
        let factor = self.state.options.loss_scale_factor;
        self.optimizers.iter_mut().for_each(|optimizer| optimizer.state_mut().options.loss_scale_factor = factor);
    }

    /// The optimizers inside, the default one last.
    pub fn optimizers(&self) -> impl Iterator<Item = &dyn Optimizer> {
        self.optimizers.iter().map(|optimizer| &**optimizer)
    }

    /// Which optimizer each variable has.
    fn owners(&self, variables: &[Variable]) -> Result<&[usize]> {
        if let Some(owners) = self.owners.get() {
            return Ok(owners);
        }
        let fail = |text: String| Err(Error::invalid(format!("{}: {text}", self.optimizer_name())));
        if !self.state.options.is_bare() {
            return fail("options other than name and loss_scale_factor are set on the optimizers inside".into());
        }
        if self.optimizers().any(|optimizer| optimizer.as_multi().is_some() || optimizer.state().options.dynamic.is_some()) {
            return fail("neither a LossScaleOptimizer nor a MultiOptimizer can be inside".into());
        }
        let whole = |pattern: &String| {
            let fits = Regex::new(&format!("^(?:{pattern})$"));
            fits.map_err(|error| Error::invalid(format!("{}: pattern {pattern:?}: {error}", self.optimizer_name())))
        };
        let fits = self.patterns.iter().map(whole).collect::<Result<Vec<_>>>()?;
        let mut owners = Vec::with_capacity(variables.len());
        for name in variables.iter().map(Variable::name) {
            let exact = self.patterns.iter().position(|pattern| pattern == name);
            let fitting: Vec<usize> =
                (0..fits.len()).filter(|&at| exact.map_or_else(|| fits[at].is_match(name), |exact| exact == at)).collect();
            owners.push(match fitting[..] {
                [] => self.patterns.len(),
                [one] => one,
                [one, other, ..] => {
                    return fail(format!("variable {name} fits both {:?} and {:?}", self.patterns[one], self.patterns[other]));
                }
            });
        }
        for (at, pattern) in self.patterns.iter().enumerate().filter(|(at, _)| !owners.contains(at)) {
            log::warn!("{}: pattern {at}, {pattern:?}, fits no variable", self.optimizer_name());
        }
        Ok(self.owners.get_or_init(|| owners))
    }

    /// One step of each optimizer.
    pub(super) fn step(&self, gradients: Vec<Option<Tensor>>, variables: &[Variable], extras: Extras) -> Result<()> {
        self.build(variables)?;
        let owners = self.owners(variables)?;
        if owners.len() != variables.len() || gradients.len() != variables.len() {
            let text = format!("optimizer: {} gradients for {} variables, {} at first", gradients.len(), variables.len(), owners.len());
            return Err(Error::invalid(text));
        }
        let mut parts: Vec<(Vec<Option<Tensor>>, Vec<Variable>)> = vec![Default::default(); self.optimizers.len()];
        for ((gradient, variable), &owner) in gradients.into_iter().zip(variables).zip(owners) {
            parts[owner].0.push(gradient);
            parts[owner].1.push(variable.clone());
        }
        // The default optimizer of a model without variables has the rest to do.
        let last = parts.len() - 1;
        let acts = |at: usize, parts: &[(_, Vec<Variable>)]| !parts[at].1.is_empty() || (variables.is_empty() && at == last);
        let acting: Vec<usize> = (0..parts.len()).filter(|&at| acts(at, &parts)).collect();
        // All gradients are computed before the first variable changes.
        let mut also = extras.also.to_vec();
        also.extend(acting[1..].iter().flat_map(|&at| parts[at].0.iter().flatten().cloned()));
        let mut updates = extras.updates;
        for (turn, &at) in acting.iter().enumerate() {
            let (gradients, own) = std::mem::take(&mut parts[at]);
            // Updates of variables that another optimizer trains come with its step.
            let waits =
                |variable: &Variable| acting[turn + 1..].iter().any(|&at| parts[at].1.iter().any(|other| other.id() == variable.id()));
            let (later, now) = updates.into_iter().partition(|(variable, _)| waits(variable));
            updates = later;
            let optimizer = &self.optimizers[at];
            optimizer.state().apply(&optimizer.formula()?, gradients, &own, Extras { loss: extras.loss, updates: now, also: &also })?;
            also.clear();
        }
        Ok(())
    }
}

impl dyn Optimizer {
    /// One step with what belongs to it.
    pub(crate) fn step(&self, gradients: Vec<Option<Tensor>>, variables: &[Variable], extras: Extras) -> Result<()> {
        match self.as_multi() {
            Some(several) => several.step(gradients, variables, extras),
            None => self.state().apply(&self.formula()?, gradients, variables, extras),
        }
    }

    /// All that keep memory of their own.
    fn each(&self) -> Vec<&dyn Optimizer> {
        self.as_multi().map_or_else(|| vec![self], |several| several.optimizers().collect())
    }

    /// Whether it has seen its variables.
    pub(crate) fn is_built(&self) -> bool {
        self.each().into_iter().any(|optimizer| optimizer.state().is_built())
    }

    /// Reads what steps that are done (all steps where `all`) left, and fails if one was not finite.
    pub(crate) fn check(&self, all: bool) -> Result<()> {
        self.each().into_iter().try_for_each(|optimizer| optimizer.state().check(all))
    }

    /// Words in slots.
    pub(crate) fn slot_words(&self) -> usize {
        self.each().into_iter().map(|optimizer| optimizer.state().slot_words()).sum()
    }
}

impl Optimizer for MultiOptimizer {
    fn formula(&self) -> Result<Formula<'_>> {
        Err(Error::invalid(format!(
            "{}: several optimizers have no common formula; for half precision set loss_scale_factor and auto_scale_loss(false)",
            self.optimizer_name()
        )))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    fn as_multi(&self) -> Option<&MultiOptimizer> {
        Some(self)
    }

    fn build(&self, variables: &[Variable]) -> Result<()> {
        let owners = self.owners(variables)?;
        for (at, optimizer) in self.optimizers().enumerate() {
            let own: Vec<Variable> = variables.iter().zip(owners).filter(|(_, owner)| **owner == at).map(|(own, _)| own.clone()).collect();
            if !own.is_empty() {
                optimizer.build(&own)?;
            }
        }
        Ok(())
    }

    fn apply(&self, gradients: &[Option<Tensor>], variables: &[Variable]) -> Result<()> {
        self.step(gradients.to_vec(), variables, Extras::default())
    }

    fn resume(&self) -> Result<()> {
        self.optimizers().try_for_each(Optimizer::resume)
    }

    fn finalize_variable_values(&self) -> Result<()> {
        self.optimizers().try_for_each(Optimizer::finalize_variable_values)
    }

    /// That of the default optimizer.
    fn learning_rate(&self) -> f32 {
        self.optimizers[self.patterns.len()].learning_rate()
    }

    fn set_learning_rate(&self, _: f32) -> Result<()> {
        Err(Error::invalid(format!("{}: learning rates are set on each of its optimizers", self.optimizer_name())))
    }

    /// Its own count and learning rate, which stays 0; then what the optimizers inside keep, one after the other.
    fn variables(&self) -> Result<Vec<(String, Array)>> {
        let (name, steps) = (self.optimizer_name(), self.iterations()? as i64);
        let mut all = vec![
            (format!("{name}/iteration"), Array::new([steps], Shape::scalar())?),
            (format!("{name}/learning_rate"), Array::new([0f32], Shape::scalar())?),
        ];
        for optimizer in self.optimizers() {
            all.extend(optimizer.variables()?);
        }
        Ok(all)
    }

    fn set_variables(&self, values: &[Array]) -> Result<()> {
        let counts = self.optimizers().map(|optimizer| Ok(optimizer.variables()?.len())).collect::<Result<Vec<_>>>()?;
        let known = 2 + counts.iter().sum::<usize>();
        if values.len() != known {
            let text = format!("optimizer {} has {known} variables, the saved one {}; build it first", self.optimizer_name(), values.len());
            return Err(Error::data(text));
        }
        let mut rest = &values[2..];
        for (optimizer, count) in self.optimizers().zip(counts) {
            optimizer.set_variables(&rest[..count])?;
            rest = &rest[count..];
        }
        Ok(())
    }

    fn iterations(&self) -> Result<u64> {
        self.optimizers().map(Optimizer::iterations).try_fold(0, |most, steps| Ok(most.max(steps?)))
    }
}

const CLASS: Class = Class { module: "keras.optimizers", name: "MultiOptimizer", package: None };
const MAP: Class = Class { module: "keras.optimizers", name: "OptimizerMap", package: None };

impl Config for MultiOptimizer {
    fn class(&self) -> &'static Class {
        &CLASS
    }

    fn options(&self, out: &mut Options) {
        let map: Options = self.patterns.iter().zip(&self.optimizers).map(|(pattern, own)| (pattern.clone(), own.to_json())).collect();
        let mut options = Options::new();
        options.insert("default_optimizer".into(), self.optimizers[self.patterns.len()].to_json());
        options.insert("optimizer_map".into(), map.into());
        out.insert("optimizer_map".into(), Written::json(&MAP, options));
        out.insert("loss_scale_factor".into(), self.state.options.loss_scale_factor.to_json());
        out.insert("name".into(), self.state.options.name.to_json());
    }

    fn constructor(&self) -> &'static [&'static str] {
        &["optimizer_map"]
    }
}

submit! { Entry::<dyn Optimizer> { class: &CLASS, aliases: &[], read } }

fn read(fields: &mut Fields<'_>) -> Option<Box<dyn Optimizer>> {
    let (name, factor, map) = (fields.take("name"), fields.take("loss_scale_factor"), fields.required::<Json>("optimizer_map")?);
    let Some(map) = Written::of(&map).filter(|written| written.class_name == MAP.name) else {
        return fields.reader().expected("an OptimizerMap", &map);
    };
    let mut made = Fields::read(map.options, fields.reader(), |fields| {
        let (default, patterns) = (fields.required("default_optimizer"), fields.take::<Json>("optimizer_map"));
        let mut made = MultiOptimizer::of(default?);
        for (pattern, json) in patterns.as_ref().and_then(Json::as_object).into_iter().flatten() {
            let optimizer = fields.reader().at(pattern, |reader| Value::from_json(json, reader))?;
            made = made.with(pattern, optimizer);
        }
        Some(made)
    })?;
    (made.state.options.name, made.state.options.loss_scale_factor) = (name, factor);
    made.share_scale();
    Some(Box::new(made))
}
