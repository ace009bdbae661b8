//! A matrix that is packed once and stays in a cache while many products take it as their second operand.

use super::gemm::Mat;
use super::microkernel::{Kernel, Run, Tile};
use super::pack::pack_panels;

/// Steps of a panel that stay in the first-level cache.
const DEPTH: usize = 128;

/// A matrix of `depth` x `columns` as panels for register tiles.
pub struct Packed<'a> {
    kernel: &'static Kernel,
    depth: usize,
    columns: usize,
    panels: &'a [f32],
}

impl<'a> Packed<'a> {
    /// How many floats a packed matrix takes.
    pub fn size(depth: usize, columns: usize) -> usize {
        depth * columns.next_multiple_of(Kernel::best().columns)
    }

    /// Packs `b` into `memory` of [`size`](Self::size) floats.
    pub fn new(b: Mat, depth: usize, columns: usize, memory: &'a mut [f32]) -> Self {
        let kernel = Kernel::best();
        assert!(memory.len() == Self::size(depth, columns));
        if depth > 0 {
            pack_panels(b.transposed(), columns, depth, kernel.columns, memory);
        }
        Self { kernel, depth, columns, panels: memory }
    }

    /// `c (+)= a b` for `rows` rows of a, `a_row` apart, on the calling thread; those of c are `c_row` apart. The sums of a row do
    /// not depend on the others.
    pub fn multiply(&self, rows: usize, a: &[f32], a_row: usize, c: &mut [f32], c_row: usize, accumulate: bool) {
        if rows == 0 || self.columns == 0 {
            return;
        }
        assert!((rows - 1) * a_row + self.depth <= a.len() && (rows - 1) * c_row + self.columns <= c.len());
        let width = self.kernel.columns;
        // Tiles of equal height.
        let tall = rows.div_ceil(rows.div_ceil(self.kernel.rows));
        for (start, first) in
            (0..self.depth.max(1)).step_by(DEPTH).flat_map(|start| (0..self.columns).step_by(width).map(move |n| (start, n)))
        {
            for row in (0..rows).step_by(tall) {
                let tile = Tile {
                    a: a[row * a_row + start..].as_ptr(),
                    a_row,
                    a_step: 1,
                    runs: &[Run::default()],
                    run: DEPTH.min(self.depth - start),
                    b: self.panels[first * self.depth + start * width..].as_ptr(),
                    b_step: width,
                    c: c[row * c_row + first..].as_mut_ptr(),
                    c_row,
                    rows: tall.min(rows - row),
                    columns: width.min(self.columns - first),
                    accumulate: accumulate || start > 0,
                };
                // SAFETY: all rows and columns lie in both slices, by the assertion; panels have the width of the kernel.
                unsafe { self.kernel.compute(&tile) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::on_each_level;
    use super::*;

    #[test]
    fn products_by_a_packed_matrix_add_up() {
        for (rows, depth, columns) in [(1, 1, 1), (5, 7, 40), (16, 300, 33), (29, 513, 96)] {
            let a: Vec<f32> = (0..rows * (depth + 3)).map(|i| (i * 7 % 23) as f32 - 11.0).collect();
            let b: Vec<f32> = (0..depth * (columns + 1)).map(|i| (i * 5 % 19) as f32 - 9.0).collect();
            on_each_level(|level| {
                let mut memory = vec![f32::NAN; Packed::size(depth, columns)];
                let packed = Packed::new(Mat::row_major(&b, columns + 1), depth, columns, &mut memory);
                for accumulate in [false, true] {
                    let mut c = vec![2f32; rows * (columns + 5)];
                    packed.multiply(rows, &a, depth + 3, &mut c, columns + 5, accumulate);
                    for (at, &value) in c.iter().enumerate() {
                        let (i, j) = (at / (columns + 5), at % (columns + 5));
                        let sum = |sum: f32, k: usize| sum + a[i * (depth + 3) + k] * b[k * (columns + 1) + j];
                        let start = if accumulate || j >= columns { 2.0 } else { 0.0 };
                        let expected = (0..if j < columns { depth } else { 0 }).fold(start, sum);
                        assert_eq!(value, expected, "{level:?} {rows}x{depth}x{columns} at {i},{j}");
                    }
                }
            });
        }
    }
}
