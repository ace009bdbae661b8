//! Normalising rows by their own mean and variance, and the gradients of it.

use super::{
    pool::{self, SharedMut},
    rows::{fold_columns, sum_of},
    scratch,
    simd::{map3, multiversion},
};

/// Elements that one task takes, and the number of partial sums of weight gradients at most.
const CHUNK: usize = 16 * 1024;
const PARTS: usize = 32;

/// Rows of `length`, normalized and then multiplied and moved element by element, where there is something to do it with.
#[derive(Clone, Copy)]
pub struct Normalize<'a> {
    pub length: usize,
    /// Whether the mean is subtracted.
    pub centred: bool,
    pub gamma: Option<&'a [f32]>,
    pub beta: Option<&'a [f32]>,
}

impl Normalize<'_> {
    /// `out = (x - mean) * scale * gamma + beta` with `scale = 1 / sqrt(variance + epsilon)`; mean and scale of each row are kept.
    pub fn forward(self, epsilon: f32, x: &[f32], out: &mut [f32], means: &mut [f32], scales: &mut [f32]) {
        let length = self.length;
        with_row(self.gamma, 1.0, length, |gamma| {
            with_row(self.beta, 0.0, length, |beta| {
                let count = means.len();
                let (out, means, scales) = (SharedMut::new(out), SharedMut::new(means), SharedMut::new(scales));
                pool::for_chunks(count, CHUNK / length.max(1), &|rows| {
                    // SAFETY: each row belongs to one task.
                    let (means, scales) = unsafe { (means.slice(rows.clone()), scales.slice(rows.clone())) };
                    for (row, (mean_out, scale_out)) in rows.zip(means.iter_mut().zip(scales)) {
                        let range = row * length..(row + 1) * length;
                        // SAFETY: as above.
                        let (x, out) = (&x[range.clone()], unsafe { out.slice(range) });
                        let mean = if self.centred { sum_of(x, |x| x) / length as f32 } else { 0.0 };
                        let variance = sum_of(x, |x| (x - mean) * (x - mean)) / length as f32;
                        let scale = 1.0 / (variance + epsilon).sqrt();
                        map3(x, gamma, beta, out, |x: f32, gamma: f32, beta: f32| (x - mean) * scale * gamma + beta);
                        (*mean_out, *scale_out) = (mean, scale);
                    }
                });
            });
        });
    }

    /// The gradients of `x`, gamma and beta from the upstream gradient `dy`.
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        self,
        x: &[f32],
        means: &[f32],
        scales: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        dgamma: Option<&mut [f32]>,
        dbeta: Option<&mut [f32]>,
    ) {
        let (length, count) = (self.length, means.len());
        let rows = (CHUNK / length.max(1)).max(count.div_ceil(PARTS)).max(1);
        let parts = count.div_ceil(rows);
        with_row(self.gamma, 1.0, length, |gamma| {
            scratch::with(2 * parts * length, |partial| {
                partial.fill(0.0);
                let (shared, dx) = (SharedMut::new(partial), SharedMut::new(dx));
                pool::run(parts, &|part| {
                    let at = |half: usize| (half * parts + part) * length..(half * parts + part + 1) * length;
                    // SAFETY: each part belongs to one task, and so does each row.
                    let (dgamma, dbeta) = unsafe { (shared.slice(at(0)), shared.slice(at(1))) };
                    for row in part * rows..((part + 1) * rows).min(count) {
                        let range = row * length..(row + 1) * length;
                        let (x, dy, mean, scale) = (&x[range.clone()], &dy[range.clone()], means[row], scales[row]);
                        let (sum, along) = gradient_sums(x, dy, gamma, mean, scale);
                        let sum = if self.centred { sum / length as f32 } else { 0.0 };
                        // SAFETY: as above.
                        let dx = unsafe { dx.slice(range) };
                        gradient_row(x, dy, gamma, [mean, scale, sum, along / length as f32], dx, dgamma, dbeta);
                    }
                });
                for (out, parts) in [dgamma, dbeta].into_iter().zip(partial.chunks_exact((parts * length).max(1))) {
                    if let Some(out) = out {
                        out.fill(0.0);
                        fold_columns(parts, out, |a, b| a + b);
                    }
                }
            });
        });
    }
}

/// `row`, or one that is `value` everywhere.
fn with_row(row: Option<&[f32]>, value: f32, length: usize, body: impl FnOnce(&[f32])) {
    match row {
        Some(row) => body(row),
        None => scratch::with(length, |row| {
            row.fill(value);
            body(row);
        }),
    }
}

multiversion! {
    /// `Σ g` and `Σ g * n` over `g = dy * gamma` and `n = (x - mean) * scale`.
    fn gradient_sums[](x: &[f32], dy: &[f32], gamma: &[f32], mean: f32, scale: f32) -> (f32, f32) {
        assert!(x.len() == dy.len() && x.len() == gamma.len());
        let (mut sums, mut along) = ([0f32; 32], [0f32; 32]);
        let (x_blocks, x_rest) = x.as_chunks::<32>();
        let (dy_blocks, dy_rest) = dy.as_chunks::<32>();
        let (gamma_blocks, gamma_rest) = gamma.as_chunks::<32>();
        for ((x, dy), gamma) in x_blocks.iter().zip(dy_blocks).zip(gamma_blocks) {
            for lane in 0..32 {
                let g = dy[lane] * gamma[lane];
                sums[lane] += g;
                along[lane] += g * ((x[lane] - mean) * scale);
            }
        }
        for (lane, ((x, dy), gamma)) in x_rest.iter().zip(dy_rest).zip(gamma_rest).enumerate() {
            let g = dy * gamma;
            sums[lane] += g;
            along[lane] += g * ((x - mean) * scale);
        }
        (super::rows::join(sums, |a, b| a + b), super::rows::join(along, |a, b| a + b))
    }

    /// `dx = scale * (g - sum - n * along)`, and what the row adds to the gradients of gamma and beta.
    fn gradient_row[](
        x: &[f32], dy: &[f32], gamma: &[f32], numbers: [f32; 4], dx: &mut [f32], dgamma: &mut [f32], dbeta: &mut [f32],
    ) {
        let n = x.len();
        let (dy, gamma, dx, dgamma, dbeta) = (&dy[..n], &gamma[..n], &mut dx[..n], &mut dgamma[..n], &mut dbeta[..n]);
        let [mean, scale, sum, along] = numbers;
        for i in 0..n {
            let normal = (x[i] - mean) * scale;
            dx[i] = scale * (dy[i] * gamma[i] - sum - normal * along);
            dgamma[i] += dy[i] * normal;
            dbeta[i] += dy[i];
        }
    }
}
