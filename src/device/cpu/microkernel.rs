//! The register tile of matrix product and convolution: up to 14 x 32 outputs stay in registers while k runs.
//!
//! The first operand is read in place, one broadcast per row and step; the second comes as rows of `columns` values. One body serves
//! all instruction sets through `Vector`; only here and in `simd.rs` are they named.

/// `c[i, j] (+)= Σ over runs r and steps s of a[r.a + i * a_row + s * a_step] * b[r.b + s * b_step + j]`
///
/// Either `a_row` or `a_step` is 1. `b` may be read to the full width of the kernel, beyond `columns`.
#[derive(Clone, Copy)]
pub struct Tile<'a> {
    pub a: *const f32,
    pub a_row: usize,
    pub a_step: usize,
    pub runs: &'a [Run],
    pub run: usize,
    pub b: *const f32,
    pub b_step: usize,
    pub c: *mut f32,
    pub c_row: usize,
    pub rows: usize,
    pub columns: usize,
    pub accumulate: bool,
}

/// Where a run of steps starts in both operands.
#[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Run {
    pub a: usize,
    pub b: usize,
}

/// The largest tile of the machine's best instruction set and the function that computes one.
pub struct Kernel {
    pub rows: usize,
    pub columns: usize,
    run: unsafe fn(&Tile),
    transpose: unsafe fn(*const f32, usize, *mut f32, usize),
}

impl Kernel {
    pub fn best() -> &'static Kernel {
        #[cfg(target_arch = "x86_64")]
        match super::simd::level() {
            super::simd::Level::Avx512 => return &x86::AVX512,
            super::simd::Level::Avx2 => return &x86::AVX2,
            super::simd::Level::Baseline => {}
        }
        &PORTABLE
    }

    /// # Safety
    /// Every address that the tile's formula names is valid; `rows` and `columns` are 1 to the kernel's own.
    #[inline]
    pub unsafe fn compute(&self, tile: &Tile) {
        debug_assert!(0 < tile.rows && tile.rows <= self.rows && 0 < tile.columns && tile.columns <= self.columns);
        debug_assert!(tile.a_row == 1 || tile.a_step == 1);
        // SAFETY: the caller's promise; `best` hands out kernels that this machine can run.
        unsafe { (self.run)(tile) }
    }

    /// `out[j * out_stride + i] = x[i * stride + j]` for i, j below 8.
    ///
    /// # Safety
    /// All these addresses are valid.
    #[inline]
    pub unsafe fn transpose(&self, x: *const f32, stride: usize, out: *mut f32, out_stride: usize) {
        // SAFETY: the caller's promise, as in `compute`.
        unsafe { (self.transpose)(x, stride, out, out_stride) }
    }
}

trait Vector: Copy {
    const LANES: usize;
    unsafe fn splat(at: *const f32) -> Self;
    unsafe fn load(at: *const f32) -> Self;
    unsafe fn store(self, at: *mut f32);
    unsafe fn zero() -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// `self + x * y`
    unsafe fn plus_product(self, x: Self, y: Self) -> Self;
}

/// The widest tile of any kernel, for tiles that leave through memory.
const MOST: usize = 32;

