//! Linear algebra and Fourier transforms on the host, as functions of slices: the generic libraries behind them are compiled here once.

mod decompose;
mod fourier;
mod solve;

pub use decompose::{eig, eigh, qr, singular_values, svd};
pub use fourier::fourier;
pub use solve::{Determinant, cholesky, determinant, lu, solve, solve_triangular};

use faer::{Mat, MatRef};
use std::fmt;

/// Why a matrix has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Its rows depend on each other.
    Singular,
    /// It is not symmetric with positive eigenvalues.
    NotPositiveDefinite,
    /// The iteration did not end.
    NotConverged,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Singular => "is singular: it has no inverse",
            Failure::NotPositiveDefinite => "is not positive definite",
            Failure::NotConverged => "has no decomposition that the iteration finds",
        })
    }
}

/// A row-major matrix of `columns` columns in double precision, in which everything is calculated.
fn wide(a: &[f32], columns: usize) -> Mat<f64> {
    Mat::from_fn(a.len() / columns.max(1), columns, |row, column| f64::from(a[row * columns + column]))
}

/// Writes a matrix row by row.
fn store<T: Copy>(from: MatRef<'_, T>, to: &mut [f32], narrow: impl Fn(T) -> f64) {
    let columns = from.ncols();
    to.iter_mut().enumerate().for_each(|(at, to)| *to = narrow(from[(at / columns, at % columns)]) as f32);
}
