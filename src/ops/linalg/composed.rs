//! What follows from singular values: least squares, pseudoinverses, ranks, norms of matrices.

use super::adjoint;
use crate::{DType, Tensor, ops::fits};

/// By what the size of a matrix is measured.
///
/// ```
/// use wgrad::{ops::MatrixNorm, prelude::*};
/// let x = Tensor::from([[1.0f32, -2.0], [3.0, 4.0]]);
/// assert_eq!(x.matrix_norm(MatrixNorm::One, [0, 1]).item::<f32>()?, 6.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MatrixNorm {
    /// The root of the sum of all squares.
    Frobenius,
    /// The sum of the singular values.
    Nuclear,
    /// Of the sums of magnitudes along each column the largest.
    One,
    /// Of these the smallest.
    LeastOne,
    /// The largest singular value.
    Two,
    /// The smallest singular value.
    LeastTwo,
    /// Of the sums of magnitudes along each row the largest.
    Infinity,
    /// Of these the smallest.
    LeastInfinity,
}

impl Tensor {
    /// The `x` with the least `|self x - b|²`, and of several the shortest one: for one matrix, `b` a vector or a matrix.
    /// Singular values below `rcond` times the largest count as zero; the default is the rounding of float32 times the larger size.
    ///
    /// # Panics
    /// When this is no matrix, or the rows of `b` are not as many.
    #[doc(alias = "keras.ops.lstsq")]
    #[track_caller]
    pub fn lstsq(&self, b: &Tensor, rcond: Option<f32>) -> Tensor {
        let (shape, right) = (self.shape(), b.shape());
        let fit = self.rank() == 2 && matches!(b.rank(), 1 | 2) && shape[0] == right[0];
        assert!(fit, "lstsq: shapes {shape} and {right}: takes a matrix, and a vector or matrix of as many rows");
        if b.rank() == 1 {
            return self.lstsq(&b.expand_dims(-1), rcond).squeeze(&[-1]);
        }
        let least = match rcond {
            None => f32::EPSILON * shape[0].max(shape[1]) as f32,
            Some(rcond) if rcond < 0.0 => f32::EPSILON,
            Some(rcond) => rcond,
        };
        self.pseudoinverse(least, |s, least| s.greater_equal(least)).matmul(b)
    }

    /// The pseudoinverses of matrices. Singular values up to `rcond` times the largest count as zero; the default is the rounding of
    /// float32 times ten times the larger size.
    #[doc(alias = "keras.ops.pinv")]
    #[track_caller]
    pub fn pinv(&self, rcond: Option<f32>) -> Tensor {
        self.pseudoinverse(rcond.unwrap_or(10.0 * self.rounding()), |s, least| s.greater(least))
    }

    /// By the singular values that `count` beside `least` times the largest.
    #[track_caller]
    fn pseudoinverse(&self, least: f32, count: fn(&Tensor, &Tensor) -> Tensor) -> Tensor {
        let (u, s, v) = self.svd(false);
        let counts = count(&s, &(s.max(&[-1]).expand_dims(-1) * least));
        let inverse = Tensor::where_(&counts, &s, &(s.ones_like() * f32::INFINITY)).reciprocal();
        (adjoint(&v) * inverse.expand_dims(-2)).matmul(&adjoint(&u))
    }

    /// How many singular values of each matrix are above `tolerance`, as int32; the default is the largest one times the rounding of
    /// float32 times the larger size.
    #[doc(alias = "keras.ops.matrix_rank")]
    #[track_caller]
    pub fn matrix_rank(&self, tolerance: Option<f32>) -> Tensor {
        let s = self.singular_values();
        let above = match tolerance {
            Some(least) => s.greater(least),
            None => s.greater(s.max(&[-1]).expand_dims(-1) * self.rounding()),
        };
        above.cast(DType::I32).sum(&[-1])
    }

    /// The rounding of float32 times the larger size of the matrices.
    #[track_caller]
    fn rounding(&self) -> f32 {
        assert!(self.rank() >= 2, "shape {} has less than two axes: takes matrices", self.shape());
        f32::EPSILON * self.shape()[self.rank() - 1].max(self.shape()[self.rank() - 2]) as f32
    }

    /// The norms of the matrices of rows along the first of `axes` and columns along the second, which go away.
    #[doc(alias = "keras.ops.norm")]
    #[track_caller]
    pub fn matrix_norm(&self, norm: MatrixNorm, axes: [isize; 2]) -> Tensor {
        let [row, column] = axes.map(|axis| fits(self.shape().axis(axis), "norm") as isize);
        assert!(row != column, "norm: rows and columns of shape {} along the same axis {row}", self.shape());
        let sums = |axis: isize, other: isize| (self.abs().sum(&[axis]), [other - isize::from(other > axis)]);
        let values = || {
            let last: Vec<isize> = (0..self.rank() as isize).filter(|axis| *axis != row && *axis != column).chain([row, column]).collect();
            self.permute(&last).singular_values()
        };
        match norm {
            MatrixNorm::Frobenius => self.square().sum(&[row, column]).sqrt(),
            MatrixNorm::Nuclear => values().sum(&[-1]),
            MatrixNorm::Two => values().max(&[-1]),
            MatrixNorm::LeastTwo => values().min(&[-1]),
            MatrixNorm::One | MatrixNorm::LeastOne => {
                let (sums, rest) = sums(row, column);
                if norm == MatrixNorm::One { sums.max(&rest) } else { sums.min(&rest) }
            }
            MatrixNorm::Infinity | MatrixNorm::LeastInfinity => {
                let (sums, rest) = sums(column, row);
                if norm == MatrixNorm::Infinity { sums.max(&rest) } else { sums.min(&rest) }
            }
        }
    }
}
