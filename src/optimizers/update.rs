//! The fused update as an op: parameters, control and slots in place, by gradients and what was found in them.

use super::{
    Rule, Scalars,
    chunks::{Chunk, DECAYS, IDLE},
    control::{Control, Found, Settings, report},
    inspect::for_chunks,
};
use crate::{
    Error, ErrorKind, Result, Tensor,
    device::{
        cpu::{
            pool::SharedMut,
            rows::EXPONENT,
            simd::{map1, step1, step2},
        },
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Live, Op, Params, Specs, Word},
    shape::Spec,
};
use smallvec::SmallVec;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Inputs: parameters, control, the rule's slots, the average and the accumulator where it has them (all replaced in
/// place); gradients, report, chunks.
#[derive(Debug)]
pub(super) struct Update {
    pub rule: Rule,
    pub settings: Settings,
    pub scalars: Scalars,
    /// The bits of the learning rate, read at each run, replays included.
    pub rate: Arc<AtomicU32>,
    pub average: bool,
    pub accumulator: bool,
}

/// Elements that go through all stages while they are in a first-level cache.
const BLOCK: usize = 2048;

impl Op for Update {
    fn name(&self) -> &'static str {
        self.rule.name
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let written = self.in_place();
        if inputs[2..=written].iter().any(|spec| spec.shape != inputs[0].shape) {
            return Err(Error::shape("parameters, slots and gradients differ in size"));
        }
        Ok(inputs[..written].iter().map(|&spec| spec.clone()).collect())
    }

    fn key(&self, key: &mut Key) {
        key.word(u32::from(self.average));
        key.word(u32::from(self.accumulator));
    }

    fn params(&self) -> Params {
        let rate = f32::from_bits(self.rate.load(Ordering::Relaxed));
        let settings = [Settings { rate, ..self.settings }];
        let words = bytemuck::cast_slice(&settings).iter().chain(bytemuck::cast_slice(&self.scalars));
        words.copied().collect()
    }

    fn live(&self) -> Option<Live> {
        Some(Live::Again)
    }

    fn in_place(&self) -> usize {
        2 + self.rule.slots.len() + usize::from(self.average) + usize::from(self.accumulator)
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Err(Error::new(ErrorKind::Gradient, format!("{}: an optimizer's update has no gradient", self.rule.name)))
    }

    fn cpu(&self, call: CpuCall) {
        let (settings, scalars) = Settings::split(call.params);
        let (gradient, chunks): (_, &[Chunk]) = (call.inputs[0].f32(), bytemuck::cast_slice(call.inputs[2].words()));
        let (kept, found) = report(call.inputs[1].words());
        let now = Now::new(&settings, kept);
        let bad = found.iter().any(|found| found.exponent == EXPONENT) || (settings.growth == 0 && kept.skipped != 0.0);
        let [parameters, control, slots @ ..] = call.outputs else { unreachable!("it has two outputs at least") };
        control.words().copy_from_slice(bytemuck::cast_slice(&[kept.next(bad, settings.growth)]));
        if bad {
            return;
        }
        let numbers = (self.rule.at_step.cpu)(scalars, settings.rate, (now.steps + 1) as f32);
        let written = std::iter::once(parameters).chain(slots).map(|output| SharedMut::new(output.f32()));
        let written: SmallVec<[SharedMut<f32>; 4]> = written.collect();
        for_chunks(gradient.len(), chunks, &|_, chunk| {
            let together = if settings.clip_each == 0 { found } else { &found[chunk.first as usize..chunk.last as usize] };
            let factor = now.factor(&settings, together);
            let range = chunk.range();
            for start in range.clone().step_by(BLOCK) {
                let block = start..(start + BLOCK).min(range.end);
                // SAFETY: chunks are disjoint.
                let mut arrays: SmallVec<[&mut [f32]; 6]> = written.iter().map(|shared| unsafe { shared.slice(block.clone()) }).collect();
                let accumulator = if self.accumulator { arrays.pop() } else { None };
                let average = if self.average { arrays.pop() } else { None };
                if chunk.flags & IDLE == 0 {
                    let mut scratch = [0f32; BLOCK];
                    let gradient = now.gradient(&settings, factor, &gradient[block], accumulator, &mut scratch);
                    if now.due {
                        if settings.decay != 0.0 && chunk.flags & DECAYS != 0 {
                            step1(arrays[0], gradient, |p, _| p - p * settings.decay * settings.rate);
                        }
                        (self.rule.cpu)(scalars, numbers, gradient, &mut arrays);
                    }
                }
                if let Some(average) = average {
                    step1(average, arrays[0], |average, p| now.ema_momentum * average + (1.0 - now.ema_momentum) * p);
                    if now.overwrite {
                        arrays[0].copy_from_slice(average);
                    }
                }
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let extra = [(self.average, "average"), (self.accumulator, "accumulator")];
        let names = self.rule.slots.iter().copied().chain(extra.iter().filter(|(has, _)| *has).map(|(_, name)| *name));
        let binding = |(at, name)| format!("@group(0) @binding({at}) var<storage, read_write> {name}: array<Floats>;\n");
        let slots: String = (6..).zip(names).map(binding).collect();
        let scalars: String = self.rule.scalars.iter().map(|name| format!("    {name}: f32,\n")).collect();
        let mut blocks =
            vec![("scalars", scalars.as_str()), ("slots", &slots), ("at_step", self.rule.at_step.wgsl), ("update", self.rule.wgsl)];
        if self.average {
            let text =
                "let mean = ema_momentum * average[at] + (1.0 - ema_momentum) * p;\naverage[at] = mean;\np = select(p, mean, overwrite);";
            blocks.push(("average", text));
        }
        if self.accumulator {
            blocks.push(("accumulate", "g += accumulator[at];\naccumulator[at] = select(g, Floats(), due);"));
        }
        let kernel = compose(self.rule.name, include_str!("../../shaders/optimizer.wgsl"), &blocks)?;
        let chunks = call.inputs[2].size() / Chunk::WORDS;
        let mut args: Vec<Word> = vec![chunks.into()];
        args.extend((0..Settings::WORDS + self.scalars.len()).map(Word::Param));
        let (reads, writes): (Vec<_>, Vec<_>) = (call.inputs.iter().collect(), call.outputs.iter().collect());
        call.dispatch(kernel, &args, &reads, &writes, [chunks, 1, 1]);
        Ok(())
    }
}

/// What is the same for all parameters of a step; the shader's `main` says it in the same words.
struct Now {
    /// Steps done, as Keras counts them.
    steps: u32,
    /// Whether this call makes a step, or only adds to the accumulators.
    due: bool,
    unscale: f32,
    ema_momentum: f32,
    overwrite: bool,
}

impl Now {
    fn new(settings: &Settings, kept: Control) -> Self {
        let steps = kept.iterations / settings.accumulate;
        Self {
            steps,
            due: (kept.iterations + 1).is_multiple_of(settings.accumulate),
            unscale: settings.unscale / kept.scale,
            ema_momentum: if steps == 0 { 0.0 } else { settings.ema_momentum },
            overwrite: settings.ema_every > 0 && (steps + 1).is_multiple_of(settings.ema_every),
        }
    }

    /// What unscaled gradients are multiplied by, given what was found in those that are clipped together.
    fn factor(&self, settings: &Settings, together: &[Found]) -> f32 {
        let count = settings.accumulate as f32;
        let norm = || together.iter().map(|found| found.squares).sum::<f32>().sqrt() / count;
        let clip = if settings.clip_norm > 0.0 { settings.clip_norm / norm().max(settings.clip_norm) } else { 1.0 };
        clip / count
    }

    /// The gradient as the rule takes it, in `scratch` where it is not the given one.
    fn gradient<'a>(
        &self,
        settings: &Settings,
        factor: f32,
        gradient: &'a [f32],
        accumulator: Option<&mut [f32]>,
        scratch: &'a mut [f32; BLOCK],
    ) -> &'a [f32] {
        let (unscale, due, limit) = (self.unscale, self.due, settings.clip_value);
        if accumulator.is_none() && unscale == 1.0 && factor == 1.0 && limit == f32::MAX {
            return gradient;
        }
        let scratch = &mut scratch[..gradient.len()];
        let clipped = |g: f32| (g * factor).clamp(-limit, limit);
        match accumulator {
            None => map1(gradient, scratch, |g: f32| clipped(g * unscale)),
            Some(accumulator) => step2(scratch, accumulator, gradient, |_, a, g| {
                let sum = g * unscale + a;
                (clipped(sum), if due { 0.0 } else { sum })
            }),
        }
        scratch
    }
}
