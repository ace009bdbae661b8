//! Cases of Fourier transforms: the reference adds up term by term.

use super::{FrameWindow, Stft, part};
use crate::{
    Tensor,
    ops::{
        Case,
        case::{Reference, Smooth},
    },
};
use ndarray::{Axis, Slice, concatenate};
use std::f64::consts::TAU;

/// Real and imaginary parts.
type Pair = [Reference; 2];

/// `sum over t of x[t] exp(±2πi f t / n)` along `axis`.
fn transform(x: &Pair, axis: usize, sign: f64) -> Pair {
    let n = x[0].shape()[axis];
    let along = |part: &Reference, frequency: usize, of: fn(f64) -> f64| {
        let angle = |t: usize| sign * TAU * (t * frequency % n) as f64 / n as f64;
        let terms = part.axis_iter(Axis(axis)).enumerate().map(|(t, x)| x.to_owned() * of(angle(t)));
        terms.reduce(|sum, term| sum + term).expect("there are rows")
    };
    let stack = |rows: Vec<Reference>| ndarray::stack(Axis(axis), &rows.iter().map(|row| row.view()).collect::<Vec<_>>()).expect("rows");
    let re = (0..n).map(|f| along(&x[0], f, f64::cos) - along(&x[1], f, f64::sin)).collect();
    let im = (0..n).map(|f| along(&x[0], f, f64::sin) + along(&x[1], f, f64::cos)).collect();
    [stack(re), stack(im)]
}

/// The first `count` elements of the last axis, filled with zeros.
fn resized(x: &Reference, count: usize) -> Reference {
    let axis = Axis(x.ndim() - 1);
    let cut = x.slice_axis(axis, Slice::from(..count.min(x.len_of(axis)))).to_owned();
    let mut rest = cut.raw_dim();
    rest[axis.0] = count - cut.len_of(axis);
    concatenate(axis, &[cut.view(), Reference::zeros(rest).view()]).expect("one shape")
}

fn rfft(x: &Reference, length: usize) -> Pair {
    let x = resized(x, length);
    transform(&[x.clone(), Reference::zeros(x.raw_dim())], x.ndim() - 1, -1.0).map(|part| resized(&part, length / 2 + 1))
}

/// As a matrix product that counts all but the outermost frequencies twice.
fn irfft(x: &Pair, length: usize) -> Reference {
    let [re, im] = [&x[0], &x[1]].map(|part| resized(part, length / 2 + 1));
    let weigh = |mut part: Reference| {
        for (f, mut x) in part.axis_iter_mut(Axis(re.ndim() - 1)).enumerate() {
            x.mapv_inplace(|x| if f == 0 || 2 * f == length { x } else { 2.0 * x });
        }
        resized(&part, length)
    };
    transform(&[weigh(re.clone()), weigh(im)], re.ndim() - 1, 1.0)[0].clone() / length as f64
}

/// Frames of `size` along the last axis times `window`.
fn framed(x: &Reference, stride: usize, window: &[f64]) -> Reference {
    let axis = Axis(x.ndim() - 1);
    let count = (x.len_of(axis) - window.len()) / stride + 1;
    let frames: Vec<Reference> =
        (0..count).map(|at| x.slice_axis(axis, Slice::from(at * stride..at * stride + window.len())).to_owned()).collect();
    let whole = ndarray::stack(axis, &frames.iter().map(|frame| frame.view()).collect::<Vec<_>>()).expect("one shape");
    whole * &ndarray::arr1(window)
}

/// Along the last two axes.
fn planes(x: &Pair, sign: f64) -> Pair {
    transform(&transform(x, x[0].ndim() - 1, sign), x[0].ndim() - 2, sign)
}

