//! Convolution in groups, depthwise included: direct loops over neighbouring channels, for too little work per group to need tiles.

use super::conv::Conv2d;
use super::pool::{self, SharedMut};
use super::scratch;
use super::simd::{self, multiversion};
use std::ops::Range;

/// The filter gradient cuts the batch into at most this many parts.
const PARTS: usize = 16;

/// Fewer channels than this are too few for a vector: whole rows are multiplied by a filter that repeats.
const FEW: usize = 64;

pub fn forward(conv: &Conv2d, x: &[f32], filter: &[f32], y: &mut [f32]) {
    let y = SharedMut::new(y);
    let size = conv.ow * conv.k;
    let repeated = Repeated::new(conv, filter);
    pool::for_chunks(conv.n * conv.oh, rows_per_task(conv), &|range| {
        for index in range {
            let (sample, p) = (index / conv.oh, index % conv.oh);
            // SAFETY: each output row is written once.
            let y = unsafe { y.slice(index * size..(index + 1) * size) };
            y.fill(0.0);
            for (i, row) in taps(p, conv.kh, conv.stride[0], conv.dilation[0], conv.pad_top, conv.h) {
                if let Some(repeated) = &repeated {
                    let row = &x[(sample * conv.h + row) * conv.w * conv.c..][..conv.w * conv.c];
                    (0..conv.kw).for_each(|j| repeated.add(conv, (i, j), row, y));
                    continue;
                }
                for (q, y) in y.chunks_exact_mut(conv.k).enumerate() {
                    for (j, column) in taps(q, conv.kw, conv.stride[1], conv.dilation[1], conv.pad_left, conv.w) {
                        let x = &x[((sample * conv.h + row) * conv.w + column) * conv.c..][..conv.c];
                        multiply_add(x, tap(conv, filter, i, j), y, conv.groups);
                    }
                }
            }
        }
    });
}

pub fn input_grad(conv: &Conv2d, dy: &[f32], filter: &[f32], dx: &mut [f32]) {
    let dx = SharedMut::new(dx);
    let size = conv.h * conv.w * conv.c;
    // A sample is a task: outputs scatter into it in their order.
    pool::for_chunks(conv.n, 1, &|range| {
        for sample in range {
            // SAFETY: each sample is its own part.
            let dx = unsafe { dx.slice(sample * size..(sample + 1) * size) };
            dx.fill(0.0);
            for_each_meeting(conv, 0..conv.oh, |p, q, i, j, row, column| {
                let dy = &dy[((sample * conv.oh + p) * conv.ow + q) * conv.k..][..conv.k];
                let dx = &mut dx[(row * conv.w + column) * conv.c..][..conv.c];
                multiply_back(dy, tap(conv, filter, i, j), dx, conv.groups);
            });
        }
    });
}

pub fn filter_grad(conv: &Conv2d, x: &[f32], dy: &[f32], dfilter: &mut [f32]) {
    let (size, parts) = (dfilter.len(), conv.n.clamp(1, PARTS));
    scratch::with(parts * size, |partial| {
        let shared = SharedMut::new(partial);
        pool::run(parts, &|part| {
            // SAFETY: each part is its own.
            let out = unsafe { shared.slice(part * size..(part + 1) * size) };
            out.fill(0.0);
            for sample in conv.n * part / parts..conv.n * (part + 1) / parts {
                for_each_meeting(conv, 0..conv.oh, |p, q, i, j, row, column| {
                    let dy = &dy[((sample * conv.oh + p) * conv.ow + q) * conv.k..][..conv.k];
                    let x = &x[((sample * conv.h + row) * conv.w + column) * conv.c..][..conv.c];
                    let len = conv.c / conv.groups * conv.k;
                    outer_add(x, dy, &mut out[(i * conv.kw + j) * len..][..len], conv.groups);
                });
            }
        });
        for (part, values) in partial.chunks_exact(size.max(1)).enumerate() {
            if part == 0 { dfilter.copy_from_slice(values) } else { simd::update2(dfilter, values, |x: f32, y: f32| x + y) }
        }
    });
}

/// A depthwise filter of few channels, each tap's repeated over several columns.
struct Repeated {
    filters: Vec<f32>,
    /// Numbers of a tap.
    len: usize,
}

impl Repeated {
    /// Where the columns of input and output are neighbours alike.
    fn new(conv: &Conv2d, filter: &[f32]) -> Option<Self> {
        let fits = conv.groups == conv.c && conv.k == conv.c && conv.stride[1] == 1 && (1..FEW).contains(&conv.c);
        fits.then(|| {
            let times = FEW.div_ceil(conv.c);
            let filters = filter.chunks_exact(conv.c).flat_map(|tap| tap.repeat(times)).collect();
            Self { filters, len: times * conv.c }
        })
    }

