//! Orthogonal matrices, uniformly distributed.

use super::Initializer;
use crate::{Error, Result, Shape, random::RandomKey};

/// `gain` times a matrix with orthonormal columns, or rows where it has fewer of them (Saxe et al., 2014).
/// Shapes of more than two axes are one matrix `(all but the last, last)`. The default of recurrent kernels.
///
/// ```
/// use wgrad::{prelude::*, random::RandomKey};
/// let kernel = Orthogonal::new().values(&[3, 2].into(), &RandomKey::new(42, "kernel", 0))?;
/// let product: f32 = (0..3).map(|row| kernel[2 * row] * kernel[2 * row + 1]).sum();
/// assert!(product.abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Debug)]
#[initializer(alias("OrthogonalInitializer"))]
#[doc(alias = "keras.initializers.Orthogonal")]
pub struct Orthogonal {
    /// The factor of the matrix.
    #[initializer(default = 1.0)]
    gain: f32,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

impl Initializer for Orthogonal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        let [rows @ .., columns] = &shape[..] else { return refuse(shape) };
        if rows.is_empty() {
            return refuse(shape);
        }
        let (rows, columns) = (rows.iter().product::<usize>(), *columns);
        let (length, count) = (rows.max(columns), rows.min(columns));
        let mut vectors: Vec<f64> = key.seeded(self.seed).normal(length * count).into_iter().map(f64::from).collect();
        orthonormalize(&mut vectors, length);
        // The vectors are the matrix' columns, or its rows where those are fewer.
        let at = |row: usize, column: usize| if rows < columns { row * length + column } else { column * length + row };
        Ok((0..rows * columns).map(|i| (f64::from(self.gain) * vectors[at(i / columns, i % columns)]) as f32).collect())
    }
}

fn refuse(shape: &Shape) -> Result<Vec<f32>> {
    Err(Error::shape(format!("Orthogonal needs at least two axes, got shape {shape}")))
}

/// Gram-Schmidt, each vector twice (once is not orthogonal enough): the Q of a QR decomposition whose R has a positive diagonal.
fn orthonormalize(vectors: &mut [f64], length: usize) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for at in 0..vectors.len().checked_div(length).unwrap_or(0) {
        let (done, rest) = vectors.split_at_mut(at * length);
        let vector = &mut rest[..length];
        for _ in 0..2 {
            for other in done.chunks_exact(length) {
                let along = dot(vector, other);
                vector.iter_mut().zip(other).for_each(|(x, other)| *x -= along * other);
            }
        }
        let norm = dot(vector, vector).sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
    }
}
