//! One step: gradients into their arena, a look at them, the update, and what belongs to it.

use super::{
    Formula, PerVariable, Rule,
    arena::{Arenas, leaf, pack},
    clock::Clock,
    control::{Control, Settings},
    gate,
    inspect::Inspect,
    options::Options,
    per_variable::Moving,
    state::Extras,
    update::{CHANGED, Part, Update},
};
use crate::{
    DType, Error, Result, Shape, Tensor, Variable,
    graph::{apply, apply_one},
    plan::{self, Donation, Keeper, Loan},
};
use smallvec::SmallVec;
use std::sync::{Arc, Mutex};

/// What a step is made with.
pub(super) struct Step<'a> {
    pub formula: &'a Formula<'a>,
    pub options: &'a Options,
    pub clock: &'a Arc<Clock>,
    pub keeper: Arc<Mutex<Option<Arenas>>>,
}

/// What a step leaves: parameters, control, slots.
type Updated = (Tensor, Tensor, Vec<Tensor>);

impl Step<'_> {
    pub fn run(&self, arenas: &mut Arenas, gradients: Vec<Option<Tensor>>, extras: Extras) -> Result<()> {
        arenas.check(false)?;
        // What a layer asks for a variable that is trained comes before the step, as in Keras. No replay knows that.
        let is_own = |variable: &Variable| arenas.variables.iter().any(|own| own.id() == variable.id());
        let (first, updates): (Vec<_>, Vec<_>) = extras.updates.into_iter().partition(|(variable, _)| is_own(variable));
        let assign = |(variable, value): &(Variable, Tensor)| value.compute().and_then(|()| variable.assign(value));
        plan::unrecorded(|| first.iter().try_for_each(assign))?;
        drop(first);
        arenas.take_assigned()?;
        arenas.set_idle(self.options, gradients.iter().map(Option::is_none).collect())?;
        arenas.warn_idle();
        let gradients = self.gradients(arenas, gradients)?;
        let settings = self.options.settings();
        // A dynamic scale looks at gradients alone, as in Keras.
        let loss = extras.loss.filter(|_| settings.growth == 0);
        let accumulator = if self.options.accumulates() { arenas.slots.last() } else { None };
        let inspect = Inspect { settings, loss: loss.is_some(), accumulator: accumulator.is_some() };
        let inputs = [&gradients, &arenas.control, &arenas.chunks].into_iter().chain(loss).chain(accumulator);
        let report = apply_one(inspect, &inputs.collect::<SmallVec<[&Tensor; 5]>>())?;
        let (whole, control, slots) = match self.formula.per_variable {
            None => self.fused(arenas, &gradients, &report)?,
            Some(formula) => self.per_variable(arenas, formula, &gradients, &report)?,
        };
        drop((gradients, report)); // only the update looks at them
        let whole = constrain(arenas, whole, &control)?;
        gate::assign_unless_skipped(&control, updates)?;

        let mut roots: Vec<Tensor> = [&whole, &control].into_iter().chain(&slots).cloned().collect();
        roots.extend_from_slice(extras.also);
        let (donations, kept): (Vec<Donation>, Vec<&Tensor>) = (arenas.donations().collect(), arenas.kept().collect());
        plan::flush_lending(&roots, &Loan { donations: &donations, keeper: Some(self.keeper.clone() as Arc<dyn Keeper>), kept: &kept })?;
        drop((roots, kept, donations));
        (arenas.whole, arenas.control) = (leaf(&whole), leaf(&control));
        arenas.slots = slots.iter().map(leaf).collect();
        arenas.hand_out();
        arenas.look_later()
    }

    /// The gradients in their arena.
    fn gradients(&self, arenas: &Arenas, gradients: Vec<Option<Tensor>>) -> Result<Tensor> {
        let (mut starts, mut packed) = (Vec::with_capacity(gradients.len()), Vec::with_capacity(gradients.len()));
        for ((gradient, variable), &start) in gradients.into_iter().zip(&arenas.variables).zip(&arenas.starts) {
            let Some(gradient) = gradient else { continue };
            let shape = &variable.spec().shape;
            if gradient.shape() != shape {
                let (name, found) = (variable.name(), gradient.shape());
                return Err(Error::shape(format!("optimizer: variable {name} has shape {shape}, its gradient {found}")));
            }
            starts.push(start);
            packed.push(gradient);
        }
        pack(&arenas.gradients, &starts, &packed)
    }

    /// The update's op.
    fn update(&self, rule: Rule, part: Part) -> Update {
        let (average, accumulator) = (self.options.use_ema && !part.is_first(), self.options.accumulates() && part != Part::Last);
        let mut settings = self.options.settings();
        if part == Part::Last {
            settings = Settings { decay: 0.0, clip_norm: 0.0, clip_value: f32::MAX, ..settings };
        } else if self.formula.per_variable.is_some_and(PerVariable::decays_itself) {
            settings.decay = 0.0;
        }
        Update { rule, settings, scalars: self.formula.scalars.clone(), clock: self.clock.clone(), average, accumulator, part }
    }

    /// All in one kernel.
    fn fused(&self, arenas: &Arenas, gradients: &Tensor, report: &Tensor) -> Result<Updated> {
        let inputs = [&arenas.whole, &arenas.control].into_iter().chain(&arenas.slots).chain([gradients, report, &arenas.chunks]);
        let updated = apply(self.update(self.formula.rule, Part::Whole), &inputs.collect::<SmallVec<[&Tensor; 10]>>())?;
        Ok((updated[0].clone(), updated[1].clone(), updated[2..].to_vec()))
    }

    /// A kernel that makes effective gradients and decays parameters, the formula in tensor ops for each variable, and a kernel that
    /// takes in the new parameters. Slots pass through the first one, so that old values are read before new ones are written.
    fn per_variable(&self, arenas: &Arenas, formula: &dyn PerVariable, gradients: &Tensor, report: &Tensor) -> Result<Updated> {
        let own = arenas.own_slots;
        let accumulator = if self.options.accumulates() { arenas.slots.last() } else { None };
        let passed = &arenas.slots[..=own];
        let inputs = std::iter::once(&arenas.whole).chain(passed).chain(accumulator).chain([gradients, report, &arenas.chunks]);
        let rule = Rule { at_step: self.formula.rule.at_step, ..Rule::EFFECTIVE };
        let first = apply(self.update(rule, Part::First { passed: own }), &inputs.collect::<SmallVec<[&Tensor; 10]>>())?;
        let (whole, effective, told) = (&first[0], &first[1 + own], &first[first.len() - 1]);
        let changed = told.at(&[CHANGED.into()]).cast(DType::Bool);
        let mut parameters = Values::default();
        let mut slots: Vec<Values> = (0..own).map(|_| Values::default()).collect();
        for (at, variable) in arenas.variables.iter().enumerate().filter(|(at, _)| !arenas.idle[*at]) {
            let (start, shape) = (arenas.starts[at], &variable.spec().shape);
            let shapes: Vec<Option<Shape>> = (0..own).map(|slot| formula.slot_shape(slot, variable)).collect();
            let old = (0..own).zip(&shapes).filter_map(|(slot, shape)| Some(view(&first[1 + slot], start, shape.as_ref()?)));
            let moving = Moving {
                variable,
                parameter: view(whole, start, shape),
                gradient: view(effective, start, shape),
                slots: old.collect(),
                decays: self.options.decays(variable),
                told: told.clone(),
            };
            let mut new = formula.step(&moving)?.into_iter();
            let parameter = new.next().ok_or_else(|| Error::invalid("a formula gives the new parameter first"))?;
            parameters.push(start, parameter);
            let present = (0..own).filter(|&slot| shapes[slot].is_some());
            for ((slot, old), new) in present.zip(&moving.slots).zip(new) {
                slots[slot].push(start, Tensor::where_(&changed, &new, old));
            }
        }
        let parameters = parameters.pack(effective)?;
        let average = self.options.use_ema.then(|| &arenas.slots[own + 1]);
        let inputs = [whole, &arenas.control].into_iter().chain(average).chain([&parameters, report, &arenas.chunks]);
        let last = apply(self.update(Rule::ASSIGN, Part::Last), &inputs.collect::<SmallVec<[&Tensor; 6]>>())?;
        let mut all = slots.iter().enumerate().map(|(slot, values)| values.pack(&first[1 + slot])).collect::<Result<Vec<_>>>()?;
        all.push(parameters);
        all.extend(average.map(|_| last[2].clone()));
        all.extend(accumulator.map(|_| first[2 + own].clone()));
        Ok((last[0].clone(), last[1].clone(), all))
    }
}

