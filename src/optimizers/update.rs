//! The fused update as an op: parameters, control and slots in place, by gradients and what was found in them.

use super::{
    Numbers, Rule, Scalars,
    chunks::{Chunk, DECAYS, IDLE},
    clock::{Clock, Table},
    control::{Control, Found, Settings, report},
    inspect::for_chunks,
};
use crate::{
    DType, Error, ErrorKind, Result, Tensor,
    device::{
        cpu::{
            pool::SharedMut,
            rows::EXPONENT,
            simd::{map1, step1, step2},
        },
        gpu::compose,
    },
    graph::{CpuCall, CpuOut, GpuCall, GradCx, Key, Live, Op, Params, Specs, Word},
    shape::Spec,
};
use smallvec::SmallVec;
use std::sync::Arc;

/// Inputs: parameters, control, the rule's slots, the average and the accumulator where it has them (all replaced in
/// place); gradients, report, chunks.
#[derive(Debug)]
pub(super) struct Update {
    pub rule: Rule,
    pub settings: Settings,
    pub scalars: Scalars,
    /// Asked at each run, replays included.
    pub clock: Arc<Clock>,
    pub average: bool,
    pub accumulator: bool,
    pub part: Part,
}

/// Which part of a step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// What comes before a formula over whole variables. It has no control; behind the parameters so many arenas pass through, and
    /// a last output [tells](TOLD) numbers of the step.
    First {
        /// How many.
        passed: usize,
    },
    /// What comes behind one: new parameters stand in the gradients' place and are taken as they are.
    Last,
}

impl Part {
    pub fn is_first(self) -> bool {
        matches!(self, Part::First { .. })
    }
}

/// Words that the first part tells: the step's numbers, the learning rate, and 1 where anything changes.
const TOLD: usize = 6;
pub(super) const RATE: usize = 4;
pub(super) const CHANGED: usize = 5;

/// Elements that go through all stages while they are in a first-level cache.
pub(super) const BLOCK: usize = 2048;

