//! Flat arenas: parameters, gradients and slots of a model each in one buffer, so that a step is one kernel.

use super::{
    Rule, Scalars,
    chunks::{Chunk, DECAYS, IDLE},
    control::Control,
    gate,
    inspect::Inspect,
    options::Options,
    state::Extras,
    update::Update,
};
use crate::{
    DType, Error, ErrorKind, Result, Tensor, Variable,
    device::{Device, Value},
    graph::{apply, apply_one},
    lock::lock,
    ops::Pack,
    plan::{self, Donation, Keeper, Loan},
    shape::Spec,
    tensor::Reading,
};
use smallvec::SmallVec;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, atomic::AtomicU32},
};

/// Words to which a parameter is aligned: 256 bytes, what a GPU binding needs.
const ALIGNMENT: usize = 64;

pub(super) struct Arenas {
    variables: Vec<Variable>,
    /// Where each variable starts, in words.
    starts: Vec<usize>,
    /// Parameters, and their views that the variables hold.
    whole: Tensor,
    parts: Vec<Tensor>,
    /// The rule's slots, then the average and the accumulator where there are any.
    slots: Vec<Tensor>,
    /// How many slots are the rule's own.
    own_slots: usize,
    /// Whether a bad step is part of the course of things.
    dynamic: bool,
    gradients: Tensor,
    /// The words of a [`Control`].
    control: Tensor,
    /// What steps left in the control, on its way to the host.
    readings: VecDeque<Reading>,
    /// The words of all [chunks](Chunk), and which variables have no gradient in them.
    chunks: Tensor,
    idle: Vec<bool>,
    warned: Vec<bool>,
}

/// A leaf of its own for what `tensor` holds: one node for all outputs of a step would hold each other's buffers.
fn leaf(tensor: &Tensor) -> Tensor {
    tensor.leaf_view(tensor.spec().clone(), 0..tensor.size(), None)
}

fn control(device: &Device, control: Control) -> Result<Tensor> {
    Tensor::from_words(device, bytemuck::cast_slice(&[control]), Spec::new(DType::F32, [Control::WORDS]))
}

impl Arenas {
    pub fn build(rule: Rule, options: &Options, variables: &[Variable]) -> Result<Self> {
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
        let slots = rule.slots.len() + usize::from(options.use_ema) + usize::from(options.accumulates());
        let mut arenas = Self {
            starts,
            whole,
            parts: Vec::new(),
            slots: (0..slots).map(|_| Tensor::zeros_on(&device, [size])).collect::<Result<_>>()?,
            own_slots: rule.slots.len(),
            dynamic: options.dynamic.is_some(),
            gradients: Tensor::zeros_on(&device, [size])?,
            control: control(&device, Control::new(options.first_scale()))?,
            readings: VecDeque::new(),
            chunks: Tensor::zeros_on(&device, [0])?,
            idle: Vec::new(),
            warned: vec![false; variables.len()],
            variables: variables.to_vec(),
        };
        arenas.set_idle(options, vec![false; variables.len()])?;
        arenas.hand_out();
        Ok(arenas)
    }

