//! Factors of square matrices, determinants, and equations.

use super::{Batch, Matrices, Size, adjoint, floats, half_lower, identities, record, record_all, square};
use crate::{DType, Error, ErrorKind, Result, Shape, Tensor, graph::GradCx, ops::fits, shape::Spec};
use wgrad_numerics::{self as numerics, Failure};

/// The lower triangle `l` with `l lᵀ = a`.
#[derive(Debug)]
struct Cholesky;

impl Matrices for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>> {
        square(inputs[0])?;
        Ok(vec![floats(inputs[0])])
    }

    /// `l⁻ᵀ h l⁻¹` made symmetric, `h` the lower half of `lᵀ dl`.
    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (l, dl) = (cx.output(0), cx.upstream_or_zeros(0));
        let left = l.triangular(&half_lower(&adjoint(&l).matmul(&dl)), true, true);
        let both = adjoint(&l.triangular(&adjoint(&left), true, true));
        Ok(vec![Some((adjoint(&both) + both) * 0.5)])
    }

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure> {
        numerics::cholesky(sizes[0][0], inputs[0], outputs[0])
    }
}

/// The solution of `a x = b`, of `aᵀ x = b` where transposed.
#[derive(Debug)]
struct Solve {
    transposed: bool,
    /// For matrices of which one triangle counts, whether it is the lower one.
    lower: Option<bool>,
}

impl Matrices for Solve {
    fn name(&self) -> &'static str {
        if self.lower.is_some() { "solve_triangular" } else { "solve" }
    }

    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>> {
        let n = square(inputs[0])?;
        if inputs[1][0] != n {
            return Err(Error::shape(format!("{n} equations need a right side of {n} rows, not {}", inputs[1][0])));
        }
        Ok(vec![floats(inputs[1])])
    }

    fn options(&self) -> u32 {
        u32::from(self.transposed) + if self.lower == Some(true) { 2 } else { 0 }
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (a, x, dx) = (cx.input(0), cx.output(0), cx.upstream_or_zeros(0));
        let db = record(Batch(Solve { transposed: !self.transposed, ..*self }), &[a, &dx]);
        let da = || {
            let whole = if self.transposed { x.matmul(&adjoint(&db)) } else { db.matmul(&adjoint(&x)) };
            -match self.lower {
                Some(true) => whole.tril(0),
                Some(false) => whole.triu(0),
                None => whole,
            }
        };
        Ok(vec![cx.needs(0).then(da), Some(db.clone())])
    }

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure> {
        let [n, k] = sizes[1];
        match self.lower {
            None => return numerics::solve(n, k, self.transposed, inputs[0], inputs[1], outputs[0]),
            Some(lower) => numerics::solve_triangular(n, k, [lower, self.transposed], inputs[0], inputs[1], outputs[0]),
        }
        Ok(())
    }
}

/// Both triangles of a matrix with its rows exchanged, and where the rows went.
#[derive(Debug)]
struct Lu;

impl Matrices for Lu {
    fn name(&self) -> &'static str {
        "lu_factor"
    }

    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>> {
        let n = square(inputs[0])?;
        Ok(vec![floats(inputs[0]), Spec::new(DType::I32, [n])])
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Err(Error::new(ErrorKind::Gradient, "lu_factor has no gradient, nor has it in TensorFlow; `solve` and `det` have one"))
    }

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure> {
        let [factors, rows] = outputs else { unreachable!("there are two results") };
        numerics::lu(sizes[0][0], inputs[0], factors, bytemuck::cast_slice_mut(rows));
        Ok(())
    }
}

/// The determinant, its sign, and the logarithm of its magnitude.
#[derive(Debug)]
struct Determinant;

impl Matrices for Determinant {
    fn name(&self) -> &'static str {
        "det"
    }

    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>> {
        square(inputs[0])?;
        Ok(vec![floats([]), floats([]), floats([])])
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let a = cx.input(0);
        let of_value = cx.upstream(0).map(|d| d * cx.output(0));
        let Some(d) = of_value.into_iter().chain(cx.upstream(2).cloned()).reduce(|one, other| one + other) else {
            return Ok(vec![None]); // the sign is constant
        };
        let inverse = record(Batch(Solve { transposed: true, lower: None }), &[a, &identities(a)]);
        Ok(vec![Some(inverse * d.expand_dims(-1).expand_dims(-1))])
    }

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure> {
        let found = numerics::determinant(sizes[0][0], inputs[0]);
        for (out, value) in outputs.iter_mut().zip([found.value, found.sign, found.log]) {
            out[0] = value as f32;
        }
        Ok(())
    }
}

