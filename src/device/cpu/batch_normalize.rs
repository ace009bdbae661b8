//! Normalising columns by their mean and variance over all rows, and the gradients of it.
//!
//! Narrow rows are taken several at a time: everything that belongs to a column is repeated, so that inner loops are long.

use super::{
    pool::{self, SharedMut},
    rows::fold_columns,
    scratch,
    simd::multiversion,
};

/// Elements that one task takes, and the number of partial sums at most.
const CHUNK: usize = 16 * 1024;
const PARTS: usize = 64;
/// Elements of several rows that inner loops take at a time.
const WIDTH: usize = 512;

/// `count` rows of `columns`.
#[derive(Clone, Copy)]
pub struct Columns {
    pub count: usize,
    pub columns: usize,
}

impl Columns {
    /// Rows of a task; the cut depends on the shape alone.
    fn rows(self) -> usize {
        (CHUNK / self.columns.max(1)).max(self.count.div_ceil(PARTS)).max(1)
    }

    /// Elements of the rows that inner loops take at a time.
    fn width(self) -> usize {
        self.columns * (WIDTH / self.columns.max(1)).max(1)
    }

    /// Runs `body` on the elements of each task's rows.
    fn each(self, body: impl Fn(usize, std::ops::Range<usize>) + Sync) {
        let rows = self.rows();
        pool::run(self.count.div_ceil(rows), &|task| {
            body(task, task * rows * self.columns..((task + 1) * rows).min(self.count) * self.columns);
        });
    }

    /// Mean and variance of each column, as the moments of chunks, which are then combined.
    pub fn moments(self, x: &[f32], mean: &mut [f32], variance: &mut [f32]) {
        let Columns { count, columns } = self;
        let (rows, width) = (self.rows(), self.width());
        scratch::with(2 * count.div_ceil(rows) * columns, |partial| {
            let shared = SharedMut::new(partial);
            self.each(|task, range| {
                let x = &x[range];
                // SAFETY: each part belongs to one task.
                let part = unsafe { shared.slice(2 * task * columns..2 * (task + 1) * columns) };
                let (own_mean, own_square) = part.split_at_mut(columns);
                scratch::with(2 * width, |wide| {
                    let (sums, centre) = wide.split_at_mut(width);
                    sums.fill(0.0);
                    x.chunks(width).for_each(|x| add(x, sums));
                    join(sums, own_mean);
                    own_mean.iter_mut().for_each(|sum| *sum /= (x.len() / columns) as f32);
                    repeat(own_mean, centre);
                    sums.fill(0.0);
                    x.chunks(width).for_each(|x| add_squares(x, centre, sums));
                    join(sums, own_square);
                });
            });
            let own_count = |part: usize| (count - part * rows).min(rows) as f32;
            mean.fill(0.0);
            variance.fill(0.0);
            for (part, moments) in partial.chunks_exact(2 * columns).enumerate() {
                let share = own_count(part) / count as f32;
                mean.iter_mut().zip(moments).for_each(|(mean, own)| *mean += own * share);
            }
            for (part, moments) in partial.chunks_exact(2 * columns).enumerate() {
                let (own_mean, own_square) = moments.split_at(columns);
                for (((variance, mean), own_mean), own_square) in variance.iter_mut().zip(&*mean).zip(own_mean).zip(own_square) {
                    *variance += (own_square + own_count(part) * (own_mean - mean) * (own_mean - mean)) / count as f32;
                }
            }
        });
    }

    /// `out = (x - mean) * scale + shift`.
    pub fn apply(self, x: &[f32], mean: &[f32], scale: &[f32], shift: &[f32], out: &mut [f32]) {
        let (width, shared) = (self.width(), SharedMut::new(out));
        scratch::with(3 * width, |wide| {
            for (wide, column) in wide.chunks_exact_mut(width.max(1)).zip([mean, scale, shift]) {
                repeat(column, wide);
            }
            let wide = &*wide;
            self.each(|_, range| {
                // SAFETY: each task has its own rows.
                let out = unsafe { shared.slice(range.clone()) };
                for (x, out) in x[range].chunks(width).zip(out.chunks_mut(width)) {
                    move_and_scale(x, &wide[..width], &wide[width..2 * width], &wide[2 * width..], out);
                }
            });
        });
    }

