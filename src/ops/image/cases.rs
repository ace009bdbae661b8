//! Cases of the image functions that are made of other ops.

use super::*;
use crate::ops::{
    Interpolation, Padding,
    case::{Reference, Smooth},
};

type Plain = Box<dyn Fn(&[Reference]) -> Reference + Send + Sync>;

pub(super) fn cases() -> Vec<Case> {
    let mut out = vec![blur(), sobel(), similarity(), corners(), elastic()];
    out.extend([
        patches(Padding::Valid, [2, 3], [2, 1], 1),
        patches(Padding::Same, [3, 2], [2, 2], 1),
        patches(Padding::Valid, [2, 2], [1, 1], 2),
    ]);
    for fill in [FillMode::Constant, FillMode::Nearest, FillMode::Wrap, FillMode::Mirror, FillMode::Reflect] {
        out.extend([coordinates(fill, Interpolation::Bilinear), coordinates(fill, Interpolation::Nearest)]);
    }
    for (method, antialias) in [
        (Interpolation::Bilinear, true),
        (Interpolation::Bicubic, false),
        (Interpolation::Lanczos3, true),
        (Interpolation::Lanczos5, false),
    ] {
        out.push(scaled(method, antialias));
    }
    out
}

/// `sum of filter[i, j] * x[n, p + i, q + j, c]`, zero outside.
fn correlate(x: &Reference, filter: &[Vec<f64>], before: [usize; 2], size: [usize; 2]) -> Reference {
    Reference::from_shape_fn(vec![x.shape()[0], size[0], size[1], x.shape()[3]], |at| {
        let mut sum = 0.0;
        for (i, row) in filter.iter().enumerate() {
            for (j, weight) in row.iter().enumerate() {
                let (Some(p), Some(q)) = ((at[1] + i).checked_sub(before[0]), (at[2] + j).checked_sub(before[1])) else { continue };
                sum += weight * x.get(&[at[0], p, q, at[3]][..]).copied().unwrap_or(0.0);
            }
        }
        sum
    })
}

fn bell(size: usize, sigma: f64) -> Vec<f64> {
    let values: Vec<f64> = (0..size).map(|i| (-0.5 * ((i as f64 - (size as f64 - 1.0) / 2.0) / sigma).powi(2)).exp()).collect();
    let sum: f64 = values.iter().sum();
    values.into_iter().map(|value| value / sum).collect()
}

fn product(down: &[f64], across: &[f64]) -> Vec<Vec<f64>> {
    down.iter().map(|a| across.iter().map(|b| a * b).collect()).collect()
}

fn blur() -> Case {
    Case::new(
        "gaussian_blur",
        &[&[2, 6, 5, 3], &[2]],
        |x| gaussian_blur(&x[0], [3, 3], &(x[1].cast(DType::F32) * 0.5 + 1.0)).expect("it fits").square(),
        |x| {
            let sigma: Vec<f64> = x[1].iter().map(|x| x * 0.5 + 1.0).collect();
            correlate(&x[0], &product(&bell(3, sigma[1]), &bell(3, sigma[0])), [1, 1], [6, 5]).mapv(|x| x * x)
        },
    )
    .input(1, DType::F32, -1.0, 1.0)
    .smooth(Smooth::Twice)
}

fn sobel() -> Case {
    Case::new(
        "sobel_edges",
        &[&[2, 4, 5, 2]],
        |x| sobel_edges(&x[0]).expect("it fits").square(),
        |x| {
            let mirrored = |at: usize, size: usize| at.abs_diff(1).min(2 * (size - 1) - at.abs_diff(1));
            Reference::from_shape_fn(vec![2, 4, 5, 2, 2], |at| {
                let mut sum = 0.0;
                for (i, a) in [-1.0, 0.0, 1.0].into_iter().enumerate() {
                    for (j, b) in [1.0, 2.0, 1.0].into_iter().enumerate() {
                        let (p, q) = if at[4] == 0 { (i, j) } else { (j, i) };
                        sum += a * b * x[0][[at[0], mirrored(at[1] + p, 4), mirrored(at[2] + q, 5), at[3]]];
                    }
                }
                sum.powi(2)
            })
        },
    )
    .smooth(Smooth::Twice)
}

fn similarity() -> Case {
    let options = SsimOptions { filter_size: 3, ..SsimOptions::default() };
    Case::new(
        "ssim",
        &[&[2, 5, 6, 2], &[2, 5, 6, 2]],
        move |x| ssim(&x[0], &x[1], options).expect("it fits"),
        |x| {
            let filter = product(&bell(3, 1.5), &bell(3, 1.5));
            let mean = |x: &Reference| correlate(x, &filter, [0, 0], [3, 4]);
            let (a, b) = (mean(&x[0]), mean(&x[1]));
            let (aa, bb, ab) = (mean(&(&x[0] * &x[0])), mean(&(&x[1] * &x[1])), mean(&(&x[0] * &x[1])));
            let similar = ndarray::Zip::from(&a).and(&b).and(&aa).and(&bb).and(&ab).map_collect(|&a, &b, aa, bb, ab| {
                (2.0 * a * b + 1e-4) * (2.0 * (ab - a * b) + 9e-4) / ((a * a + b * b + 1e-4) * (aa - a * a + bb - b * b + 9e-4))
            });
            Reference::from_shape_fn(vec![2], |at| similar.index_axis(ndarray::Axis(0), at[0]).mean().expect("it has elements"))
        },
    )
    .range(0.0, 1.0)
    .tolerance(5e-5, 5e-5)
    .smooth(Smooth::Once)
}

