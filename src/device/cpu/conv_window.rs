//! What a convolution reads along each axis: which taps of which outputs meet the image, and columns copied side by side.

use super::microkernel::Run;
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

    /// Where tap `tap` of output `at` lies in the source, or outside of it.
    fn place(&self, at: usize, tap: usize) -> isize {
        (at * self.step + tap * self.offset_step) as isize + self.offset
    }

    /// The taps of output `at` that lie inside the source.
    pub fn taps_inside(&self, at: usize) -> Range<usize> {
        let inside = |&tap: &usize| (0..self.source as isize).contains(&self.place(at, tap));
        let first = (0..self.taps).find(inside).unwrap_or(0);
        first..first + (first..self.taps).take_while(inside).count()
    }

    /// The outputs whose tap `tap` lies inside the source.
    pub fn outputs_inside(&self, tap: usize) -> Range<usize> {
        let step = self.step as isize;
        let from = |place: isize| ((place - self.place(0, tap) + step - 1).div_euclid(step)).clamp(0, self.outputs as isize) as usize;
        from(0)..from(self.source as isize)
    }

    /// Neighbouring outputs that have the same taps inside, with those taps.
    pub fn sections(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let taps = (start < self.outputs).then(|| self.taps_inside(start))?;
            let end = (start + 1..self.outputs).find(|&at| self.taps_inside(at) != taps).unwrap_or(self.outputs);
            let section = (start..end, taps);
            start = end;
            Some(section)
        })
    }

    /// Where tap `tap` of output `at` lies; it must be inside, or the taps be none.
    pub fn source_of(&self, at: usize, tap: usize) -> usize {
        self.place(at, tap).max(0) as usize
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

/// Lends the source's values for some taps of output column `column`, side by side, for all rows from the first tap of `rows` on;
/// rows outside the image are zeros.
pub fn with_column(
    image: &[f32],
    channels: usize,
    axes: [&Axis; 2],
    rows: Range<usize>,
    column: usize,
    taps: Range<usize>,
    body: impl FnOnce(&[f32]),
) {
    let [down, across] = axes;
    let (high, pitch) = (down.span(rows.len()), taps.len() * channels);
    let top = down.place(rows.start, 0);
    scratch::with(high * pitch, |copy| {
        for (y, out) in copy.chunks_exact_mut(pitch.max(1)).enumerate() {
            let y = top + y as isize;
            if !(0..down.source as isize).contains(&y) {
                out.fill(0.0);
                continue;
            }
            for (tap, out) in taps.clone().zip(out.chunks_exact_mut(channels)) {
                out.copy_from_slice(&image[(y as usize * across.source + across.source_of(column, tap)) * channels..][..channels]);
            }
        }
        body(copy);
    });
}

/// Lends memory for the starts of a tile's runs.
pub fn with_runs(count: usize, body: impl FnOnce(&mut [Run])) {
    const SHARE: usize = size_of::<Run>() / size_of::<f32>();
    scratch::with(count * SHARE, |values| body(bytemuck::cast_slice_mut(values)));
}
