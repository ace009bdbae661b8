//! Checks a case: values against its reference, gradients against central differences of the reference.

use super::{
    Case,
    case::{Draw, Reference, Smooth},
};
use crate::{DType, Device, GradientTape, Result, Tensor, dtype::Element, shape::Spec};
use ndarray::ArrayD;

/// Largest error of the op's results, relative to the larger of 1 and the result's magnitude.
///
/// # Errors
/// A text that says where it is too large.
pub fn values(case: &Case, device: &Device) -> Result<f64, String> {
    let inputs = draw(case);
    let outputs = run(case, device, &inputs).map_err(|error| error.to_string())?;
    let expected = (case.reference)(&inputs);
    let tolerance = tolerance(case, device);
    let mut worst = 0.0;
    for (output, expected) in outputs.iter().zip(&expected) {
        let found = read(output).map_err(|error| error.to_string())?;
        if found.shape() != expected.shape() {
            return Err(format!("shape {:?}, expected {:?}", found.shape(), expected.shape()));
        }
        // Fixed values are of all magnitudes, and each counts.
        let alone = case.inputs.iter().any(|draw| draw.values.is_some());
        let scale = expected.iter().fold(1.0f64, |scale, x| if x.is_finite() { scale.max(x.abs()) } else { scale });
        for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let scale = if alone { expected.abs().max(1.0) } else { scale };
            let error = if found == expected || (found.is_nan() && expected.is_nan()) { 0.0 } else { (found - expected).abs() / scale };
            if error.is_nan() || error > tolerance {
                return Err(format!("element {at} is {found}, expected {expected}: error {error:.2e}, allowed {tolerance:.0e}"));
            }
            worst = f64::max(worst, error);
        }
    }
    Ok(worst)
}

/// Values and, where there is one, the gradient for float inputs of `dtype`, 16 bits wide; errors relative to the largest result.
///
/// # Errors
/// A text that says where it is too large, or that a result is of another dtype.
pub fn halves(case: &Case, device: &Device, dtype: DType) -> Result<f64, String> {
    let round = |x: f64| f64::from(dtype.round(x as f32));
    let largest = if dtype == DType::F16 { 65_504.0 } else { f64::MAX };
    let finite = |x: f64| if x.is_finite() { round(x.clamp(-largest, largest)) } else { x };
    let narrow = |(draw, input): (&Draw, Reference)| if draw.dtype == DType::F32 { input.mapv(finite) } else { input };
    let inputs: Vec<Reference> = case.inputs.iter().zip(draw(case)).map(narrow).collect();
    let tensors = || -> Result<Vec<Tensor>> {
        let tensors = upload(case, device, &inputs)?.into_iter();
        Ok(tensors.map(|x| if x.dtype() == DType::F32 { x.cast(dtype) } else { x }).collect())
    };
    let tolerance = if dtype == DType::F16 { 1e-2 } else { 4e-2 };
    let mut worst = 0.0;
    let outputs = tensors().and_then(|tensors| (case.call)(&tensors)).map_err(|error| error.to_string())?;
    for (output, expected) in outputs.iter().zip((case.reference)(&inputs)) {
        if output.dtype() == DType::F32 {
            return Err(format!("the result of {dtype} is float32"));
        }
        let found = read(output).map_err(|error| error.to_string())?;
        let expected = if output.dtype() == dtype { expected.mapv(round) } else { expected };
        let scale = expected.iter().fold(1.0f64, |scale, x| if x.is_finite() { scale.max(x.abs()) } else { scale });
        for (at, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
            let error = if found == expected || (found.is_nan() && expected.is_nan()) { 0.0 } else { (found - expected).abs() / scale };
            if error.is_nan() || error > tolerance {
                return Err(format!("element {at} is {found}, expected {expected}: error {error:.2e}, allowed {tolerance:.0e}"));
            }
            worst = f64::max(worst, error);
        }
    }
    if case.smooth == Smooth::No {
        return Ok(worst);
    }
    let directions = float_directions(case, 11);
    let slope = slope(case, device, tensors, &directions);
    // At the inputs as drawn: rounded ones may lie on a kink.
    let expected = plain_slope(case, &draw(case), &directions);
    compare(slope, expected, 4.0 * tolerance).map(|error| worst.max(error)).map_err(|text| format!("gradient: {text}"))
}

