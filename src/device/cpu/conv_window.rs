//! The part of an image that a convolution's tiles read: which places, and a copy framed by zeros where padding is touched.

use super::scratch;
use std::ops::Range;

/// One axis of a convolution: output p reads source `p * step + offset + t * offset_step` with filter tap `tap + t * tap_step`.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    pub outputs: usize,
    pub source: usize,
    pub step: usize,
    pub taps: usize,
    pub offset: isize,
    pub offset_step: usize,
    pub tap: usize,
    pub tap_step: isize,
}

impl Axis {
    /// Source positions that `count` neighbouring outputs span.
    pub fn span(&self, count: usize) -> usize {
        (count - 1) * self.step + (self.taps.max(1) - 1) * self.offset_step + 1
    }

    pub fn filter_tap(&self, t: usize) -> usize {
        (self.tap as isize + t as isize * self.tap_step) as usize
    }

    /// The axis of the input gradient for input positions `phase, phase + stride, …`, of a forward axis.
    pub fn phase(&self, phase: usize) -> Axis {
        let (stride, dilation) = (self.step as isize, self.offset_step as isize);
        let distance = |tap: usize| phase as isize - self.offset - tap as isize * dilation;
        let mut hits = (0..self.taps).filter(|&tap| distance(tap) % stride == 0);
        let (first, second) = (hits.next(), hits.next());
        let period = second.map_or(1, |second| second - first.unwrap_or(0));
        let count = first.map_or(0, |first| second.map_or(1, |_| (self.taps - 1 - first) / period + 1));
        // Backwards, because a larger tap reads an earlier place.
        let last = first.map_or(0, |first| first + (count - 1) * period);
        Axis {
            outputs: (self.source - phase).div_ceil(self.step),
            source: self.outputs,
            step: 1,
            taps: count,
            offset: if count > 0 { distance(last) / stride } else { 0 },
            offset_step: period * self.offset_step / self.step,
            tap: last,
            tap_step: -(period as isize),
        }
    }
}

/// The part of some images that some output rows read, from the first tap of the first output on.
pub struct Window<'a> {
    pub data: &'a [f32],
    /// From row to row.
    pub pitch: usize,
    /// From image to image.
    pub sample: usize,
}

/// Lends the window of `outputs` (rows): in place where it lies inside the images, else as a copy framed by zeros.
#[allow(clippy::too_many_arguments)]
pub fn with_window(
    x: &[f32],
    samples: Range<usize>,
    channels: usize,
    rows: &Axis,
    columns: &Axis,
    outputs: Range<usize>,
    body: impl FnOnce(Window),
) {
    let (high, wide) = (rows.span(outputs.len()), columns.span(columns.outputs));
    let (top, left) = ((outputs.start * rows.step) as isize + rows.offset, columns.offset);
    let size = rows.source * columns.source * channels;
    let inside = |start: isize, len: usize, source: usize| start >= 0 && start as usize + len <= source;
    if inside(top, high, rows.source) && inside(left, wide, columns.source) {
        let pitch = columns.source * channels;
        let start = samples.start * size + top as usize * pitch + left as usize * channels;
        return body(Window { data: &x[start..], pitch, sample: size });
    }
    let pitch = wide * channels;
    scratch::with(samples.len() * high * pitch, |copy| {
        // The columns of the image that the window shows, and where they start in it.
        let shown = left.clamp(0, columns.source as isize) as usize..(left + wide as isize).clamp(0, columns.source as isize) as usize;
        let before = (shown.start as isize - left) as usize * channels;
        let len = shown.len() * channels;
        for (index, out) in copy.chunks_exact_mut(pitch).enumerate() {
            let (sample, y) = (samples.start + index / high, top + (index % high) as isize);
            if y < 0 || y as usize >= rows.source || len == 0 {
                out.fill(0.0);
                continue;
            }
            out[..before].fill(0.0);
            let from = sample * size + (y as usize * columns.source + shown.start) * channels;
            out[before..before + len].copy_from_slice(&x[from..][..len]);
            out[before + len..].fill(0.0);
        }
        body(Window { data: copy, pitch, sample: high * pitch });
    });
}

/// Lends memory for the starts of a tile's runs.
pub fn with_runs(count: usize, body: impl FnOnce(&mut [usize])) {
    const SHARE: usize = size_of::<usize>() / size_of::<f32>();
    scratch::with(count * SHARE, |values| body(bytemuck::cast_slice_mut(values)));
}