pub(in super::super) fn cases() -> Vec<Case> {
    fn pair(name: String, shape: &[usize], call: fn(&[Tensor]) -> (Tensor, Tensor), plain: fn(&Pair) -> Pair) -> Case {
        let mut case = Case::new(name, &[shape, shape], |x| x[0].clone(), |x| x[0].clone());
        case.call = Box::new(move |x| Ok(Vec::from(<[Tensor; 2]>::from(call(x)))));
        case.reference = Box::new(move |x| plain(&[x[0].clone(), x[1].clone()]).to_vec());
        case.smooth(Smooth::Twice)
    }
    let mut out = Vec::new();
    for shape in [&[8][..], &[3, 1], &[2, 3, 5], &[2, 37]] {
        out.push(pair(format!("fft {shape:?}"), shape, |x| x[0].fft(&x[1]), |x| transform(x, x[0].ndim() - 1, -1.0)));
    }
    for shape in [&[4, 6][..], &[2, 3, 5]] {
        out.push(pair(format!("fft2 {shape:?}"), shape, |x| x[0].fft2(&x[1]), |x| planes(x, -1.0)));
        out.push(pair(
            format!("ifft2 {shape:?}"),
            shape,
            |x| x[0].ifft2(&x[1]),
            |x| {
                let size = x[0].shape().iter().rev().take(2).product::<usize>() as f64;
                planes(x, 1.0).map(|part| part / size)
            },
        ));
    }
    for (size, length) in [(8, None), (7, None), (5, Some(8)), (9, Some(6)), (1, None)] {
        let mut case = Case::new(format!("rfft of {size} to {length:?}"), &[&[2, size]], |x| x[0].clone(), |x| x[0].clone());
        case.call = Box::new(move |x| Ok(Vec::from(<[Tensor; 2]>::from(x[0].rfft(length)))));
        case.reference = Box::new(move |x| rfft(&x[0], length.unwrap_or(size)).to_vec());
        out.push(case.smooth(Smooth::Twice));
    }
    for (size, length) in [(5, None), (4, Some(7)), (3, Some(8)), (6, Some(5)), (1, Some(1))] {
        let reference = move |x: &[Reference]| irfft(&[x[0].clone(), x[1].clone()], length.unwrap_or(2 * size - 2));
        let name = format!("irfft of {size} to {length:?}");
        out.push(Case::new(name, &[&[2, size], &[2, size]], move |x| x[0].irfft(&x[1], length), reference).smooth(Smooth::Twice));
    }
    let sequences = |x: &[Reference]| framed(&x[0], 2, &[1.0; 3]);
    out.push(Case::new("extract_sequences", &[&[2, 8]], |x| x[0].extract_sequences(3, 2), sequences).smooth(Smooth::Twice));
    let windows: [(FrameWindow, &'static [f64]); 3] = [
        (FrameWindow::Hann, &[0.0, 0.0, 0.5, 1.0, 0.5, 0.0]),
        (FrameWindow::Values(vec![1.0, 2.0, 3.0, 4.0]), &[0.0, 1.0, 2.0, 3.0, 4.0, 0.0]),
        (FrameWindow::None, &[1.0; 6]),
    ];
    for (window, values) in windows {
        let options = Stft { window, center: false, ..Stft::new(4, 2, 6) };
        let mut case = Case::new(format!("stft {:?}", options.window), &[&[2, 11]], |x| x[0].clone(), |x| x[0].clone());
        case.call = Box::new(move |x| Ok(Vec::from(<[Tensor; 2]>::from(x[0].stft(&options)))));
        case.reference = Box::new(move |x| rfft(&framed(&x[0], 2, values), 6).to_vec());
        out.push(case.smooth(Smooth::Twice));
    }
    // Where as many frames meet as the window counts on.
    for (center, [start, stop]) in [(true, [0, 12]), (false, [3, 9])] {
        let options = Stft { center, window: FrameWindow::Hamming, ..Stft::new(6, 3, 6) };
        let call = move |x: &[Tensor]| {
            let (re, im) = x[0].stft(&options);
            part(&re.istft(&im, &options, Some(12)), start, stop)
        };
        let reference = move |x: &[Reference]| x[0].slice_axis(Axis(1), Slice::from(start..stop)).to_owned();
        out.push(Case::new(format!("istft of stft, center={center}"), &[&[2, 12]], call, reference).smooth(Smooth::Twice));
    }
    out
}
