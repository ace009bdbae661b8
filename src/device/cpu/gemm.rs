//! Matrix product in f32: cache blocks around the register tiles of `microkernel.rs`.
//!
//! The cut into blocks and tiles, and so the order of every sum, follows from the shape alone: the bits do not depend on threads.

use super::microkernel::{Kernel, Run, Tile};
use super::pack::pack_panels;
use super::pool::{self, SharedMut};
use super::{scratch, simd, vector_matrix};
use std::ops::Range;

/// Steps of k that one pass over the outputs takes: a panel of the second operand then stays in the second-level cache.
const DEPTH: usize = 512;
/// Products below this many multiplications are not worth waking another thread for.
const INLINE: usize = 1 << 20;

/// A matrix in someone's memory: element (i, j) is `data[i * row_stride + j * column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a> {
    pub data: &'a [f32],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Mat<'a> {
    /// Rows one after the other, `stride` apart.
    pub fn row_major(data: &'a [f32], stride: usize) -> Self {
        Mat { data, row_stride: stride, column_stride: 1 }
    }

    pub fn transposed(self) -> Self {
        Mat { data: self.data, row_stride: self.column_stride, column_stride: self.row_stride }
    }

    /// The same matrix from this element on.
    pub fn from(self, row: usize, column: usize) -> Self {
        Mat { data: &self.data[row * self.row_stride + column * self.column_stride..], ..self }
    }

    fn check(&self, rows: usize, columns: usize) {
        let last = (rows - 1) * self.row_stride + (columns - 1) * self.column_stride;
        assert!(last < self.data.len(), "a {rows} x {columns} matrix ends at {last} in {} values", self.data.len());
    }
}

/// `c (+)= a b` with a of M x K, b of K x N and c of M x N in rows `c_row` apart; `accumulate` keeps what c holds.
///
/// Panics if an operand is too short for its shape.
#[allow(clippy::too_many_arguments)]
pub fn gemm(m: usize, n: usize, k: usize, a: Mat, b: Mat, c: &mut [f32], c_row: usize, accumulate: bool) {
    if m == 0 || n == 0 {
        return;
    }
    assert!((m == 1 || c_row >= n) && (m - 1) * c_row + n <= c.len(), "{m} rows of {n}, {c_row} apart, in {} values", c.len());
    if k == 0 {
        if !accumulate {
            c.chunks_mut(c_row.max(n)).take(m).for_each(|row| row[..n].fill(0.0));
        }
        return;
    }
    a.check(m, k);
    b.check(k, n);
    let product = Product { m, n, k, a, b, c_row, accumulate };
    let parts = split(m, n, k);
    if m * n * k <= INLINE {
        pool::inline(|| product.run(c));
    } else if parts > 1 {
        product.run_split(parts, c);
    } else {
        product.run(c);
    }
}

/// `batch` products of one shape; matrix i of an operand starts `i * stride` further on (0 repeats it), that of c at `i * m * n`.
#[allow(clippy::too_many_arguments)]
pub fn batched(batch: usize, m: usize, n: usize, k: usize, a: Mat, a_stride: usize, b: Mat, b_stride: usize, c: &mut [f32]) {
    assert!(c.len() >= batch * m * n, "{batch} results of {m} x {n} in {} values", c.len());
    let at = |matrix: Mat<'_>, start: usize| if k == 0 { 0 } else { start.min(matrix.data.len()) };
    let shared = SharedMut::new(c);
    let one = |index: usize| {
        let a = Mat { data: &a.data[at(a, index * a_stride)..], ..a };
        let b = Mat { data: &b.data[at(b, index * b_stride)..], ..b };
        // SAFETY: each product has its own part.
        gemm(m, n, k, a, b, unsafe { shared.slice(index * m * n..(index + 1) * m * n) }, n, false);
    };
    if batch >= 16 || m * n * k <= 4 * INLINE {
        // Whole products are the tasks, several in one while they are tiny.
        let chunk = (INLINE / (m * n * k).max(1)).clamp(1, batch.div_ceil(16).max(1));
        pool::for_chunks(batch, chunk, &|range| range.for_each(one));
    } else {
        (0..batch).for_each(one);
    }
}

/// How many parts to cut k into: more than one only where the outputs alone make too few tasks.
fn split(m: usize, n: usize, k: usize) -> usize {
    if m * n <= 128 * 128 { (k / 1024).clamp(1, 16) } else { 1 }
}

#[derive(Clone, Copy)]
struct Product<'a> {
    m: usize,
    n: usize,
    k: usize,
    a: Mat<'a>,
    b: Mat<'a>,
    c_row: usize,
    accumulate: bool,
}

