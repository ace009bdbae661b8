//! An optimizer's memory as its owner sees it: learning rate, options, and the arenas once there are variables.

use super::{Formula, arena::Arenas, clock::Clock, options::Options, step::Step};
use crate::{
    Error, Result, Tensor, Variable,
    config::{self, Fields, Flatten},
    lock::lock,
    plan,
    schedules::{LearningRate, Schedule},
};
use std::{
    fmt,
    sync::{Arc, Mutex},
};

/// Learning rate, options and arenas of an optimizer. What a step leaves for the next lies on the device: nothing in a
/// step's graph but learning rate and numbers of the step depends on how many there were.
pub struct State {
    pub(super) clock: Arc<Clock>,
    pub(super) options: Options,
    arenas: Arc<Mutex<Option<Arenas>>>,
}

/// What a step brings beside gradients.
#[derive(Default)]
pub(crate) struct Extras<'a> {
    /// Checked for finiteness as the gradients are.
    pub loss: Option<&'a Tensor>,
    /// Moving statistics and the like: changed only where all is finite, as the parameters are.
    pub updates: Vec<(Variable, Tensor)>,
    /// Computed with the step.
    pub also: &'a [Tensor],
}

/// The memory of an optimizer that has not seen its variables.
impl From<LearningRate> for State {
    fn from(rate: LearningRate) -> Self {
        Self { clock: Arc::new(Clock::new(rate)), options: Options::default(), arenas: Arc::default() }
    }
}

impl From<f32> for State {
    fn from(rate: f32) -> Self {
        LearningRate::Number(rate).into()
    }
}

impl<S: Schedule> From<S> for State {
    fn from(schedule: S) -> Self {
        LearningRate::from(schedule).into()
    }
}

/// Keras' learning rate for most.
impl Default for State {
    fn default() -> Self {
        0.001.into()
    }
}

impl Flatten for State {
    fn write(&self, out: &mut config::Options) {
        self.options.write(&self.clock.rate(), out);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Self::default().read_over(fields)
    }

    fn read_over(mut self, fields: &mut Fields<'_>) -> Option<Self> {
        if let Some(rate) = fields.take("learning_rate") {
            self.clock.set_rate(rate);
        }
        self.options.read(fields);
        Some(self)
    }
}

impl State {
    /// The same with a weight decay, for optimizers whose default it is.
    pub fn with_weight_decay(mut self, decay: f32) -> Self {
        self.options.weight_decay = Some(decay);
        self
    }

    /// The weight decay that is set.
    pub fn weight_decay(&self) -> Option<f32> {
        self.options.weight_decay
    }

    /// Words in slots.
    pub(crate) fn slot_words(&self) -> usize {
        lock(&self.arenas).as_ref().map_or(0, Arenas::slot_words)
    }

    /// Runs `body` on the arenas, if there are any.
    /// Whether it has taken variables into its arenas.
    pub(crate) fn is_built(&self) -> bool {
        lock(&self.arenas).is_some()
    }

    pub(super) fn with<T>(&self, body: impl FnOnce(&mut Arenas) -> Result<T>) -> Result<Option<T>> {
        lock(&self.arenas).as_mut().map(body).transpose()
    }

    pub(super) fn scale_loss(&self, loss: &Tensor) -> Tensor {
        match (self.options.dynamic, self.options.loss_scale_factor) {
            (Some((initial, _)), _) => match lock(&self.arenas).as_ref() {
                Some(arenas) => loss * arenas.scale(),
                None => loss * initial,
            },
            (None, Some(factor)) => loss * factor,
            (None, None) => loss.clone(),
        }
    }

    pub(super) fn build(&self, formula: &Formula, variables: &[Variable]) -> Result<()> {
        let mut arenas = lock(&self.arenas);
        if arenas.is_none() {
            self.options.check()?;
            if let LearningRate::Schedule(schedule) = self.clock.rate() {
                schedule.check()?;
            }
            *arenas = Some(plan::unrecorded(|| Arenas::build(formula, &self.options, &self.clock, variables))?);
        }
        Ok(())
    }

    /// One step.
    pub(crate) fn apply(&self, formula: &Formula, gradients: Vec<Option<Tensor>>, variables: &[Variable], extras: Extras) -> Result<()> {
        if gradients.len() != variables.len() {
            return Err(Error::invalid(format!("optimizer: {} gradients for {} variables", gradients.len(), variables.len())));
        }
        if variables.is_empty() {
            extras.updates.iter().try_for_each(|(variable, value)| variable.assign(value))?;
            return plan::flush(extras.also);
        }
        self.build(formula, variables)?;
        let step = Step { formula, options: &self.options, clock: &self.clock, keeper: self.arenas.clone() };
        self.with(|arenas| arenas.check_variables(variables).and_then(|()| step.run(arenas, gradients, extras))).map(|_| ())
    }

    /// Reads what steps that are done (all steps where `all`) left, and fails if one was not finite.
    pub(crate) fn check(&self, all: bool) -> Result<()> {
        self.with(|arenas| arenas.check(all)).map(|_| ())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}", self.clock.rate(), self.options)
    }
}
