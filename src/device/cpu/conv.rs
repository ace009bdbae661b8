//! Convolution of NHWC images with HWIO filters, forward and both gradients, straight on the register tiles of `microkernel.rs`.
//!
//! Nothing is unfolded and no padding multiplied: a tile reads its pixels in place, a row of taps being one contiguous run of the image,
//! and skips the taps that lie outside. All sums have an order that the shape alone sets.

pub use super::conv_window::Axis;
use super::conv_window::{with_column, with_runs};
use super::finish::{self, Finish};
use super::gemm::{Mat, gemm};
use super::microkernel::{Kernel, Run, Tile};
use super::pack::pack;
use super::pool::{self, SharedMut};
use super::{conv_grouped, scratch, simd};
use std::ops::Range;

/// Multiplications per task, about 50 µs of one core.
const TASK: usize = 3 << 20;
/// Pixels that a tile of the filter gradient takes at a time; their upstream values stay in the second-level cache.
const PIXELS: usize = 512;
/// The filter gradient cuts the batch into at most this many parts, and their partial sums hold at most so many values.
const PARTS: usize = 16;
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

/// `y = x * filter`; overwrites y, whose elements then go through `finish`.
pub fn forward(conv: &Conv2d, x: &[f32], filter: &[f32], y: &mut [f32], finish: Finish) {
    conv.check(x.len(), filter.len(), y.len());
    if conv.groups > 1 {
        conv_grouped::forward(conv, x, filter, y);
        return finish::all(finish, y);
    }
    if conv.is_product() {
        let pixels = conv.n * conv.h * conv.w;
        return gemm(pixels, conv.k, conv.c, Mat::row_major(x, conv.c), Mat::row_major(filter, conv.k), y, conv.k, false, finish);
    }
    let [rows, columns] = conv.axes();
    let pass = Pass { samples: conv.n, rows, columns, inputs: conv.c, outputs: conv.k };
    let y_places = Places { start: 0, sample: conv.oh * conv.ow * conv.k, row: conv.ow * conv.k, column: conv.k };
    let tap = |i: usize, j: usize| Mat { data: &filter[(i * conv.kw + j) * conv.c * conv.k..], row_stride: 1, column_stride: conv.k };
    pass.run(x, &tap, &SharedMut::new(y), y_places, finish);
}

