//! QR, singular values and eigenvalues. Their gradients are TensorFlow's.

use super::{Matrices, Size, adjoint, floats, half_lower, pair::Pair, record_all, safe_reciprocal, square};
use crate::{All, Error, ErrorKind, Index, Result, Tensor, graph::GradCx, shape::Spec};
use wgrad_numerics::{self as numerics, Failure};

/// Orthonormal columns and a triangle.
#[derive(Debug)]
struct Qr {
    complete: bool,
}

/// Left singular vectors as columns, singular values, right singular vectors as rows.
#[derive(Debug)]
struct Svd {
    full: bool,
}

/// Singular values alone.
#[derive(Debug)]
struct SingularValues;

/// Eigenvalues and eigenvectors of symmetric matrices.
#[derive(Debug)]
struct Eigh;

/// Real and imaginary parts of eigenvalues and eigenvectors.
#[derive(Debug)]
struct Eig;

/// The first `count` columns, or those behind them.
pub(super) fn columns(x: &Tensor, count: usize, behind: bool) -> Tensor {
    let (mut index, count) = (vec![All; x.rank()], Some(count as isize));
    let (start, stop) = if behind { (count, None) } else { (None, count) };
    index[x.rank() - 1] = Index::Span { start, stop, step: 1 };
    x.at(&index)
}

/// Diagonal matrices of these vectors.
fn diagonal(x: &Tensor) -> Tensor {
    let size = x.shape()[x.rank() - 1];
    x.expand_dims(-1) * Tensor::eye_on(x.device(), size)
}

/// `1 / (x[j] - x[i])` at row `i` and column `j`, zero on the diagonal.
fn distances(x: &Tensor) -> Tensor {
    safe_reciprocal(&(x.expand_dims(-2) - x.expand_dims(-1)))
}

impl Matrices for Qr {
    fn name(&self) -> &'static str {
        "qr"
    }

    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>> {
        let [rows, columns] = inputs[0];
        let inner = if self.complete { rows } else { rows.min(columns) };
        Ok(vec![floats([rows, inner]), floats([inner, columns])])
    }

    fn options(&self) -> u32 {
        self.complete.into()
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (q, r, dq, dr) = (cx.output(0), cx.output(1), cx.upstream_or_zeros(0), cx.upstream_or_zeros(1));
        let a = cx.input(0);
        let [rows, count] = [a.shape()[a.rank() - 2], a.shape()[a.rank() - 1]];
        if self.complete && rows > count {
            let text = format!("qr of {rows} x {count}: with more rows than columns a complete q has no gradient; take a reduced one");
            return Err(Error::new(ErrorKind::Gradient, text));
        }
        if rows >= count {
            return Ok(vec![Some(tall(&q, &r, &dq, &dr))]);
        }
        // The columns behind the square part add what they say about q.
        let (rest, drest) = (columns(a, rows, true), columns(&dr, rows, true));
        let dq = dq + rest.matmul(&adjoint(&drest));
        let front = tall(&q, &columns(&r, rows, false), &dq, &columns(&dr, rows, false));
        Ok(vec![Some(Tensor::concat(&[&front, &q.matmul(&drest)], -1))])
    }

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure> {
        let [q, r] = outputs else { unreachable!("there are two results") };
        numerics::qr(sizes[0][1], inputs[0], q, r);
        Ok(())
    }
}

/// The gradient of a QR decomposition with no more columns than rows: <https://arxiv.org/abs/2009.10071>.
fn tall(q: &Tensor, r: &Tensor, dq: &Tensor, dr: &Tensor) -> Tensor {
    let behind = |x: &Tensor| adjoint(&r.solve_triangular(&adjoint(x), false)); // x r⁻ᵀ
    let odd = |x: Tensor| &x - adjoint(&x);
    let qdq = adjoint(q).matmul(dq);
    let triangle = (odd(qdq.clone()) + odd(r.matmul(&adjoint(dr)))).tril(0);
    q.matmul(&(dr + behind(&triangle))) + behind(&(dq - q.matmul(&qdq)))
}

