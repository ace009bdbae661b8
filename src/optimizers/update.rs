//! The fused update as an op: parameters and slots in place, gradients and a finite flag beside them.

use crate::{
    Error, ErrorKind, Result, Tensor,
    device::{
        cpu::pool::{self, SharedMut},
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Params, Specs, Word},
    shape::Spec,
};
use smallvec::SmallVec;

/// What an optimizer does to each parameter.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The kernel's name.
    pub name: &'static str,
    /// Names of the slots that it keeps for each parameter, as in Keras' variables.
    pub slots: &'static [&'static str],
    /// Its shader: reads `gradient` and `flag`, updates `parameter` and the slots, `args` are `count` and the scalars.
    pub shader: &'static str,
    /// The same over slices: scalars, gradient, then parameter and slots.
    pub cpu: fn(&[f32], &[f32], &mut [&mut [f32]]),
}

/// Inputs: parameters and slots (replaced in place), gradients, flag. Nothing changes where the flag is set.
#[derive(Debug)]
pub(super) struct Update {
    pub rule: Rule,
    pub scalars: Params,
}

/// Parameters of one task: all arrays of it fit a second-level cache.
const CHUNK: usize = 16 * 1024;

impl Op for Update {
    fn name(&self) -> &'static str {
        self.rule.name
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let written = 1 + self.rule.slots.len();
        if inputs[..=written].iter().any(|spec| spec.shape != inputs[0].shape) {
            return Err(Error::shape("parameters, slots and gradients differ in size"));
        }
        Ok(inputs[..written].iter().map(|&spec| spec.clone()).collect())
    }

    fn key(&self, _key: &mut Key) {}

    fn params(&self) -> Params {
        self.scalars.clone()
    }

    fn in_place(&self) -> usize {
        1 + self.rule.slots.len()
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let _ = cx;
        Err(Error::new(ErrorKind::Gradient, format!("{}: an optimizer's update has no gradient", self.rule.name)))
    }

    fn cpu(&self, call: CpuCall) {
        let (gradient, flag) = (call.inputs[0].f32(), call.inputs[1].words()[0]);
        if flag != 0 {
            return;
        }
        let scalars: &[f32] = bytemuck::cast_slice(call.params);
        let written: SmallVec<[SharedMut<f32>; 4]> = call.outputs.iter_mut().map(|output| SharedMut::new(output.f32())).collect();
        pool::for_chunks(gradient.len(), CHUNK, &|range| {
            // SAFETY: chunks are disjoint.
            let mut slices: SmallVec<[&mut [f32]; 4]> = written.iter().map(|shared| unsafe { shared.slice(range.clone()) }).collect();
            (self.rule.cpu)(scalars, &gradient[range.clone()], &mut slices);
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let kernel = compose(self.rule.name, self.rule.shader, &[])?;
        let count = call.outputs[0].size();
        let mut args: Vec<Word> = vec![count.into()];
        args.extend((0..self.scalars.len()).map(Word::Param));
        let (reads, writes): (Vec<_>, Vec<_>) = (call.inputs.iter().collect(), call.outputs.iter().collect());
        call.dispatch(kernel, &args, &reads, &writes, call.linear(count, 64));
        Ok(())
    }
}
