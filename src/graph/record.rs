//! `apply`, the one door through which every op enters the graph.

use super::{Expr, Node, OpRef, Tensor, layer_path, tape, watch};
use crate::{
    DType, Error, Result,
    device::Device,
    plan,
    shape::{Layout, Spec},
};
use smallvec::SmallVec;
use std::{cell::Cell, sync::Arc};

/// Beyond so many nodes recorded since the last flush, the newest one is computed: memory stays bounded.
const PENDING_LIMIT: usize = 10_000;

thread_local! {
    static PENDING: Cell<usize> = const { Cell::new(0) };
}

/// Records `op` on `inputs` and returns its outputs. Fails as the op's shape inference does, with the layer in front.
pub fn apply(op: impl Into<OpRef>, inputs: &[&Tensor]) -> Result<SmallVec<[Tensor; 1]>> {
    let device = inputs.first().map_or_else(Device::current, |first| Ok(first.device().clone()))?;
    apply_on(op.into(), inputs, device, None)
}

/// [`apply`] for an op with one output.
pub fn apply_one(op: impl Into<OpRef>, inputs: &[&Tensor]) -> Result<Tensor> {
    let mut outputs = apply(op, inputs)?;
    Ok(outputs.swap_remove(0))
}

pub(crate) fn apply_on(
    op: OpRef,
    inputs: &[&Tensor],
    device: Device,
    variable: Option<super::VariableId>,
) -> Result<SmallVec<[Tensor; 1]>> {
    let place = |error: Error| match layer_path() {
        Some(path) => error.at_layer(&path),
        None => error,
    };
    if let Some(other) = inputs.iter().find(|input| *input.device() != device) {
        return Err(place(Error::device(format!(
            "{}: inputs live on {device} and on {}; move one with `to_device`",
            op.name(),
            other.device()
        ))));
    }
    if inputs.iter().any(|input| input.is_symbol()) {
        let text = format!("{}: an input is a symbol, which has no value; call this op inside of a layer", op.name());
        return Err(place(Error::invalid(text)));
    }
    let specs: SmallVec<[&Spec; 4]> = inputs.iter().map(|input| input.spec()).collect();
    let half = specs.iter().map(|spec| spec.dtype).find(|dtype| dtype.is_half());
    if let Some(half) = half.filter(|_| !takes_halves(&op, &specs)) {
        if let Some(other) = specs.iter().find(|spec| spec.dtype.is_float() && spec.dtype != half) {
            let text = format!("{}: inputs are {half} and {other}; wgrad never casts silently, use `cast`", op.name());
            return Err(place(Error::dtype(text)));
        }
        return widened(op, inputs, device, variable, half);
    }
    let name = op.name();
    let outputs = op.outputs(&specs).map_err(|error| place(error.at(name)))?;
    if !plan::fusion() {
        let inputs: SmallVec<[Tensor; 4]> = inputs.iter().map(|&input| input.clone()).collect();
        if let Some(plain) = op.fallback(&inputs) {
            return Ok(plain.into());
        }
    }
    let count = outputs.len() as u32;
    let expr = Expr { op, inputs: inputs.iter().map(|&input| input.clone()).collect(), layer: layer_path() };
    let node = Arc::new(Node::recorded(outputs, device, expr, tape::current(), variable));
    let mut tensors: SmallVec<[Tensor; 1]> = (1..count).map(|output| Tensor { node: node.clone(), output }).collect();
    tensors.insert(0, Tensor { node, output: 0 });
    let pending = PENDING.get() + 1;
    PENDING.set(pending);
    if pending > PENDING_LIMIT || plan::eager() || watch::active() {
        plan::flush(&tensors)?;
        watch::look_at(name, &tensors)?;
    }
    Ok(tensors)
}

/// Whether the op reads halves as they lie in memory: pointwise kernels do, and views read nothing.
fn takes_halves(op: &OpRef, inputs: &[&Spec]) -> bool {
    op.pointwise().is_some() || (op.outputs(inputs).is_ok() && op.view(&Layout::contiguous(&inputs[0].shape, 0)).is_some())
}

/// `op` in float32 between casts: other kernels do not know halves. What is saved for its gradient stays in float32.
fn widened(
    op: OpRef,
    inputs: &[&Tensor],
    device: Device,
    variable: Option<super::VariableId>,
    half: DType,
) -> Result<SmallVec<[Tensor; 1]>> {
    let widen = |input: &&Tensor| if input.dtype() == half { input.cast(DType::F32) } else { (*input).clone() };
    let wide: SmallVec<[Tensor; 4]> = inputs.iter().map(widen).collect();
    let outputs = apply_on(op, &wide.iter().collect::<SmallVec<[&Tensor; 4]>>(), device, variable)?;
    Ok(outputs.into_iter().map(|output| if output.dtype() == DType::F32 { output.cast(half) } else { output }).collect())
}

/// Runs `body`, whose nodes are dropped and never computed: they do not count as pending.
pub(crate) fn without_count<R>(body: impl FnOnce() -> R) -> R {
    let pending = PENDING.replace(0);
    let result = body();
    PENDING.set(pending);
    result
}

/// A flush ran on this thread: nothing is pending any more, as far as the limit is concerned.
pub(crate) fn note_flush() {
    PENDING.set(0);
}
