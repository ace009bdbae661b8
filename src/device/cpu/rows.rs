//! Reductions of rows and columns over 32 fixed lanes: the same bits for any instruction set.

use super::simd::multiversion;
use bytemuck::Pod;

const LANES: usize = 32;

/// The exponent bits of a float.
pub const EXPONENT: u32 = 0x7f80_0000;

/// Halves the lanes until one is left; each half is an array of its own, so that it stays in registers.
#[inline(always)]
pub(super) fn join<T: Copy>(lanes: [T; LANES], f: impl Fn(T, T) -> T) -> T {
    let lanes: [T; 16] = std::array::from_fn(|i| f(lanes[i], lanes[i + 16]));
    let lanes: [T; 8] = std::array::from_fn(|i| f(lanes[i], lanes[i + 8]));
    let lanes: [T; 4] = std::array::from_fn(|i| f(lanes[i], lanes[i + 4]));
    f(f(lanes[0], lanes[2]), f(lanes[1], lanes[3]))
}

multiversion! {
    /// All values combined, `start` first.
    pub fn fold_row[T: Pod, F: Fn(T, T) -> T + Copy](x: &[T], start: T, f: F) -> T {
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

    /// `out[j]` combined with column j of rows as long as `out`, four rows at a time.
    pub fn fold_columns[T: Pod, F: Fn(T, T) -> T + Copy](x: &[T], out: &mut [T], f: F) {
        let columns = out.len();
        let mut fours = x.chunks_exact(4 * columns);
        for rows in &mut fours {
            let (row0, rows) = rows.split_at(columns);
            let (row1, rows) = rows.split_at(columns);
            let (row2, row3) = rows.split_at(columns);
            for ((((out, &a), &b), &c), &d) in out.iter_mut().zip(row0).zip(row1).zip(row2).zip(row3) {
                *out = f(f(f(f(*out, a), b), c), d);
            }
        }
        for row in fours.remainder().chunks_exact(columns) {
            for (out, &value) in out.iter_mut().zip(row) {
                *out = f(*out, value);
            }
        }
    }

    /// The largest exponent bits of all `x[i]`, which are all set where one is infinite or NaN, and `Σ (factor * x[i])²`.
    pub fn exponent_and_squares[](x: &[f32], factor: f32) -> (u32, f32) {
        let mut exponents = [0u32; LANES];
        let mut squares = [0f32; LANES];
        let (blocks, rest) = x.as_chunks::<LANES>();
        for block in blocks {
            for lane in 0..LANES {
                exponents[lane] = exponents[lane].max(block[lane].to_bits() & EXPONENT);
                squares[lane] += (block[lane] * factor) * (block[lane] * factor);
            }
        }
        for (lane, &x) in rest.iter().enumerate() {
            exponents[lane] = exponents[lane].max(x.to_bits() & EXPONENT);
            squares[lane] += (x * factor) * (x * factor);
        }
        (join(exponents, u32::max), join(squares, |a, b| a + b))
    }

    /// `Σ f(x[i])`
    pub fn sum_of[F: Fn(f32) -> f32 + Copy](x: &[f32], f: F) -> f32 {
        let mut lanes = [0f32; LANES];
        let (blocks, rest) = x.as_chunks::<LANES>();
        for block in blocks {
            for lane in 0..LANES {
                lanes[lane] += f(block[lane]);
            }
        }
        for (lane, &value) in lanes.iter_mut().zip(rest) {
            *lane += f(value);
        }
        join(lanes, |a, b| a + b)
    }

    /// `out[i] = f(x[i])`, and the sum of the results.
    pub fn map_sum[F: Fn(f32) -> f32 + Copy](x: &[f32], out: &mut [f32], f: F) -> f32 {
        assert_eq!(x.len(), out.len());
        let mut lanes = [0f32; LANES];
        let (blocks, rest) = x.as_chunks::<LANES>();
        let (out_blocks, out_rest) = out.as_chunks_mut::<LANES>();
        for (block, out) in blocks.iter().zip(out_blocks) {
            for lane in 0..LANES {
                out[lane] = f(block[lane]);
                lanes[lane] += out[lane];
            }
        }
        for ((lane, &value), out) in lanes.iter_mut().zip(rest).zip(out_rest) {
            *out = f(value);
            *lane += *out;
        }
        join(lanes, |a, b| a + b)
    }

    /// `Σ f(x[i], y[i])`
    pub fn sum_of2[F: Fn(f32, f32) -> f32 + Copy](x: &[f32], y: &[f32], f: F) -> f32 {
        assert_eq!(x.len(), y.len());
        let mut lanes = [0f32; LANES];
        let (x_blocks, x_rest) = x.as_chunks::<LANES>();
        let (y_blocks, y_rest) = y.as_chunks::<LANES>();
        for (x, y) in x_blocks.iter().zip(y_blocks) {
            for lane in 0..LANES {
                lanes[lane] += f(x[lane], y[lane]);
            }
        }
        for (lane, (&x, &y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
            *lane += f(x, y);
        }
        join(lanes, |a, b| a + b)
    }
}

/// The larger number; NaN is the largest.
#[inline(always)]
pub fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// What exponentials of `x` are shifted by: the largest value, if it is finite.
pub fn shift(x: &[f32]) -> f32 {
    let peak = fold_row(x, f32::NEG_INFINITY, larger);
    if peak.is_finite() { peak } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::simd::on_each_level;
    use super::*;

    #[test]
    fn rows_and_columns_have_the_same_bits_on_every_level() {
        let x: Vec<f32> = (0..7 * 75).map(|i| (i as f32 * 12.9898).sin()).collect();
        let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
        let sum = fold_row(&x, 0.0, |a, b| a + b);
        assert!((f64::from(sum) - exact).abs() < 1e-4);
        assert!((f64::from(sum_of2(&x, &vec![2.0; x.len()], |x, y| x * y)) - 2.0 * exact).abs() < 1e-4);
        let mut columns = [0f32; 75];
        fold_columns(&x, &mut columns, |a, b| a + b);
        for (j, column) in columns.iter().enumerate() {
            let exact: f32 = (0..7).map(|i| x[i * 75 + j]).sum();
            assert!((column - exact).abs() < 1e-5, "column {j}");
        }
        let (exponent, squares) = exponent_and_squares(&x, 2.0);
        assert!((f64::from(squares) - 4.0 * x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()).abs() < 1e-3);
        on_each_level(|level| {
            assert_eq!(exponent_and_squares(&x, 2.0), (exponent, squares), "{level:?}");
            for at in [0, 33, 524] {
                let mut bad = x.clone();
                bad[at] = if at == 33 { f32::NAN } else { f32::NEG_INFINITY };
                assert!(exponent < EXPONENT && exponent_and_squares(&bad, 2.0).0 == EXPONENT, "{level:?}, element {at}");
            }
            assert_eq!(fold_row(&x, 0.0, |a: f32, b| a + b).to_bits(), sum.to_bits(), "{level:?}");
            let mut again = [0f32; 75];
            fold_columns(&x, &mut again, |a, b| a + b);
            assert_eq!(again, columns, "{level:?}");
        });
    }
}