/// That no kernel hides a number that is not finite: with NaN for one number of an input, floats are NaN where the reference
/// says so; with an infinity, they are not finite where the reference is infinite.
///
/// # Errors
/// A text that says where it is hidden.
pub fn non_finite(case: &Case, device: &Device) -> Result<f64, String> {
    let is_float = |draw: &Draw| draw.dtype == DType::F32 && draw.values.is_none() && !draw.shape.contains(&0);
    for (at, draw) in case.inputs.iter().enumerate().filter(|(_, draw)| is_float(draw)) {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut inputs = self::draw(case);
            let middle = draw.shape.iter().product::<usize>() / 2;
            *inputs[at].iter_mut().nth(middle).expect("it has elements") = bad;
            let expected = (case.reference)(&inputs);
            let outputs = run(case, device, &inputs).map_err(|error| error.to_string())?;
            for (output, expected) in outputs.iter().zip(&expected).filter(|(output, _)| output.dtype() == DType::F32) {
                let found = read(output).map_err(|error| error.to_string())?;
                let hides = |found: f64, expected: f64| {
                    if bad.is_nan() { expected.is_nan() && !found.is_nan() } else { expected.is_infinite() && found.is_finite() }
                };
                let hidden = found.iter().zip(expected).position(|(&found, &expected)| hides(found, expected));
                if let Some(place) = hidden {
                    return Err(format!("with {bad} in input {at}, element {place} is {}", found.iter().nth(place).expect("it is there")));
                }
            }
        }
    }
    Ok(0.0)
}

/// The gradient along random directions, under an upstream gradient that is not one.
///
/// # Errors
/// A text with both numbers.
pub fn gradient(case: &Case, device: &Device) -> Result<f64, String> {
    let inputs = draw(case);
    let directions = float_directions(case, 11);
    let found = slope(case, device, || upload(case, device, &inputs), &directions);
    compare(found, plain_slope(case, &inputs, &directions), 20.0 * tolerance(case, device))
}

/// The derivative of the probed outputs along `directions`.
fn slope(case: &Case, device: &Device, inputs: impl Fn() -> Result<Vec<Tensor>>, directions: &[Reference]) -> Result<f64> {
    let (tensors, tape) = (inputs()?, GradientTape::new());
    tensors.iter().for_each(|tensor| tape.watch(tensor));
    let target = probed(&(case.call)(&tensors)?, device)?;
    along(&tape.gradient(&target, &tensors)?, directions)
}

/// The same of the reference, by central differences.
fn plain_slope(case: &Case, inputs: &[Reference], directions: &[Reference]) -> f64 {
    let step = 1e-5;
    (plain(case, inputs, directions, step) - plain(case, inputs, directions, -step)) / (2.0 * step)
}

/// The second derivative along two random directions.
///
/// # Errors
/// A text with both numbers.
pub fn second_order(case: &Case, device: &Device) -> Result<f64, String> {
    let inputs = draw(case);
    let (first, second) = (float_directions(case, 12), float_directions(case, 13));
    let compute = || -> Result<f64> {
        let outer = GradientTape::new();
        let tensors = upload(case, device, &inputs)?;
        tensors.iter().for_each(|tensor| outer.watch(tensor));
        let inner = GradientTape::new();
        tensors.iter().for_each(|tensor| inner.watch(tensor));
        let target = probed(&(case.call)(&tensors)?, device)?;
        let gradients = inner.gradient(&target, &tensors)?;
        let mut slope = Tensor::from_slice_on(device, &[0.0f32], [])?;
        for (gradient, direction) in gradients.iter().zip(&first) {
            if let Some(gradient) = gradient {
                slope += (gradient * constant(direction, device)?).sum(&[]);
            }
        }
        along(&outer.gradient(&slope, &tensors)?, &second)
    };
    let step = 1e-3;
    let moved = |signs: (f64, f64)| {
        let both: Vec<Reference> = first.iter().zip(&second).map(|(a, b)| a * signs.0 + b * signs.1).collect();
        plain(case, &inputs, &both, step)
    };
    let expected = (moved((1.0, 1.0)) - moved((1.0, -1.0)) - moved((-1.0, 1.0)) + moved((-1.0, -1.0))) / (4.0 * step * step);
    compare(compute(), expected, 100.0 * tolerance(case, device))
}

fn tolerance(case: &Case, device: &Device) -> f64 {
    if *device == Device::Cpu { case.tolerance } else { case.gpu_tolerance }
}

fn compare(found: Result<f64>, expected: f64, tolerance: f64) -> Result<f64, String> {
    let found = found.map_err(|error| error.to_string())?;
    let error = (found - expected).abs() / expected.abs().max(1.0);
    if error <= tolerance { Ok(error) } else { Err(format!("{found}, expected {expected}: error {error:.2e}, allowed {tolerance:.0e}")) }
}