/// The gradient of x from that of y; overwrites dx, whose elements then go through `finish`.
pub fn input_grad(conv: &Conv2d, dy: &[f32], filter: &[f32], dx: &mut [f32], finish: Finish) {
    conv.check(dx.len(), filter.len(), dy.len());
    if conv.groups > 1 {
        conv_grouped::input_grad(conv, dy, filter, dx);
        return finish::all(finish, dx);
    }
    if conv.is_product() {
        let pixels = conv.n * conv.h * conv.w;
        return gemm(
            pixels,
            conv.c,
            conv.k,
            Mat::row_major(dy, conv.k),
            Mat::row_major(filter, conv.k).transposed(),
            dx,
            conv.c,
            false,
            finish,
        );
    }
    // Input positions that are equal modulo the stride meet the same taps, so each such phase is a convolution of stride 1.
    let [rows, columns] = conv.axes();
    // The rows of several phases interlock.
    let (now, later) = if conv.stride == [1, 1] { (finish, None) } else { (None, finish) };
    let shared = SharedMut::new(dx);
    for top in 0..conv.stride[0].min(conv.h) {
        for left in 0..conv.stride[1].min(conv.w) {
            let (mut rows, mut columns) = (rows.phase(top), columns.phase(left));
            if rows.taps * columns.taps == 0 {
                (rows.taps, columns.taps) = (0, 0);
            }
            let pass = Pass { samples: conv.n, rows, columns, inputs: conv.k, outputs: conv.c };
            let places = Places {
                start: (top * conv.w + left) * conv.c,
                sample: conv.h * conv.w * conv.c,
                row: conv.stride[0] * conv.w * conv.c,
                column: conv.stride[1] * conv.c,
            };
            let tap =
                |i: usize, j: usize| Mat { data: &filter[(i * conv.kw + j) * conv.c * conv.k..], row_stride: conv.k, column_stride: 1 };
            pass.run(dy, &tap, &shared, places, now);
        }
    }
    finish::all(later, dx);
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
        return gemm(conv.c, conv.k, pixels, x, Mat::row_major(dy, conv.k), dfilter, conv.k, false, None);
    }
    if pixels == 0 || dfilter.is_empty() {
        return dfilter.fill(0.0);
    }
    let kernel = Kernel::best();
    let (width, panels) = (kernel.columns, conv.k.div_ceil(kernel.columns));
    let unit = Unit::new(conv);
    let part = conv.kh * conv.kw * conv.c * width;
    let parts = (PARTIAL_VALUES / (part * panels)).min(pixels / (2 * PIXELS)).clamp(1, PARTS).min(unit.count);
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
    let pitch = conv.w * conv.c;
    out.fill(0.0);
    scratch::with(unit.samples * unit.rows * conv.ow * width, |upstream| {
        with_runs(unit.samples * unit.rows, |runs| {
            for index in units {
                let (samples, shown) = unit.ranges(conv, index);
                // Several samples are taken whole, so the pixels are neighbours in any case.
                let from = ((samples.start * conv.oh + shown.start) * conv.ow) * conv.k + panel * width;
                let source = Mat { data: &dy[from..], row_stride: 1, column_stride: conv.k };
                pack(source, lanes, samples.len() * shown.len() * conv.ow, width, upstream);
                for i in 0..conv.kh {
                    let met = rows.outputs_inside(i);
                    let met = met.start.max(shown.start)..met.end.min(shown.end);
                    if met.is_empty() {
                        continue;
                    }
                    let runs = &mut runs[..samples.len() * met.len()];
                    for (run, (sample, row)) in runs.iter_mut().zip(samples.clone().flat_map(|s| met.clone().map(move |row| (s, row)))) {
                        run.a = (sample * conv.h + rows.source_of(row, i)) * pitch;
                        run.b = ((sample - samples.start) * shown.len() + row - shown.start) * conv.ow * width;
                    }
                    for (section, taps) in columns.sections() {
                        // Neighbouring taps of one row lie side by side in the image too.
                        let together = if conv.dilation[1] == 1 { taps.len() } else { 1 };
                        for j in taps.step_by(together.max(1)) {
                            let (tall, row) = (together * conv.c, (i * conv.kw + j) * conv.c);
                            let start = columns.source_of(section.start, j) * conv.c;
                            let tiles = tall.div_ceil(kernel.rows);
                            for tile in 0..tiles {
                                let (low, high) = (tall * tile / tiles, tall * (tile + 1) / tiles);
                                let tile = Tile {
                                    a: x[start + low..].as_ptr(),
                                    a_row: 1,
                                    a_step: columns.step * conv.c,
                                    runs,
                                    run: section.len(),
                                    b: upstream[section.start * width..].as_ptr(),
                                    b_step: width,
                                    c: out[(row + low) * width..].as_mut_ptr(),
                                    c_row: width,
                                    rows: high - low,
                                    columns: columns_used,
                                    accumulate: true,
                                };
                                // SAFETY: only taps inside the image are read; `out` holds whole panels.
                                unsafe { kernel.compute(&tile) };
                            }
                        }
                    }
                }
            }
        });
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
    fn run<'f>(
        &self,
        source: &[f32],
        tap: &(dyn Fn(usize, usize) -> Mat<'f> + Sync),
        out: &SharedMut<f32>,
        places: Places,
        finish: Finish,
    ) {
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
            let block = Block { pass: self, kernel, source, packed, out: *out, places };
            let row_work = self.columns.outputs * depth.max(1) * self.outputs;
            let blocks = self.rows.outputs.div_ceil(TASK.div_ceil(row_work)).max(1);
            let high = self.rows.outputs.div_ceil(blocks);
            let blocks = self.rows.outputs.div_ceil(high);
            pool::for_chunks(self.samples * blocks, TASK.div_ceil(row_work * high), &|range| {
                for unit in range {
                    let (sample, top) = (unit / blocks, unit % blocks * high);
                    let rows = top..(top + high).min(self.rows.outputs);
                    block.run(sample, rows.clone());
                    if let Some(finish) = finish {
                        let first = places.start + sample * places.sample + rows.start * places.row;
                        // SAFETY: these rows are this task's.
                        finish(first, unsafe { out.slice(first..first + rows.len() * places.row) });
                    }
                }
            });
        });
    }
}

