//! Convolution of NHWC images with HWIO filters, forward and both gradients, straight on the register tiles of `microkernel.rs`.
//!
//! Nothing is unfolded: a tile reads its pixels in place, a row of taps being one contiguous run of the image. Where padding is
//! touched, the few rows a task needs are copied into a zero-framed buffer first. All sums have an order that the shape alone sets.

pub use super::conv_window::Axis;
use super::conv_window::{with_runs, with_window};
use super::gemm::{Mat, gemm};
use super::microkernel::{Kernel, Tile};
use super::pack::pack;
use super::pool::{self, SharedMut};
use super::{conv_grouped, scratch, simd};
use std::ops::Range;

/// Multiplications per task, about 50 µs of one core.
const TASK: usize = 3 << 20;
/// Pixels that a tile of the filter gradient takes at a time; their upstream values fill half of the first-level cache.
const PIXELS: usize = 128;
/// The filter gradient cuts the batch into at most this many parts, and their partial sums hold at most so many values.
const PARTS: usize = 32;
const PARTIAL_VALUES: usize = 1 << 24;

/// The sizes of a convolution: x is N x H x W x C, the filter KH x KW x (C / groups) x K, y N x OH x OW x K.
///
/// Output (p, q) reads input (p * stride + i * dilation - pad) for tap i of each axis; what lies outside counts as 0.
#[derive(Clone, Copy, Debug)]
pub struct Conv2d {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
    pub kh: usize,
    pub kw: usize,
    pub oh: usize,
    pub ow: usize,
    /// Output channels, all groups together.
    pub k: usize,
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub pad_top: usize,
    pub pad_left: usize,
    pub groups: usize,
}

impl Conv2d {
    fn check(&self, x: usize, filter: usize, y: usize) {
        assert!(
            self.groups > 0 && self.c.is_multiple_of(self.groups) && self.k.is_multiple_of(self.groups),
            "groups must divide both channels: {self:?}"
        );
        assert!(self.stride[0] > 0 && self.stride[1] > 0 && self.dilation[0] > 0 && self.dilation[1] > 0, "{self:?}");
        assert_eq!(x, self.n * self.h * self.w * self.c, "values of x: {self:?}");
        assert_eq!(filter, self.kh * self.kw * (self.c / self.groups) * self.k, "values of the filter: {self:?}");
        assert_eq!(y, self.n * self.oh * self.ow * self.k, "values of y: {self:?}");
    }

    /// One tap that meets each pixel once: a plain matrix product.
    fn is_product(&self) -> bool {
        (self.kh, self.kw, self.stride, self.pad_top, self.pad_left) == (1, 1, [1, 1], 0, 0) && (self.oh, self.ow) == (self.h, self.w)
    }

    /// How the outputs read the input along rows and columns.
    pub fn axes(&self) -> [Axis; 2] {
        let axis = |outputs, source, taps, stride, dilation, pad: usize| Axis {
            outputs,
            source,
            step: stride,
            taps,
            offset: -(pad as isize),
            offset_step: dilation,
            tap: 0,
            tap_step: 1,
        };
        [
            axis(self.oh, self.h, self.kh, self.stride[0], self.dilation[0], self.pad_top),
            axis(self.ow, self.w, self.kw, self.stride[1], self.dilation[1], self.pad_left),
        ]
    }
}

/// `y = x * filter`; overwrites y.
pub fn forward(conv: &Conv2d, x: &[f32], filter: &[f32], y: &mut [f32]) {
    conv.check(x.len(), filter.len(), y.len());
    if conv.groups > 1 {
        return conv_grouped::forward(conv, x, filter, y);
    }
    if conv.is_product() {
        let pixels = conv.n * conv.h * conv.w;
        return gemm(pixels, conv.k, conv.c, Mat::row_major(x, conv.c), Mat::row_major(filter, conv.k), y, conv.k, false);
    }
    let [rows, columns] = conv.axes();
    let pass = Pass { samples: conv.n, rows, columns, inputs: conv.c, outputs: conv.k };
    let y_places = Places { start: 0, sample: conv.oh * conv.ow * conv.k, row: conv.ow * conv.k, column: conv.k };
    let tap = |i: usize, j: usize| Mat { data: &filter[(i * conv.kw + j) * conv.c * conv.k..], row_stride: 1, column_stride: conv.k };
    pass.run(x, &tap, &SharedMut::new(y), y_places);
}

