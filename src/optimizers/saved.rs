//! An optimizer's state by name and order, as Keras' files hold it.

use super::{Formula, State, arena::Arenas, control::Control};
use crate::{
    Error, Result, Shape, Tensor, Variable,
    data::{Array, Values},
    schedules::LearningRate,
    shape::Spec,
};

/// A variable of an optimizer in an arena.
struct Slot {
    path: String,
    arena: usize,
    start: usize,
    shape: Shape,
}

/// All slots in Keras' order: averages, accumulators, then the rule's, group by group.
fn slots(formula: &Formula, arenas: &Arenas, averages: bool, accumulates: bool) -> Vec<Slot> {
    let variables = || arenas.variables.iter().zip(&arenas.starts);
    let slot = |variable: &Variable, name: &str, arena: usize, start: usize, shape: Shape| {
        let path = variable.name().replace('/', "_");
        let own = variable.name().rsplit('/').next().unwrap_or_default().to_owned();
        Slot { path: if name.is_empty() { own } else { format!("{path}_{name}") }, arena, start, shape }
    };
    let shape = |variable: &Variable| variable.spec().shape.clone();
    let mut all = Vec::new();
    let behind = arenas.own_slots + usize::from(arenas.per_variable);
    let shared = [(averages, "average", behind), (accumulates, "gradient_accumulator", behind + usize::from(averages))];
    for (_, name, arena) in shared.into_iter().filter(|(is_there, ..)| *is_there) {
        all.extend(variables().map(|(variable, &start)| slot(variable, name, arena, start, shape(variable))));
    }
    let mut first = 0;
    for group in formula.rule.slots {
        for (variable, &start) in variables() {
            for (at, name) in (first..).zip(*group) {
                let own = formula.per_variable.map_or(Some(shape(variable)), |formula| formula.slot_shape(at, variable));
                all.extend(own.map(|shape| slot(variable, name, at, start, shape)));
            }
        }
        first += group.len();
    }
    all
}

fn scalar(value: impl Into<Values>) -> Result<Array> {
    Array::new(value, Shape::scalar())
}

impl State {
    /// Step count, learning rate (unless that is a schedule) and slots.
    pub(super) fn variables(&self, formula: &Formula, name: &str) -> Result<Vec<(String, Array)>> {
        let control = self.with(|arenas| arenas.control())?.unwrap_or(Control::new(self.options.first_scale()));
        let mut all = vec![(format!("{name}/iteration"), scalar([i64::from(control.iterations)])?)];
        if let LearningRate::Number(rate) = self.clock.rate() {
            all.push((format!("{name}/learning_rate"), scalar([rate])?));
        }
        self.with(|arenas| {
            let mut words: Vec<Option<Vec<f32>>> = vec![None; arenas.slots.len()];
            for slot in slots(formula, arenas, self.options.use_ema, self.options.accumulates()) {
                if words[slot.arena].is_none() {
                    words[slot.arena] = Some(arenas.slots[slot.arena].to_vec()?);
                }
                let values = words[slot.arena].as_ref().map_or(&[][..], |words| &words[slot.start..slot.start + slot.shape.size()]);
                all.push((format!("{name}/{}", slot.path), Array::new(values.to_vec(), slot.shape)?));
            }
            Ok(())
        })?;
        if let Some((last, number)) = formula.last {
            let steps = u64::from(control.iterations / self.options.settings().accumulate);
            all.push((format!("{name}/{last}"), scalar([number(&formula.scalars, steps)])?));
        }
        Ok(all)
    }

    /// The way back, by order.
    pub(super) fn set_variables(&self, formula: &Formula, name: &str, values: &[Array]) -> Result<()> {
        let known = self.variables(formula, name)?;
        if known.len() != values.len() {
            return Err(Error::data(format!(
                "optimizer {name} has {} variables, the saved one {}; build it first",
                known.len(),
                values.len()
            )));
        }
        let unusable =
            |path: &str, array: &Array| Error::data(format!("{path}: {} of shape {} cannot be taken", array.dtype(), array.shape()));
        let mut read = Vec::with_capacity(values.len());
        for ((path, own), array) in known.iter().zip(values) {
            let numbers = array.floats().filter(|_| own.shape() == array.shape());
            read.push(numbers.ok_or_else(|| unusable(path, array))?);
        }
        let iterations = values[0].integers().and_then(|mut all| all.next()).and_then(|steps| u32::try_from(steps).ok());
        let iterations = iterations.ok_or_else(|| unusable(&known[0].0, &values[0]))?;
        let mut rest = read.into_iter().skip(1);
        if let LearningRate::Number(_) = self.clock.rate() {
            self.clock.set_rate(rest.next().and_then(|rate| rate.first().copied()).unwrap_or_default().into());
        }
        self.with(|arenas| {
            let mut words = arenas.slots.iter().map(|slot| slot.to_vec::<f32>()).collect::<Result<Vec<_>>>()?;
            for (slot, values) in slots(formula, arenas, self.options.use_ema, self.options.accumulates()).iter().zip(rest) {
                words[slot.arena][slot.start..slot.start + values.len()].copy_from_slice(&values);
            }
            for (slot, words) in arenas.slots.iter_mut().zip(words) {
                let spec: Spec = slot.spec().clone();
                *slot = Tensor::from_words(slot.device(), bytemuck::cast_slice(&words), spec)?;
            }
            let control = arenas.control()?;
            arenas.set_control(Control { skipped: 0.0, iterations, ..control })
        })
        .map(|_| ())
    }
}
