//! Flat arenas: parameters, gradients and slots of a model each in one buffer, so that a step is one kernel.

use super::{Rule, update::Update};
use crate::lock::lock;
use crate::{
    DType, Error, ErrorKind, Result, Tensor, Variable,
    device::Device,
    graph::{Params, apply, apply_one},
    ops::{Pack, all_finite},
    plan::{self, Donation},
    tensor::Reading,
};
use smallvec::SmallVec;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard},
};

/// Words to which a parameter is aligned: 256 bytes, what a GPU binding needs.
const ALIGNMENT: usize = 64;

/// An optimizer's memory: arenas, step count, learning rate, and a flag that stops updates once a gradient was not finite.
pub struct State {
    inner: Mutex<Inner>,
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

struct Inner {
    learning_rate: f32,
    step: u64,
    arenas: Option<Arenas>,
}

struct Arenas {
    variables: Vec<Variable>,
    /// Where each variable starts, in words.
    starts: Vec<usize>,
    /// Parameters, and their views that the variables hold.
    whole: Tensor,
    parts: Vec<Tensor>,
    slots: Vec<Tensor>,
    gradients: Tensor,
    /// One word: whether a gradient or the loss was not finite since it was last cleared.
    flag: Tensor,
    flags: VecDeque<Reading>,
    warned: Vec<bool>,
}

impl State {
    pub(super) fn new(learning_rate: f32) -> Self {
        Self { inner: Mutex::new(Inner { learning_rate, step: 0, arenas: None }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    pub(super) fn step(&self) -> u64 {
        self.lock().step
    }

    pub(super) fn learning_rate(&self) -> f32 {
        self.lock().learning_rate
    }

    pub(super) fn set_learning_rate(&self, learning_rate: f32) {
        self.lock().learning_rate = learning_rate;
    }

    /// Words in slots.
    pub(crate) fn slot_words(&self) -> usize {
        let inner = self.lock();
        inner
            .arenas
            .as_ref()
            .map_or(0, |arenas| arenas.slots.len() * arenas.variables.iter().map(|variable| variable.spec().size()).sum::<usize>())
    }

    /// Lets updates through again after a gradient that was not finite.
    pub(crate) fn clear_flag(&self) -> Result<()> {
        if let Some(arenas) = &mut self.lock().arenas {
            arenas.flags.clear();
            arenas.flag = zero_flag(arenas.whole.device())?;
        }
        Ok(())
    }

    pub(super) fn build(&self, rule: Rule, variables: &[Variable]) -> Result<()> {
        let mut inner = self.lock();
        if inner.arenas.is_none() {
            inner.arenas = Some(Arenas::build(rule, variables)?);
        }
        Ok(())
    }

    /// One step.
    pub(crate) fn apply(
        &self,
        rule: Rule,
        scalars: Params,
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
        let mut inner = self.lock();
        let arenas = inner.arenas.as_mut().expect("built above");
        if arenas.variables.len() != variables.len() || arenas.variables.iter().zip(variables).any(|(a, b)| a.id() != b.id()) {
            return Err(Error::invalid("optimizer: the variables differ from those of its first step; use one optimizer for each set"));
        }
        arenas.step(rule, scalars, gradients, extras)?;
        inner.step += 1;
        Ok(())
    }

    /// Reads the flags of steps that are done (of all steps where `all`), and fails if one was not finite.
    pub(crate) fn check(&self, all: bool) -> Result<()> {
        let mut inner = self.lock();
        inner.arenas.as_mut().map_or(Ok(()), |arenas| arenas.check(all))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        write!(f, "step {}, learning rate {}", inner.step, inner.learning_rate)
    }
}

fn zero_flag(device: &Device) -> Result<Tensor> {
    Tensor::from_slice_on(device, &[0u32], [1])
}

fn zeros(device: &Device, words: usize) -> Result<Tensor> {
    device.scope(|| {
        let tensor = Tensor::zeros([words]);
        tensor.compute()?;
        Ok(tensor)
    })
}

impl Arenas {
    fn build(rule: Rule, variables: &[Variable]) -> Result<Self> {
        let mut starts = Vec::with_capacity(variables.len());
        let mut size = 0;
        for variable in variables {
            if variable.spec().dtype != DType::F32 {
                return Err(Error::dtype(format!(
                    "optimizer: variable {} is {}, only float32 can be trained",
                    variable.name(),
                    variable.spec()
                )));
            }
            starts.push(size);
            size += variable.spec().size().next_multiple_of(ALIGNMENT);
        }
        let device = variables[0].device().clone();
        let base = zeros(&device, size)?;
        let values: Vec<Tensor> = variables.iter().map(Variable::value).collect();
        let whole = pack(&base, &starts, &values)?;
        whole.compute()?;
        let slots = rule.slots.iter().map(|_| zeros(&device, size)).collect::<Result<_>>()?;
        let mut arenas = Self {
            starts,
            whole,
            parts: Vec::new(),
            slots,
            gradients: zeros(&device, size)?,
            flag: zero_flag(&device)?,
            flags: VecDeque::new(),
            warned: vec![false; variables.len()],
            variables: variables.to_vec(),
        };
        arenas.hand_out();
        Ok(arenas)
    }

    /// Makes views of the parameter arena the variables' current versions.
    fn hand_out(&mut self) {
        self.parts = self
            .variables
            .iter()
            .zip(&self.starts)
            .map(|(variable, &start)| {
                let spec = variable.spec().clone();
                let range = start..start + spec.size();
                let part = self.whole.leaf_view(spec, range, Some(variable.id()));
                variable.set(part.clone());
                part
            })
            .collect();
    }

    /// Takes in what was assigned to variables since the last step.
    fn take_assigned(&mut self) -> Result<()> {
        let changed: Vec<usize> = (0..self.variables.len()).filter(|&at| !self.variables[at].value().is_same(&self.parts[at])).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let starts: Vec<usize> = changed.iter().map(|&at| self.starts[at]).collect();
        let values: Vec<Tensor> = changed.iter().map(|&at| self.variables[at].value()).collect();
        self.whole = pack(&self.whole, &starts, &values)?;
        self.whole.compute()?;
        self.hand_out();
        Ok(())
    }

    fn step(&mut self, rule: Rule, scalars: Params, gradients: Vec<Option<Tensor>>, extras: Extras) -> Result<()> {
        self.check(false)?;
        self.take_assigned()?;
        let mut packed = Vec::with_capacity(gradients.len());
        for (at, gradient) in gradients.into_iter().enumerate() {
            let variable = &self.variables[at];
            match gradient {
                Some(gradient) if gradient.shape() == &variable.spec().shape => packed.push(gradient),
                Some(gradient) => {
                    let (name, shape) = (variable.name(), &variable.spec().shape);
                    return Err(Error::shape(format!("optimizer: variable {name} has shape {shape}, its gradient {}", gradient.shape())));
                }
                None => {
                    if !std::mem::replace(&mut self.warned[at], true) {
                        log::warn!("variable {} gets no gradient: the loss does not depend on it", variable.name());
                    }
                    packed.push(self.parts[at].zeros_like());
                }
            }
        }
        let gradients = pack(&self.gradients, &self.starts, &packed)?;
        drop(packed);
        let flag = all_finite(&self.flag, extras.loss, &gradients)?;
        let mut inputs: SmallVec<[&Tensor; 5]> = SmallVec::from_iter([&self.whole]);
        inputs.extend(&self.slots);
        inputs.extend([&gradients, &flag]);
        let updated = apply(Update { rule, scalars }, &inputs)?;
        drop(inputs);
        drop(gradients); // only the update looks at them

        let mut roots: Vec<Tensor> = updated.to_vec();
        roots.push(flag.clone());
        roots.extend_from_slice(extras.also);
        let bad = flag.cast(DType::Bool);
        for (variable, value) in extras.updates {
            variable.assign(&Tensor::where_(&bad, &variable.value(), &value))?;
        }
        drop(bad);
        let mut donations = vec![Donation { whole: &self.whole, parts: &self.parts }, Donation { whole: &self.gradients, parts: &[] }];
        donations.extend(self.slots.iter().map(|slot| Donation { whole: slot, parts: &[] }));
        plan::flush_donating(&roots, &donations)?;
        drop((roots, donations));
        // Leaves of their own: one node for all three would hold each other's buffers.
        let mut leaves = updated.iter().map(|tensor| tensor.leaf_view(tensor.spec().clone(), 0..tensor.size(), None));
        self.whole = leaves.next().expect("the update returns the parameters first");
        self.slots = leaves.collect();
        self.hand_out();
        self.flags.push_back(flag.read_later()?);
        self.flag = flag;
        Ok(())
    }

    /// Flags that are there, or all of them; a GPU may be three steps behind.
    fn check(&mut self, all: bool) -> Result<()> {
        while let Some(reading) = self.flags.front() {
            if !all && !reading.ready() && self.flags.len() <= 3 {
                break;
            }
            let bad = self.flags.pop_front().expect("front() saw it").wait()?[0] != 0;
            if bad {
                self.flags.clear();
                return Err(Error::new(ErrorKind::NonFinite, "a gradient was not finite; the variables are those from before that step"));
            }
        }
        Ok(())
    }
}

fn pack(base: &Tensor, starts: &[usize], values: &[Tensor]) -> Result<Tensor> {
    let inputs: Vec<&Tensor> = std::iter::once(base).chain(values).collect();
    apply_one(Pack { starts: starts.to_vec() }, &inputs)
}