impl Product<'_> {
    fn run(&self, c: &mut [f32]) {
        if self.m == 1 && (self.b.column_stride == 1 || self.b.row_stride == 1) {
            return vector_matrix::run(self.k, self.a.data, self.a.column_stride, self.b, &mut c[..self.n], self.accumulate);
        }
        if self.n == 1 && (self.a.column_stride == 1 || self.a.row_stride == 1) {
            return self.run_column(c);
        }
        let kernel = Kernel::best();
        let blocks = self.k.div_ceil(DEPTH);
        let depth = self.k.div_ceil(blocks);
        for start in (0..self.k).step_by(depth) {
            let depth = depth.min(self.k - start);
            let slab =
                Product { k: depth, a: self.a.from(0, start), b: self.b.from(start, 0), accumulate: self.accumulate || start > 0, ..*self };
            slab.run_slab(kernel, c);
        }
    }

    /// Sums parts of k into scratch, then adds them in order.
    fn run_split(&self, parts: usize, c: &mut [f32]) {
        let (outputs, step) = (self.m * self.n, self.k.div_ceil(parts));
        let parts = self.k.div_ceil(step);
        scratch::with(parts * outputs, |partial| {
            let shared = SharedMut::new(partial);
            pool::run(parts, &|part| {
                let start = part * step;
                let (a, b) = (self.a.from(0, start), self.b.from(start, 0));
                let product = Product { k: step.min(self.k - start), a, b, c_row: self.n, accumulate: false, ..*self };
                // SAFETY: each part has its own outputs.
                product.run(unsafe { shared.slice(part * outputs..(part + 1) * outputs) });
            });
            for (row, out) in c.chunks_mut(self.c_row).take(self.m).enumerate() {
                let out = &mut out[..self.n];
                for part in 0..parts {
                    let values = &partial[part * outputs + row * self.n..][..self.n];
                    if part == 0 && !self.accumulate {
                        out.copy_from_slice(values)
                    } else {
                        simd::update2(out, values, |x: f32, y: f32| x + y)
                    }
                }
            }
        });
    }

    /// One column: the transposed product is a vector times a matrix.
    fn run_column(&self, c: &mut [f32]) {
        scratch::with(self.m, |column| {
            vector_matrix::run(self.k, self.b.data, self.b.row_stride, self.a.transposed(), column, false);
            for (out, &value) in c.iter_mut().step_by(self.c_row).zip(&*column) {
                *out = if self.accumulate { *out + value } else { value };
            }
        });
    }

    /// One depth of k: the second operand is packed once for all, then tiles of the output are tasks.
    fn run_slab(&self, kernel: &Kernel, c: &mut [f32]) {
        let (width, panels) = (kernel.columns, self.n.div_ceil(kernel.columns));
        let few_rows = self.m <= 2 * kernel.rows;
        let in_place = self.b.column_stride == 1 && (few_rows || self.b.row_stride <= 256);
        // A panel that reaches beyond the last column cannot be read in place.
        let packed_from = if in_place { self.n / width } else { 0 };
        scratch::with((panels - packed_from) * width * self.k, |packed| {
            let shared = SharedMut::new(packed);
            let size = width * self.k;
            // Several panels in one task: a row of the operand is then read in one long run.
            pool::for_chunks(panels - packed_from, 8, &|range| {
                // SAFETY: each panel is its own part.
                let out = unsafe { shared.slice(range.start * size..range.end * size) };
                let column = (packed_from + range.start) * width;
                pack_panels(self.b.from(0, column).transposed(), (range.len() * width).min(self.n - column), self.k, width, out);
            });
            let packed = &*packed;
            let panel = |index: usize| match index.checked_sub(packed_from) {
                Some(index) => (packed[index * size..].as_ptr(), width),
                None => (self.b.data[index * width..].as_ptr(), self.b.row_stride),
            };
            let most = 8 * kernel.rows;
            let tall = self.m.div_ceil(self.m.div_ceil(most)).next_multiple_of(kernel.rows);
            let down = self.m.div_ceil(tall);
            let mut wide = panels;
            while down * panels.div_ceil(wide) < 16 && wide > 4 {
                wide = wide.div_ceil(2);
            }
            let c = SharedMut::new(c);
            pool::run(down * panels.div_ceil(wide), &|task| {
                let rows = task % down * tall..((task % down + 1) * tall).min(self.m);
                let first = task / down * wide;
                self.run_block(kernel, rows, first..(first + wide).min(panels), &panel, &c);
            });
        });
    }

    /// One task: some rows times some panels.
    fn run_block(
        &self,
        kernel: &Kernel,
        rows: Range<usize>,
        panels: Range<usize>,
        panel: &dyn Fn(usize) -> (*const f32, usize),
        c: &SharedMut<f32>,
    ) {
        let a = self.a.from(rows.start, 0);
        // Read in place only where rows (or steps) do not crowd on the same cache sets.
        let in_place = match (a.row_stride, a.column_stride) {
            (stride, 1) => stride <= 448 || (64..=448).contains(&(stride % 512)),
            (1, stride) => panels.len() <= 2 && stride % 256 != 0,
            _ => false,
        };
        let copy = if in_place { 0 } else { rows.len().next_multiple_of(kernel.rows) * (self.k + 32) };
        scratch::with(copy, |copy| {
            let (a, a_row, a_step, a_group) = if in_place {
                (a.data.as_ptr(), a.row_stride, a.column_stride, kernel.rows * a.row_stride)
            } else if a.column_stride == 1 {
                // Rows stay rows, a line further apart than they are long.
                let stride = self.k.next_multiple_of(16) + 16;
                for (row, out) in (0..rows.len()).zip(copy.chunks_mut(stride)) {
                    out[..self.k].copy_from_slice(&a.data[row * a.row_stride..][..self.k]);
                }
                (copy.as_ptr(), stride, 1, kernel.rows * stride)
            } else {
                pack_panels(a, rows.len(), self.k, kernel.rows, copy);
                (copy.as_ptr(), 1, kernel.rows, kernel.rows * self.k)
            };
            for index in panels {
                let (b, b_step) = panel(index);
                let columns = kernel.columns.min(self.n - index * kernel.columns);
                for group in (0..rows.len()).step_by(kernel.rows) {
                    let count = kernel.rows.min(rows.len() - group);
                    let start = (rows.start + group) * self.c_row + index * kernel.columns;
                    // SAFETY: `gemm` checked the operands' extents; tasks write disjoint rows and columns of c.
                    unsafe {
                        let tile = Tile {
                            a: a.add(group / kernel.rows * a_group),
                            a_row,
                            a_step,
                            runs: &[Run::default()],
                            run: self.k,
                            b,
                            b_step,
                            c: c.pointer(start),
                            c_row: self.c_row,
                            rows: count,
                            columns,
                            accumulate: self.accumulate,
                        };
                        kernel.compute(&tile);
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::on_each_level;
    use super::*;

    fn values(len: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / 16777216.0 - 0.5
        };
        (0..len).map(|_| next()).collect()
    }

    /// Compares with f64 sums, for both layouts of both operands, and the pool's bits with those of one thread.
    fn check(m: usize, n: usize, k: usize) {
        let (a, b, old) = (values(m * (k + 3), 1), values(k * (n + 2), 2), values(m * (n + 1), 3));
        for layout in 0..4 {
            let a = if layout & 1 == 0 { Mat::row_major(&a, k + 3) } else { Mat::row_major(&a, m).transposed() };
            let b = if layout & 2 == 0 { Mat::row_major(&b, n + 2) } else { Mat::row_major(&b, k).transposed() };
            for accumulate in [false, true] {
                let mut c = old.clone();
                gemm(m, n, k, a, b, &mut c, n + 1, accumulate);
                let mut alone = old.clone();
                pool::inline(|| gemm(m, n, k, a, b, &mut alone, n + 1, accumulate));
                assert!(c.iter().zip(&alone).all(|(x, y)| x.to_bits() == y.to_bits()), "{m}x{k}x{n}: threads change the bits");
                for i in (0..m).step_by(m / 24 + 1) {
                    for j in (0..n).step_by(n / 40 + 1) {
                        let mut sum = if accumulate { f64::from(old[i * (n + 1) + j]) } else { 0.0 };
                        for s in 0..k {
                            let x = a.data[i * a.row_stride + s * a.column_stride];
                            sum += f64::from(x) * f64::from(b.data[s * b.row_stride + j * b.column_stride]);
                        }
                        let got = f64::from(c[i * (n + 1) + j]);
                        let bound = 1e-5 + 3e-7 * k as f64;
                        assert!((got - sum).abs() < bound, "{m}x{k}x{n} layout {layout} at {i},{j}: {got}, not {sum}");
                    }
                }
                assert!(n == 0 || (0..m - 1).all(|i| c[i * (n + 1) + n] == old[i * (n + 1) + n]), "wrote between rows");
            }
        }
    }

    #[test]
    fn shapes_small_and_odd() {
        let shapes =
            [(1, 1, 1), (1, 40, 70), (33, 1, 70), (5, 7, 3), (14, 32, 16), (15, 33, 17), (32, 32, 784), (28, 100, 64), (3, 2, 5000)];
        on_each_level(|_| shapes.iter().for_each(|&(m, n, k)| check(m, n, k)));
        shapes.iter().for_each(|&(m, n, k)| check(m, n, k));
        check(4, 4, 0);
    }

    #[test]
    fn shapes_that_take_every_path() {
        for (m, n, k) in
            [(300, 130, 400), (130, 300, 1024), (100, 96, 4100), (1, 3000, 900), (2000, 1, 1025), (20, 1500, 600), (512, 64, 1021)]
        {
            check(m, n, k);
        }
    }

    #[test]
    fn batches_repeat_an_operand_with_stride_zero() {
        for (batch, m, n, k) in [(3, 5, 6, 7), (40, 9, 33, 20), (2, 200, 190, 210)] {
            let (a, b) = (values(batch * m * k, 4), values(k * n, 5));
            let mut c = vec![f32::NAN; batch * m * n];
            batched(batch, m, n, k, Mat::row_major(&a, k), m * k, Mat::row_major(&b, n), 0, &mut c);
            for index in 0..batch {
                let mut expected = vec![0.0; m * n];
                gemm(m, n, k, Mat::row_major(&a[index * m * k..], k), Mat::row_major(&b, n), &mut expected, n, false);
                assert_eq!(c[index * m * n..(index + 1) * m * n], expected);
            }
        }
    }
}