/// `sum(outputs * probe)` of the reference, its inputs moved by `step` along the directions.
fn plain(case: &Case, inputs: &[Reference], directions: &[Reference], step: f64) -> f64 {
    let moved: Vec<Reference> = inputs.iter().zip(directions).map(|(x, direction)| x + &(direction * step)).collect();
    let outputs = (case.reference)(&moved);
    outputs.iter().enumerate().map(|(at, output)| (output * &probe(output.shape(), at)).sum()).sum()
}

/// The same with tensors.
fn probed(outputs: &[Tensor], device: &Device) -> Result<Tensor> {
    let mut target = Tensor::from_slice_on(device, &[0.0f32], [])?;
    for (at, output) in outputs.iter().enumerate() {
        target += (output.cast(DType::F32) * constant(&probe(output.shape(), at), device)?).sum(&[]);
    }
    Ok(target)
}

fn probe(shape: &[usize], seed: usize) -> Reference {
    let mut random = Random(1000 + seed as u64);
    ArrayD::from_shape_fn(shape, |_| f64::from(random.between(0.5, 1.5) as f32))
}

/// `sum(gradient * direction)` over all inputs.
fn along(gradients: &[Option<Tensor>], directions: &[Reference]) -> Result<f64> {
    let mut sum = 0.0;
    for (gradient, direction) in gradients.iter().zip(directions) {
        if let Some(gradient) = gradient {
            sum += (read(gradient)? * direction).sum();
        }
    }
    Ok(sum)
}

/// Directions for float inputs, zeros for the others.
fn float_directions(case: &Case, seed: u64) -> Vec<Reference> {
    let mut random = Random(seed);
    let mut one = |draw: &Draw| {
        let size = draw.shape.iter().product::<usize>().max(1) as f64;
        ArrayD::from_shape_fn(draw.shape.clone(), |_| {
            if draw.dtype == DType::F32 { f64::from(random.between(-1.0, 1.0) as f32) / size.sqrt() } else { 0.0 }
        })
    };
    case.inputs.iter().map(&mut one).collect()
}

fn draw(case: &Case) -> Vec<Reference> {
    let mut random = Random(7);
    case.inputs.iter().map(|draw| random.array(draw)).collect()
}

fn run(case: &Case, device: &Device, inputs: &[Reference]) -> Result<Vec<Tensor>> {
    (case.call)(&upload(case, device, inputs)?)
}

fn upload(case: &Case, device: &Device, inputs: &[Reference]) -> Result<Vec<Tensor>> {
    let one = |(draw, input): (&Draw, &Reference)| {
        let word = |&x: &f64| match draw.dtype {
            dtype if dtype.is_float() => (x as f32).to_word(),
            DType::I32 => (x as i32).to_word(),
            _ => x as u32,
        };
        Tensor::from_words(device, &input.iter().map(word).collect::<Vec<_>>(), Spec::new(draw.dtype, input.shape()))
    };
    case.inputs.iter().zip(inputs).map(one).collect()
}

fn constant(values: &Reference, device: &Device) -> Result<Tensor> {
    Tensor::from_slice_on(device, &values.iter().map(|&x| x as f32).collect::<Vec<_>>(), values.shape())
}

fn read(tensor: &Tensor) -> Result<Reference> {
    let number = |word: u32| match tensor.dtype() {
        dtype if dtype.is_float() => f64::from(f32::from_word(word)),
        DType::I32 => f64::from(word as i32),
        _ => f64::from(word),
    };
    let values = tensor.to_words()?.into_iter().map(number).collect();
    Ok(ArrayD::from_shape_vec(tensor.shape().to_vec(), values).expect("as many words as the shape says"))
}

/// Splitmix64, enough to draw test inputs.
struct Random(u64);

impl Random {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + (high - low) * ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn array(&mut self, draw: &Draw) -> Reference {
        let size: usize = draw.shape.iter().product();
        let (low, high) = draw.range;
        let values: Vec<f64> = if let Some(values) = &draw.values {
            values.clone()
        } else if draw.dtype != DType::F32 {
            (0..size).map(|_| self.between(low, high + 1.0).floor()).collect()
        } else if draw.apart > 0.0 {
            // Places on a grid that misses zero, in random order.
            let mut places: Vec<usize> = (0..size).collect();
            (1..size).rev().for_each(|at| places.swap(at, self.between(0.0, (at + 1) as f64) as usize));
            let gap = (high - low) / size as f64;
            let clear = |x: f64| if x.abs() < draw.apart { draw.apart.copysign(x) } else { x };
            places.into_iter().map(|place| clear(f64::from((low + (place as f64 + 0.37) * gap) as f32))).collect()
        } else {
            (0..size).map(|_| f64::from(self.between(low, high) as f32)).collect()
        };
        ArrayD::from_shape_vec(draw.shape.clone(), values).expect("as many values as the shape says")
    }
}