/// The gradient of x from that of y; overwrites dx.
pub fn input_grad(conv: &Conv2d, dy: &[f32], filter: &[f32], dx: &mut [f32]) {
    conv.check(dx.len(), filter.len(), dy.len());
    if conv.groups > 1 {
        return conv_grouped::input_grad(conv, dy, filter, dx);
    }
    if conv.is_product() {
        let pixels = conv.n * conv.h * conv.w;
        return gemm(pixels, conv.c, conv.k, Mat::row_major(dy, conv.k), Mat::row_major(filter, conv.k).transposed(), dx, conv.c, false);
    }
    // Input positions that are equal modulo the stride meet the same taps, so each such phase is a convolution of stride 1.
    let [rows, columns] = conv.axes();
    let dx = SharedMut::new(dx);
    for top in 0..conv.stride[0].min(conv.h) {
        for left in 0..conv.stride[1].min(conv.w) {
            let (rows, columns) = (rows.phase(top), columns.phase(left));
            let pass = Pass { samples: conv.n, rows, columns, inputs: conv.k, outputs: conv.c };
            let places = Places {
                start: (top * conv.w + left) * conv.c,
                sample: conv.h * conv.w * conv.c,
                row: conv.stride[0] * conv.w * conv.c,
                column: conv.stride[1] * conv.c,
            };
            let tap =
                |i: usize, j: usize| Mat { data: &filter[(i * conv.kw + j) * conv.c * conv.k..], row_stride: conv.k, column_stride: 1 };
            pass.run(dy, &tap, &dx, places);
        }
    }
}

/// The gradient of the filter from x and the gradient of y; overwrites dfilter.
pub fn filter_grad(conv: &Conv2d, x: &[f32], dy: &[f32], dfilter: &mut [f32]) {
    conv.check(x.len(), dfilter.len(), dy.len());
    if conv.groups > 1 {
        return conv_grouped::filter_grad(conv, x, dy, dfilter);
    }
    let pixels = conv.n * conv.oh * conv.ow;
    if conv.is_product() {
        let x = Mat::row_major(x, conv.c).transposed();
        return gemm(conv.c, conv.k, pixels, x, Mat::row_major(dy, conv.k), dfilter, conv.k, false);
    }
    if pixels == 0 || dfilter.is_empty() {
        return dfilter.fill(0.0);
    }
    let kernel = Kernel::best();
    let (width, panels) = (kernel.columns, conv.k.div_ceil(kernel.columns));
    let unit = Unit::new(conv);
    let part = conv.kh * conv.kw * conv.c * width;
    let parts = (PARTIAL_VALUES / (part * panels)).min(pixels / (8 * PIXELS)).clamp(1, PARTS).min(unit.count);
    scratch::with(parts * panels * part, |partial| {
        let shared = SharedMut::new(partial);
        pool::run(parts * panels, &|task| {
            let (index, panel) = (task / panels, task % panels);
            // SAFETY: each task has its own part.
            let out = unsafe { shared.slice(task * part..(task + 1) * part) };
            filter_part(conv, kernel, x, dy, &unit, unit.count * index / parts..unit.count * (index + 1) / parts, panel, out);
        });
        let (partial, dfilter) = (&*partial, SharedMut::new(dfilter));
        pool::for_chunks(conv.kh * conv.kw * conv.c, (1usize << 14).div_ceil(conv.k), &|range| {
            for row in range {
                // SAFETY: each row is written once.
                let row_out = unsafe { dfilter.slice(row * conv.k..(row + 1) * conv.k) };
                for (panel, out) in row_out.chunks_mut(width).enumerate() {
                    for index in 0..parts {
                        let values = &partial[(index * panels + panel) * part + row * width..][..out.len()];
                        if index == 0 { out.copy_from_slice(values) } else { simd::update2(out, values, |x: f32, y: f32| x + y) }
                    }
                }
            }
        });
    });
}