/// Solves for matrices, and for vectors where `b` has an axis less; what stands before them broadcasts.
#[track_caller]
fn solved(op: Solve, a: &Tensor, b: &Tensor) -> Tensor {
    let name = op.name();
    if b.rank() + 1 == a.rank() {
        return solved(op, a, &b.expand_dims(-1)).squeeze(&[-1]);
    }
    let (Some((left, &size)), Some((right, &other))) = (a.shape().split_last_chunk::<2>(), b.shape().split_last_chunk::<2>()) else {
        panic!("{name}: shapes {} and {}: matrices have two axes", a.shape(), b.shape());
    };
    let batch = fits(Shape::from(left).broadcast(&Shape::from(right)), name);
    let full = |size: Size| batch.iter().copied().chain(size).collect::<Shape>();
    record(Batch(op), &[&a.broadcast_to(full(size)), &b.broadcast_to(full(other))])
}

impl Tensor {
    /// The lower triangles `l` of symmetric, positive definite matrices `l lᵀ`, of which only the lower halves are read; `upper` gives `lᵀ`.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let a = Tensor::from([[4.0, 2.0], [2.0, 5.0]]);
    /// assert_eq!(a.cholesky(false).to_vec::<f32>()?, [2.0, 0.0, 1.0, 2.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// Reading the result is an error when a matrix is not positive definite.
    #[doc(alias = "keras.ops.cholesky")]
    #[track_caller]
    pub fn cholesky(&self, upper: bool) -> Tensor {
        let lower = record(Batch(Cholesky), &[self]);
        if upper { adjoint(&lower) } else { lower }
    }

    /// The inverses of the matrices whose [Cholesky triangles](Tensor::cholesky) these are.
    #[doc(alias = "keras.ops.cholesky_inverse")]
    #[track_caller]
    pub fn cholesky_inverse(&self, upper: bool) -> Tensor {
        let inverse = self.triangular(&identities(self), !upper, false);
        if upper { inverse.matmul(&adjoint(&inverse)) } else { adjoint(&inverse).matmul(&inverse) }
    }

    /// The `x` with `self x = b`, for `b` of shape `(..., M, N)`, or `(..., M)` with an axis less than this tensor of `(..., M, M)`.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let a = Tensor::from([[2.0, 0.0], [1.0, 1.0]]);
    /// assert_eq!(a.solve(&Tensor::from([4.0, 5.0])).to_vec::<f32>()?, [2.0, 3.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// Reading the result is an error when a matrix is singular.
    #[doc(alias = "keras.ops.solve")]
    #[track_caller]
    pub fn solve(&self, b: &Tensor) -> Tensor {
        solved(Solve { transposed: false, lower: None }, self, b)
    }

    /// [`Tensor::solve`] for triangles: of these matrices only the lower or the upper half is read. A zero on the diagonal gives
    /// infinities.
    #[doc(alias = "keras.ops.solve_triangular")]
    #[track_caller]
    pub fn solve_triangular(&self, b: &Tensor, lower: bool) -> Tensor {
        self.triangular(b, lower, false)
    }

    #[track_caller]
    fn triangular(&self, b: &Tensor, lower: bool, transposed: bool) -> Tensor {
        solved(Solve { transposed, lower: Some(lower) }, self, b)
    }

    /// The inverses of square matrices. Reading the result is an error when one is singular.
    #[doc(alias = "keras.ops.inv")]
    #[track_caller]
    pub fn inv(&self) -> Tensor {
        assert!(self.rank() >= 2, "inv: shape {} has less than two axes", self.shape());
        self.solve(&identities(self))
    }

    /// The factors of square matrices with their rows exchanged, `l` (without its diagonal of ones) and `u` in one matrix; and the
    /// place, as int32, that each row has in them.
    #[doc(alias = "keras.ops.lu_factor")]
    #[track_caller]
    pub fn lu_factor(&self) -> (Tensor, Tensor) {
        let [factors, rows] = record_all(Lu, &[self]);
        (factors, rows)
    }

    /// The determinants of square matrices.
    #[doc(alias = "keras.ops.det")]
    #[track_caller]
    pub fn det(&self) -> Tensor {
        let [value, ..] = record_all::<3>(Determinant, &[self]);
        value
    }

    /// The signs of the determinants of square matrices, and the logarithms of their magnitudes.
    #[doc(alias = "keras.ops.slogdet")]
    #[track_caller]
    pub fn slogdet(&self) -> (Tensor, Tensor) {
        let [_, sign, log] = record_all(Determinant, &[self]);
        (sign, log)
    }

    /// The logarithms of the determinants of symmetric, positive definite matrices.
    #[doc(alias = "keras.ops.logdet")]
    #[track_caller]
    pub fn logdet(&self) -> Tensor {
        self.cholesky(false).diagonal(0).log().sum(&[-1]) * 2.0
    }
}
