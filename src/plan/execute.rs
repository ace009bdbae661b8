//! Runs a plan: binds leaves, outputs and slots, then hands the steps to the device.

use super::{Part, Place, Plan, Step, switches, validate};
use crate::{
    DType, Result,
    device::{Buffer, Device, Value, cpu::halves},
    graph::{CpuCall, CpuChain, CpuIn, CpuOut},
    shape::{Layout, Spec},
};
use smallvec::SmallVec;
use std::{sync::LazyLock, time::Instant};

/// Runs `plan` on `buffers`, which are those of its leaves, and adds the others to them.
pub(super) fn run(plan: &Plan, buffers: &mut Vec<Buffer>, params: &[u32], slots: &[Buffer], device: &Device) -> Result<()> {
    debug_assert_eq!(buffers.len(), plan.leaves);
    for &words in &plan.outputs {
        buffers.push(device.alloc(words)?);
    }
    buffers.extend(slots[..plan.slots.len()].iter().cloned());
    if *device == Device::Cpu {
        return plan.steps.iter().try_for_each(|step| run_step(step, buffers, params));
    }
    if switches::validate() {
        return validate::run(plan, buffers, params, device);
    }
    let gpu: Vec<_> = buffers.iter().map(|buffer| buffer.gpu().clone()).collect();
    plan.gpu.iter().try_for_each(|part| match part {
        Part::Device(program) => program.run(&gpu, params),
        Part::Host(step) => run_on_host(&plan.steps[*step], buffers, params, device),
    })
}

/// A step that a GPU leaves to the host.
pub(super) fn run_on_host(step: &Step, buffers: &[Buffer], params: &[u32], device: &Device) -> Result<()> {
    let mut here: Vec<Buffer> = Vec::with_capacity(step.inputs.len() + step.outputs.len());
    let mut copy = Step::new(step.op.clone(), [], SmallVec::new(), step.params.clone());
    let moved =
        |place: &Place, buffer: usize| Place { buffer, start: 0, layout: Layout::contiguous(&place.spec.shape, 0), ..place.clone() };
    for place in &step.inputs {
        copy.inputs.push(moved(place, here.len()));
        here.push(Device::Cpu.upload(&device.read(&value(place, buffers), place.spec.words())?)?.buffer);
    }
    for place in &step.outputs {
        copy.outputs.push(moved(place, here.len()));
        here.push(Device::Cpu.alloc(place.spec.words())?);
    }
    run_step(&copy, &here, params)?;
    for (place, copy) in step.outputs.iter().zip(&copy.outputs) {
        device.write(&value(place, buffers), &Device::Cpu.read(&value(copy, &here), place.spec.words())?)?;
    }
    Ok(())
}

/// The value at `place` after a run.
pub(super) fn value(place: &Place, buffers: &[Buffer]) -> Value {
    Value { buffer: buffers[place.buffer].clone(), offset: place.first_word().expect("kept values begin with a word") }
}

/// One CPU kernel. The plan has made sure that what it writes overlaps nothing that it reads.
pub(super) fn run_step(step: &Step, buffers: &[Buffer], params: &[u32]) -> Result<()> {
    // What a prologue calculates has a spec, but no place in memory.
    let calculated = step.prologue.as_ref().map(|(chain, spec)| (chain, spec, Layout::contiguous(&spec.shape, 0)));
    let inputs: SmallVec<[CpuIn; 6]> = step
        .inputs
        .iter()
        .map(|place| {
            let whole = buffers[place.buffer].cpu().words();
            // SAFETY: nobody writes these words during the step.
            let words = unsafe { std::slice::from_raw_parts(whole.start.add(place.start), whole.length - place.start) };
            let contiguous = place.layout.is_contiguous() && place.layout.offset == 0;
            CpuIn { spec: &place.spec, layout: &place.layout, words: if contiguous { &words[..place.spec.words()] } else { words } }
        })
        .collect();
    let [before, own, behind] = step.split_inputs(&inputs);
    // Halves that a GPU kernel reads as they lie; only validation repeats such a step.
    let widened: Vec<Option<(Spec, Vec<u32>)>> = own.iter().map(|input| widened(step, input)).collect();
    let mut outputs: SmallVec<[CpuOut; 2]> = step
        .outputs
        .iter()
        .map(|place| {
            let whole = buffers[place.buffer].cpu().words();
            let (first, size) = (place.first_word().expect("outputs begin with a word"), place.spec.words());
            assert!(first + size <= whole.length, "{}: its output does not fit the buffer", step.op.name());
            // SAFETY: in bounds, and the outputs of a step are disjoint.
            CpuOut { spec: &place.spec, words: unsafe { std::slice::from_raw_parts_mut(whole.start.add(first), size) } }
        })
        .collect();
    let params: SmallVec<[u32; 16]> = step.params.iter().map(|&at| params[at]).collect();
    let [own_params, before_params, behind_params] = step.split_params(&params);
    let [before, behind] = [before, behind].map(|part| part.iter().map(CpuIn::words).collect::<SmallVec<[&[u32]; 4]>>());
    let own = own.iter().zip(&widened).map(|(input, widened)| match widened {
        Some((spec, words)) => CpuIn { spec, words, ..*input },
        None => *input,
    });
    let own: SmallVec<[CpuIn; 6]> = calculated.iter().map(|(_, spec, layout)| CpuIn { spec, layout, words: &[] }).chain(own).collect();
    let prologue = CpuChain { chain: calculated.as_ref().map(|(chain, ..)| *chain), buffers: &before, params: before_params };
    let epilogue = CpuChain { chain: step.epilogue.as_ref(), buffers: &behind, params: behind_params };
    let mut failure = None;
    let call = CpuCall { inputs: &own, outputs: &mut outputs, params: own_params, prologue, epilogue, failure: &mut failure };
    if *TRACE {
        traced(step, || step.op.cpu(call))
    } else {
        step.op.cpu(call)
    }
    match failure {
        Some(error) => {
            let error = error.at(step.op.name());
            Err(if let Some(layer) = &step.layer { error.at_layer(layer) } else { error })
        }
        None => Ok(()),
    }
}

/// An input of halves as the float32 that the CPU kernel takes.
fn widened(step: &Step, input: &CpuIn) -> Option<(Spec, Vec<u32>)> {
    (input.spec.dtype.is_half() && step.op.reads_halves()).then(|| {
        let words = input.words.to_vec();
        let size = words.len() * input.spec.dtype.per_word();
        (Spec { dtype: DType::F32, ..input.spec.clone() }, halves::unpack(input.spec.dtype, words, size))
    })
}

/// `WGRAD_TRACE=1`: each kernel with shapes, time and memory bandwidth on standard error.
static TRACE: LazyLock<bool> = LazyLock::new(|| std::env::var_os("WGRAD_TRACE").is_some_and(|value| value == "1"));

fn traced(step: &Step, run: impl FnOnce()) {
    let start = Instant::now();
    run();
    let seconds = start.elapsed().as_secs_f64();
    let shapes = |places: &[Place]| places.iter().map(|place| place.spec.shape.to_string()).collect::<Vec<_>>().join(" ");
    let words: usize = step.inputs.iter().chain(&step.outputs).map(|place| place.spec.words()).sum();
    eprintln!(
        "{:<24} {:>9.1} us {:>7.1} GB/s  {} -> {}",
        step.name(),
        seconds * 1e6,
        4.0 * words as f64 / seconds / 1e9,
        shapes(&step.inputs),
        shapes(&step.outputs)
    );
}
