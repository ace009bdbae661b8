//! An optimizer's memory as its owner sees it: learning rate, options, and the arenas once there are variables.

use super::{Rule, Scalars, arena::Arenas, options::Options};
use crate::{Error, Result, Tensor, Variable, lock::lock, plan};
use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// Learning rate, options and arenas of an optimizer. What a step leaves for the next lies on the device: nothing in a
/// step's graph but the learning rate depends on how many there were.
pub struct State {
    /// The bits of the learning rate, which kernels read at each run.
    rate: Arc<AtomicU32>,
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

impl State {
    /// The memory of an optimizer that has not seen its variables.
    pub fn new(learning_rate: f32) -> Self {
        let rate = Arc::new(AtomicU32::new(learning_rate.to_bits()));
        Self { rate, options: Options::default(), arenas: Arc::default() }
    }

    pub(super) fn learning_rate(&self) -> f32 {
        f32::from_bits(self.rate.load(Ordering::Relaxed))
    }

    pub(super) fn set_learning_rate(&self, learning_rate: f32) {
        self.rate.store(learning_rate.to_bits(), Ordering::Relaxed);
    }

    /// Words in slots.
    pub(crate) fn slot_words(&self) -> usize {
        lock(&self.arenas).as_ref().map_or(0, Arenas::slot_words)
    }

    /// Runs `body` on the arenas, if there are any.
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

    pub(super) fn build(&self, rule: Rule, variables: &[Variable]) -> Result<()> {
        let mut arenas = lock(&self.arenas);
        if arenas.is_none() {
            self.options.check()?;
            *arenas = Some(plan::unrecorded(|| Arenas::build(rule, &self.options, variables))?);
        }
        Ok(())
    }

    /// One step.
    pub(crate) fn apply(
        &self,
        rule: Rule,
        scalars: Scalars,
        gradients: Vec<Option<Tensor>>,
        variables: &[Variable],
        extras: Extras,
    ) -> Result<()> {
        if gradients.len() != variables.len() {
            return Err(Error::invalid(format!("optimizer: {} gradients for {} variables", gradients.len(), variables.len())));
        }
        if variables.is_empty() {
            extras.updates.iter().try_for_each(|(variable, value)| variable.assign(value))?;
            return plan::flush(extras.also);
        }
        self.build(rule, variables)?;
        let update = |arenas: &mut Arenas| {
            arenas.check_variables(variables)?;
            let update = arenas.update(rule, &self.options, scalars, &self.rate);
            arenas.step(&self.options, update, gradients, extras, self.arenas.clone())
        };
        self.with(update).map(|_| ())
    }

    /// Reads what steps that are done (all steps where `all`) left, and fails if one was not finite.
    pub(crate) fn check(&self, all: bool) -> Result<()> {
        self.with(|arenas| arenas.check(all)).map(|_| ())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "learning rate {}, {:?}", self.learning_rate(), self.options)
    }
}
