//! Matrix product in f32: cache blocks around the register tiles of `microkernel.rs`.
//!
//! The cut into blocks and tiles, and so the order of every sum, follows from the shape alone: the bits do not depend on threads.

use super::finish::{self, Finish};
use super::microkernel::{Kernel, Run, Tile};
use super::pack::pack_panels;
use super::pool::{self, SharedMut};
use super::{scratch, simd, vector_matrix};
use std::ops::Range;

/// Steps of k that one pass over the outputs takes, and rows of one task: both operands' parts then stay in the second-level cache.
const DEPTH: usize = 2048;
const TALL: usize = 56;
/// Up to so many rows are one task's; a pass is then shorter.
const FEW: usize = 112;
const FEW_DEPTH: usize = 512;
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
/// Then c goes through `finish`, for which its rows must be neighbours.
///
/// Panics if an operand is too short for its shape.
#[allow(clippy::too_many_arguments)]
pub fn gemm(m: usize, n: usize, k: usize, a: Mat, b: Mat, c: &mut [f32], c_row: usize, accumulate: bool, finish: Finish) {
    if m == 0 || n == 0 {
        return;
    }
    assert!((m == 1 || c_row >= n) && (m - 1) * c_row + n <= c.len(), "{m} rows of {n}, {c_row} apart, in {} values", c.len());
    if k == 0 {
        if !accumulate {
            c.chunks_mut(c_row.max(n)).take(m).for_each(|row| row[..n].fill(0.0));
        }
        return finish::all(finish, c);
    }
    assert!(finish.is_none() || c_row == n && c.len() == m * n, "only neighbouring rows are finished");
    a.check(m, k);
    b.check(k, n);
    let product = Product { m, n, k, a, b, c_row, accumulate, finish };
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
/// Then c goes through `finish`.
pub fn batched(batch: usize, [m, n, k]: [usize; 3], a: Mat, b: Mat, [a_stride, b_stride]: [usize; 2], c: &mut [f32], finish: Finish) {
    assert!(c.len() >= batch * m * n, "{batch} results of {m} x {n} in {} values", c.len());
    let at = |matrix: Mat<'_>, start: usize| if k == 0 { 0 } else { start.min(matrix.data.len()) };
    let shared = SharedMut::new(c);
    let one = |index: usize| {
        let a = Mat { data: &a.data[at(a, index * a_stride)..], ..a };
        let b = Mat { data: &b.data[at(b, index * b_stride)..], ..b };
        let first = index * m * n;
        // SAFETY: each product has its own part.
        let c = unsafe { shared.slice(first..first + m * n) };
        match finish {
            None => gemm(m, n, k, a, b, c, n, false, None),
            Some(finish) => gemm(m, n, k, a, b, c, n, false, Some(&|at, out: &mut [f32]| finish(first + at, out))),
        }
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
    finish: Finish<'a>,
}

impl Product<'_> {
    fn run(&self, c: &mut [f32]) {
        if self.m == 1 && (self.b.column_stride == 1 || self.b.row_stride == 1) {
            vector_matrix::run(self.k, self.a.data, self.a.column_stride, self.b, &mut c[..self.n], self.accumulate);
        } else if self.n == 1 && (self.a.column_stride == 1 || self.a.row_stride == 1) {
            self.run_column(c);
        } else if self.m <= FEW {
            self.run_few(Kernel::best(), c);
        } else {
            // Whose tasks finish their own rows.
            return (0..self.k.div_ceil(DEPTH)).for_each(|slab| self.slab(slab, DEPTH).run_slab(Kernel::best(), c));
        }
        finish::all(self.finish, c);
    }

    /// One of the parts that k is cut into, of at most `most` steps.
    fn slab(&self, index: usize, most: usize) -> Self {
        let depth = self.k.div_ceil(self.k.div_ceil(most));
        let start = index * depth;
        let (a, b) = (self.a.from(0, start), self.b.from(start, 0));
        let finish = self.finish.filter(|_| start + depth >= self.k);
        Product { k: depth.min(self.k - start), a, b, accumulate: self.accumulate || start > 0, finish, ..*self }
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
                let product = Product { k: step.min(self.k - start), a, b, c_row: self.n, accumulate: false, finish: None, ..*self };
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
        finish::all(self.finish, c);
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

    /// All rows in each task: panels of columns are the tasks, and each packs its own part of the second operand.
    fn run_few(&self, kernel: &Kernel, c: &mut [f32]) {
        let (width, panels, slabs) = (kernel.columns, self.n.div_ceil(kernel.columns), self.k.div_ceil(FEW_DEPTH));
        let slab = |index: usize| self.slab(index, FEW_DEPTH);
        let size = if self.rows_in_place(panels) { 0 } else { slab(0).copy_size(kernel, self.m) };
        scratch::with(slabs * size, |copy| {
            if size > 0 {
                let shared = SharedMut::new(copy);
                // SAFETY: each slab is its own part.
                pool::run(slabs, &|index| {
                    slab(index).copy_rows(kernel, 0..self.m, unsafe { shared.slice(index * size..(index + 1) * size) })
                });
            }
            let (copy, c) = (&*copy, SharedMut::new(c));
            pool::for_chunks(panels, 4, &|range| {
                let packed_panels = if self.in_place(kernel, range.end - 1) { 0 } else { range.len() };
                scratch::with(packed_panels * width * slab(0).k, |packed| {
                    for index in 0..slabs {
                        let slab = slab(index);
                        let rows = slab.rows(kernel, 0..self.m, &copy[index * size..(index + 1) * size]);
                        if packed_panels > 0 {
                            slab.pack_columns(kernel, range.clone(), packed);
                        }
                        for panel in range.clone() {
                            let b = match packed_panels {
                                0 => slab.panel_in_place(kernel, panel),
                                _ => (packed[(panel - range.start) * width * slab.k..].as_ptr(), width),
                            };
                            slab.run_panel(kernel, &rows, panel, b, &c);
                        }
                    }
                });
            });
        });
    }

    /// One depth of k: the second operand is packed once for all, then tiles of the output are tasks.
    fn run_slab(&self, kernel: &Kernel, c: &mut [f32]) {
        let (width, panels) = (kernel.columns, self.n.div_ceil(kernel.columns));
        let size = width * self.k;
        let packed_from = (0..panels).find(|&panel| !self.in_place(kernel, panel)).unwrap_or(panels);
        scratch::with((panels - packed_from) * size, |packed| {
            let shared = SharedMut::new(packed);
            // Several panels in one task: a row of the operand is then read in one long run.
            pool::for_chunks(panels - packed_from, 8, &|range| {
                // SAFETY: each panel is its own part.
                let out = unsafe { shared.slice(range.start * size..range.end * size) };
                self.pack_columns(kernel, packed_from + range.start..packed_from + range.end, out);
            });
            let packed = &*packed;
            // Finished pieces are whole rows, so a task has fewer of them.
            let most = if self.finish.is_some() && self.m < 32 * TALL { TALL / 2 } else { TALL };
            let down = self.m.div_ceil(most);
            let tall = self.m.div_ceil(down).next_multiple_of(kernel.rows);
            let down = self.m.div_ceil(tall);
            let mut wide = panels;
            while self.finish.is_none() && down * panels.div_ceil(wide) < 64 && wide > 4 {
                wide = wide.div_ceil(2);
            }
            let c = SharedMut::new(c);
            pool::run(down * panels.div_ceil(wide), &|task| {
                let rows = task % down * tall..((task % down + 1) * tall).min(self.m);
                let first = task / down * wide;
                let range = first..(first + wide).min(panels);
                let size_of_copy = if self.rows_in_place(range.len()) { 0 } else { self.copy_size(kernel, rows.len()) };
                scratch::with(size_of_copy, |copy| {
                    if size_of_copy > 0 {
                        self.copy_rows(kernel, rows.clone(), copy);
                    }
                    let rows = self.rows(kernel, rows, copy);
                    for panel in range {
                        let b = match panel.checked_sub(packed_from) {
                            Some(index) => (packed[index * size..].as_ptr(), width),
                            None => self.panel_in_place(kernel, panel),
                        };
                        self.run_panel(kernel, &rows, panel, b, &c);
                    }
                    if let Some(finish) = self.finish {
                        let (first, end) = (rows.range.start * self.n, rows.range.end * self.n);
                        // SAFETY: these rows are this task's.
                        finish(first, unsafe { c.slice(first..end) });
                    }
                });
            });
        });
    }

    /// Whether tiles read a panel of the second operand where it lies: few tiles do, or its rows are near each other.
    fn in_place(&self, kernel: &Kernel, panel: usize) -> bool {
        let worth = self.b.column_stride == 1 && (self.m <= 2 * kernel.rows || self.b.row_stride <= 256);
        // One that reaches beyond the last column is always copied.
        worth && (panel + 1) * kernel.columns <= self.n
    }

    fn panel_in_place(&self, kernel: &Kernel, panel: usize) -> (*const f32, usize) {
        (self.b.data[panel * kernel.columns..].as_ptr(), self.b.row_stride)
    }

    fn pack_columns(&self, kernel: &Kernel, panels: Range<usize>, out: &mut [f32]) {
        let (column, width) = (panels.start * kernel.columns, kernel.columns);
        pack_panels(self.b.from(0, column).transposed(), (panels.len() * width).min(self.n - column), self.k, width, out);
    }

    /// Rows are read in place only where they (or their steps) do not crowd on the same cache sets.
    fn rows_in_place(&self, panels: usize) -> bool {
        match (self.a.row_stride, self.a.column_stride) {
            (stride, 1) => stride <= 448 || (64..=448).contains(&(stride % 512)),
            (1, stride) => panels <= 2 && stride % 256 != 0,
            _ => false,
        }
    }

    fn copy_size(&self, kernel: &Kernel, rows: usize) -> usize {
        rows.next_multiple_of(kernel.rows) * (self.k + 32)
    }

    /// From row to row of a copy: a line further than they are long.
    fn copied_stride(&self) -> usize {
        self.k.next_multiple_of(16) + 16
    }

    /// Rows stay rows; columns are packed for tiles.
    fn copy_rows(&self, kernel: &Kernel, rows: Range<usize>, copy: &mut [f32]) {
        let a = self.a.from(rows.start, 0);
        if a.column_stride == 1 {
            for (row, out) in (0..rows.len()).zip(copy.chunks_mut(self.copied_stride())) {
                out[..self.k].copy_from_slice(&a.data[row * a.row_stride..][..self.k]);
            }
        } else {
            pack_panels(a, rows.len(), self.k, kernel.rows, copy);
        }
    }

    /// Some rows as tiles read them: from the copy, or in place where that is empty.
    fn rows(&self, kernel: &Kernel, range: Range<usize>, copy: &[f32]) -> Rows {
        let a = self.a.from(range.start, 0);
        let (data, row, step) = match (copy.is_empty(), a.column_stride) {
            (true, _) => (a.data.as_ptr(), a.row_stride, a.column_stride),
            (false, 1) => (copy.as_ptr(), self.copied_stride(), 1),
            (false, _) => (copy.as_ptr(), 1, kernel.rows),
        };
        let group = if !copy.is_empty() && row == 1 { kernel.rows * self.k } else { kernel.rows * row };
        Rows { range, data, row, step, group }
    }

    /// Some rows times one panel of columns.
    fn run_panel(&self, kernel: &Kernel, rows: &Rows, panel: usize, (b, b_step): (*const f32, usize), c: &SharedMut<f32>) {
        let column = panel * kernel.columns;
        for (index, first) in rows.range.clone().step_by(kernel.rows).enumerate() {
            let tile = Tile {
                a: rows.data.wrapping_add(index * rows.group),
                a_row: rows.row,
                a_step: rows.step,
                runs: &[Run::default()],
                run: self.k,
                b,
                b_step,
                c: c.pointer(first * self.c_row + column),
                c_row: self.c_row,
                rows: kernel.rows.min(rows.range.end - first),
                columns: kernel.columns.min(self.n - column),
                accumulate: self.accumulate,
            };
            // SAFETY: `gemm` checked the operands' extents; tasks write disjoint rows and columns of c.
            unsafe { kernel.compute(&tile) };
        }
    }
}

/// Rows of the first operand as tiles read them; from tile to tile `group` further.
struct Rows {
    range: Range<usize>,
    data: *const f32,
    row: usize,
    step: usize,
    group: usize,
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
                gemm(m, n, k, a, b, &mut c, n + 1, accumulate, None);
                let mut alone = old.clone();
                pool::inline(|| gemm(m, n, k, a, b, &mut alone, n + 1, accumulate, None));
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
    fn each_element_is_finished_once() {
        let sizes =
            [[1, 1, 40, 70], [2, 33, 1, 70], [3, 5, 7, 0], [1, 100, 96, 4100], [1, 64, 300, 600], [2, 300, 130, 4100], [40, 9, 33, 20]];
        for [batch, m, n, k] in sizes {
            let (a, b) = (values(batch * m * k, 6), values(k * n, 7));
            let product = |finish: Finish| {
                let mut c = vec![f32::NAN; batch * m * n];
                batched(batch, [m, n, k], Mat::row_major(&a, k), Mat::row_major(&b, n), [m * k, 0], &mut c, finish);
                c
            };
            let index = |first: usize, out: &mut [f32]| out.iter_mut().enumerate().for_each(|(i, out)| *out += (first + i) as f32);
            let mut plain = product(None);
            index(0, &mut plain);
            assert_eq!(product(Some(&index)), plain, "{batch} of {m}x{k}x{n}");
        }
    }

    #[test]
    fn batches_repeat_an_operand_with_stride_zero() {
        for (batch, m, n, k) in [(3, 5, 6, 7), (40, 9, 33, 20), (2, 200, 190, 210)] {
            let (a, b) = (values(batch * m * k, 4), values(k * n, 5));
            let mut c = vec![f32::NAN; batch * m * n];
            batched(batch, [m, n, k], Mat::row_major(&a, k), Mat::row_major(&b, n), [m * k, 0], &mut c, None);
            for index in 0..batch {
                let mut expected = vec![0.0; m * n];
                gemm(m, n, k, Mat::row_major(&a[index * m * k..], k), Mat::row_major(&b, n), &mut expected, n, false, None);
                assert_eq!(c[index * m * n..(index + 1) * m * n], expected);
            }
        }
    }
}
