//! Colours as red, green and blue, and as hue, saturation and value: (…, 3) both ways.

use crate::{
    DType, Error, Index, Result, Tensor,
    device::{
        cpu::{
            pool::{self, SharedMut},
            simd::multiversion,
        },
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, apply_one},
    ops::{
        Case,
        case::{Reference, Smooth},
    },
    shape::Spec,
};
use smallvec::SmallVec;

/// The last axis of three, converted.
#[derive(Debug)]
enum Colours {
    ToHsv,
    ToRgb,
}

/// Pixels that are converted together, side by side in vector registers.
const BLOCK: usize = 64;
/// Pixels of one task.
const CHUNK: usize = 128 * BLOCK;

/// The larger, or NaN.
#[inline(always)]
fn most(a: f32, b: f32) -> f32 {
    if a >= b || a.is_nan() { a } else { b }
}

/// The smaller, or NaN.
#[inline(always)]
fn least(a: f32, b: f32) -> f32 {
    if a <= b || a.is_nan() { a } else { b }
}

#[inline(always)]
fn to_hsv(r: f32, g: f32, b: f32) -> [f32; 3] {
    let (value, least) = (most(most(r, g), b), least(least(r, g), b));
    let range = value - least;
    let saturation = if value > 0.0 { range / value } else { 0.0 };
    let norm = 1.0 / (6.0 * range);
    let blue = norm * (r - g) + 4.0 / 6.0;
    let green = norm * (b - r) + 2.0 / 6.0;
    let hue = if r == value {
        norm * (g - b)
    } else if g == value {
        green
    } else {
        blue
    };
    let hue = if range > 0.0 { hue } else { 0.0 };
    [if hue < 0.0 { hue + 1.0 } else { hue }, saturation, value]
}

#[inline(always)]
fn to_rgb(h: f32, s: f32, v: f32) -> [f32; 3] {
    let h = 6.0 * h;
    let part = |x: f32| {
        let x = if x < 0.0 { 0.0 } else { x };
        ((if x > 1.0 { 1.0 } else { x }) * s + (1.0 - s)) * v
    };
    [part((h - 3.0).abs() - 1.0), part(2.0 - (h - 2.0).abs()), part(2.0 - (h - 4.0).abs())]
}

multiversion! {
    /// Converts pixels block by block.
    fn convert[F: Fn(f32, f32, f32) -> [f32; 3] + Copy](x: &[f32], out: &mut [f32], f: F) {
        for (x, out) in x.chunks(3 * BLOCK).zip(out.chunks_mut(3 * BLOCK)) {
            let mut planes = [[0.0f32; BLOCK]; 3];
            for (at, pixel) in x.chunks_exact(3).enumerate() {
                (planes[0][at], planes[1][at], planes[2][at]) = (pixel[0], pixel[1], pixel[2]);
            }
            let [one, two, three] = &mut planes;
            for ((a, b), c) in one.iter_mut().zip(two).zip(three) {
                [*a, *b, *c] = f(*a, *b, *c);
            }
            for (at, pixel) in out.chunks_exact_mut(3).enumerate() {
                (pixel[0], pixel[1], pixel[2]) = (planes[0][at], planes[1][at], planes[2][at]);
            }
        }
    }
}