/// What the filter gradient takes at a time: some rows of one sample, or some samples where they are small.
struct Unit {
    samples: usize,
    rows: usize,
    count: usize,
}

impl Unit {
    fn new(conv: &Conv2d) -> Self {
        let rows = PIXELS.div_ceil(conv.ow).min(conv.oh);
        let samples = if rows < conv.oh { 1 } else { PIXELS.div_ceil(conv.oh * conv.ow).min(conv.n) };
        Unit { samples, rows, count: conv.n.div_ceil(samples) * conv.oh.div_ceil(rows) }
    }

    /// The samples and output rows of one unit.
    fn ranges(&self, conv: &Conv2d, index: usize) -> (Range<usize>, Range<usize>) {
        let blocks = conv.oh.div_ceil(self.rows);
        let (sample, row) = (index / blocks * self.samples, index % blocks * self.rows);
        (sample..(sample + self.samples).min(conv.n), row..(row + self.rows).min(conv.oh))
    }
}

/// The sums of some units for one panel of output channels: `out` is (KH * KW * C) x panel width.
#[allow(clippy::too_many_arguments)]
fn filter_part(conv: &Conv2d, kernel: &Kernel, x: &[f32], dy: &[f32], unit: &Unit, units: Range<usize>, panel: usize, out: &mut [f32]) {
    let [rows, columns] = conv.axes();
    let width = kernel.columns;
    let lanes = width.min(conv.k - panel * width);
    let columns_used = if lanes * 2 <= width && width > 8 { width / 2 } else { width };
    // Neighbouring taps of one row lie side by side in the image too.
    let (per_row, tall) = if conv.dilation[1] == 1 { (1, conv.kw * conv.c) } else { (conv.kw, conv.c) };
    let mut first = true;
    scratch::with(unit.samples * unit.rows * conv.ow * width, |upstream| {
        for index in units {
            let (samples, shown) = unit.ranges(conv, index);
            let count = samples.len() * shown.len();
            // Several samples are taken whole, so the pixels are neighbours in any case.
            let from = ((samples.start * conv.oh + shown.start) * conv.ow) * conv.k + panel * width;
            let source = Mat { data: &dy[from..], row_stride: 1, column_stride: conv.k };
            pack(source, lanes, count * conv.ow, width, upstream);
            with_window(x, samples, conv.c, &rows, &columns, shown.clone(), |window| {
                with_runs(count, |runs| {
                    for (index, start) in runs.iter_mut().enumerate() {
                        *start = index / shown.len() * window.sample + index % shown.len() * rows.step * window.pitch;
                    }
                    for i in 0..conv.kh {
                        for j in 0..per_row {
                            let start = i * conv.dilation[0] * window.pitch + j * conv.dilation[1] * conv.c;
                            let row = (i * conv.kw + j) * conv.c;
                            let tiles = tall.div_ceil(kernel.rows);
                            for tile in 0..tiles {
                                let (low, high) = (tall * tile / tiles, tall * (tile + 1) / tiles);
                                let tile = Tile {
                                    a: window.data[start + low..].as_ptr(),
                                    a_row: 1,
                                    a_step: columns.step * conv.c,
                                    runs,
                                    run: conv.ow,
                                    b: upstream.as_ptr(),
                                    b_step: width,
                                    c: out[(row + low) * width..].as_mut_ptr(),
                                    c_row: width,
                                    rows: high - low,
                                    columns: columns_used,
                                    accumulate: !first,
                                };
                                // SAFETY: the window covers all taps of its rows; `out` holds whole panels.
                                unsafe { kernel.compute(&tile) };
                            }
                        }
                    }
                });
            });
            first = false;
        }
    });
}

/// Where outputs go: `start + sample * … + row * … + column * …`.
#[derive(Clone, Copy)]
struct Places {
    start: usize,
    sample: usize,
    row: usize,
    column: usize,
}

/// What forward and input gradient share: each output pixel is a sum over taps and input channels.
struct Pass {
    samples: usize,
    rows: Axis,
    columns: Axis,
    inputs: usize,
    outputs: usize,
}