/// Each corner of an end shows where it started.
fn corners() -> Case {
    let corners = [0.0, 0.0, 6.0, 0.0, 0.0, 4.0, 6.0, 4.0];
    Case::new(
        "perspective_transform",
        &[&[2, 4, 2]],
        move |x| {
            let moves = x[0].cast(DType::F32);
            let start = constant(&x[0], &corners.map(|x| x as f32)).reshape([1, 4, 2]).broadcast_to([2, 4, 2]);
            let end = &moves + &start;
            let t: Vec<Tensor> = homography(&start, &end).expect("it fits").split(8, -1);
            let (across, down) = (end.at(&[crate::All, crate::All, 0.into()]), end.at(&[crate::All, crate::All, 1.into()]));
            let k = &t[6] * &across + &t[7] * &down + 1.0;
            let place = |row: &[Tensor]| (&row[0] * &across + &row[1] * &down + &row[2]) / &k;
            Tensor::stack(&[&place(&t[..3]), &place(&t[3..6])], -1).cast(x[0].dtype()) + &x[0] * 0.0
        },
        move |x| Reference::from_shape_fn(vec![2, 4, 2], |at| corners[2 * at[1] + at[2]] + x[0][[at[0], at[1], at[2]]] * 0.0),
    )
    .range(-0.9, 0.9)
    .tolerance(1e-5, 5e-5)
    .smooth(Smooth::No)
}

fn elastic() -> Case {
    Case::new(
        "elastic_transform",
        &[&[1, 6, 5, 2], &[1, 6, 5, 1], &[1, 6, 5, 1]],
        |x| {
            let (alpha, sigma) = (constant(&x[0], &[1.3]).reshape([]), constant(&x[0], &[1.2]).reshape([]));
            let options = (Interpolation::Bilinear, FillMode::Constant, 0.25);
            let [images, across, down] = [0, 1, 2].map(|at| x[at].cast(DType::F32));
            moved(&images, [across, down], &alpha, &sigma, 2.5, options).expect("it fits").square().cast(x[0].dtype())
        },
        |x| {
            let sigma = f64::from(1.2f32);
            let filter = product(&bell(7, sigma), &bell(7, sigma));
            let noise = [1, 2].map(|at| correlate(&x[at], &filter, [3, 3], [6, 5]).mapv(|x| x * sigma * f64::from(1.3f32)));
            Reference::from_shape_fn(vec![1, 6, 5, 2], |at| {
                let place = |axis: usize| at[2 - axis] as f64 + noise[axis][[at[0], at[1], at[2], 0]];
                let pixel = |row: f64, column: f64| {
                    let inside = (0.0..6.0).contains(&row) && (0.0..5.0).contains(&column);
                    if inside { x[0][[0, row as usize, column as usize, at[3]]] } else { 0.25 }
                };
                let (across, down) = (place(0), place(1));
                let (dx, dy) = (across - across.floor(), down - down.floor());
                let line = |row: f64| (1.0 - dx) * pixel(row, across.floor()) + dx * pixel(row, across.floor() + 1.0);
                ((1.0 - dy) * line(down.floor()) + dy * line(down.floor() + 1.0)).powi(2)
            })
        },
    )
    .tolerance(2e-5, 5e-5)
    .smooth(Smooth::Once)
}

fn patches(padding: Padding, size: [usize; 2], strides: [usize; 2], dilation: usize) -> Case {
    Case::new(
        format!("extract_patches {size:?} {strides:?} dilation {dilation} {padding:?}"),
        &[&[2, 6, 5, 3]],
        move |x| extract_patches(&x[0], &size, Some(&strides), &[dilation; 2], padding).expect("it fits").square(),
        move |x| {
            let place = |axis: usize| {
                let (length, reach, stride) = ([6, 5][axis], dilation * (size[axis] - 1) + 1, strides[axis]);
                match padding {
                    Padding::Valid => ((length - reach) / stride + 1, 0),
                    _ => {
                        let outputs = usize::div_ceil(length, stride);
                        (outputs, ((outputs - 1) * stride + reach).saturating_sub(length) / 2)
                    }
                }
            };
            let ((rows, above), (columns, before)) = (place(0), place(1));
            Reference::from_shape_fn(vec![2, rows, columns, size[0] * size[1] * 3], |at| {
                let (i, j, c) = (at[3] / (3 * size[1]), at[3] / 3 % size[1], at[3] % 3);
                let row = (at[1] * strides[0] + i * dilation).checked_sub(above);
                let column = (at[2] * strides[1] + j * dilation).checked_sub(before);
                let (Some(row), Some(column)) = (row, column) else { return 0.0 };
                x[0].get(&[at[0], row, column, c][..]).map_or(0.0, |x| x * x)
            })
        },
    )
    .smooth(Smooth::Twice)
}

