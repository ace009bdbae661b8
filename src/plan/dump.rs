//! `WGRAD_DUMP=DIR`: each new plan as text: its kernels in order with what was fused into them, memory, bytes and operations.

use super::{Chain, Place, Plan, Step, switches};
use crate::{
    device::{self, Device},
    shape::Spec,
};
use std::fmt::Write;

/// Writes `plan`, the device's plan number `number`, if plans are to be written.
pub(super) fn dump(plan: &Plan, number: u64, device: &Device) {
    if let Some(folder) = switches::dump() {
        let name = if *device == Device::Cpu { "cpu" } else { "gpu" };
        device::dump(folder, &format!("plan-{name}-{number:03}.txt"), &text(plan, device));
    }
}

fn text(plan: &Plan, device: &Device) -> String {
    let mut lines = String::new();
    let (mut bytes, mut flops) = (0, 0);
    for (at, step) in plan.steps.iter().enumerate() {
        let (read, written, work) = (size(&step.inputs), size(&step.outputs), step.flops());
        (bytes, flops) = (bytes + read + written, flops + work);
        let places = |places: &[Place]| places.iter().map(|place| plan.place(place)).collect::<Vec<_>>().join(", ");
        let layer = step.layer.as_ref().map_or(String::new(), |layer| format!("  [{layer}]"));
        let moves = format!("{} -> {}", places(&step.inputs), places(&step.outputs));
        _ = writeln!(lines, "{at:4}  {}{layer}\n      {moves}\n      {read} bytes read, {written} written, {work} operations", step.name());
    }
    let total = |words: &[usize]| 4 * words.iter().sum::<usize>();
    let mut head = format!("{} kernels on {device}; {bytes} bytes read and written, {flops} operations\n", plan.steps.len());
    _ = writeln!(head, "{} buffers of leaves; {} that stay, of {} bytes", plan.leaves, plan.outputs.len(), total(&plan.outputs));
    _ = writeln!(head, "{} slots, of {} bytes: {:?} words\n", plan.slots.len(), total(&plan.slots), plan.slots);
    head + &lines
}

/// Bytes of the elements at these places; what a view repeats counts once.
fn size(places: &[Place]) -> usize {
    let distinct = |place: &Place| -> usize {
        let axes = place.layout.shape.iter().zip(&place.layout.strides);
        axes.map(|(&size, &stride)| if stride == 0 { size.min(1) } else { size }).product()
    };
    places.iter().map(|place| 4 * distinct(place) / place.spec.dtype.per_word()).sum()
}

impl Plan {
    /// A place as `float32(32, 10) in slot 3`.
    fn place(&self, place: &Place) -> String {
        let behind_leaves = place.buffer.checked_sub(self.leaves);
        let buffer = match behind_leaves.map(|at| (at, at.checked_sub(self.outputs.len()))) {
            None => format!("leaf {}", place.buffer),
            Some((output, None)) => format!("output {output}"),
            Some((_, Some(slot))) => format!("slot {slot}"),
        };
        let view = if place.layout.is_contiguous() { "" } else { " as a view" };
        format!("{} in {buffer}{view}", place.spec)
    }
}

impl Step {
    /// Operations of the kernel and of what is fused before and behind it.
    fn flops(&self) -> u64 {
        let work = |chain: &Chain, spec: &Spec| (chain.instructions.len() * spec.size()) as u64;
        let specs = |places: &[Place]| places.iter().map(|place| place.spec.clone()).collect::<Vec<_>>();
        let outputs = specs(&self.outputs);
        let mut inputs = specs(self.split_inputs(&self.inputs)[1]);
        let before = self.prologue.as_ref().map_or(0, |(chain, spec)| {
            inputs.insert(0, spec.clone());
            work(chain, spec)
        });
        let behind = self.epilogue.as_ref().map_or(0, |chain| outputs.first().map_or(0, |output| work(chain, output)));
        self.op.flops(&inputs, &outputs) + before + behind
    }
}
