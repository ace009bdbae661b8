//! Max and average pooling of NHWC images, forward and backward; each task owns some rows of its output.

use super::finish::Finish;
use super::pool::{self, SharedMut};
use super::simd::multiversion;
use std::ops::Range;

/// The sizes of a pooling: x is N x H x W x C, y is N x OH x OW x C.
///
/// Output (p, q) sees inputs from (p * stride - pad) on, `kh` x `kw` of them; padding is never seen, nor counted in an average.
#[derive(Clone, Copy, Debug)]
pub struct Pool2d {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
    pub kh: usize,
    pub kw: usize,
    pub oh: usize,
    pub ow: usize,
    pub stride: [usize; 2],
    pub pad_top: usize,
    pub pad_left: usize,
}

impl Pool2d {
    fn check(&self, x: usize, y: usize) {
        assert!(self.stride[0] > 0 && self.stride[1] > 0, "{self:?}");
        assert_eq!(x, self.n * self.h * self.w * self.c, "values of x: {self:?}");
        assert_eq!(y, self.n * self.oh * self.ow * self.c, "values of y: {self:?}");
    }

    /// The input rows (columns) in the window of output `at`.
    #[inline(always)]
    fn seen(at: usize, window: usize, stride: usize, pad: usize, size: usize) -> Range<usize> {
        let start = at * stride;
        start.saturating_sub(pad).min(size)..(start + window).saturating_sub(pad).min(size)
    }

    #[inline(always)]
    fn seen_rows(&self, p: usize) -> Range<usize> {
        Self::seen(p, self.kh, self.stride[0], self.pad_top, self.h)
    }

    #[inline(always)]
    fn seen_columns(&self, q: usize) -> Range<usize> {
        Self::seen(q, self.kw, self.stride[1], self.pad_left, self.w)
    }

    /// The output rows whose windows may see input row `row`.
    #[inline(always)]
    fn seeing_rows(&self, row: usize) -> Range<usize> {
        let place = row + self.pad_top;
        let first = (place + 1).saturating_sub(self.kh).div_ceil(self.stride[0]);
        first.min(self.oh)..(place / self.stride[0] + 1).min(self.oh)
    }

    /// Whether each input is seen exactly once.
    #[inline(always)]
    fn tiles(&self) -> bool {
        self.stride == [self.kh, self.kw] && (self.oh * self.kh, self.ow * self.kw) == (self.h, self.w) && self.pad_top + self.pad_left == 0
    }

    fn for_rows(&self, rows: usize, columns: usize, body: &(dyn Fn(usize) + Sync)) {
        let work = (columns * self.c * self.kh * self.kw).max(1);
        pool::for_chunks(self.n * rows, (1usize << 16).div_ceil(work), &|range| range.for_each(body));
    }
}

/// `places` gets, for each output, the position `row * W + column` of the first maximum in its plane; NaN counts as a maximum.
///
/// A window that sees nothing gives -inf at `u32::MAX`.
pub fn max_forward(pool: &Pool2d, x: &[f32], y: &mut [f32], places: &mut [u32]) {
    pool.check(x.len(), y.len());
    assert_eq!(y.len(), places.len());
    let (y, places, size) = (SharedMut::new(y), SharedMut::new(places), pool.ow * pool.c);
    pool.for_rows(pool.oh, pool.ow, &|index| {
        let (sample, part) = (index / pool.oh, index * size..(index + 1) * size);
        let x = &x[sample * pool.h * pool.w * pool.c..][..pool.h * pool.w * pool.c];
        // SAFETY: each output row is written once.
        unsafe { max_row(pool, index % pool.oh, x, y.slice(part.clone()), places.slice(part)) };
    });
}

/// Each output's gradient goes to the place of its maximum; overwrites dx, whose elements then go through `finish`.
pub fn max_backward(pool: &Pool2d, dy: &[f32], places: &[u32], dx: &mut [f32], finish: Finish) {
    pool.check(dx.len(), dy.len());
    assert_eq!(dy.len(), places.len());
    let (dx, size) = (SharedMut::new(dx), pool.w * pool.c);
    let plane = pool.oh * pool.ow * pool.c;
    pool.for_rows(pool.h, pool.w, &|index| {
        let part = index / pool.h * plane..(index / pool.h + 1) * plane;
        // SAFETY: each input row is written once.
        let dx = unsafe { dx.slice(index * size..(index + 1) * size) };
        max_back_row(pool, index % pool.h, &dy[part.clone()], &places[part], dx);
        if let Some(finish) = finish {
            finish(index * size, dx);
        }
    });
}