impl Op for Colours {
    fn name(&self) -> &'static str {
        match self {
            Self::ToHsv => "rgb_to_hsv",
            Self::ToRgb => "hsv_to_rgb",
        }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        if inputs[0].dtype != DType::F32 {
            return Err(Error::dtype(format!("takes float32, not {}; use `cast`", inputs[0])));
        }
        if inputs[0].shape.last() != Some(&3) {
            return Err(Error::shape(format!("expected three channels on the last axis, got {}", inputs[0].shape)));
        }
        Ok(SmallVec::from_iter([inputs[0].clone()]))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        cx.through_fallback(self)
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [a, b, c] = channels(&inputs[0]);
        let planes = match self {
            Self::ToHsv => {
                let (value, least) = (a.maximum(&b).maximum(&c), a.minimum(&b).minimum(&c));
                let range = &value - least;
                let (is_lit, is_colour) = (value.greater(0.0), range.greater(0.0));
                let safe = |x: &Tensor, is: &Tensor| Tensor::where_(is, x, &x.ones_like());
                let norm = (safe(&range, &is_colour) * 6.0).reciprocal();
                let rest = Tensor::where_(&b.equal(&value), &(&norm * (&c - &a) + 2.0 / 6.0), &(&norm * (&a - &b) + 4.0 / 6.0));
                let hue = Tensor::where_(&a.equal(&value), &(norm * (&b - &c)), &rest);
                let hue = Tensor::where_(&is_colour, &hue, &hue.zeros_like());
                let saturation = Tensor::where_(&is_lit, &(&range / safe(&value, &is_lit)), &range.zeros_like());
                [Tensor::where_(&hue.less(0.0), &(&hue + 1.0), &hue), saturation, value]
            }
            Self::ToRgb => {
                let h = a * 6.0;
                let part = |x: Tensor| (x.clip(0.0, 1.0) * &b + (b.negate() + 1.0)) * &c;
                let away = |from: f32| (&h - from).abs();
                [part(away(3.0) - 1.0), part(away(2.0).negate() + 2.0), part(away(4.0).negate() + 2.0)]
            }
        };
        Some(vec![Tensor::stack(&planes.each_ref(), -1)])
    }

    fn cpu(&self, call: CpuCall) {
        let (x, out) = (call.inputs[0].f32(), SharedMut::new(call.outputs[0].f32()));
        pool::for_chunks(x.len() / 3, CHUNK, &|pixels| {
            let range = 3 * pixels.start..3 * pixels.end;
            // SAFETY: chunks are disjoint.
            let out = unsafe { out.slice(range.clone()) };
            match self {
                Self::ToHsv => convert(&x[range], out, to_hsv),
                Self::ToRgb => convert(&x[range], out, to_rgb),
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, output) = (&call.inputs[0], &call.outputs[0]);
        let pixels = output.size() / 3;
        let to_rgb = "fn converted(x: vec3<f32>) -> vec3<f32> { return to_rgb(x); }";
        let blocks = [("direction", to_rgb)];
        let blocks = if matches!(self, Self::ToRgb) { &blocks[..] } else { &[] };
        let kernel = compose(self.name(), include_str!("../../../shaders/colours.wgsl"), blocks)?;
        call.dispatch(kernel, &[pixels.into()], &[input], &[output], call.linear(pixels, 64));
        Ok(())
    }
}

/// The three planes of the last axis.
fn channels(x: &Tensor) -> [Tensor; 3] {
    let mut index = vec![crate::All; x.rank()];
    std::array::from_fn(|channel| {
        index[x.rank() - 1] = Index::from(channel);
        x.at(&index)
    })
}

fn converted(colours: Colours, x: &Tensor) -> Result<Tensor> {
    if !x.dtype().is_float() {
        return Err(Error::dtype(format!("{}: takes floats, not {}; use `cast`", colours.name(), x.dtype())));
    }
    Ok(apply_one(colours, &[&x.cast(DType::F32)])?.cast(x.dtype()))
}

/// Red, green and blue (…, 3), from 0 to 1, as hue, saturation and value.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// assert_eq!(image::rgb_to_hsv(&Tensor::from([[1.0f32, 0.0, 0.0]]))?.to_vec::<f32>()?, [0.0, 1.0, 1.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Other channels, integers.
#[doc(alias = "keras.ops.image.rgb_to_hsv")]
pub fn rgb_to_hsv(x: &Tensor) -> Result<Tensor> {
    converted(Colours::ToHsv, x)
}

/// Hue, saturation and value (…, 3), from 0 to 1, as red, green and blue.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// assert_eq!(image::hsv_to_rgb(&Tensor::from([[0.0f32, 1.0, 1.0]]))?.to_vec::<f32>()?, [1.0, 0.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Other channels, integers.
#[doc(alias = "keras.ops.image.hsv_to_rgb")]
pub fn hsv_to_rgb(x: &Tensor) -> Result<Tensor> {
    converted(Colours::ToRgb, x)
}

/// Brightness (…, 1) of red, green and blue (…, 3): `0.2989 r + 0.587 g + 0.114 b`; one channel stays as it is.
///
/// ```
/// use wgrad::{ops::image, prelude::*};
/// let grey = image::rgb_to_grayscale(&Tensor::from([[1.0f32, 0.0, 0.0]]))?;
/// assert_eq!(grey.to_vec::<f32>()?, [0.2989]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Other channels.
#[doc(alias = "keras.ops.image.rgb_to_grayscale")]
pub fn rgb_to_grayscale(x: &Tensor) -> Result<Tensor> {
    match x.shape().last() {
        Some(1) => Ok(x.clone()),
        Some(3) => {
            let [r, g, b] = channels(&x.cast(DType::F32));
            Ok((r * 0.2989 + g * 0.587 + b * 0.114).expand_dims(-1).cast(x.dtype()))
        }
        _ => Err(Error::shape(format!("rgb_to_grayscale: expected three channels or one on the last axis, got {}", x.shape()))),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let pixels = |x: &Reference, f: fn([f64; 3]) -> [f64; 3]| {
        let values: Vec<f64> = x.iter().copied().collect();
        let converted = values.as_chunks::<3>().0.iter().flat_map(|&pixel| f(pixel)).collect();
        Reference::from_shape_vec(x.shape().to_vec(), converted).expect("as many")
    };
    let hsv = |[r, g, b]: [f64; 3]| {
        if (r + g + b).is_nan() {
            return [0.0, 0.0, f64::NAN];
        }
        let (value, least) = (r.max(g).max(b), r.min(g).min(b));
        let range = value - least;
        let hue = match range {
            0.0 => 0.0,
            _ if r == value => (g - b) / range / 6.0,
            _ if g == value => (b - r) / range / 6.0 + 1.0 / 3.0,
            _ => (r - g) / range / 6.0 + 2.0 / 3.0,
        };
        [hue.rem_euclid(1.0), if value > 0.0 { range / value } else { 0.0 }, value]
    };
    // The wheel of colours, as one reads it: six parts, in each of which one channel rises or falls.
    let rgb = |[h, s, v]: [f64; 3]| {
        let (low, rise) = (v * (1.0 - s), (h * 6.0).fract());
        let (up, down) = (v * (1.0 - s * (1.0 - rise)), v * (1.0 - s * rise));
        match (h * 6.0) as usize {
            0 => [v, up, low],
            1 => [down, v, low],
            2 => [low, v, up],
            3 => [low, down, v],
            4 => [up, low, v],
            _ => [v, low, down],
        }
    };
    let to_hsv = Case::new(
        "rgb_to_hsv",
        &[&[3, 5, 7, 3]],
        |x| rgb_to_hsv(&x[0]).expect("three channels").square(),
        move |x| pixels(&x[0], hsv).mapv(|x| x * x),
    );
    let corners = Case::new("rgb_to_hsv of corners", &[&[6, 3]], |x| rgb_to_hsv(&x[0]).expect("it fits"), move |x| pixels(&x[0], hsv));
    let corner_values = [0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 1.0, 1.0, 0.25, 0.25, 1.0, 1.0, 1.0, 0.25, 1.0, 1.0, 0.0, 0.0];
    let to_rgb = Case::new(
        "hsv_to_rgb",
        &[&[2, 70, 3]],
        |x| hsv_to_rgb(&x[0]).expect("three channels").square(),
        move |x| pixels(&x[0], rgb).mapv(|x| x * x),
    );
    let grey = Case::new(
        "rgb_to_grayscale",
        &[&[2, 3, 4, 3]],
        |x| rgb_to_grayscale(&x[0]).expect("three channels").square(),
        |x| {
            let weights = [0.2989, 0.587, 0.114];
            Reference::from_shape_fn(vec![2, 3, 4, 1], |at| {
                (0..3).map(|c| weights[c] * x[0][[at[0], at[1], at[2], c]]).sum::<f64>().powi(2)
            })
        },
    );
    vec![
        to_hsv.range(0.0, 1.0).apart(1e-3).smooth(Smooth::Once).fused(),
        corners.values(0, &corner_values),
        to_rgb.range(0.02, 0.98).smooth(Smooth::Once).fused(),
        grey.smooth(Smooth::Twice),
    ]
}