#[inline(always)]
unsafe fn compute<V: Vector, const ROWS: usize, const VECTORS: usize>(tile: &Tile) {
    // SAFETY: the caller of `Kernel::compute` vouches for the addresses.
    unsafe {
        // Two bodies, so that the stride that is 1 becomes part of the addressing mode.
        let sums =
            if tile.a_row == 1 { sums::<V, ROWS, VECTORS>(tile, 1, tile.a_step) } else { sums::<V, ROWS, VECTORS>(tile, tile.a_row, 1) };
        if tile.columns == VECTORS * V::LANES {
            for (row, sums) in sums.iter().enumerate() {
                for (vector, &sum) in sums.iter().enumerate() {
                    let at = tile.c.add(row * tile.c_row + vector * V::LANES);
                    if tile.accumulate { V::load(at).add(sum).store(at) } else { sum.store(at) }
                }
            }
        } else {
            for (row, sums) in sums.iter().enumerate() {
                let mut line = [0f32; MOST];
                for (vector, &sum) in sums.iter().enumerate() {
                    sum.store(line.as_mut_ptr().add(vector * V::LANES));
                }
                let out = std::slice::from_raw_parts_mut(tile.c.add(row * tile.c_row), tile.columns);
                for (out, sum) in out.iter_mut().zip(line) {
                    *out = if tile.accumulate { *out + sum } else { sum };
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn sums<V: Vector, const ROWS: usize, const VECTORS: usize>(tile: &Tile, a_row: usize, a_step: usize) -> [[V; VECTORS]; ROWS] {
    // SAFETY: as above.
    unsafe {
        let mut sums = [[V::zero(); VECTORS]; ROWS];
        for start in tile.runs {
            let (mut a, mut b) = (tile.a.add(start.a), tile.b.add(start.b));
            for _ in 0..tile.run {
                let mut values = [V::zero(); VECTORS];
                for (vector, value) in values.iter_mut().enumerate() {
                    *value = V::load(b.add(vector * V::LANES));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let factor = V::splat(a.add(row * a_row));
                    for (sum, &value) in sums.iter_mut().zip(&values) {
                        *sum = sum.plus_product(factor, value);
                    }
                }
                // Wrapping, because the last step may leave the allocation by more than one element.
                a = a.wrapping_add(a_step);
                b = b.wrapping_add(tile.b_step);
            }
        }
        sums
    }
}

/// The number of rows becomes a constant, so that the sums live in registers.
macro_rules! by_rows {
    ($vector:ty, $vectors:literal, $tile:expr, $($rows:literal)*) => {
        match $tile.rows {
            $($rows => compute::<$vector, $rows, $vectors>($tile),)*
            _ => unreachable!("a tile has at most as many rows as its kernel"),
        }
    };
}

/// Eight plain floats: two registers of SSE2 or NEON.
#[derive(Clone, Copy)]
struct Portable([f32; 8]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = self.0;
        for (out, other) in out.iter_mut().zip(other.0) {
            *out = f(*out, other);
        }
        Portable(out)
    }
}

impl Vector for Portable {
    const LANES: usize = 8;
    #[inline(always)]
    unsafe fn splat(at: *const f32) -> Self {
        // SAFETY: the caller's promise, as in the other methods.
        Portable([unsafe { *at }; 8])
    }
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Portable(unsafe { at.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn zero() -> Self {
        Portable([0.0; 8])
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |x, y| x + y)
    }
    #[inline(always)]
    unsafe fn plus_product(self, x: Self, y: Self) -> Self {
        // Fused only where the baseline has the instruction; elsewhere `mul_add` would be a call.
        #[cfg(target_arch = "aarch64")]
        let product = |sum: f32, (x, y): (f32, f32)| x.mul_add(y, sum);
        #[cfg(not(target_arch = "aarch64"))]
        let product = |sum: f32, (x, y): (f32, f32)| sum + x * y;
        let mut out = self.0;
        for ((out, x), y) in out.iter_mut().zip(x.0).zip(y.0) {
            *out = product(*out, (x, y));
        }
        Portable(out)
    }
}

static PORTABLE: Kernel = Kernel { rows: 6, columns: 8, run: portable, transpose: portable_transpose };

unsafe fn portable(tile: &Tile) {
    // SAFETY: the caller's promise.
    unsafe { by_rows!(Portable, 1, tile, 1 2 3 4 5 6) }
}

unsafe fn portable_transpose(x: *const f32, stride: usize, out: *mut f32, out_stride: usize) {
    for (i, j) in (0..8).flat_map(|i| (0..8).map(move |j| (i, j))) {
        // SAFETY: the caller's promise.
        unsafe { *out.add(j * out_stride + i) = *x.add(i * stride + j) };
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Kernel, Tile, Vector, compute};
    use std::arch::x86_64::*;

    pub static AVX512: Kernel = Kernel { rows: 14, columns: 32, run: avx512, transpose };
    pub static AVX2: Kernel = Kernel { rows: 6, columns: 16, run: avx2, transpose };

    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn avx512(tile: &Tile) {
        // SAFETY: the caller's promise.
        unsafe {
            if tile.columns > 16 {
                by_rows!(__m512, 2, tile, 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
            } else {
                by_rows!(__m512, 1, tile, 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(tile: &Tile) {
        // SAFETY: the caller's promise.
        unsafe { if tile.columns > 8 { by_rows!(__m256, 2, tile, 1 2 3 4 5 6) } else { by_rows!(__m256, 1, tile, 1 2 3 4 5 6) } }
    }

    /// Three rounds of exchanges: pairs, quarters, halves.
    #[target_feature(enable = "avx2")]
    unsafe fn transpose(x: *const f32, stride: usize, out: *mut f32, out_stride: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let rows: [__m256; 8] = std::array::from_fn(|i| _mm256_loadu_ps(x.add(i * stride)));
            let pairs: [__m256; 8] = std::array::from_fn(|i| {
                let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
                if i % 2 == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) }
            });
            let quarters: [__m256; 8] = std::array::from_fn(|i| {
                let (a, b) = (pairs[i / 4 * 4 + i % 4 / 2], pairs[i / 4 * 4 + i % 4 / 2 + 2]);
                if i % 2 == 0 { _mm256_shuffle_ps::<0x44>(a, b) } else { _mm256_shuffle_ps::<0xEE>(a, b) }
            });
            for j in 0..4 {
                let (a, b) = (quarters[j], quarters[j + 4]);
                _mm256_storeu_ps(out.add(j * out_stride), _mm256_permute2f128_ps::<0x20>(a, b));
                _mm256_storeu_ps(out.add((j + 4) * out_stride), _mm256_permute2f128_ps::<0x31>(a, b));
            }
        }
    }

    macro_rules! vector {
        ($type:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident, $zero:ident, $add:ident, $fused:ident) => {
            // SAFETY in all: only called from functions that enable the instructions, with addresses the caller vouches for.
            impl Vector for $type {
                const LANES: usize = $lanes;
                #[inline(always)]
                unsafe fn splat(at: *const f32) -> Self {
                    unsafe { $splat(*at) }
                }
                #[inline(always)]
                unsafe fn load(at: *const f32) -> Self {
                    unsafe { $load(at) }
                }
                #[inline(always)]
                unsafe fn store(self, at: *mut f32) {
                    unsafe { $store(at, self) }
                }
                #[inline(always)]
                unsafe fn zero() -> Self {
                    unsafe { $zero() }
                }
                #[inline(always)]
                unsafe fn add(self, other: Self) -> Self {
                    unsafe { $add(self, other) }
                }
                #[inline(always)]
                unsafe fn plus_product(self, x: Self, y: Self) -> Self {
                    unsafe { $fused(x, y, self) }
                }
            }
        };
    }
    vector!(__m512, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_setzero_ps, _mm512_add_ps, _mm512_fmadd_ps);
    vector!(__m256, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_setzero_ps, _mm256_add_ps, _mm256_fmadd_ps);
}

#[cfg(test)]
mod tests {
    use super::super::simd::on_each_level;
    use super::*;

    #[test]
    fn squares_are_transposed() {
        let x: Vec<f32> = (0..200).map(|i| i as f32).collect();
        on_each_level(|level| {
            let mut out = vec![0f32; 200];
            // SAFETY: the last index is 7 * 21 + 7.
            unsafe { Kernel::best().transpose(x.as_ptr(), 19, out.as_mut_ptr(), 21) };
            for (i, j) in (0..8).flat_map(|i| (0..8).map(move |j| (i, j))) {
                assert_eq!(out[j * 21 + i], x[i * 19 + j], "{level:?}");
            }
        });
    }

    #[test]
    fn every_tile_shape_adds_up() {
        let a: Vec<f32> = (0..2000).map(|i| ((i * 7 % 23) as f32) - 11.0).collect();
        let b: Vec<f32> = (0..2000).map(|i| ((i * 5 % 19) as f32) - 9.0).collect();
        let (runs, run) = ([(3, 66), (40, 0), (11, 500)].map(|(a, b)| Run { a, b }), 5);
        on_each_level(|level| {
            let kernel = Kernel::best();
            for rows in 1..=kernel.rows {
                for columns in 1..=kernel.columns {
                    for (a_row, a_step, accumulate) in [(1, 17, false), (37, 1, true)] {
                        let mut c = vec![1f32; rows * 40];
                        let tile = Tile {
                            a: a.as_ptr(),
                            a_row,
                            a_step,
                            runs: &runs,
                            run,
                            b: b.as_ptr(),
                            b_step: 33,
                            c: c.as_mut_ptr(),
                            c_row: 40,
                            rows,
                            columns,
                            accumulate,
                        };
                        // SAFETY: the largest index is below 2000 in both operands.
                        unsafe { kernel.compute(&tile) };
                        for (at, &value) in c.iter().enumerate() {
                            let (i, j) = (at / 40, at % 40);
                            let mut expected = if accumulate || j >= columns { 1.0 } else { 0.0 };
                            for step in 0..if j < columns { 15 } else { 0 } {
                                let start = runs[step / run];
                                expected += a[start.a + i * a_row + step % run * a_step] * b[start.b + step % run * 33 + j];
                            }
                            assert_eq!(value, expected, "{level:?} {rows}x{columns} at {i},{j}");
                        }
                    }
                }
            }
        });
    }
}