/// The mean of what each window sees (0 where it sees nothing); then y goes through `finish`.
pub fn average_forward(pool: &Pool2d, x: &[f32], y: &mut [f32], finish: Finish) {
    pool.check(x.len(), y.len());
    let (y, size) = (SharedMut::new(y), pool.ow * pool.c);
    pool.for_rows(pool.oh, pool.ow, &|index| {
        let x = &x[index / pool.oh * pool.h * pool.w * pool.c..][..pool.h * pool.w * pool.c];
        // SAFETY: each output row is written once.
        let y = unsafe { y.slice(index * size..(index + 1) * size) };
        average_row(pool, index % pool.oh, x, y);
        if let Some(finish) = finish {
            finish(index * size, y);
        }
    });
}

/// Each output's gradient is shared equally by what its window sees; overwrites dx, whose elements then go through `finish`.
pub fn average_backward(pool: &Pool2d, dy: &[f32], dx: &mut [f32], finish: Finish) {
    pool.check(dx.len(), dy.len());
    let (dx, size) = (SharedMut::new(dx), pool.w * pool.c);
    let plane = pool.oh * pool.ow * pool.c;
    pool.for_rows(pool.h, pool.w, &|index| {
        let dy = &dy[index / pool.h * plane..(index / pool.h + 1) * plane];
        // SAFETY: each input row is written once.
        let dx = unsafe { dx.slice(index * size..(index + 1) * size) };
        average_back_row(pool, index % pool.h, dy, dx);
        if let Some(finish) = finish {
            finish(index * size, dx);
        }
    });
}

/// The larger of the best so far and a value at `place`: NaN wins over all but an earlier NaN, whatever is seen first over nothing.
#[inline(always)]
fn larger(best: f32, at: u32, value: f32, place: u32) -> (f32, u32) {
    let better = (value > best) | (value.is_nan() & !best.is_nan()) | (at == u32::MAX);
    (if better { value } else { best }, if better { place } else { at })
}

