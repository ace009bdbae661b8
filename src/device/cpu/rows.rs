//! Reductions of rows and columns over 32 fixed lanes and fixed blocks: the same bits for any instruction set and thread count.

use super::pool::{self, SharedMut};
use super::simd::{self, multiversion};
use super::{math, scratch};

const LANES: usize = 32;
/// Longer slices are summed in blocks of this length, which parallelises and keeps the rounding small.
const BLOCK: usize = 1 << 14;
/// Values per task in row functions.
const TASK: usize = 1 << 15;

/// The sum of all values.
pub fn sum(x: &[f32]) -> f32 {
    fold_blocks(x, 0.0, |a, b| a + b)
}

/// The product of all values; 1 for none.
pub fn product(x: &[f32]) -> f32 {
    fold_blocks(x, 1.0, |a, b| a * b)
}

/// The largest value, NaN if there is one; -inf for none.
pub fn max(x: &[f32]) -> f32 {
    fold_blocks(x, f32::NEG_INFINITY, greater)
}

/// The smallest value, NaN if there is one; inf for none.
pub fn min(x: &[f32]) -> f32 {
    fold_blocks(x, f32::INFINITY, |a, b| if b < a || is_nan(b) { b } else { a })
}

/// The index of the first maximum, or of the first NaN if there is one; 0 for none.
pub fn argmax(x: &[f32]) -> usize {
    let best = max(x);
    x.iter().position(|&value| value == best || is_nan(value)).unwrap_or(0)
}

/// The index of the first minimum, or of the first NaN if there is one; 0 for none.
pub fn argmin(x: &[f32]) -> usize {
    let best = min(x);
    x.iter().position(|&value| value == best || is_nan(value)).unwrap_or(0)
}

/// `out[row] = reduce(row of x)` for rows of `columns` values, in parallel; `reduce` is one of the functions above.
pub fn each_row<T: Send>(x: &[f32], columns: usize, out: &mut [T], reduce: impl Fn(&[f32]) -> T + Sync) {
    assert_eq!(x.len(), out.len() * columns);
    let (len, shared) = (out.len(), SharedMut::new(out));
    let task = |range: std::ops::Range<usize>| {
        // SAFETY: chunks are disjoint.
        for (row, out) in range.clone().zip(unsafe { shared.slice(range) }) {
            *out = reduce(&x[row * columns..(row + 1) * columns]);
        }
    };
    if len < 16 && columns > BLOCK {
        // Few long rows are shared block by block instead.
        return (0..len).for_each(|row| task(row..row + 1));
    }
    pool::for_chunks(len, TASK.div_ceil(columns.max(1)), &task);
}

/// `out[j] = Σ over i of x[i * columns + j]`, for rows of `columns = out.len()` values.
pub fn column_sum(x: &[f32], out: &mut [f32]) {
    let columns = out.len();
    if columns == 0 {
        return;
    }
    assert!(x.len().is_multiple_of(columns), "{} values in rows of {columns}", x.len());
    let rows = x.len() / columns;
    // Parts of the rows are summed apart, at most 64 of them; wide matrices are cut by columns too.
    let (wide, tall) = (columns.min(4096), rows.div_ceil(64).max((4 * TASK).div_ceil(columns.min(4096))));
    let (across, parts) = (columns.div_ceil(wide), rows.div_ceil(tall).max(1));
    scratch::with(parts * columns, |partial| {
        let shared = SharedMut::new(partial);
        pool::run(parts * across, &|task| {
            let (part, first) = (task / across, task % across * wide);
            let last = (first + wide).min(columns);
            // SAFETY: each task has its own part.
            let sums = unsafe { shared.slice(part * columns + first..part * columns + last) };
            sums.fill(0.0);
            add_rows(&x[part * tall * columns..((part + 1) * tall * columns).min(x.len())], columns, first, sums);
        });
        for (part, sums) in partial.chunks_exact(columns).enumerate() {
            if part == 0 { out.copy_from_slice(sums) } else { simd::update2(out, sums, |a: f32, b: f32| a + b) }
        }
    });
}

/// `e^(x - max) / Σ e^(x - max)` for each row of `columns` values.
pub fn softmax(x: &[f32], columns: usize, out: &mut [f32]) {
    map_rows(x, columns, out, softmax_row);
}