    /// Adds what one tap sees of a row of the input to a row of the output.
    fn add(&self, conv: &Conv2d, (i, j): (usize, usize), x: &[f32], y: &mut [f32]) {
        let (ahead, behind) = (j * conv.dilation[1], conv.pad_left);
        let (first, end) = (behind.saturating_sub(ahead), (conv.w + behind).saturating_sub(ahead).min(conv.ow));
        if first < end {
            let filter = &self.filters[(i * conv.kw + j) * self.len..][..self.len];
            let x = &x[(first + ahead - behind) * conv.c..][..(end - first) * conv.c];
            multiply_add_row(x, filter, &mut y[first * conv.c..end * conv.c]);
        }
    }
}

fn rows_per_task(conv: &Conv2d) -> usize {
    (1usize << 17).div_ceil((conv.ow * conv.kh * conv.kw * conv.k * (conv.c / conv.groups)).max(1))
}

/// The taps of output `at` that fall inside the image, and where.
fn taps(at: usize, taps: usize, stride: usize, dilation: usize, pad: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..taps).filter_map(move |tap| {
        let place = (at * stride + tap * dilation).checked_sub(pad)?;
        (place < size).then_some((tap, place))
    })
}

fn for_each_meeting(conv: &Conv2d, rows: Range<usize>, mut body: impl FnMut(usize, usize, usize, usize, usize, usize)) {
    for p in rows {
        for (i, row) in taps(p, conv.kh, conv.stride[0], conv.dilation[0], conv.pad_top, conv.h) {
            for q in 0..conv.ow {
                for (j, column) in taps(q, conv.kw, conv.stride[1], conv.dilation[1], conv.pad_left, conv.w) {
                    body(p, q, i, j, row, column);
                }
            }
        }
    }
}

/// The filter of one tap: (C / groups) x K.
fn tap<'a>(conv: &Conv2d, filter: &'a [f32], i: usize, j: usize) -> &'a [f32] {
    let len = conv.c / conv.groups * conv.k;
    &filter[(i * conv.kw + j) * len..][..len]
}

multiversion! {
    /// `y[at] += x[at] * filter[at % filter.len()]`
    fn multiply_add_row[](x: &[f32], filter: &[f32], y: &mut [f32]) {
        for (y, x) in y.chunks_mut(filter.len()).zip(x.chunks(filter.len())) {
            for ((y, &x), &factor) in y.iter_mut().zip(x).zip(filter) {
                *y += x * factor;
            }
        }
    }

    /// `y[g, o] += Σ x[g, i] * filter[i, g, o]`
    fn multiply_add[](x: &[f32], filter: &[f32], y: &mut [f32], groups: usize) {
        let (inputs, outputs) = (x.len() / groups, y.len() / groups);
        if inputs == 1 && outputs == 1 {
            for ((y, &x), &factor) in y.iter_mut().zip(x).zip(filter) {
                *y += x * factor;
            }
            return;
        }
        let k = y.len();
        for (i, filter) in filter.chunks_exact(k).enumerate() {
            for (g, (y, filter)) in y.chunks_exact_mut(outputs).zip(filter.chunks_exact(outputs)).enumerate() {
                let factor = x[g * inputs + i];
                for (y, &value) in y.iter_mut().zip(filter) {
                    *y += factor * value;
                }
            }
        }
    }

    /// `dx[g, i] += Σ dy[g, o] * filter[i, g, o]`
    fn multiply_back[](dy: &[f32], filter: &[f32], dx: &mut [f32], groups: usize) {
        let (inputs, outputs) = (dx.len() / groups, dy.len() / groups);
        if inputs == 1 && outputs == 1 {
            for ((dx, &dy), &factor) in dx.iter_mut().zip(dy).zip(filter) {
                *dx += dy * factor;
            }
            return;
        }
        for (i, filter) in filter.chunks_exact(dy.len()).enumerate() {
            for (g, (dy, filter)) in dy.chunks_exact(outputs).zip(filter.chunks_exact(outputs)).enumerate() {
                let mut sum = 0.0;
                for (&dy, &value) in dy.iter().zip(filter) {
                    sum += dy * value;
                }
                dx[g * inputs + i] += sum;
            }
        }
    }

    /// `dfilter[i, g, o] += x[g, i] * dy[g, o]`
    fn outer_add[](x: &[f32], dy: &[f32], dfilter: &mut [f32], groups: usize) {
        let (inputs, outputs) = (x.len() / groups, dy.len() / groups);
        if inputs == 1 && outputs == 1 {
            for ((out, &x), &dy) in dfilter.iter_mut().zip(x).zip(dy) {
                *out += x * dy;
            }
            return;
        }
        for (i, dfilter) in dfilter.chunks_exact_mut(dy.len()).enumerate() {
            for (g, (dy, out)) in dy.chunks_exact(outputs).zip(dfilter.chunks_exact_mut(outputs)).enumerate() {
                let factor = x[g * inputs + i];
                for (out, &dy) in out.iter_mut().zip(dy) {
                    *out += factor * dy;
                }
            }
        }
    }
}