impl Op for Update {
    fn name(&self) -> &'static str {
        self.rule.name
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let written = self.in_place();
        let arenas = if self.part.is_first() { 1 } else { 2 };
        if inputs[arenas..=written].iter().any(|spec| spec.shape != inputs[0].shape) {
            return Err(Error::shape("parameters, slots and gradients differ in size"));
        }
        let told = self.part.is_first().then(|| Spec::new(DType::F32, [TOLD]));
        Ok(inputs[..written].iter().map(|&spec| spec.clone()).chain(told).collect())
    }

    fn key(&self, key: &mut Key) {
        key.word(u32::from(self.average));
        key.word(u32::from(self.accumulator));
        key.word(match self.part {
            Part::Whole => 0,
            Part::Last => 1,
            Part::First { passed } => 2 + passed,
        });
    }

    fn params(&self) -> Params {
        let table = [self.clock.table(self.rule.at_step, &self.scalars, self.settings.accumulate)];
        let settings = [self.settings];
        let words = bytemuck::cast_slice(&table).iter().chain(bytemuck::cast_slice(&settings));
        words.chain(bytemuck::cast_slice(&self.scalars)).copied().collect()
    }

    fn live(&self) -> Option<Live> {
        Some(Live::Again)
    }

    fn in_place(&self) -> usize {
        let others = if let Part::First { passed } = self.part { passed } else { 1 };
        1 + others + self.rule.slots().count() + usize::from(self.average) + usize::from(self.accumulator)
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Err(Error::new(ErrorKind::Gradient, format!("{}: an optimizer's update has no gradient", self.rule.name)))
    }

    fn cpu(&self, call: CpuCall) {
        let (table, settings, scalars) = Settings::split(call.params);
        let (gradient, chunks): (_, &[Chunk]) = (call.inputs[0].f32(), bytemuck::cast_slice(call.inputs[2].words()));
        let (kept, found) = report(call.inputs[1].words());
        let now = Now::new(&table, &settings, kept, self.part);
        let bad = found.iter().any(|found| found.exponent == EXPONENT) || (settings.growth == 0 && kept.skipped != 0.0);
        let outputs = call.outputs;
        let mut outputs: SmallVec<[&mut CpuOut; 8]> = outputs.iter_mut().collect();
        if let Part::First { passed } = self.part {
            let told = outputs.pop().expect("it has one more output");
            told.f32().copy_from_slice(&now.told(bad));
            outputs.drain(1..=passed);
        } else {
            outputs.remove(1).words().copy_from_slice(bytemuck::cast_slice(&[kept.next(bad, settings.growth)]));
        }
        if bad {
            return;
        }
        let written = outputs.into_iter().map(|output| SharedMut::new(output.f32()));
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
                            step1(arrays[0], gradient, |p, _| p - p * settings.decay * now.rate);
                        }
                        (self.rule.cpu)(scalars, now.numbers, gradient, &mut arrays);
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
        let extra = [(self.average, "average"), (self.accumulator, "pending")];
        let names = self.rule.slots().chain(extra.iter().filter(|(has, _)| *has).map(|(_, name)| *name));
        let binding = |(at, name)| format!("@group(0) @binding({at}) var<storage, read_write> {name}: array<Floats>;\n");
        let slots: String = (6..).zip(names).map(binding).collect();
        let scalars: String = self.rule.scalars.iter().map(|name| format!("    {name}: f32,\n")).collect();
        let mut blocks = vec![("scalars", scalars.as_str()), ("slots", &slots), ("update", self.rule.wgsl)];
        match self.part {
            Part::Whole => {}
            Part::Last => blocks.push(("raw", "unscale = 1.0;\nfactor = 1.0;")),
            Part::First { .. } => {
                blocks.push(("control", "@group(0) @binding(5) var<storage, read_write> told: array<f32>;"));
                let text =
                    "for (var at = 0u; at < 4u; at++) { told[at] = now[at]; }\ntold[4] = rate;\ntold[5] = select(0.0, 1.0, due && !bad);";
                blocks.push(("next", text));
            }
        }
        if self.average {
            let text =
                "let mean = ema_momentum * average[at] + (1.0 - ema_momentum) * p;\naverage[at] = mean;\np = select(p, mean, overwrite);";
            blocks.push(("average", text));
        }
        if self.accumulator {
            blocks.push(("accumulate", "g += pending[at];\npending[at] = select(g, Floats(), due);"));
        }
        let kernel = compose(self.rule.name, include_str!("../../shaders/optimizer.wgsl"), &blocks)?;
        let chunks = call.inputs[2].size() / Chunk::WORDS;
        let mut args: Vec<Word> = (0..Table::WORDS + Settings::WORDS + self.rule.scalars.len()).map(Word::Param).collect();
        args.insert(Table::WORDS, chunks.into());
        let (reads, mut writes): (Vec<_>, Vec<_>) = (call.inputs.iter().collect(), call.outputs.iter().collect());
        if let Part::First { passed } = self.part {
            let told = writes.pop().expect("it has one more output");
            writes.splice(1..=passed, [told]);
        }
        call.dispatch(kernel, &args, &reads, &writes, [chunks, 1, 1]);
        Ok(())
    }
}

/// What is the same for all parameters of a step; the shader's `main` says it in the same words.
struct Now {
    /// Whether this call makes a step, or only adds to the accumulators.
    due: bool,
    numbers: Numbers,
    rate: f32,
    /// Whether gradients are taken as they are.
    raw: bool,
    unscale: f32,
    ema_momentum: f32,
    overwrite: bool,
}

impl Now {
    fn new(table: &Table, settings: &Settings, kept: Control, part: Part) -> Self {
        let steps = kept.iterations / settings.accumulate;
        let (row, raw) = (table.row(kept.iterations), part == Part::Last);
        Self {
            due: (kept.iterations + 1).is_multiple_of(settings.accumulate),
            numbers: table.numbers[row],
            rate: table.rates[row],
            raw,
            unscale: if raw { 1.0 } else { settings.unscale / kept.scale },
            ema_momentum: if steps == 0 { 0.0 } else { settings.ema_momentum },
            overwrite: settings.ema_every > 0 && (steps + 1).is_multiple_of(settings.ema_every),
        }
    }

    /// What the first part tells.
    fn told(&self, bad: bool) -> [f32; TOLD] {
        let [a, b, c, d] = self.numbers;
        [a, b, c, d, self.rate, if self.due && !bad { 1.0 } else { 0.0 }]
    }

    /// What unscaled gradients are multiplied by, given what was found in those that are clipped together.
    fn factor(&self, settings: &Settings, together: &[Found]) -> f32 {
        if self.raw {
            return 1.0;
        }
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