impl Pass {
    /// `tap(i, j)` gives a filter tap as a matrix of outputs x inputs.
    fn run<'f>(&self, source: &[f32], tap: &(dyn Fn(usize, usize) -> Mat<'f> + Sync), out: &SharedMut<f32>, places: Places) {
        let kernel = Kernel::best();
        let taps = self.rows.taps * self.columns.taps;
        let (width, panels, depth) = (kernel.columns, self.outputs.div_ceil(kernel.columns), taps * self.inputs);
        if self.samples * self.rows.outputs * self.columns.outputs * self.outputs == 0 {
            return;
        }
        scratch::with(panels * depth * width, |packed| {
            let shared = SharedMut::new(packed);
            pool::for_chunks(panels * taps, (1usize << 14).div_ceil(self.inputs.max(1) * width), &|range| {
                for index in range {
                    let (panel, t) = (index / taps, index % taps);
                    let lanes = width.min(self.outputs - panel * width);
                    let filter = tap(self.rows.filter_tap(t / self.columns.taps), self.columns.filter_tap(t % self.columns.taps));
                    let filter = Mat { data: &filter.data[panel * width * filter.row_stride..], ..filter };
                    // SAFETY: each tap of each panel is its own part.
                    let out = unsafe { shared.slice(index * self.inputs * width..(index + 1) * self.inputs * width) };
                    pack(filter, lanes, self.inputs, width, out);
                }
            });
            let packed = &*packed;
            let row_work = self.columns.outputs * depth.max(1) * self.outputs;
            let blocks = self.rows.outputs.div_ceil(TASK.div_ceil(row_work)).max(1);
            let high = self.rows.outputs.div_ceil(blocks);
            let blocks = self.rows.outputs.div_ceil(high);
            pool::for_chunks(self.samples * blocks, TASK.div_ceil(row_work * high), &|range| {
                for unit in range {
                    let (sample, top) = (unit / blocks, unit % blocks * high);
                    let rows = top..(top + high).min(self.rows.outputs);
                    self.block(kernel, source, packed, sample, rows, out, places);
                }
            });
        });
    }

    #[allow(clippy::too_many_arguments)]
    fn block(&self, kernel: &Kernel, source: &[f32], packed: &[f32], sample: usize, rows: Range<usize>, out: &SharedMut<f32>, at: Places) {
        let (width, depth) = (kernel.columns, self.rows.taps * self.columns.taps * self.inputs);
        with_window(source, sample..sample + 1, self.inputs, &self.rows, &self.columns, rows.clone(), |window| {
            // Taps side by side in the image are one run.
            let per_row = if self.columns.offset_step == 1 { self.columns.taps.min(1) } else { self.columns.taps };
            let run = self.columns.taps / per_row.max(1) * self.inputs;
            with_runs(self.rows.taps * per_row, |runs| {
                for (index, start) in runs.iter_mut().enumerate() {
                    let (i, j) = (index / per_row, index % per_row);
                    *start = i * self.rows.offset_step * window.pitch + j * self.columns.offset_step * self.inputs;
                }
                let tiles = self.columns.outputs.div_ceil(kernel.rows);
                for panel in 0..self.outputs.div_ceil(width) {
                    for row in rows.clone() {
                        for tile in 0..tiles {
                            let (low, high) = (self.columns.outputs * tile / tiles, self.columns.outputs * (tile + 1) / tiles);
                            let start = (row - rows.start) * self.rows.step * window.pitch + low * self.columns.step * self.inputs;
                            let place = at.start + sample * at.sample + row * at.row + low * at.column + panel * width;
                            let tile = Tile {
                                a: window.data[start..].as_ptr(),
                                a_row: self.columns.step * self.inputs,
                                a_step: 1,
                                runs,
                                run,
                                b: packed[panel * depth * width..].as_ptr(),
                                b_step: width,
                                c: out.pointer(place),
                                c_row: at.column,
                                rows: high - low,
                                columns: width.min(self.outputs - panel * width),
                                accumulate: false,
                            };
                            // SAFETY: the window covers all taps of its rows; each output pixel belongs to one tile.
                            unsafe { kernel.compute(&tile) };
                        }
                    }
                }
            });
        });
    }
}
