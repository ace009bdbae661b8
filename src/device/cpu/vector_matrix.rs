//! A vector times a matrix: bound by memory, so the matrix is read once, in the order it lies there.

use super::gemm::Mat;
use super::pool::{self, SharedMut};
use super::rows::sum_of2;
use super::scratch;
use super::simd::multiversion;

/// `out (+)= x b` with x of K values `x_stride` apart and b of K x N, one of whose strides is 1.
pub fn run(k: usize, x: &[f32], x_stride: usize, b: Mat, out: &mut [f32], accumulate: bool) {
    let n = out.len();
    let out = SharedMut::new(out);
    scratch::with(k, |line| {
        line.iter_mut().zip(x.iter().step_by(x_stride.max(1))).for_each(|(to, &from)| *to = from);
        let line = &*line;
        if b.column_stride == 1 {
            // Columns are the tasks; 512 of them are 2 KiB of each row.
            pool::for_chunks(n, (1usize << 18).div_ceil(k).max(512), &|range| {
                let first = range.start;
                // SAFETY: chunks are disjoint.
                let out = unsafe { out.slice(range) };
                if !accumulate {
                    out.fill(0.0);
                }
                for (index, part) in out.chunks_mut(512).enumerate() {
                    add_rows(line, &b.data[first + index * 512..], b.row_stride, part);
                }
            });
        } else {
            pool::for_chunks(n, (1usize << 18).div_ceil(k), &|range| {
                let first = range.start;
                // SAFETY: chunks are disjoint.
                for (index, out) in unsafe { out.slice(range) }.iter_mut().enumerate() {
                    let sum = sum_of2(line, &b.data[(first + index) * b.column_stride..][..k], |a, b| a * b);
                    *out = if accumulate { *out + sum } else { sum };
                }
            });
        }
    });
}

multiversion! {
    /// `out[j] += Σ x[i] * b[i * stride + j]`, four rows at a time.
    fn add_rows[](x: &[f32], b: &[f32], stride: usize, out: &mut [f32]) {
        let n = out.len();
        let row = |index: usize| &b[index * stride..][..n];
        let whole = x.len() / 4 * 4;
        for i in (0..whole).step_by(4) {
            let (row0, row1, row2, row3) = (row(i), row(i + 1), row(i + 2), row(i + 3));
            for j in 0..n {
                out[j] += (x[i] * row0[j] + x[i + 1] * row1[j]) + (x[i + 2] * row2[j] + x[i + 3] * row3[j]);
            }
        }
        for (i, &factor) in x.iter().enumerate().skip(whole) {
            for (out, &value) in out.iter_mut().zip(row(i)) {
                *out += factor * value;
            }
        }
    }
}