impl Matrices for Svd {
    fn name(&self) -> &'static str {
        "svd"
    }

    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>> {
        let [rows, columns] = inputs[0];
        let count = rows.min(columns);
        let [left, right] = if self.full { [rows, columns] } else { [count, count] };
        Ok(vec![floats([rows, left]), floats([count]), floats([right, columns])])
    }

    fn options(&self) -> u32 {
        self.full.into()
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let a = cx.input(0);
        let [rows, columns] = [a.shape()[a.rank() - 2], a.shape()[a.rank() - 1]];
        if self.full && rows.abs_diff(columns) > 1 {
            let text = format!("svd of {rows} x {columns}: full matrices have a gradient only where both sizes differ by 1 or not at all");
            return Err(Error::new(ErrorKind::Gradient, text));
        }
        let (u, s, v) = (cx.output(0), cx.output(1), adjoint(&cx.output(2)));
        let (du, ds, dv) = (cx.upstream_or_zeros(0), cx.upstream_or_zeros(1), adjoint(&cx.upstream_or_zeros(2)));
        // Of tall matrices the transposed ones, so that u is square.
        Ok(vec![Some(if rows > columns { adjoint(&wide([&v, &s, &u], [&dv, &ds, &du])) } else { wide([&u, &s, &v], [&du, &ds, &dv]) })])
    }

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure> {
        let [u, s, v] = outputs else { unreachable!("there are three results") };
        numerics::svd(sizes[0][1], inputs[0], u, s, v)
    }
}

/// The gradient of `u diag(s) vᵀ` with no more rows than columns: <https://j-towns.github.io/papers/svd-derivative.pdf>.
fn wide([u, s, v]: [&Tensor; 3], [du, ds, dv]: [&Tensor; 3]) -> Tensor {
    let count = s.shape()[s.rank() - 1];
    let (front, dfront) = (columns(v, count, false), columns(dv, count, false));
    let f = distances(&s.square());
    let even = |x: &Tensor, dx: &Tensor| symmetric(&(&f * adjoint(x).matmul(dx)));
    let inner = diagonal(ds) + even(u, du) * s.expand_dims(-2) + s.expand_dims(-1) * even(&front, &dfront);
    let first = u.matmul(&inner).matmul(&adjoint(&front));
    if v.shape()[v.rank() - 2] == count {
        return first;
    }
    let side = adjoint(&dfront);
    let mut outside = &side - side.matmul(&front).matmul(&adjoint(&front));
    if v.shape()[v.rank() - 1] > count {
        let (rest, drest) = (columns(v, count, true), columns(dv, count, true));
        outside -= adjoint(&front).matmul(&drest).matmul(&adjoint(&rest));
    }
    first + (u * safe_reciprocal(s).expand_dims(-2)).matmul(&outside)
}

/// The matrix and its transpose.
fn symmetric(x: &Tensor) -> Tensor {
    x + adjoint(x)
}

impl Matrices for SingularValues {
    fn name(&self) -> &'static str {
        "singular_values"
    }

    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>> {
        Ok(vec![floats([inputs[0][0].min(inputs[0][1])])])
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (u, _, v) = cx.input(0).svd(false);
        Ok(vec![cx.upstream(0).map(|ds| (u * ds.expand_dims(-2)).matmul(&v))])
    }

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure> {
        numerics::singular_values(sizes[0][1], inputs[0], outputs[0])
    }
}

impl Matrices for Eigh {
    fn name(&self) -> &'static str {
        "eigh"
    }

    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>> {
        Ok(vec![floats([square(inputs[0])?]), floats(inputs[0])])
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (e, v, de, dv) = (cx.output(0), cx.output(1), cx.upstream_or_zeros(0), cx.upstream_or_zeros(1));
        let inner = diagonal(&de) + distances(&e) * adjoint(&v).matmul(&dv);
        let whole = v.matmul(&inner).matmul(&adjoint(&v));
        Ok(vec![Some(half_lower(&symmetric(&whole)))])
    }

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure> {
        let [values, vectors] = outputs else { unreachable!("there are two results") };
        numerics::eigh(sizes[0][0], inputs[0], values, vectors)
    }
}