/// Values on their way into an arena.
#[derive(Default)]
struct Values {
    starts: Vec<usize>,
    values: Vec<Tensor>,
}

impl Values {
    fn push(&mut self, start: usize, value: Tensor) {
        self.starts.push(start);
        self.values.push(value);
    }

    fn pack(&self, arena: &Tensor) -> Result<Tensor> {
        pack(arena, &self.starts, &self.values)
    }
}

/// What stands in an arena from `start` on.
fn view(arena: &Tensor, start: usize, shape: &Shape) -> Tensor {
    let (start, end) = (start as isize, (start + shape.size()) as isize);
    arena.at(&[(start..end).into()]).reshape(shape.clone())
}

/// Parameters with those brought back that have to obey; where a step was skipped all stay.
fn constrain(arenas: &Arenas, whole: Tensor, control: &Tensor) -> Result<Tensor> {
    let skipped = || control.at(&[Control::SKIPPED.into()]).cast(DType::Bool);
    let mut values = Values::default();
    let all = arenas.variables.iter().zip(&arenas.starts).zip(&arenas.idle);
    for ((variable, &start), _) in all.filter(|(_, idle)| !**idle) {
        if let Some(project) = variable.projection() {
            let free = view(&whole, start, &variable.spec().shape);
            let value = project(&free).map_err(|error| error.at(variable.name()))?;
            values.push(start, Tensor::where_(&skipped(), &free, &value));
        }
    }
    if values.starts.is_empty() { Ok(whole) } else { values.pack(&whole) }
}