    /// `Σ dy` and `Σ dy * (x - mean) * scale` of each column.
    pub fn gradient_sums(self, x: &[f32], mean: &[f32], scale: &[f32], dy: &[f32], sum: &mut [f32], along: &mut [f32]) {
        let columns = self.columns;
        let (parts, width) = (self.count.div_ceil(self.rows()), self.width());
        scratch::with(2 * parts * columns, |partial| {
            let shared = SharedMut::new(partial);
            self.each(|task, range| {
                let at = |half: usize| (half * parts + task) * columns..(half * parts + task + 1) * columns;
                // SAFETY: each part belongs to one task.
                let (own_sum, own_along) = unsafe { (shared.slice(at(0)), shared.slice(at(1))) };
                scratch::with(3 * width, |wide| {
                    let (sums, rest) = wide.split_at_mut(width);
                    let (alongs, centre) = rest.split_at_mut(width);
                    sums.fill(0.0);
                    alongs.fill(0.0);
                    repeat(mean, centre);
                    for (x, dy) in x[range.clone()].chunks(width).zip(dy[range].chunks(width)) {
                        add_products(x, centre, dy, sums, alongs);
                    }
                    join(sums, own_sum);
                    join(alongs, own_along);
                });
            });
            let (sums, alongs) = partial.split_at(parts * columns);
            for (out, parts) in [(&mut *sum, sums), (&mut *along, alongs)] {
                out.fill(0.0);
                fold_columns(parts, out, |a, b| a + b);
            }
            along.iter_mut().zip(scale).for_each(|(along, scale)| *along *= scale);
        });
    }

    /// `out = (dy - sum - (x - mean) * along) * scale` with the columns mean, along, sum and scale.
    /// `finish` gets the elements from an index on once they are there.
    pub fn gradient(self, x: &[f32], dy: &[f32], columns: [&[f32]; 4], out: &mut [f32], finish: impl Fn(usize, &mut [f32]) + Sync) {
        let (width, shared) = (self.width(), SharedMut::new(out));
        scratch::with(4 * width, |wide| {
            for (wide, column) in wide.chunks_exact_mut(width.max(1)).zip(columns) {
                repeat(column, wide);
            }
            let wide = &*wide;
            let [mean, along, sum, scale] = [0, 1, 2, 3].map(|at| &wide[at * width..(at + 1) * width]);
            self.each(|_, range| {
                // SAFETY: each task has its own rows.
                let out = unsafe { shared.slice(range.clone()) };
                for ((x, dy), out) in x[range.clone()].chunks(width).zip(dy[range.clone()].chunks(width)).zip(out.chunks_mut(width)) {
                    gradient_row(x, mean, along, dy, sum, scale, out);
                }
                finish(range.start, out);
            });
        });
    }
}

/// Fills `wide` with copies of `column`.
fn repeat(column: &[f32], wide: &mut [f32]) {
    wide.chunks_exact_mut(column.len()).for_each(|wide| wide.copy_from_slice(column));
}

/// Sums of the copies of each column.
fn join(wide: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    fold_columns(wide, out, |a, b| a + b);
}

multiversion! {
    fn add[](x: &[f32], sums: &mut [f32]) {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += x;
        }
    }

    fn add_squares[](x: &[f32], centre: &[f32], sums: &mut [f32]) {
        for ((sum, x), centre) in sums.iter_mut().zip(x).zip(centre) {
            *sum += (x - centre) * (x - centre);
        }
    }

    fn add_products[](x: &[f32], centre: &[f32], dy: &[f32], sums: &mut [f32], alongs: &mut [f32]) {
        for ((((sum, along), x), centre), dy) in sums.iter_mut().zip(alongs).zip(x).zip(centre).zip(dy) {
            *sum += dy;
            *along += dy * (x - centre);
        }
    }

    fn move_and_scale[](x: &[f32], mean: &[f32], scale: &[f32], shift: &[f32], out: &mut [f32]) {
        for ((((out, x), mean), scale), shift) in out.iter_mut().zip(x).zip(mean).zip(scale).zip(shift) {
            *out = (x - mean) * scale + shift;
        }
    }

    fn gradient_row[](x: &[f32], mean: &[f32], along: &[f32], dy: &[f32], sum: &[f32], scale: &[f32], out: &mut [f32]) {
        for ((((((out, x), mean), along), dy), sum), scale) in out.iter_mut().zip(x).zip(mean).zip(along).zip(dy).zip(sum).zip(scale) {
            *out = (dy - sum - (x - mean) * along) * scale;
        }
    }
}