impl Matrices for Eig {
    fn name(&self) -> &'static str {
        "eig"
    }

    fn results(&self, inputs: &[Size]) -> Result<Vec<Spec>> {
        let n = square(inputs[0])?;
        Ok(vec![floats([n]), floats([n]), floats([n, n]), floats([n, n])])
    }

    /// Equation 4.77 of <https://arxiv.org/abs/1701.00392>.
    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let output = |at| Pair(cx.output(at), cx.output(at + 1));
        let upstream = |at| Pair(cx.upstream_or_zeros(at), cx.upstream_or_zeros(at + 1));
        let (e, v, de, dv) = (output(0), output(2), upstream(0), upstream(2));
        let vt = v.adjoint();
        let apart = e.each(|e| e.expand_dims(-2)).minus(&e.each(|e| e.expand_dims(-1)));
        let vdv = vt.matmul(&dv);
        let lengths = vdv.0.diagonal(0).expand_dims(-2);
        let turned = vdv.minus(&vt.matmul(&v).each(|x| x * &lengths));
        let inner = de.each(diagonal).plus(&apart.safe_reciprocal().conjugate().times(&turned));
        Ok(vec![Some(vt.solve(&inner.matmul(&vt)).0)])
    }

    fn calculate(&self, sizes: &[Size], inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Failure> {
        let [re, im, vectors_re, vectors_im] = outputs else { unreachable!("there are four results") };
        numerics::eig(sizes[0][0], inputs[0], [re, im], [vectors_re, vectors_im])
    }
}

impl Tensor {
    /// Matrices `q` with orthonormal columns and upper triangles `r` whose product this is: of shapes `(..., M, K)` and `(..., K, N)`
    /// for this one of `(..., M, N)`, where `K` is the smaller of both, or `M` where `complete`.
    #[doc(alias = "keras.ops.qr")]
    #[track_caller]
    pub fn qr(&self, complete: bool) -> (Tensor, Tensor) {
        let [q, r] = record_all(Qr { complete }, &[self]);
        (q, r)
    }

    /// The singular value decomposition `u diag(s) v`: left singular vectors as columns, singular values from the largest on, right
    /// singular vectors as rows; square matrices `u` and `v` where `full_matrices`.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let a = Tensor::from([[3.0, 0.0], [0.0, -4.0]]);
    /// let (u, s, v) = a.svd(false);
    /// assert_eq!(s.to_vec::<f32>()?, [4.0, 3.0]);
    /// assert_eq!((u * s).matmul(&v).to_vec::<f32>()?, a.to_vec::<f32>()?);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.svd")]
    #[track_caller]
    pub fn svd(&self, full_matrices: bool) -> (Tensor, Tensor, Tensor) {
        let [u, s, v] = record_all(Svd { full: full_matrices }, &[self]);
        (u, s, v)
    }

    /// The singular values from the largest on: [`Tensor::svd`] without vectors.
    #[doc(alias = "keras.ops.svd")]
    #[track_caller]
    pub fn singular_values(&self) -> Tensor {
        let [s] = record_all(SingularValues, &[self]);
        s
    }

    /// The eigenvalues of symmetric matrices from the smallest on, and their eigenvectors as columns; only the lower halves are read.
    #[doc(alias = "keras.ops.eigh")]
    #[track_caller]
    pub fn eigh(&self) -> (Tensor, Tensor) {
        let [values, vectors] = record_all(Eigh, &[self]);
        (values, vectors)
    }

    /// The eigenvalues of square matrices, and their eigenvectors of length one as columns: real and imaginary parts of either.
    #[doc(alias = "keras.ops.eig")]
    #[track_caller]
    pub fn eig(&self) -> ((Tensor, Tensor), (Tensor, Tensor)) {
        let [re, im, vectors_re, vectors_im] = record_all(Eig, &[self]);
        ((re, im), (vectors_re, vectors_im))
    }
}
