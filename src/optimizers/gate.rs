//! What a step changes beside parameters: moving statistics and the like stay as they were where the step was skipped.

use super::control::Control;
use crate::{
    Error, ErrorKind, Result, Tensor, Variable,
    device::gpu::compose,
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, Word, apply},
    shape::Spec,
};
use std::fmt::Write;

/// Choices of one dispatch at most.
const PAIRS: usize = 16;

/// Any number of choices in one kernel. Inputs: the control behind the step, all old values, all new ones.
#[derive(Debug)]
struct Gate;

/// Assigns to each variable its new value, or its old one again where `control` says that the step was skipped. Takes the values:
/// what nobody holds does not outlive the step.
pub(super) fn assign_unless_skipped(control: &Tensor, updates: Vec<(Variable, Tensor)>) -> Result<()> {
    for same in updates.chunk_by(|(one, _), (other, _)| one.spec().dtype == other.spec().dtype) {
        let old: Vec<Tensor> = same.iter().map(|(variable, _)| variable.value()).collect();
        let new = same.iter().map(|(_, value)| value);
        let dtype = same[0].0.spec().dtype;
        let control = if dtype.is_half() { control.cast(dtype) } else { control.clone() }; // an op's floats have one dtype
        let kept = apply(Gate, &std::iter::once(&control).chain(&old).chain(new).collect::<Vec<_>>())?;
        same.iter().zip(&kept).try_for_each(|((variable, _), value)| variable.assign(value))?;
    }
    Ok(())
}

impl Op for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (old, new) = inputs[1..].split_at(inputs.len() / 2);
        match old.iter().zip(new).find(|(old, new)| old != new) {
            Some((old, new)) => Err(Error::shape(format!("a variable of {old} is given {new}"))),
            None => Ok(old.iter().map(|&spec| spec.clone()).collect()),
        }
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Err(Error::new(ErrorKind::Gradient, "gate has no gradient: it only serves optimizers"))
    }

    fn cpu(&self, call: CpuCall) {
        let (old, new) = call.inputs[1..].split_at(call.outputs.len());
        let chosen = if call.inputs[0].f32()[Control::SKIPPED] == 0.0 { new } else { old };
        call.outputs.iter_mut().zip(chosen).for_each(|(output, value)| output.words().copy_from_slice(value.words()));
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (old, new) = call.inputs[1..].split_at(call.outputs.len());
        let most = ((call.caps.max_storage_buffers as usize - 1) / 3).min(PAIRS);
        for first in (0..old.len()).step_by(most) {
            let range = first..(first + most).min(old.len());
            let count = range.len();
            let (mut sizes, mut values, mut choices) = (String::new(), String::new(), String::new());
            for at in 0..count {
                let bindings = [("old", "read", 2 + at), ("new", "read", 2 + count + at), ("chosen", "read_write", 2 + 2 * count + at)];
                for (name, access, binding) in bindings {
                    let _ = writeln!(values, "@group(0) @binding({binding}) var<storage, {access}> {name}{at}: array<u32>;");
                }
                let _ = write!(sizes, "size{at}: u32, ");
                let _ = writeln!(choices, "if i < args.size{at} {{ chosen{at}[i] = select(new{at}[i], old{at}[i], skipped); }}");
            }
            let blocks = [("sizes", &*sizes), ("values", &*values), ("choices", &*choices)];
            let kernel = compose(self.name(), include_str!("../../shaders/gate.wgsl"), &blocks)?;
            let outputs: Vec<_> = call.outputs[range.clone()].iter().collect();
            let words: Vec<usize> = outputs.iter().map(|output| output.spec.words()).collect();
            let reads: Vec<_> = call.inputs[..1].iter().chain(&old[range.clone()]).chain(&new[range]).collect();
            let groups = call.linear(words.iter().copied().max().unwrap_or(0), 64);
            call.dispatch(kernel, &words.into_iter().map(Word::from).collect::<Vec<_>>(), &reads, &outputs, groups);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Device};

    #[test]
    fn every_dtype_is_chosen() {
        Device::cpu().scope(|| {
            for (skipped, expected) in [(0.0f32, [3.0f32, 4.0]), (1.0, [1.0, 2.0])] {
                let (control, old, new) =
                    (Tensor::from([skipped, 7.0, 1.0, 0.0]), Tensor::from([1.0f32, 2.0]), Tensor::from([3.0f32, 4.0]));
                let updates = [DType::F32, DType::F16, DType::I32].map(|dtype| (Variable::new("v", old.cast(dtype)), new.cast(dtype)));
                assign_unless_skipped(&control, updates.to_vec()).expect("they fit");
                for (variable, _) in &updates {
                    assert_eq!(variable.value().cast(DType::F32).to_vec::<f32>().expect("it is computed"), expected);
                }
            }
        });
    }
}
