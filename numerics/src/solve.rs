//! Factors of square matrices, and equations solved with them.

use super::{Failure, store, wide};
use faer::{Mat, Par, Side, linalg::solvers::PartialPivLu, linalg::triangular_solve as triangular, prelude::Solve};

/// The lower triangle whose product with its transpose is the symmetric matrix `a`, of which only the lower half is read.
pub fn cholesky(n: usize, a: &[f32], factor: &mut [f32]) -> Result<(), Failure> {
    let found = wide(a, n).llt(Side::Lower).map_err(|_| Failure::NotPositiveDefinite)?;
    store(found.L(), factor, |x| x);
    factor.iter_mut().enumerate().filter(|(at, _)| at % n > at / n).for_each(|(_, x)| *x = 0.0);
    Ok(())
}

/// The triangles of `a` with its rows exchanged, the ones of the lower diagonal left out, and where each row went.
pub fn lu(n: usize, a: &[f32], factors: &mut [f32], rows: &mut [i32]) {
    let found = wide(a, n).partial_piv_lu();
    let at = |row, column| if row > column { found.L()[(row, column)] } else { found.U()[(row, column)] };
    factors.iter_mut().enumerate().for_each(|(i, x)| *x = at(i / n, i % n) as f32);
    rows.iter_mut().zip(found.P().arrays().1).for_each(|(to, &row)| *to = row as i32);
}

/// A determinant, and its sign and the logarithm of its magnitude, which have no overflow.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Determinant {
    pub value: f64,
    pub sign: f64,
    pub log: f64,
}

/// The determinant of `a`.
pub fn determinant(n: usize, a: &[f32]) -> Determinant {
    let found = wide(a, n).partial_piv_lu();
    let mut result = Determinant { value: 1.0, sign: if odd(found.P().arrays().0) { -1.0 } else { 1.0 }, log: 0.0 };
    result.value = result.sign;
    for pivot in (0..n).map(|at| found.U()[(at, at)]) {
        result.value *= pivot;
        result.sign *= if pivot == 0.0 { 0.0 } else { pivot.signum() };
        result.log += pivot.abs().ln();
    }
    result
}

/// Whether a permutation is an odd number of exchanges: cycles of even length are.
fn odd(places: &[usize]) -> bool {
    let (mut seen, mut odd) = (vec![false; places.len()], false);
    for start in 0..places.len() {
        let (mut at, mut length) = (start, 0);
        while !seen[at] {
            seen[at] = true;
            at = places[at];
            length += 1;
        }
        odd ^= length > 0 && length % 2 == 0;
    }
    odd
}

/// The `x` of `k` columns with `a x = b`, or `aᵀ x = b` where `transposed`.
pub fn solve(n: usize, k: usize, transposed: bool, a: &[f32], b: &[f32], x: &mut [f32]) -> Result<(), Failure> {
    let found = wide(a, n).partial_piv_lu();
    if is_singular(n, a, &found) {
        return Err(Failure::Singular);
    }
    let b = wide(b, k);
    store(if transposed { found.solve_transpose(b) } else { found.solve(b) }.as_ref(), x, |x| x);
    Ok(())
}

/// Whether a pivot is nothing but rounding, compared with the row that it comes from.
fn is_singular(n: usize, a: &[f32], found: &PartialPivLu<f64>) -> bool {
    found.P().arrays().0.iter().enumerate().any(|(at, &row)| {
        let largest = a[row * n..][..n].iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        found.U()[(at, at)].abs() <= n as f64 * f64::EPSILON * f64::from(largest)
    })
}

/// The `x` of `k` columns with `a x = b`, or `aᵀ x = b` where `transposed`; of `a` only one triangle is read.
/// A zero on the diagonal gives numbers that are not finite.
pub fn solve_triangular(n: usize, k: usize, [lower, transposed]: [bool; 2], a: &[f32], b: &[f32], x: &mut [f32]) {
    let (a, mut b): (Mat<f64>, Mat<f64>) = (wide(a, n), wide(b, k));
    let a = if transposed { a.transpose() } else { a.as_ref() };
    match lower != transposed {
        true => triangular::solve_lower_triangular_in_place(a, b.as_mut(), Par::Seq),
        false => triangular::solve_upper_triangular_in_place(a, b.as_mut(), Par::Seq),
    }
    store(b.as_ref(), x, |x| x);
}
