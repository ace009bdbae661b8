//! Orthogonal decompositions: QR, singular values, eigenvalues.

use super::{Failure, store, wide};
use faer::Side;

/// `a = q r` with orthonormal columns in `q` and a triangle `r`; as many of them as both have room for.
pub fn qr(columns: usize, a: &[f32], q: &mut [f32], r: &mut [f32]) {
    let a = wide(a, columns);
    let found = a.qr();
    let complete = q.len() == a.nrows() * a.nrows();
    store(if complete { found.compute_Q() } else { found.compute_thin_Q() }.as_ref(), q, |x| x);
    let triangle = found.R();
    let at = |row, column| if row <= column { triangle[(row, column)] } else { 0.0 };
    r.iter_mut().enumerate().for_each(|(i, x)| *x = at(i / columns, i % columns) as f32);
}

/// `a = u diag(s) v`, the singular values `s` from the largest on; `u` and `v` are square, or have just the rows and columns that count.
pub fn svd(columns: usize, a: &[f32], u: &mut [f32], s: &mut [f32], v: &mut [f32]) -> Result<(), Failure> {
    let a = wide(a, columns);
    let full = u.len() == a.nrows() * a.nrows() && v.len() == columns * columns;
    let found = if full { a.svd() } else { a.thin_svd() }.map_err(|_| Failure::NotConverged)?;
    store(found.U(), u, |x| x);
    store(found.V().transpose(), v, |x| x);
    s.iter_mut().zip(found.S().column_vector().iter()).for_each(|(to, &s)| *to = s as f32);
    Ok(())
}

/// The singular values of `a` from the largest on.
pub fn singular_values(columns: usize, a: &[f32], s: &mut [f32]) -> Result<(), Failure> {
    let found = wide(a, columns).singular_values().map_err(|_| Failure::NotConverged)?;
    s.iter_mut().zip(found).for_each(|(to, s)| *to = s as f32);
    Ok(())
}

/// The eigenvalues of the symmetric matrix `a` from the smallest on, and their vectors as columns; only the lower half is read.
pub fn eigh(n: usize, a: &[f32], values: &mut [f32], vectors: &mut [f32]) -> Result<(), Failure> {
    let found = wide(a, n).self_adjoint_eigen(Side::Lower).map_err(|_| Failure::NotConverged)?;
    store(found.U(), vectors, |x| x);
    values.iter_mut().zip(found.S().column_vector().iter()).for_each(|(to, &x)| *to = x as f32);
    Ok(())
}

/// The eigenvalues of `a` and their vectors of length one as columns, each as real and imaginary parts.
pub fn eig(n: usize, a: &[f32], values: [&mut [f32]; 2], vectors: [&mut [f32]; 2]) -> Result<(), Failure> {
    let found = wide(a, n).eigen().map_err(|_| Failure::NotConverged)?;
    let [re, im] = values;
    for (at, value) in found.S().column_vector().iter().enumerate() {
        (re[at], im[at]) = (value.re as f32, value.im as f32);
    }
    let mut unit = found.U().to_owned();
    for column in unit.col_iter_mut() {
        let length = column.norm_l2();
        column.iter_mut().for_each(|x| *x /= length);
    }
    let [re, im] = vectors;
    store(unit.as_ref(), re, |x| x.re);
    store(unit.as_ref(), im, |x| x.im);
    Ok(())
}