/// What the tasks of a pass share.
struct Block<'a> {
    pass: &'a Pass,
    kernel: &'a Kernel,
    source: &'a [f32],
    /// The filter by panels, each of taps x inputs x width.
    packed: &'a [f32],
    out: SharedMut<'a, f32>,
    places: Places,
}

/// Outputs of a line in the image, across or down: `count` of them, whose taps start `step` apart in `source`.
struct Line<'a> {
    count: usize,
    source: &'a [f32],
    step: usize,
    runs: &'a [Run],
    run: usize,
    /// Where the filter's first tap starts in a panel.
    tap: usize,
    place: usize,
    place_step: usize,
}

impl Block<'_> {
    /// Some output rows of one sample.
    fn run(&self, sample: usize, rows: Range<usize>) {
        let Pass { rows: down, columns: across, inputs, .. } = self.pass;
        let (width, pitch) = (self.kernel.columns, across.source * inputs);
        let image = &self.source[sample * down.source * pitch..][..down.source * pitch];
        let place = |row: usize, column: usize| {
            self.places.start + sample * self.places.sample + row * self.places.row + column * self.places.column
        };
        with_runs(down.taps * across.taps, |runs| {
            for (section, taps) in across.sections() {
                let tap = taps.start * inputs * width;
                // The direction that fills more of a tile.
                if section.len() >= rows.len().min(4) {
                    // Taps side by side in the image are one run.
                    let together = if across.offset_step == 1 { taps.len().max(1) } else { 1 };
                    let per_row = taps.len() / together;
                    for (index, run) in runs[..down.taps * per_row].iter_mut().enumerate() {
                        let (i, j) = (index / per_row, index % per_row);
                        run.a = i * down.offset_step * pitch + j * across.offset_step * inputs;
                        run.b = (i * across.taps + j) * inputs * width;
                    }
                    for panel in 0..self.pass.outputs.div_ceil(width) {
                        for row in rows.clone() {
                            let taps_down = down.taps_inside(row);
                            let first = down.source_of(row, taps_down.start) * pitch + across.source_of(section.start, taps.start) * inputs;
                            let line = Line {
                                count: section.len(),
                                source: &image[first..],
                                step: across.step * inputs,
                                runs: &runs[..taps_down.len() * per_row],
                                run: together * inputs,
                                tap: tap + taps_down.start * across.taps * inputs * width,
                                place: place(row, section.start),
                                place_step: self.places.column,
                            };
                            self.tiles(panel, &line);
                        }
                    }
                } else {
                    for (i, run) in runs[..down.taps].iter_mut().enumerate() {
                        *run = Run { a: i * down.offset_step * taps.len() * inputs, b: i * across.taps * inputs * width };
                    }
                    for column in section {
                        with_column(image, *inputs, [down, across], rows.clone(), column, taps.clone(), |copy| {
                            let line = Line {
                                count: rows.len(),
                                source: copy,
                                step: down.step * taps.len() * inputs,
                                runs: &runs[..down.taps],
                                run: taps.len() * inputs,
                                tap,
                                place: place(rows.start, column),
                                place_step: self.places.row,
                            };
                            (0..self.pass.outputs.div_ceil(width)).for_each(|panel| self.tiles(panel, &line));
                        });
                    }
                }
            }
        });
    }

    /// A line of outputs for one panel of channels.
    fn tiles(&self, panel: usize, line: &Line) {
        let (width, depth) = (self.kernel.columns, self.pass.rows.taps * self.pass.columns.taps * self.pass.inputs);
        let tiles = line.count.div_ceil(self.kernel.rows);
        for tile in 0..tiles {
            let (low, high) = (line.count * tile / tiles, line.count * (tile + 1) / tiles);
            let tile = Tile {
                a: line.source[low * line.step..].as_ptr(),
                a_row: line.step,
                a_step: 1,
                runs: line.runs,
                run: line.run,
                b: self.packed[panel * depth * width + line.tap..].as_ptr(),
                b_step: width,
                c: self.out.pointer(line.place + low * line.place_step + panel * width),
                c_row: line.place_step,
                rows: high - low,
                columns: width.min(self.pass.outputs - panel * width),
                accumulate: false,
            };
            // SAFETY: only taps inside the image, or in the copy, are read; each output belongs to one tile.
            unsafe { self.kernel.compute(&tile) };
        }
    }
}
