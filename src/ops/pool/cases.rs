//! Pooling's entries in the catalog, with plain loops as their meaning.

use super::super::{
    Case, Padding,
    case::{Reference, Smooth},
};
use crate::{Result, Tensor};
use ndarray::ArrayD;

/// Outputs and padding in front.
fn rule(padding: Padding, axis: usize, size: usize, window: usize, stride: usize) -> (usize, usize) {
    match padding {
        Padding::Same => {
            let outputs = size.div_ceil(stride);
            (outputs, ((outputs - 1) * stride + window).saturating_sub(size) / 2)
        }
        Padding::Explicit(pairs) => ((pairs[axis].0 + size + pairs[axis].1 - window) / stride + 1, pairs[axis].0),
        _ => ((size - window) / stride + 1, 0),
    }
}

/// Pooling by its definition: `fold` of what each window sees.
fn pool(x: &Reference, window: [usize; 2], stride: [usize; 2], padding: Padding, fold: fn(&[f64]) -> f64) -> Reference {
    let &[n, h, w, c] = x.shape() else { panic!("a case has images") };
    let (oh, top) = rule(padding, 0, h, window[0], stride[0]);
    let (ow, left) = rule(padding, 1, w, window[1], stride[1]);
    ArrayD::from_shape_fn(vec![n, oh, ow, c], |at| {
        let mut seen = Vec::new();
        for i in 0..window[0] {
            for j in 0..window[1] {
                let (row, column) = ((at[1] * stride[0] + i).wrapping_sub(top), (at[2] * stride[1] + j).wrapping_sub(left));
                if row < h && column < w {
                    seen.push(x[[at[0], row, column, at[3]]]);
                }
            }
        }
        fold(&seen)
    })
}

fn largest(seen: &[f64]) -> f64 {
    seen.iter().copied().fold(f64::NEG_INFINITY, |a, b| if a.is_nan() || a > b { a } else { b })
}

fn mean(seen: &[f64]) -> f64 {
    seen.iter().sum::<f64>() / seen.len() as f64
}

/// What a window's values come to.
type Fold = fn(&[f64]) -> f64;
/// Shape, window, strides, padding.
type Row = ([usize; 4], [usize; 2], Option<[usize; 2]>, Padding);
type Method = fn(&Tensor, [usize; 2], Option<[usize; 2]>, Padding) -> Result<Tensor>;

pub(in super::super) fn cases() -> Vec<Case> {
    let ops: [(&str, Method, Fold); 2] = [("max_pool2d", Tensor::max_pool2d, largest), ("average_pool2d", Tensor::average_pool2d, mean)];
    let table: [Row; 7] = [
        ([1, 4, 6, 3], [2, 2], None, Padding::Valid),
        ([2, 5, 7, 5], [2, 2], None, Padding::Same),
        ([2, 7, 6, 4], [3, 3], Some([2, 2]), Padding::Same),
        ([1, 6, 5, 2], [3, 2], Some([1, 1]), Padding::Valid),
        ([2, 8, 7, 1], [2, 2], Some([3, 3]), Padding::Valid),
        ([1, 4, 5, 3], [3, 4], Some([1, 2]), Padding::Explicit([(1, 2), (2, 0)])),
        ([1, 3, 3, 2], [4, 5], Some([1, 1]), Padding::Same),
    ];
    let tuned = |case: Case| case.apart(0.001).smooth(Smooth::Twice);
    let mut out = Vec::new();
    for (op, method, fold) in ops {
        for (shape, window, strides, padding) in table {
            let name = format!("{op} {shape:?} window {window:?} strides {strides:?} {padding:?}");
            // Squares, so that the second derivative is not zero.
            let call = move |x: &[Tensor]| method(&x[0], window, strides, padding).unwrap_or_else(|error| panic!("{error}")).square();
            let reference = move |x: &[Reference]| pool(&x[0], window, strides.unwrap_or(window), padding, fold).mapv(|y| y * y);
            out.push(tuned(Case::new(name, &[&shape], call, reference)));
        }
    }
    type Line = fn(&Tensor) -> Result<Tensor>;
    let line: [(&str, Line, Fold); 2] = [
        ("max_pool1d", |x| x.max_pool1d(3, Some(2), Padding::Same), largest),
        ("average_pool1d", |x| x.average_pool1d(3, Some(2), Padding::Same), mean),
    ];
    for (name, method, fold) in line {
        let call = move |x: &[Tensor]| method(&x[0]).unwrap_or_else(|error| panic!("{error}"));
        out.push(tuned(Case::new(name, &[&[2, 7, 3]], call, move |x| {
            let image = x[0].clone().insert_axis(ndarray::Axis(1));
            pool(&image, [1, 3], [1, 2], Padding::Same, fold).index_axis_move(ndarray::Axis(1), 0)
        })));
    }
    // NaN is a maximum: the square root of what is drawn below zero.
    let call = |x: &[Tensor]| x[0].sqrt().max_pool2d([2, 2], Some([1, 1]), Padding::Same).unwrap_or_else(|error| panic!("{error}"));
    let nan =
        Case::new("max_pool2d of NaN", &[&[1, 5, 5, 2]], call, |x| pool(&x[0].mapv(f64::sqrt), [2, 2], [1, 1], Padding::Same, largest));
    out.push(nan.range(-0.3, 1.0).smooth(Smooth::No));
    out
}