multiversion! {
    fn max_row[](pool: &Pool2d, p: usize, x: &[f32], y: &mut [f32], places: &mut [u32]) {
        let c = pool.c.max(1);
        let rows = pool.seen_rows(p);
        for (q, (y, places)) in y.chunks_exact_mut(c).zip(places.chunks_exact_mut(c)).enumerate() {
            let columns = pool.seen_columns(q);
            let seen = rows.clone().flat_map(|row| columns.clone().map(move |column| row * pool.w + column));
            // Whole groups of channels stay in registers while the window is seen.
            let (y_groups, y_rest) = y.as_chunks_mut::<32>();
            let (place_groups, place_rest) = places.as_chunks_mut::<32>();
            for (group, (y, places)) in y_groups.iter_mut().zip(place_groups).enumerate() {
                let (mut best, mut at) = ([f32::NEG_INFINITY; 32], [u32::MAX; 32]);
                for place in seen.clone() {
                    let values: &[f32; 32] = x[place * c + group * 32..].first_chunk().expect("channels");
                    for lane in 0..32 {
                        (best[lane], at[lane]) = larger(best[lane], at[lane], values[lane], place as u32);
                    }
                }
                (*y, *places) = (best, at);
            }
            let first = c - y_rest.len();
            y_rest.fill(f32::NEG_INFINITY);
            place_rest.fill(u32::MAX);
            for place in seen {
                for ((best, at), &value) in y_rest.iter_mut().zip(place_rest.iter_mut()).zip(&x[place * c + first..]) {
                    (*best, *at) = larger(*best, *at, value, place as u32);
                }
            }
        }
    }

    fn max_back_row[](pool: &Pool2d, row: usize, dy: &[f32], places: &[u32], dx: &mut [f32]) {
        let (c, once) = (pool.c, pool.tiles());
        if !once {
            dx.fill(0.0);
        }
        for p in pool.seeing_rows(row) {
            for q in 0..pool.ow {
                let from = (p * pool.ow + q) * c;
                let (dy, places) = (&dy[from..from + c], &places[from..from + c]);
                for column in pool.seen_columns(q) {
                    let place = (row * pool.w + column) as u32;
                    for ((dx, &dy), &at) in dx[column * c..][..c].iter_mut().zip(dy).zip(places) {
                        let part = if at == place { dy } else { 0.0 };
                        *dx = if once { part } else { *dx + part };
                    }
                }
            }
        }
    }

    fn average_row[](pool: &Pool2d, p: usize, x: &[f32], y: &mut [f32]) {
        let c = pool.c.max(1);
        let rows = pool.seen_rows(p);
        for (q, y) in y.chunks_exact_mut(c).enumerate() {
            y.fill(0.0);
            let columns = pool.seen_columns(q);
            for row in rows.clone() {
                for column in columns.clone() {
                    for (y, &value) in y.iter_mut().zip(&x[(row * pool.w + column) * c..][..c]) {
                        *y += value;
                    }
                }
            }
            let count = (rows.len() * columns.len()).max(1) as f32;
            y.iter_mut().for_each(|y| *y /= count);
        }
    }

    fn average_back_row[](pool: &Pool2d, row: usize, dy: &[f32], dx: &mut [f32]) {
        let c = pool.c;
        dx.fill(0.0);
        for p in pool.seeing_rows(row) {
            let rows = pool.seen_rows(p).len();
            for q in 0..pool.ow {
                let columns = pool.seen_columns(q);
                let count = (rows * columns.len()) as f32;
                for column in columns {
                    for (dx, &dy) in dx[column * c..][..c].iter_mut().zip(&dy[(p * pool.ow + q) * c..][..c]) {
                        *dx += dy / count;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::on_each_level;
    use super::*;

    fn shapes() -> Vec<Pool2d> {
        let shape = |[n, h, w, c]: [usize; 4], [kh, kw]: [usize; 2], stride: [usize; 2], [top, bottom, left, right]: [usize; 4]| {
            let (oh, ow) = ((h + top + bottom - kh) / stride[0] + 1, (w + left + right - kw) / stride[1] + 1);
            Pool2d { n, h, w, c, kh, kw, oh, ow, stride, pad_top: top, pad_left: left }
        };
        vec![
            shape([2, 6, 8, 5], [2, 2], [2, 2], [0; 4]),
            shape([3, 7, 5, 33], [3, 3], [2, 2], [1, 1, 0, 1]),
            shape([1, 9, 9, 3], [3, 2], [1, 3], [1, 2, 1, 0]),
            shape([2, 5, 5, 4], [2, 2], [3, 3], [0; 4]),
            shape([40, 16, 16, 32], [2, 2], [2, 2], [0; 4]),
        ]
    }

    fn values(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 % 31) as f32 - 15.0) * 0.5).collect()
    }

    /// For each output: its index in y and the places in x that it sees, in reading order.
    fn windows(pool: &Pool2d, mut body: impl FnMut(usize, Vec<usize>)) {
        for out in 0..pool.n * pool.oh * pool.ow * pool.c {
            let (channel, q, p) = (out % pool.c, out / pool.c % pool.ow, out / pool.c / pool.ow % pool.oh);
            let sample = out / pool.c / pool.ow / pool.oh;
            let mut seen = vec![];
            for (i, j) in (0..pool.kh).flat_map(|i| (0..pool.kw).map(move |j| (i, j))) {
                let (row, column) =
                    ((p * pool.stride[0] + i).wrapping_sub(pool.pad_top), (q * pool.stride[1] + j).wrapping_sub(pool.pad_left));
                if row < pool.h && column < pool.w {
                    seen.push(((sample * pool.h + row) * pool.w + column) * pool.c + channel);
                }
            }
            body(out, seen);
        }
    }

    #[test]
    fn maxima_and_means_match_their_definition() {
        let check = |_| {
            for pool in shapes() {
                let (x, dy) = (values(pool.n * pool.h * pool.w * pool.c), values(pool.n * pool.oh * pool.ow * pool.c));
                let (mut y, mut places, mut mean) = (vec![0f32; dy.len()], vec![0; dy.len()], vec![0f32; dy.len()]);
                let (mut dx, mut dx_mean) = (vec![1f32; x.len()], vec![1f32; x.len()]);
                max_forward(&pool, &x, &mut y, &mut places);
                max_backward(&pool, &dy, &places, &mut dx, None);
                average_forward(&pool, &x, &mut mean, None);
                average_backward(&pool, &dy, &mut dx_mean, None);
                windows(&pool, |out, seen| {
                    let best = seen.iter().copied().reduce(|a, b| if x[b] > x[a] { b } else { a }).unwrap();
                    assert_eq!((y[out], places[out] as usize), (x[best], best / pool.c % (pool.h * pool.w)), "{pool:?}");
                    let expected = seen.iter().map(|&at| x[at]).sum::<f32>() / seen.len() as f32;
                    assert!((mean[out] - expected).abs() < 1e-5);
                    dx[best] -= dy[out];
                    seen.iter().for_each(|&at| dx_mean[at] -= dy[out] / seen.len() as f32);
                });
                assert!(dx.iter().chain(&dx_mean).all(|rest| rest.abs() < 1e-4), "{pool:?}");
            }
        };
        check(super::super::simd::level());
        on_each_level(check);
    }

    #[test]
    fn nan_and_infinity_are_maxima() {
        let pool = Pool2d { n: 1, h: 1, w: 6, c: 1, kh: 1, kw: 3, oh: 1, ow: 2, stride: [1, 3], pad_top: 0, pad_left: 0 };
        let (mut y, mut places) = ([0.0; 2], [0; 2]);
        max_forward(&pool, &[1.0, f32::NAN, 5.0, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY], &mut y, &mut places);
        assert!(y[0].is_nan() && y[1] == f32::NEG_INFINITY);
        assert_eq!(places, [1, 3]);
    }
}
