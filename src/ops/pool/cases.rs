//! Pooling's entries in the catalog, with plain loops as their meaning.

use super::{
    super::{
        Case, Padding,
        case::{Reference, Smooth},
        window::{as_volume, each},
    },
    adaptive,
};
use crate::{Result, Shape, Tensor};
use std::ops::Range;

/// What each window along an axis sees.
fn seen(padding: Padding, axis: usize, size: usize, window: usize, stride: usize) -> Vec<Range<usize>> {
    let (outputs, before) = match padding {
        Padding::Same => {
            let outputs = size.div_ceil(stride);
            (outputs, ((outputs - 1) * stride + window).saturating_sub(size) / 2)
        }
        Padding::Explicit(pairs) if axis > 0 => {
            let (before, after) = pairs[axis - 1];
            ((before + size + after - window) / stride + 1, before)
        }
        _ => ((size - window) / stride + 1, 0),
    };
    let inside = |place: usize| place.saturating_sub(before).min(size);
    (0..outputs).map(|at| inside(at * stride)..inside(at * stride + window)).collect()
}

/// Pooling by its definition: `fold` of what each window sees.
fn pool(x: &Reference, [depth, rows, columns]: &[Vec<Range<usize>>; 3], fold: Fold) -> Reference {
    let volume = as_volume(&Shape::from(x.shape())).expect("a case has one to three axes of space");
    let x5 = x.to_shape(volume).expect("as many values");
    let y = Reference::from_shape_fn(vec![volume[0], depth.len(), rows.len(), columns.len(), volume[4]], |at| {
        let mut values = Vec::new();
        for slice in depth[at[1]].clone() {
            for row in rows[at[2]].clone() {
                values.extend(columns[at[3]].clone().map(|column| x5[[at[0], slice, row, column, at[4]]]));
            }
        }
        fold(&values)
    });
    let shape: Vec<usize> = [&y.shape()[..1], &y.shape()[6 - x.ndim()..]].concat();
    y.into_shape_with_order(shape).expect("as many values")
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
type Row = (&'static [usize], &'static [usize], Option<&'static [usize]>, Padding);
type Method = fn(&Tensor, &[usize], Option<&[usize]>, Padding) -> Result<Tensor>;
type Adaptive = fn(&Tensor, &[usize]) -> Result<Tensor>;

pub(in super::super) fn cases() -> Vec<Case> {
    let ops: [(&str, Method, Fold); 2] = [("max_pool", Tensor::max_pool, largest), ("average_pool", Tensor::average_pool, mean)];
    let table: [Row; 12] = [
        (&[1, 4, 6, 3], &[2, 2], None, Padding::Valid),
        (&[2, 5, 7, 5], &[2], None, Padding::Same),
        (&[2, 7, 6, 4], &[3, 3], Some(&[2]), Padding::Same),
        (&[1, 6, 5, 2], &[3, 2], Some(&[1]), Padding::Valid),
        (&[2, 8, 7, 1], &[2, 2], Some(&[3, 3]), Padding::Valid),
        (&[1, 4, 5, 3], &[3, 4], Some(&[1, 2]), Padding::Explicit([(1, 2), (2, 0)])),
        (&[1, 3, 3, 2], &[4, 5], Some(&[1, 1]), Padding::Same),
        (&[2, 7, 3], &[3], Some(&[2]), Padding::Same),
        (&[2, 4, 5, 6, 3], &[2], None, Padding::Valid),
        (&[1, 5, 4, 3, 4], &[3, 2, 2], Some(&[2, 1, 3]), Padding::Same),
        (&[1, 4, 3, 5, 2], &[2, 3, 1], Some(&[1]), Padding::Valid),
        (&[1, 4, 3, 5, 2], &[2], Some(&[1]), Padding::Explicit([(1, 0), (0, 1)])),
    ];
    let tuned = |case: Case| case.apart(0.001).smooth(Smooth::Twice);
    let fits = |result: Result<Tensor>| result.unwrap_or_else(|error| panic!("{error}"));
    let axes = |shape: &[usize]| as_volume(&Shape::from(shape)).expect("one to three axes of space");
    let mut out = Vec::new();
    for (op, method, fold) in ops {
        for (shape, window, strides, padding) in table {
            let name = format!("{op} {shape:?} window {window:?} strides {strides:?} {padding:?}");
            // Squares, so that the second derivative is not zero.
            let call = move |x: &[Tensor]| fits(method(&x[0], window, strides, padding)).square();
            let three = |sizes: &[usize]| each(sizes, shape.len() - 2).expect("a case has as many sizes as axes");
            let (sizes, steps) = (three(window), three(strides.unwrap_or(window)));
            let windows = std::array::from_fn(|axis| seen(padding, axis, axes(shape)[axis + 1], sizes[axis], steps[axis]));
            out.push(tuned(Case::new(name, &[shape], call, move |x| pool(&x[0], &windows, fold).mapv(|y| y * y))));
        }
    }
    let adaptive_ops: [(&str, Adaptive, Fold); 2] = [
        ("adaptive_max_pool", |x, sizes| x.adaptive_max_pool(sizes), largest),
        ("adaptive_average_pool", |x, sizes| x.adaptive_average_pool(sizes), mean),
    ];
    let table: [(&[usize], &[usize]); 6] = [
        (&[2, 9, 3], &[2]),
        (&[2, 4, 3], &[6]),
        (&[1, 7, 6, 5], &[3]),
        (&[2, 10, 8, 3], &[4, 2]),
        (&[1, 5, 4, 5, 3], &[3]),
        (&[1, 2, 7, 4, 2], &[1, 5, 4]),
    ];
    for (op, method, fold) in adaptive_ops {
        for (shape, sizes) in table {
            let call = move |x: &[Tensor]| fits(method(&x[0], sizes)).square();
            let outputs = each(sizes, shape.len() - 2).expect("a case has as many sizes as axes");
            let windows = std::array::from_fn(|axis| adaptive::windows(axes(shape)[axis + 1], outputs[axis]).collect());
            let case =
                Case::new(format!("{op} {shape:?} to {sizes:?}"), &[shape], call, move |x| pool(&x[0], &windows, fold).mapv(|y| y * y));
            out.push(tuned(case));
        }
    }
    // NaN is a maximum: the square root of what is drawn below zero.
    let call = move |x: &[Tensor]| fits(x[0].sqrt().max_pool(&[2], Some(&[1]), Padding::Same));
    let windows = [seen(Padding::Same, 0, 1, 1, 1), seen(Padding::Same, 1, 5, 2, 1), seen(Padding::Same, 2, 5, 2, 1)];
    let nan = Case::new("max_pool of NaN", &[&[1, 5, 5, 2]], call, move |x| pool(&x[0].mapv(f64::sqrt), &windows, largest));
    out.push(nan.range(-0.3, 1.0).smooth(Smooth::No));
    out
}
