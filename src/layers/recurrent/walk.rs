//! The walk over the steps of a sequence, the same for all recurrent layers.

use super::WalkOptions;
use crate::{
    DType, Error, Index, Result, Shape, Tensor, Variable,
    layers::{Call, Inputs, LayerRef, Outputs, Weight},
    lock::lock,
};
use std::sync::Mutex;

/// What makes a layer the cell of a recurrent layer. Its call takes the inputs of one step `(N, ...)` and the states before it, and
/// gives the step's output and the states after it.
pub trait Cell {
    /// The shapes of its states for inputs of one step.
    ///
    /// # Errors
    /// When it takes no such inputs.
    fn state_shapes(&self, input: &Shape) -> Result<Vec<Shape>>;

    /// All steps at once, for cells that have a kernel for it. Nothing where steps are to be called one by one.
    ///
    /// # Errors
    /// As a call.
    fn walk(&self, _call: &mut Call, _steps: &Steps) -> Result<Option<Walked>> {
        Ok(None)
    }
}

/// What a walk gives.
#[derive(Clone, Debug)]
pub struct Walked {
    /// The outputs of all steps, `(T, N, ...)`; at a masked step that of the step before.
    pub outputs: Tensor,
    /// The states after the last step.
    pub states: Vec<Tensor>,
}

/// What a cell walks over.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// The inputs, `(T, N, ...)`.
    pub x: &'a Tensor,
    /// The states before the first step, `(N, ...)` each.
    pub states: &'a [Tensor],
    /// Where steps count, bool `(T, N)`: at all others the states stay.
    pub mask: Option<&'a Tensor>,
}

/// The states that a stateful layer keeps from batch to batch. A clone has none.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Vec<(Weight, Tensor)>>);

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Kept {
    /// The states, which start with zeros. Another batch size starts anew, as long as nothing was kept yet.
    fn states(&self, shapes: &[Shape], like: &Tensor) -> Result<Vec<Weight>> {
        let mut kept = lock(&self.0);
        let fits =
            kept.len() == shapes.len() && kept.iter().zip(shapes).all(|((weight, _), shape)| weight.variable().spec().shape == *shape);
        let unused = |(weight, start): &(Weight, Tensor)| weight.variable().value().is_same(start);
        if !fits && !kept.iter().all(unused) {
            let (before, now) = (&kept[0].0.variable().spec().shape, &shapes[0]);
            return Err(Error::shape(format!(
                "a stateful layer keeps states of shape {before}, this batch needs {now}: batches have one size; use reset_state first"
            )));
        }
        if !fits {
            let state = |shape: &Shape| {
                let variable = Variable::new("rnn_state", Tensor::zeros(shape.clone()).to_device(like.device())?);
                let start = variable.value();
                Ok((Weight::state(variable, like.dtype()), start))
            };
            *kept = shapes.iter().map(state).collect::<Result<_>>()?;
        }
        Ok(kept.iter().map(|(weight, _)| weight.same()).collect())
    }

    /// Forgets them.
    pub fn reset(&self) {
        lock(&self.0).clear();
    }
}

/// `t` where the mask of samples says so, else `other`.
fn choose(mask: Option<&Tensor>, t: &Tensor, other: &Tensor) -> Tensor {
    let Some(mask) = mask else { return t.clone() };
    let mut shape = mask.shape().clone();
    (mask.rank()..t.rank()).for_each(|_| shape.push(1));
    Tensor::where_(&mask.reshape(shape), t, other)
}

/// Step `at` of a tensor of steps.
fn step(t: &Tensor, at: isize) -> Tensor {
    t.at(&[Index::At(at)])
}