/// `x - max - ln Σ e^(x - max)` for each row of `columns` values.
pub fn log_softmax(x: &[f32], columns: usize, out: &mut [f32]) {
    map_rows(x, columns, out, log_softmax_row);
}

fn map_rows(x: &[f32], columns: usize, out: &mut [f32], row: fn(&[f32], &mut [f32])) {
    assert_eq!(x.len(), out.len());
    if columns == 0 {
        return;
    }
    assert!(x.len().is_multiple_of(columns), "{} values in rows of {columns}", x.len());
    let (rows, out) = (x.len() / columns, SharedMut::new(out));
    pool::for_chunks(rows, (TASK / 4).div_ceil(columns), &|range| {
        for index in range {
            let part = index * columns..(index + 1) * columns;
            // SAFETY: each row is written once.
            row(&x[part.clone()], unsafe { out.slice(part) });
        }
    });
}

fn fold_blocks(x: &[f32], start: f32, f: impl Fn(f32, f32) -> f32 + Copy + Sync) -> f32 {
    if x.len() <= BLOCK {
        return fold(x, start, f);
    }
    scratch::with(x.len().div_ceil(BLOCK), |partial| {
        let shared = SharedMut::new(partial);
        pool::for_chunks(x.len().div_ceil(BLOCK), 4, &|range| {
            for index in range {
                // SAFETY: each block has its own value.
                let out = unsafe { shared.slice(index..index + 1) };
                out[0] = fold(&x[index * BLOCK..((index + 1) * BLOCK).min(x.len())], start, f);
            }
        });
        fold(partial, start, f)
    })
}

/// `is_nan` as a plain comparison, which vectorises.
#[inline(always)]
#[allow(clippy::eq_op)]
fn is_nan(x: f32) -> bool {
    x != x
}

#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if b > a || is_nan(b) { b } else { a }
}

/// Halves the lanes until one is left; each half is an array of its own, so that it stays in registers.
#[inline(always)]
fn join(lanes: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let lanes: [f32; 16] = std::array::from_fn(|i| f(lanes[i], lanes[i + 16]));
    let lanes: [f32; 8] = std::array::from_fn(|i| f(lanes[i], lanes[i + 8]));
    let lanes: [f32; 4] = std::array::from_fn(|i| f(lanes[i], lanes[i + 4]));
    f(f(lanes[0], lanes[2]), f(lanes[1], lanes[3]))
}

