//! `WGRAD_VALIDATE=1`: the CPU repeats each GPU kernel on what that one read; the first difference ends the run.

use super::{
    Part, Place, Plan, Step,
    execute::{run_on_host, run_step},
};
use crate::{
    DType, Error, ErrorKind, Result,
    device::{Buffer, Device, Value, cpu::halves},
    dtype::Element,
};

/// Largest difference of floats, relative to the largest magnitude that the kernel reads or writes, and to one.
const TOLERANCE: f32 = 1e-4;

/// Runs a plan whose programs are one for each step.
pub(super) fn run(plan: &Plan, buffers: &[Buffer], params: &[u32], device: &Device) -> Result<()> {
    let gpu: Vec<_> = buffers.iter().map(|buffer| buffer.gpu().clone()).collect();
    let read = |buffer: &Buffer| device.read(&Value { buffer: buffer.clone(), offset: 0 }, buffer.words());
    let empty = Device::Cpu.alloc(0)?;
    for (step, part) in plan.steps.iter().zip(&plan.gpu) {
        let Part::Device(program) = part else {
            run_on_host(step, buffers, params, device)?;
            continue;
        };
        let mut mirror = vec![empty.clone(); buffers.len()];
        for place in step.inputs.iter().chain(&step.outputs).filter(|place| place.spec.size() > 0) {
            if mirror[place.buffer].id() == empty.id() {
                mirror[place.buffer] = Device::Cpu.upload(&read(&buffers[place.buffer])?)?.buffer;
            }
        }
        let words = |place: &Place| match place.spec.size() {
            0 => Ok(Vec::new()),
            size => {
                let offset = place.first_word().expect("the caller looks at contiguous places");
                let words = Device::Cpu.read(&Value { buffer: mirror[place.buffer].clone(), offset }, place.spec.words())?;
                Ok::<Vec<u32>, Error>(halves::unpack(place.spec.dtype, words, size))
            }
        };
        let largest = step
            .inputs
            .iter()
            .filter(|place| place.is_contiguous())
            .try_fold(1.0, |most: f32, place| Ok::<f32, Error>(most.max(magnitude(place.spec.dtype, &words(place)?))))?;
        run_step(step, &mirror, params)?;
        program.run(&gpu, params)?;
        for place in step.outputs.iter().filter(|place| place.spec.size() > 0) {
            let expected = words(place)?;
            let first = place.first_word().expect("outputs begin with a word");
            let found = read(&buffers[place.buffer])?[first..][..place.spec.words()].to_vec();
            let found = halves::unpack(place.spec.dtype, found, place.spec.size());
            let allowed = TOLERANCE * largest.max(magnitude(place.spec.dtype, &expected));
            let differs = |(at, (&found, &expected)): (usize, (&u32, &u32))| {
                differ(place.spec.dtype, found, expected, allowed).then(|| difference(step, place, at, [found, expected]))
            };
            if let Some(error) = found.iter().zip(&expected).enumerate().find_map(differs) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The largest finite magnitude among floats.
fn magnitude(dtype: DType, words: &[u32]) -> f32 {
    let finite = words.iter().map(|&word| f32::from_word(word).abs()).filter(|x| x.is_finite());
    if dtype.is_float() { finite.fold(0.0, f32::max) } else { 0.0 }
}

fn differ(dtype: DType, found: u32, expected: u32, allowed: f32) -> bool {
    if found == expected || !(dtype.is_float() || dtype == DType::U32) {
        return found != expected;
    }
    let (found, expected) = (f32::from_word(found), f32::from_word(expected));
    // Plain words may be floats too, as in the state of an optimizer; small integers read as such are far apart.
    let allowed = match dtype {
        DType::F32 => allowed,
        // Two roundings of nearly the same number may be neighbours.
        DType::F16 | DType::BF16 => allowed + expected.abs() / if dtype == DType::F16 { 1024.0 } else { 128.0 },
        _ => TOLERANCE * expected.abs(),
    };
    !(found == expected || (found.is_nan() && expected.is_nan()) || (found - expected).abs() <= allowed)
}

fn difference(step: &Step, place: &Place, at: usize, words: [u32; 2]) -> Error {
    let mut rest = at;
    let mut index: Vec<usize> = place.spec.shape.iter().rev().map(|&size| (rest % size, rest /= size).0).collect();
    index.reverse();
    let [found, expected] = words.map(|word| match place.spec.dtype {
        dtype if dtype.is_float() => f32::from_word(word).to_string(),
        DType::I32 => (word as i32).to_string(),
        _ => word.to_string(),
    });
    let layer = step.layer.as_ref().map_or(String::new(), |layer| format!(" of layer {layer}"));
    let inputs: Vec<String> = step.inputs.iter().map(|place| place.spec.to_string()).collect();
    Error::new(
        ErrorKind::Device,
        format!(
            "WGRAD_VALIDATE: kernel {}{layer} on {} differs from the CPU: element {index:?} of {} is {found}, expected {expected}",
            step.name(),
            inputs.join(", "),
            place.spec
        ),
    )
}