impl WalkOptions {
    /// The call of a recurrent layer.
    pub(super) fn call(&self, call: &mut Call, inputs: &Inputs, cell: &LayerRef, kept: &Kept) -> Result<Outputs> {
        let Some((x, states)) = inputs.tensors().split_first() else { return Err(Error::invalid("expected an input, got none")) };
        let &[samples, count, _, ..] = &x.shape()[..] else {
            return Err(Error::shape(format!("expected (N, T, ...), got {}; add an axis for the features", x.shape())));
        };
        if count == 0 {
            return Err(Error::shape(format!("expected at least one step, got {}", x.shape())));
        }
        let mask = inputs.mask(0);
        if let Some(mask) = mask.filter(|mask| mask.shape()[..] != [samples, count]) {
            return Err(Error::shape(format!(
                "the mask has shape {}, expected ({samples}, {count}): one flag for each step",
                mask.shape()
            )));
        }
        let in_time = |t: &Tensor| {
            let t = t.swap_axes(0, 1);
            if self.go_backwards { t.flip(&[0]) } else { t }
        };
        let (x, mask_in_time) = (in_time(x), mask.map(in_time));
        let first = step(&x, 0);
        let shapes = state_shapes(cell, first.shape())?;
        let given = if states.is_empty() { inputs.list("initial_state")? } else { states };
        let kept = if self.stateful { kept.states(&shapes, &x)? } else { Vec::new() };
        let initial: Vec<Tensor> = match given {
            [] if self.stateful => kept.iter().map(Weight::value).collect(),
            [] => shapes.iter().map(|shape| Tensor::zeros(shape.clone()).cast(x.dtype())).collect(),
            given => check(given, &shapes)?.to_vec(),
        };
        let arguments = |x: &Tensor, states: &[Tensor]| Inputs::new([x].into_iter().chain(states));
        if !cell.is_built() {
            cell.call_all(call, &arguments(&first, &initial))?;
        }
        let steps = Steps { x: &x, states: &initial, mask: mask_in_time.as_ref() };
        let Walked { outputs, states: last } = match walk(cell, call, &steps)? {
            Some(walked) => {
                let from_zeros = given.is_empty() && !self.stateful;
                Walked { outputs: self.masked(walked.outputs, steps.mask, from_zeros), ..walked }
            }
            None => self.step_by_step(call, cell, &steps)?,
        };
        for (weight, state) in kept.iter().zip(&last) {
            call.update(weight, state.cast(DType::F32));
        }
        let output = if self.return_sequences { outputs.swap_axes(0, 1) } else { step(&outputs, -1) };
        let states = if self.return_state { last } else { Vec::new() };
        let mask = mask.filter(|_| self.return_sequences).cloned();
        Ok(Outputs::new([output].into_iter().chain(states)).with_mask(mask))
    }

    /// The outputs of all steps, where the state stands at masked steps: zeros there, or until the first step that counts.
    fn masked(&self, outputs: Tensor, mask: Option<&Tensor>, from_zeros: bool) -> Tensor {
        let Some(mask) = mask.filter(|_| self.zero_output_for_mask || !from_zeros) else { return outputs };
        let begun = if self.zero_output_for_mask { mask.clone() } else { mask.cast(DType::F32).cumsum(0).greater(0.0) };
        choose(Some(&begun), &outputs, &outputs.zeros_like())
    }

    /// A call of the cell for each step.
    fn step_by_step(&self, call: &mut Call, cell: &LayerRef, steps: &Steps) -> Result<Walked> {
        let mut states = steps.states.to_vec();
        let mut outputs: Vec<Tensor> = Vec::new();
        for at in 0..steps.x.shape()[0] as isize {
            let x = step(steps.x, at);
            let new = cell.call_all(call, &Inputs::new([&x].into_iter().chain(&states)))?;
            let Some((output, new)) = new.tensors().split_first().filter(|(_, new)| new.len() == states.len()) else {
                let (found, expected) = (new.tensors().len(), states.len() + 1);
                return Err(Error::invalid(format!("a cell gives its output and its states, {expected} tensors; got {found}")));
            };
            let mask = steps.mask.map(|mask| step(mask, at));
            let before = match outputs.last() {
                Some(before) if !self.zero_output_for_mask => before.clone(),
                _ => output.zeros_like(),
            };
            outputs.push(choose(mask.as_ref(), output, &before));
            states = new.iter().zip(&states).map(|(new, old)| choose(mask.as_ref(), new, old)).collect();
        }
        Ok(Walked { outputs: Tensor::stack(&outputs.iter().collect::<Vec<_>>(), 0), states })
    }
}

/// All steps at once, if the cell can: in the place where its call would be.
pub(super) fn walk(cell: &LayerRef, call: &mut Call, steps: &Steps) -> Result<Option<Walked>> {
    call.inside(cell.layer_name(), !cell.is_trainable(), None, |call| {
        cell.with_cell(|cell| cell.walk(call, steps)).transpose().map(Option::flatten)
    })
}

/// The shapes of a cell's states for inputs of one step.
pub(super) fn state_shapes(cell: &LayerRef, input: &Shape) -> Result<Vec<Shape>> {
    let refuse = || Err(Error::invalid(format!("{} is no cell of a recurrent layer", cell.class_name())));
    cell.with_cell(|cell| cell.state_shapes(input)).unwrap_or_else(refuse)
}

/// The cell of a layer that is built.
pub(super) fn built(cell: &Option<LayerRef>) -> &LayerRef {
    cell.as_ref().expect("a layer is built before it is called")
}

/// That states have these shapes.
fn check<'a>(states: &'a [Tensor], shapes: &[Shape]) -> Result<&'a [Tensor]> {
    if states.iter().map(Tensor::shape).eq(shapes) {
        return Ok(states);
    }
    let list = |shapes: Vec<String>| shapes.join(", ");
    let found = list(states.iter().map(|state| state.shape().to_string()).collect());
    Err(Error::shape(format!("initial states have shapes {found}; expected {}", list(shapes.iter().map(Shape::to_string).collect()))))
}