multiversion! {
    fn fold[F: Fn(f32, f32) -> f32](x: &[f32], start: f32, f: F) -> f32 {
        let mut lanes = [start; LANES];
        let (blocks, rest) = x.as_chunks::<LANES>();
        for block in blocks {
            for lane in 0..LANES {
                lanes[lane] = f(lanes[lane], block[lane]);
            }
        }
        for (lane, &value) in lanes.iter_mut().zip(rest) {
            *lane = f(*lane, value);
        }
        join(lanes, f)
    }

    /// `Σ x[i] * y[i]`
    pub fn dot[](x: &[f32], y: &[f32]) -> f32 {
        assert_eq!(x.len(), y.len());
        let mut lanes = [0f32; LANES];
        let (x_blocks, x_rest) = x.as_chunks::<LANES>();
        let (y_blocks, y_rest) = y.as_chunks::<LANES>();
        for (x, y) in x_blocks.iter().zip(y_blocks) {
            for lane in 0..LANES {
                lanes[lane] += x[lane] * y[lane];
            }
        }
        for (lane, (x, y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
            *lane += x * y;
        }
        join(lanes, |a, b| a + b)
    }

    /// `sums[j] += Σ x[i * columns + first + j]`, four rows at a time.
    fn add_rows[](x: &[f32], columns: usize, first: usize, sums: &mut [f32]) {
        let n = sums.len();
        let row = |index: usize| &x[index * columns + first..][..n];
        let rows = x.len() / columns;
        for i in (0..rows / 4 * 4).step_by(4) {
            let (row0, row1, row2, row3) = (row(i), row(i + 1), row(i + 2), row(i + 3));
            for j in 0..n {
                sums[j] += (row0[j] + row1[j]) + (row2[j] + row3[j]);
            }
        }
        for i in rows / 4 * 4..rows {
            for (sum, &value) in sums.iter_mut().zip(row(i)) {
                *sum += value;
            }
        }
    }

    fn softmax_row[](x: &[f32], out: &mut [f32]) {
        // NaN need not show here: it reaches the sum through its own power.
        let top = fold(x, f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
        for (out, &x) in out.iter_mut().zip(x) {
            *out = math::exp(x - top);
        }
        let scale = 1.0 / fold(out, 0.0, |a, b| a + b);
        for out in out.iter_mut() {
            *out *= scale;
        }
    }

    fn log_softmax_row[](x: &[f32], out: &mut [f32]) {
        // NaN need not show here: it reaches the sum through its own power.
        let top = fold(x, f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
        for (out, &x) in out.iter_mut().zip(x) {
            *out = math::exp(x - top);
        }
        let log = math::ln(fold(out, 0.0, |a, b| a + b));
        for (out, &x) in out.iter_mut().zip(x) {
            *out = (x - top) - log;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::on_each_level;
    use super::*;

    fn values(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 % 1013) as f32 - 500.0) * 0.01).collect()
    }

    #[test]
    fn reductions_match_f64_with_the_same_bits_everywhere() {
        for len in [0, 1, 31, 32, 33, 1000, 100_000] {
            let x = values(len);
            let exact: f64 = x.iter().map(|&v| f64::from(v)).sum();
            let bits = sum(&x).to_bits();
            assert!((f64::from(sum(&x)) - exact).abs() < 1e-4 + 1e-7 * len as f64, "{len}");
            assert_eq!(max(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            assert_eq!(min(&x), x.iter().copied().fold(f32::INFINITY, f32::min));
            on_each_level(|level| assert_eq!(sum(&x).to_bits(), bits, "{level:?}"));
        }
        assert_eq!(product(&[2.0, 3.0, -4.0]), -24.0);
        assert_eq!(dot(&values(70), &[2.0; 70]), sum(&values(70)) * 2.0);
    }

    #[test]
    fn nan_is_not_lost() {
        let mut x = values(500);
        x[123] = f32::NAN;
        x[456] = f32::NAN;
        assert!(sum(&x).is_nan() && max(&x).is_nan() && min(&x).is_nan() && product(&x).is_nan());
        assert_eq!((argmax(&x), argmin(&x)), (123, 123));
        assert_eq!((argmax(&[1.0, 3.0, 3.0]), argmin(&[4.0, 1.0, 1.0]), argmax(&[])), (1, 1, 0));
    }

    #[test]
    fn columns_and_rows() {
        for (rows, columns) in [(0, 3), (1, 5), (7, 3), (1000, 64), (3, 9000), (70_000, 10)] {
            let x = values(rows * columns);
            let mut sums = vec![1.0; columns];
            column_sum(&x, &mut sums);
            for (j, &sum) in sums.iter().enumerate() {
                let exact: f64 = (0..rows).map(|i| f64::from(x[i * columns + j])).sum();
                assert!((f64::from(sum) - exact).abs() < 1e-3 + 1e-7 * rows as f64, "{rows}x{columns} column {j}: {sum}, not {exact}");
            }
            on_each_level(|_| {
                let mut again = vec![0.0; columns];
                column_sum(&x, &mut again);
                assert_eq!(again, sums);
            });
            let mut maxima = vec![0.0; rows];
            each_row(&x, columns, &mut maxima, max);
            assert!(maxima.iter().enumerate().all(|(i, &m)| m == max(&x[i * columns..(i + 1) * columns])));
        }
    }

    #[test]
    fn softmax_rows_sum_to_one_whatever_their_size() {
        for (rows, columns) in [(3, 1), (5, 10), (2, 33), (400, 100)] {
            let x: Vec<f32> = values(rows * columns).iter().map(|v| v * 100.0 + 1000.0).collect();
            let (mut y, mut log) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            softmax(&x, columns, &mut y);
            log_softmax(&x, columns, &mut log);
            for row in 0..rows {
                let part = row * columns..(row + 1) * columns;
                let top = x[part.clone()].iter().map(|&v| f64::from(v)).fold(f64::MIN, f64::max);
                let total: f64 = x[part.clone()].iter().map(|&v| (f64::from(v) - top).exp()).sum();
                for at in part {
                    let expected = f64::from(x[at]) - top - total.ln();
                    assert!((f64::from(y[at]) - expected.exp()).abs() < 1e-6 && (f64::from(log[at]) - expected).abs() < 1e-3);
                }
            }
            let expected = y.clone();
            on_each_level(|_| {
                softmax(&x, columns, &mut y);
                assert_eq!(y, expected);
            });
        }
    }
}