    /// What a step overwrites, if nobody else looks at it.
    fn donations(&self) -> impl Iterator<Item = Donation<'_>> {
        let alone = self.kept().skip(1).map(|whole| Donation { whole, parts: &[] });
        std::iter::once(Donation { whole: &self.whole, parts: &self.parts }).chain(alone)
    }

    /// What a step finds here and leaves here, but for gradients in the same places.
    fn kept(&self) -> impl Iterator<Item = &Tensor> {
        [&self.whole, &self.control, &self.gradients].into_iter().chain(&self.slots)
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
        plan::unrecorded(|| self.whole.compute())?;
        self.hand_out();
        Ok(())
    }

    /// Says which variables have no gradient: the cut into chunks is made again where that changes.
    fn set_idle(&mut self, options: &Options, idle: Vec<bool>) -> Result<()> {
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

    pub fn slot_words(&self) -> usize {
        self.slots.len() * self.variables.iter().map(|variable| variable.spec().size()).sum::<usize>()
    }

    /// The update's op.
    pub fn update(&self, rule: Rule, options: &Options, scalars: Scalars, rate: &Arc<AtomicU32>) -> Update {
        let (average, accumulator) = (options.use_ema, options.accumulates());
        Update { rule, settings: options.settings(), scalars, rate: rate.clone(), average, accumulator }
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
        self.control = control(self.whole.device(), value)?;
        Ok(())
    }

    /// Makes the averages the parameters, where there are any.
    pub fn finalize(&mut self, options: &Options) -> Result<()> {
        if options.use_ema {
            self.take_assigned()?;
            self.whole = pack(&self.whole, &[0], &[self.slots[self.own_slots].clone()])?;
            plan::unrecorded(|| self.whole.compute())?;
            self.hand_out();
        }
        Ok(())
    }

    pub fn step(
        &mut self,
        options: &Options,
        update: Update,
        gradients: Vec<Option<Tensor>>,
        extras: Extras,
        keeper: Arc<dyn Keeper>,
    ) -> Result<()> {
        self.check(false)?;
        self.take_assigned()?;
        self.set_idle(options, gradients.iter().map(Option::is_none).collect())?;
        let (mut starts, mut packed) = (Vec::with_capacity(gradients.len()), Vec::with_capacity(gradients.len()));
        for (at, gradient) in gradients.into_iter().enumerate() {
            let variable = &self.variables[at];
            match gradient {
                Some(gradient) if gradient.shape() == &variable.spec().shape => {
                    starts.push(self.starts[at]);
                    packed.push(gradient);
                }
                Some(gradient) => {
                    let (name, shape) = (variable.name(), &variable.spec().shape);
                    return Err(Error::shape(format!("optimizer: variable {name} has shape {shape}, its gradient {}", gradient.shape())));
                }
                None => {
                    if !std::mem::replace(&mut self.warned[at], true) {
                        log::warn!("variable {} gets no gradient: the loss does not depend on it", variable.name());
                    }
                }
            }
        }
        let gradients = pack(&self.gradients, &starts, &packed)?;
        drop(packed);
        // A dynamic scale looks at gradients alone, as in Keras.
        let loss = extras.loss.filter(|_| update.settings.growth == 0);
        let accumulator = if update.accumulator { self.slots.last() } else { None };
        let inspect = Inspect { settings: update.settings, loss: loss.is_some(), accumulator: update.accumulator };
        let inputs = [&gradients, &self.control, &self.chunks].into_iter().chain(loss).chain(accumulator);
        let report = apply_one(inspect, &inputs.collect::<SmallVec<[&Tensor; 5]>>())?;
        let inputs = [&self.whole, &self.control].into_iter().chain(&self.slots).chain([&gradients, &report, &self.chunks]);
        let updated = apply(update, &inputs.collect::<SmallVec<[&Tensor; 10]>>())?;
        drop((gradients, report)); // only the update looks at them

        let mut roots: Vec<Tensor> = updated.to_vec();
        roots.extend_from_slice(extras.also);
        gate::assign_unless_skipped(&updated[1], extras.updates)?;
        let (donations, kept): (Vec<Donation>, Vec<&Tensor>) = (self.donations().collect(), self.kept().collect());
        plan::flush_lending(&roots, &Loan { donations: &donations, keeper: Some(keeper), kept: &kept })?;
        drop((roots, kept, donations));
        let mut leaves = updated.iter().map(leaf);
        self.whole = leaves.next().expect("the update returns the parameters first");
        self.control = leaves.next().expect("then the control");
        self.slots = leaves.collect();
        self.hand_out();
        self.look_later()
    }

    /// Begins to read what the step left.
    fn look_later(&mut self) -> Result<()> {
        self.readings.push_back(plan::unrecorded(|| self.control.read_later())?);
        Ok(())
    }

    /// Looks at what has arrived, or waits for all of it; a GPU may be three steps behind.
    pub fn check(&mut self, all: bool) -> Result<()> {
        while let Some(reading) = self.readings.front() {
            if !all && !reading.ready() && self.readings.len() <= 3 {
                break;
            }
            let words = self.readings.pop_front().expect("front() saw it").wait()?;
            let left: Control = bytemuck::pod_read_unaligned(bytemuck::cast_slice(&words));
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

fn pack(base: &Tensor, starts: &[usize], values: &[Tensor]) -> Result<Tensor> {
    let inputs: Vec<&Tensor> = std::iter::once(base).chain(values).collect();
    apply_one(Pack { starts: starts.to_vec() }, &inputs)
}
