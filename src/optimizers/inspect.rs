//! One pass over the gradients before an update: whether all are finite, and their squares for clipping by norm.

use super::{
    chunks::{Chunk, IDLE},
    control::{Control, Found, Settings},
};
use crate::{
    DType, Error, ErrorKind, Result, Tensor,
    device::{
        cpu::{
            pool::{self, SharedMut},
            rows::{EXPONENT, exponent_and_squares},
            simd::map2,
        },
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Params, Specs, Word},
    shape::Spec,
};
use smallvec::SmallVec;

/// Inputs: gradients, control, chunks, then the loss and the accumulator where it has them.
/// Output: the control as it was, and what was [found](Found) in each chunk.
#[derive(Debug)]
pub(super) struct Inspect {
    pub settings: Settings,
    pub loss: bool,
    pub accumulator: bool,
}

/// Elements of an accumulated gradient that are added up at a time.
const BLOCK: usize = 2048;

/// Arenas of so few words are not worth waking other threads for.
pub(super) const ALONE: usize = 32 * 1024;

/// Runs `task` on each chunk of an arena of so many words.
pub(super) fn for_chunks(words: usize, chunks: &[Chunk], task: &(dyn Fn(usize, &Chunk) + Sync)) {
    let run = |at: usize| task(at, &chunks[at]);
    if words <= ALONE { (0..chunks.len()).for_each(run) } else { pool::run(chunks.len(), &run) }
}

impl Op for Inspect {
    fn name(&self) -> &'static str {
        "inspect"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let chunks = inputs[2].size() / Chunk::WORDS;
        Ok(SmallVec::from_iter([Spec::new(DType::U32, [Control::WORDS + chunks * Found::WORDS])]))
    }

    fn key(&self, key: &mut Key) {
        key.word(u32::from(self.loss));
        key.word(u32::from(self.accumulator));
    }

    fn params(&self) -> Params {
        Params::from_slice(&[self.settings.unscale.to_bits()])
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Err(Error::new(ErrorKind::Gradient, "inspect has no gradient: it only serves optimizers"))
    }

    fn cpu(&self, call: CpuCall) {
        let (gradient, chunks): (_, &[Chunk]) = (call.inputs[0].f32(), bytemuck::cast_slice(call.inputs[2].words()));
        let control: Control = bytemuck::pod_read_unaligned(bytemuck::cast_slice(call.inputs[1].words()));
        let unscale = f32::from_bits(call.params[0]) / control.scale;
        let accumulator = self.accumulator.then(|| call.inputs[call.inputs.len() - 1].f32());
        let (kept, found) = call.outputs[0].words().split_at_mut(Control::WORDS);
        kept.copy_from_slice(bytemuck::cast_slice(&[control]));
        let shared = SharedMut::new(bytemuck::cast_slice_mut::<u32, Found>(found));
        for_chunks(gradient.len(), chunks, &|at, chunk| {
            let mut now = Found { exponent: 0, squares: 0.0 };
            if chunk.flags & IDLE == 0 {
                let range = chunk.range();
                (now.exponent, now.squares) = exponent_and_squares(&gradient[range.clone()], unscale);
                if let Some(accumulator) = accumulator {
                    now.squares = 0.0;
                    let mut sum = [0f32; BLOCK];
                    for (g, a) in gradient[range.clone()].chunks(BLOCK).zip(accumulator[range].chunks(BLOCK)) {
                        map2(g, a, &mut sum[..g.len()], |g: f32, a: f32| g * unscale + a);
                        now.squares += exponent_and_squares(&sum[..g.len()], 1.0).1;
                    }
                }
            }
            // SAFETY: each chunk has a place of its own.
            let place = unsafe { shared.slice(at..at + 1) };
            place[0] = now;
        });
        if self.loss && !call.inputs[3].f32().iter().all(|loss| loss.is_finite()) {
            found.iter_mut().take(1).for_each(|exponent| *exponent = EXPONENT);
        }
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (binding, sum) = if self.accumulator {
            ("@group(0) @binding(5) var<storage, read> accumulator: array<vec4<f32>>;", "x += accumulator[at];")
        } else {
            ("", "")
        };
        let output = if self.accumulator { 6 } else { 5 };
        let output = format!("@group(0) @binding({output}) var<storage, read_write> report: Report;");
        let blocks = [("accumulator", binding), ("report", &output), ("accumulate", sum)];
        let kernel = compose(self.name(), include_str!("../../shaders/inspect.wgsl"), &blocks)?;
        let [gradients, control, chunks, rest @ ..] = call.inputs else { unreachable!("it has three inputs at least") };
        // Without a loss something else is bound in its place.
        let (loss, losses) = if self.loss { (&rest[0], rest[0].size()) } else { (control, 0) };
        let mut reads = vec![gradients, control, chunks, loss];
        reads.extend(rest.iter().skip(self.loss.into()));
        let groups = [chunks.size() / Chunk::WORDS, 1, 1];
        call.dispatch(kernel, &[Word::Param(0), losses.into()], &reads, &[&call.outputs[0]], groups);
        Ok(())
    }
}
