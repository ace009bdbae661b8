//! Flat arenas: parameters, gradients and slots of a model each in one buffer, so that a step is one kernel.

use super::{
    Formula, Start,
    chunks::{Chunk, DECAYS, IDLE},
    clock::{BEHIND, Clock},
    control::Control,
    options::Options,
};
use crate::{
    DType, Error, ErrorKind, Result, Tensor, Variable,
    device::{Device, Value},
    graph::apply_one,
    lock::lock,
    ops::Pack,
    plan::{self, Donation, Keeper, Loan},
    shape::Spec,
    tensor::Reading,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

/// Words to which a parameter is aligned: 256 bytes, what a GPU binding needs.
const ALIGNMENT: usize = 64;

pub(super) struct Arenas {
    pub variables: Vec<Variable>,
    /// Where each variable starts, in words.
    pub starts: Vec<usize>,
    /// Parameters, and their views that the variables hold.
    pub whole: Tensor,
    parts: Vec<Tensor>,
    /// The rule's slots; effective gradients where a formula looks at whole variables; the average and the accumulator where there
    /// are any.
    pub slots: Vec<Tensor>,
    /// How many slots are the rule's own.
    pub own_slots: usize,
    /// Whether effective gradients come next.
    pub per_variable: bool,
    /// Whether a bad step is part of the course of things.
    dynamic: bool,
    clock: Arc<Clock>,
    pub gradients: Tensor,
    /// The words of a [`Control`].
    pub control: Tensor,
    /// What steps left in the control, on its way to the host.
    readings: VecDeque<Reading>,
    /// The words of all [chunks](Chunk), and which variables have no gradient in them.
    pub chunks: Tensor,
    pub idle: Vec<bool>,
    warned: Vec<bool>,
}

/// A leaf of its own for what `tensor` holds: one node for all outputs of a step would hold each other's buffers.
pub(super) fn leaf(tensor: &Tensor) -> Tensor {
    tensor.leaf_view(tensor.spec().clone(), 0..tensor.size(), None)
}

fn control(device: &Device, control: Control) -> Result<Tensor> {
    Tensor::from_words(device, bytemuck::cast_slice(&[control]), Spec::new(DType::F32, [Control::WORDS]))
}

impl Arenas {
    pub fn build(formula: &Formula, options: &Options, clock: &Arc<Clock>, variables: &[Variable]) -> Result<Self> {
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
        let base = Tensor::zeros_on(&device, [size])?;
        let values: Vec<Tensor> = variables.iter().map(Variable::value).collect();
        let packed = pack(&base, &starts, &values)?;
        let donations = [Donation { whole: &base, parts: &[] }];
        plan::flush_lending(std::slice::from_ref(&packed), &Loan { donations: &donations, ..Loan::default() })?;
        let whole = leaf(&packed);
        let own_slots = formula.rule.slots().count();
        let per_variable = formula.per_variable.is_some();
        let start = |slot: usize| match formula.start(slot) {
            Start::Value(value) => Tensor::from_slice_on(&device, &vec![value; size], [size]),
            Start::Parameters => {
                let copy = pack(&Tensor::zeros_on(&device, [size])?, &starts, &values)?;
                copy.compute()?;
                Ok(leaf(&copy))
            }
        };
        let more = usize::from(per_variable) + usize::from(options.use_ema) + usize::from(options.accumulates());
        let slots = (0..own_slots).map(start).chain((0..more).map(|_| Tensor::zeros_on(&device, [size]))).collect::<Result<_>>()?;
        let mut arenas = Self {
            starts,
            whole,
            parts: Vec::new(),
            slots,
            own_slots,
            per_variable,
            clock: clock.clone(),
            dynamic: options.dynamic.is_some(),
            gradients: Tensor::zeros_on(&device, [size])?,
            control: control(&device, Control::new(options.first_scale()))?,
            readings: VecDeque::new(),
            chunks: Tensor::zeros_on(&device, [0])?,
            idle: Vec::new(),
            warned: vec![false; variables.len()],
            variables: variables.to_vec(),
        };
        clock.set_calls(0);
        arenas.set_idle(options, vec![false; variables.len()])?;
        arenas.hand_out();
        Ok(arenas)
    }

    /// What a step overwrites, if nobody else looks at it.
    pub fn donations(&self) -> impl Iterator<Item = Donation<'_>> {
        let alone = self.kept().skip(1).map(|whole| Donation { whole, parts: &[] });
        std::iter::once(Donation { whole: &self.whole, parts: &self.parts }).chain(alone)
    }

    /// What a step finds here and leaves here, but for gradients in the same places.
    pub fn kept(&self) -> impl Iterator<Item = &Tensor> {
        [&self.whole, &self.control, &self.gradients].into_iter().chain(&self.slots)
    }

    /// Makes views of the parameter arena the variables' current versions.
    pub fn hand_out(&mut self) {
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
    pub fn take_assigned(&mut self) -> Result<()> {
        let changed: Vec<usize> = (0..self.variables.len()).filter(|&at| !self.variables[at].value().is_same(&self.parts[at])).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let starts: Vec<usize> = changed.iter().map(|&at| self.starts[at]).collect();
        let values: Vec<Tensor> = changed.iter().map(|&at| self.variables[at].value()).collect();
        self.whole = pack(&self.whole, &starts, &values)?;
        plan::unrecorded(|| self.whole.compute())?;
        self.hand_out();
        Ok(())
    }

    /// Says which variables have no gradient: the cut into chunks is made again where that changes.
    pub fn set_idle(&mut self, options: &Options, idle: Vec<bool>) -> Result<()> {
        if idle == self.idle {
            return Ok(());
        }
        let flags = |variable, idle| DECAYS * u32::from(options.decays(variable)) + IDLE * u32::from(idle);
        let variables = self.variables.iter().zip(&self.starts).zip(&idle);
        let cut: Vec<_> = variables.map(|((variable, &start), &idle)| (start, variable.spec().size(), flags(variable, idle))).collect();
        let chunks = Chunk::cut(&cut);
        let spec = Spec::new(DType::U32, [chunks.len() * Chunk::WORDS]);
        self.chunks = Tensor::from_words(self.whole.device(), bytemuck::cast_slice(&chunks), spec)?;
        self.idle = idle;
        Ok(())
    }

    pub fn check_variables(&self, variables: &[Variable]) -> Result<()> {
        if self.variables.len() != variables.len() || self.variables.iter().zip(variables).any(|(a, b)| a.id() != b.id()) {
            return Err(Error::invalid("optimizer: the variables differ from those of its first step; use one optimizer for each set"));
        }
        Ok(())
    }

    /// Words of slots, without padding.
    pub fn slot_words(&self) -> usize {
        (self.slots.len() - usize::from(self.per_variable)) * self.variables.iter().map(|variable| variable.spec().size()).sum::<usize>()
    }

    /// The dynamic loss scale.
    pub fn scale(&self) -> Tensor {
        self.control.at(&[Control::SCALE.into()])
    }

    /// What the last step left; waits for it.
    pub fn control(&self) -> Result<Control> {
        Ok(bytemuck::pod_read_unaligned(bytemuck::cast_slice(&self.control.to_words()?)))
    }

    pub fn set_control(&mut self, value: Control) -> Result<()> {
        self.readings.clear();
        self.clock.set_calls(value.iterations);
        self.control = control(self.whole.device(), value)?;
        Ok(())
    }

    /// Makes the averages the parameters, where there are any.
    pub fn finalize(&mut self, options: &Options) -> Result<()> {
        if options.use_ema {
            self.take_assigned()?;
            let average = self.slots[self.own_slots + usize::from(self.per_variable)].clone();
            self.whole = pack(&self.whole, &[0], &[average])?;
            plan::unrecorded(|| self.whole.compute())?;
            self.hand_out();
        }
        Ok(())
    }

    /// Says once of each variable that it has no gradient.
    pub fn warn_idle(&mut self) {
        for ((variable, &idle), warned) in self.variables.iter().zip(&self.idle).zip(&mut self.warned) {
            if idle && !std::mem::replace(warned, true) {
                log::warn!("variable {} gets no gradient: the loss does not depend on it", variable.name());
            }
        }
    }

    /// Begins to read what the step left.
    pub fn look_later(&mut self) -> Result<()> {
        self.clock.set_calls(self.clock.calls() + 1);
        self.readings.push_back(plan::unrecorded(|| self.control.read_later())?);
        Ok(())
    }

    /// Looks at what has arrived, or waits for all of it; a GPU may be three steps behind.
    pub fn check(&mut self, all: bool) -> Result<()> {
        while let Some(reading) = self.readings.front() {
            if !all && !reading.ready() && self.readings.len() <= BEHIND {
                break;
            }
            let words = self.readings.pop_front().expect("front() saw it").wait()?;
            let left: Control = bytemuck::pod_read_unaligned(bytemuck::cast_slice(&words));
            if left.skipped != 0.0 {
                self.clock.set_calls(self.clock.calls().saturating_sub(1));
            }
            if left.skipped != 0.0 && !self.dynamic {
                self.readings.clear();
                return Err(Error::new(ErrorKind::NonFinite, "a gradient was not finite; the variables are those from before that step"));
            }
        }
        Ok(())
    }
}

impl Keeper for Mutex<Option<Arenas>> {
    fn prepare(&self) -> Result<()> {
        lock(self).as_mut().map_or(Ok(()), |arenas| arenas.check(false).and_then(|()| arenas.take_assigned()))
    }

    fn is_free(&self) -> bool {
        lock(self).iter().flat_map(Arenas::donations).all(|donation| donation.is_free())
    }

    fn value(&self, index: usize) -> Value {
        let arenas = lock(self);
        let kept = arenas.iter().flat_map(Arenas::kept).nth(index);
        kept.and_then(Tensor::value).expect("a step was recorded, and its results are computed")
    }

    fn finish(&self) -> Result<()> {
        lock(self).as_mut().map_or(Ok(()), Arenas::look_later)
    }
}

pub(super) fn pack(base: &Tensor, starts: &[usize], values: &[Tensor]) -> Result<Tensor> {
    let inputs: Vec<&Tensor> = std::iter::once(base).chain(values).collect();
    apply_one(Pack { starts: starts.to_vec() }, &inputs)
}