fn coordinates(fill: FillMode, interpolation: Interpolation) -> Case {
    let nearest = interpolation == Interpolation::Nearest;
    let reference: Plain = Box::new(move |x| {
        let element = |at: [f64; 2]| {
            let fold = |at: f64, size: f64| match fill {
                FillMode::Constant => Some(at).filter(|at| (0.0..size).contains(at)),
                FillMode::Nearest => Some(at.clamp(0.0, size - 1.0)),
                FillMode::Wrap => Some(at.rem_euclid(size)),
                FillMode::Mirror | FillMode::Reflect => {
                    let at = at.abs() % (2.0 * size);
                    let behind = if fill == FillMode::Reflect { 2.0 * size - at - 1.0 } else { 2.0 * size - at };
                    Some(if at < size { at } else { behind.min(size - 1.0) })
                }
            };
            let places = (fold(at[0], 4.0), fold(at[1], 5.0));
            if let (Some(row), Some(column)) = places { x[0][[row as usize, column as usize]] } else { 0.5 }
        };
        Reference::from_shape_fn(vec![3, 7], |at| {
            let [row, column] = [0, 1].map(|axis| x[1][[axis, at[0], at[1]]] * 4.0 + 2.0);
            if nearest {
                return element([row.round_ties_even(), column.round_ties_even()]).powi(2);
            }
            let (dy, dx) = (row - row.floor(), column - column.floor());
            let line = |row: f64| (1.0 - dx) * element([row, column.floor()]) + dx * element([row, column.floor() + 1.0]);
            ((1.0 - dy) * line(row.floor()) + dy * line(row.floor() + 1.0)).powi(2)
        })
    });
    let call = move |x: &[Tensor]| {
        map_coordinates(&x[0], &(x[1].cast(DType::F32) * 4.0 + 2.0), interpolation, fill, 0.5).expect("it fits").square()
    };
    Case::new(format!("map_coordinates {fill:?} {interpolation:?}"), &[&[4, 5], &[2, 3, 7]], call, reference)
        .tolerance(2e-5, 5e-5)
        .smooth(Smooth::Once)
}

fn scaled(method: Interpolation, antialias: bool) -> Case {
    let (sizes, scale, shift) = ([4usize, 7], [0.6f32, 1.3], [0.4f32, -0.7]);
    let weight = move |x: f64| match method {
        Interpolation::Bilinear => (1.0 - x).max(0.0),
        Interpolation::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        Interpolation::Bicubic if x < 2.0 => ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0,
        Interpolation::Bicubic => 0.0,
        _ => {
            let radius = if method == Interpolation::Lanczos3 { 3.0 } else { 5.0 };
            let sinc = |x: f64| if x.abs() < 1e-9 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
            if x < radius { sinc(x) * sinc(x / radius) } else { 0.0 }
        }
    };
    let rows = move |axis: usize, length: usize| -> Vec<Vec<f64>> {
        let inverse = 1.0 / f64::from(scale[axis]);
        let spread = if antialias { inverse.max(1.0) } else { 1.0 };
        let row = |at: usize| {
            let place = (at as f64 + 0.5 - f64::from(shift[axis])) * inverse - 0.5;
            let weights: Vec<f64> = (0..length).map(|from| weight((place - from as f64).abs() / spread)).collect();
            let total: f64 = weights.iter().sum();
            let inside = (-0.5..=length as f64 - 0.5).contains(&place);
            weights.into_iter().map(|weight| if inside { weight / total } else { 0.0 }).collect()
        };
        (0..sizes[axis]).map(row).collect()
    };
    Case::new(
        format!("scale_and_translate {method:?} antialias {antialias}"),
        &[&[2, 6, 5, 3]],
        move |x| {
            let (scale, shift) = (constant(&x[0], &scale), constant(&x[0], &shift));
            scale_and_translate(&x[0], (&[1, 2], &sizes), &scale, &shift, method, antialias).expect("it fits").square()
        },
        move |x| {
            let (down, across) = (rows(0, 6), rows(1, 5));
            Reference::from_shape_fn(vec![2, sizes[0], sizes[1], 3], |at| {
                let pixels = (0..6).flat_map(|i| (0..5).map(move |j| (i, j)));
                pixels.map(|(i, j)| down[at[1]][i] * across[at[2]][j] * x[0][[at[0], i, j, at[3]]]).sum::<f64>().powi(2)
            })
        },
    )
    .tolerance(2e-5, 5e-5)
    .smooth(Smooth::Twice)
}
