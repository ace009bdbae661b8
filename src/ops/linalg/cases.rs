//! Cases of linear algebra. What is unique up to signs and order goes into results that are unique.

use super::{MatrixNorm, adjoint, decompose::columns, identities, pair::Pair};
use crate::{
    Tensor,
    ops::{
        Case,
        case::{Reference, Smooth},
    },
};
use ndarray::{Array2, ArrayD, Axis, Ix2, s};

type Plain = Array2<f64>;

/// Matrices far from singular ones: the drawn numbers beside twice the identity.
fn sound(x: &Tensor) -> Tensor {
    x * 0.25 + identities(x) * 2.0
}

/// Symmetric, positive definite matrices.
fn positive(x: &Tensor) -> Tensor {
    let sound = sound(x);
    sound.matmul(&adjoint(&sound))
}

fn plain_sound(x: &Plain) -> Plain {
    x * 0.25 + Plain::eye(x.nrows()) * 2.0
}

fn plain_positive(x: &Plain) -> Plain {
    let sound = plain_sound(x);
    sound.dot(&sound.t())
}

/// The reference for a batch: `f` of the matrices of each input.
fn each(inputs: &[Reference], f: impl Fn(&[Plain]) -> ArrayD<f64>) -> Reference {
    let batch = inputs[0].shape()[..inputs[0].ndim() - 2].to_vec();
    let count: usize = batch.iter().product();
    let flat = |x: &Reference| x.to_shape([count, x.shape()[x.ndim() - 2], x.shape()[x.ndim() - 1]]).expect("same size").to_owned();
    let flat: Vec<_> = inputs.iter().map(flat).collect();
    let results: Vec<ArrayD<f64>> =
        (0..count).map(|at| f(&flat.iter().map(|x| x.index_axis(Axis(0), at).to_owned()).collect::<Vec<_>>())).collect();
    let shape: Vec<usize> = batch.iter().chain(results[0].shape()).copied().collect();
    Reference::from_shape_vec(shape, results.into_iter().flatten().collect()).expect("results of one shape")
}

/// By Gauss and Jordan with exchanged rows: the solution of `a x = b`, and the determinant.
fn eliminate(a: &Plain, b: &Plain) -> (Plain, f64) {
    let (n, mut a, mut b, mut determinant) = (a.nrows(), a.clone(), b.clone(), 1.0);
    for at in 0..n {
        let best = (at..n).max_by(|&i, &j| a[(i, at)].abs().total_cmp(&a[(j, at)].abs())).expect("there are rows");
        if best != at {
            determinant = -determinant;
            for x in [&mut a, &mut b] {
                let (one, other) = (x.row(at).to_owned(), x.row(best).to_owned());
                x.row_mut(at).assign(&other);
                x.row_mut(best).assign(&one);
            }
        }
        let pivot = a[(at, at)];
        determinant *= pivot;
        for x in [&mut a, &mut b] {
            x.row_mut(at).mapv_inplace(|x| x / pivot);
        }
        for row in (0..n).filter(|&row| row != at) {
            let factor = a[(row, at)];
            for x in [&mut a, &mut b] {
                let source = x.row(at).to_owned();
                x.row_mut(row).scaled_add(-factor, &source);
            }
        }
    }
    (b, determinant)
}

fn inverse(a: &Plain) -> Plain {
    eliminate(a, &Plain::eye(a.nrows())).0
}

/// Column by column.
fn cholesky(a: &Plain) -> Plain {
    let mut l = Plain::zeros(a.dim());
    for at in 0..a.nrows() {
        for row in at..a.nrows() {
            let rest = a[(row, at)] - l.row(row).dot(&l.row(at));
            l[(row, at)] = if row == at { rest.sqrt() } else { rest / l[(at, at)] };
        }
    }
    l
}

/// By Gram and Schmidt: `r` has a positive diagonal.
fn gram_schmidt(a: &Plain) -> (Plain, Plain) {
    let mut q = a.slice(s![.., ..a.nrows().min(a.ncols())]).to_owned();
    for at in 0..q.ncols() {
        for before in 0..at {
            let (own, other) = (q.column(at).to_owned(), q.column(before).to_owned());
            q.column_mut(at).scaled_add(-own.dot(&other), &other);
        }
        let length = q.column(at).dot(&q.column(at)).sqrt();
        q.column_mut(at).mapv_inplace(|x| x / length);
    }
    let mut r = q.t().dot(a);
    r.indexed_iter_mut().filter(|((row, column), _)| row > column).for_each(|(_, x)| *x = 0.0);
    (q, r)
}

/// Both factors of one sign, beside each other.
fn signed(q: &Tensor, r: &Tensor) -> Tensor {
    let signs = r.diagonal(0).sign();
    Tensor::concat(&[&adjoint(&(q * signs.expand_dims(-2))), &(r * signs.expand_dims(-1))], -1)
}

/// The eigenvalues of a symmetric matrix from the smallest on, by Jacobi's rotations.
fn eigenvalues(a: &Plain) -> Vec<f64> {
    let (n, mut a) = (a.nrows(), a.clone());
    for (p, q) in (0..20).flat_map(|_| (0..n).flat_map(move |p| (p + 1..n).map(move |q| (p, q)))) {
        let angle = 0.5 * (2.0 * a[(p, q)]).atan2(a[(q, q)] - a[(p, p)]);
        let mut turn = Plain::eye(n);
        (turn[(p, p)], turn[(q, q)], turn[(p, q)], turn[(q, p)]) = (angle.cos(), angle.cos(), angle.sin(), -angle.sin());
        a = turn.t().dot(&a).dot(&turn);
    }
    let mut values = a.diag().to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// The singular values from the largest on.
fn singular(a: &Plain) -> Vec<f64> {
    let square = if a.nrows() < a.ncols() { a.dot(&a.t()) } else { a.t().dot(a) };
    eigenvalues(&square).into_iter().rev().map(|x| x.max(0.0).sqrt()).collect()
}

fn vector(values: Vec<f64>) -> ArrayD<f64> {
    ArrayD::from_shape_vec(vec![values.len()], values).expect("a vector")
}

fn scalar(value: f64) -> ArrayD<f64> {
    ndarray::arr0(value).into_dyn()
}

/// Solutions, factors and determinants.
fn of_squares() -> Vec<Case> {
    let mut out = Vec::new();
    type Table = (&'static str, fn(&Tensor) -> Tensor, fn(&Plain) -> ArrayD<f64>);
    let table: [Table; 7] = [
        ("cholesky", |x| positive(x).cholesky(false), |x| cholesky(&plain_positive(x)).into_dyn()),
        ("cholesky upper", |x| positive(x).cholesky(true), |x| cholesky(&plain_positive(x)).reversed_axes().into_dyn()),
        ("inv", |x| sound(x).inv(), |x| inverse(&plain_sound(x)).into_dyn()),
        ("det", |x| (x * 0.5).det(), |x| scalar(eliminate(&(x * 0.5), x).1)),
        ("slogdet", |x| sound(x).slogdet().1, |x| scalar(eliminate(&plain_sound(x), x).1.abs().ln())),
        ("logdet", |x| positive(x).logdet(), |x| scalar(eliminate(&plain_positive(x), x).1.ln())),
        ("eigh", |x| (x + adjoint(x)).eigh().0, |x| vector(eigenvalues(&(x + &x.t())))),
    ];
    for (name, call, reference) in table {
        for shape in [&[3, 3][..], &[2, 2, 4, 4], &[1, 1]] {
            let case = Case::new(format!("{name} {shape:?}"), &[shape], move |x| call(&x[0]), move |x| each(x, |x| reference(&x[0])));
            out.push(case.smooth(if name == "eigh" { Smooth::Once } else { Smooth::Twice }));
        }
    }
    for (shape, right) in [(&[3, 3][..], &[3, 2][..]), (&[2, 4, 4], &[2, 4, 1])] {
        for (name, lower) in [("solve", None), ("solve_triangular lower", Some(true)), ("solve_triangular upper", Some(false))] {
            let call =
                move |x: &[Tensor]| lower.map_or_else(|| sound(&x[0]).solve(&x[1]), |lower| sound(&x[0]).solve_triangular(&x[1], lower));
            let part = move |a: Plain| {
                Plain::from_shape_fn(a.dim(), |(i, j)| if lower.is_none_or(|lower| i == j || lower == (i > j)) { a[(i, j)] } else { 0.0 })
            };
            let reference = move |x: &[Reference]| each(x, |x| eliminate(&part(plain_sound(&x[0])), &x[1]).0.into_dyn());
            out.push(Case::new(format!("{name} {shape:?} {right:?}"), &[shape, right], call, reference).smooth(Smooth::Twice));
        }
    }
    let signs = |x: &[Reference]| each(x, |x| scalar(eliminate(&x[0], &x[0]).1.signum()));
    out.push(Case::new("slogdet sign", &[&[5, 3, 3]], |x| x[0].slogdet().0, signs).smooth(Smooth::No));
    let call = |x: &[Tensor]| sound(&x[0]).solve(&x[1]);
    let reference = |x: &[Reference]| {
        let b = x[1].view().into_dimensionality::<ndarray::Ix1>().expect("a vector").insert_axis(Axis(1)).to_owned();
        eliminate(&plain_sound(&x[0].view().into_dimensionality::<Ix2>().expect("a matrix").to_owned()), &b)
            .0
            .column(0)
            .to_owned()
            .into_dyn()
    };
    out.push(Case::new("solve for a vector", &[&[3, 3], &[3]], call, reference));
    let call = |x: &[Tensor]| positive(&x[0]).cholesky(true).cholesky_inverse(true);
    out.push(Case::new("cholesky_inverse upper", &[&[2, 3, 3]], call, |x| each(x, |x| inverse(&plain_positive(&x[0])).into_dyn())));
    let call = |x: &[Tensor]| positive(&x[0]).cholesky(false).cholesky_inverse(false);
    out.push(Case::new("cholesky_inverse", &[&[3, 3]], call, |x| each(x, |x| inverse(&plain_positive(&x[0])).into_dyn())));
    // Taking the rows to their places gives the matrix again.
    let call = |x: &[Tensor]| {
        let (factors, rows) = x[0].lu_factor();
        (factors.tril(-1) + Tensor::eye_on(x[0].device(), 4).cast(x[0].dtype())).matmul(&factors.triu(0)).take(&rows, 0)
    };
    out.push(Case::new("lu_factor", &[&[4, 4]], call, |x| x[0].clone()).smooth(Smooth::No));
    out
}

/// Functions of the singular values and eigenvalues: powers of the matrix.
fn of_spectra() -> Vec<Case> {
    let mut out = Vec::new();
    for shape in [&[3, 3][..], &[2, 3, 4], &[5, 3], &[1, 2]] {
        let spectrum = |x: &[Reference]| each(x, |x| vector(singular(&x[0])));
        out.push(Case::new(format!("singular_values {shape:?}"), &[shape], |x| x[0].singular_values(), spectrum).smooth(Smooth::Twice));
        for full in [false, true] {
            let call = move |x: &[Tensor]| {
                let ((u, s, v), count) = (x[0].svd(full), shape[shape.len() - 1].min(shape[shape.len() - 2]));
                let (u, v) = (columns(&u, count, false), columns(&adjoint(&v), count, false));
                (u * (&s * s.square()).expand_dims(-2)).matmul(&adjoint(&v))
            };
            let reference = |x: &[Reference]| each(x, |x| x[0].dot(&x[0].t()).dot(&x[0]).into_dyn());
            let smooth = if full && shape == [5, 3] { Smooth::No } else { Smooth::Once };
            out.push(Case::new(format!("svd full={full} {shape:?}"), &[shape], call, reference).smooth(smooth));
        }
    }
    // What the matrix does not reach.
    let call = |x: &[Tensor]| {
        let rest = columns(&adjoint(&x[0].svd(true).2), 2, true);
        rest.matmul(&adjoint(&rest))
    };
    let reference = |x: &[Reference]| each(x, |x| (Plain::eye(3) - x[0].t().dot(&inverse(&x[0].dot(&x[0].t()))).dot(&x[0])).into_dyn());
    out.push(Case::new("svd rest of full vectors", &[&[2, 3]], call, reference).tolerance(1e-4, 1e-4));
    for shape in [&[3, 3][..], &[2, 4, 4]] {
        let call = |x: &[Tensor]| {
            let (values, v) = (&x[0] + adjoint(&x[0])).eigh();
            (&v * (&values * values.square()).expand_dims(-2)).matmul(&adjoint(&v))
        };
        let cube = |x: &Plain| x.dot(x).dot(x).into_dyn();
        let reference = move |x: &[Reference]| each(x, |x| cube(&(&x[0] + &x[0].t())));
        out.push(Case::new(format!("eigh vectors {shape:?}"), &[shape], call, reference).range(-1.0, 1.0));
        let call = |x: &[Tensor]| {
            let ((re, im), (v_re, v_im)) = x[0].eig();
            let (e, v) = (Pair(re, im), Pair(v_re, v_im));
            let square = e.times(&e).each(|e| e.expand_dims(-1));
            v.adjoint().solve(&square.conjugate().times(&v.adjoint())).adjoint().0
        };
        let reference = |x: &[Reference]| each(x, |x| x[0].dot(&x[0]).into_dyn());
        out.push(Case::new(format!("eig {shape:?}"), &[shape], call, reference).tolerance(1e-4, 1e-4));
    }
    let lengths = |x: &[Tensor]| {
        let (_, (re, im)) = x[0].eig();
        (re.square() + im.square()).sum(&[-2])
    };
    out.push(
        Case::new("eig lengths", &[&[3, 3]], lengths, |x| each(x, |x| vector(x[0].diag().mapv(|x| 1.0 + 0.0 * x).to_vec())))
            .smooth(Smooth::No),
    );
    for shape in [&[3, 3][..], &[2, 4, 3], &[2, 4], &[1, 1]] {
        let reference = |x: &[Reference]| {
            each(x, |x| {
                let (q, r) = gram_schmidt(&x[0]);
                ndarray::concatenate(Axis(1), &[q.t(), r.view()]).expect("as many rows").into_dyn()
            })
        };
        let call = |x: &[Tensor]| x[0].qr(false);
        out.push(Case::new(format!("qr {shape:?}"), &[shape], move |x| signed(&call(x).0, &call(x).1), reference).tolerance(1e-4, 1e-4));
    }
    let call = |x: &[Tensor]| {
        let (q, r) = x[0].qr(true);
        Tensor::concat(&[&q.matmul(&adjoint(&q)), &q.matmul(&r)], -1)
    };
    let reference =
        |x: &[Reference]| each(x, |x| ndarray::concatenate(Axis(1), &[Plain::eye(4).view(), x[0].view()]).expect("rows").into_dyn());
    out.push(Case::new("qr complete", &[&[4, 2]], call, reference).smooth(Smooth::No));
    out
}

pub(in super::super) fn cases() -> Vec<Case> {
    let mut out = of_squares();
    out.extend(of_spectra());
    for shape in [&[4, 2][..], &[2, 4]] {
        let pseudoinverse = |x: &Plain| {
            if x.nrows() < x.ncols() { x.t().dot(&inverse(&x.dot(&x.t()))) } else { inverse(&x.t().dot(x)).dot(&x.t()) }
        };
        let reference = move |x: &[Reference]| each(x, |x| pseudoinverse(&x[0]).into_dyn());
        out.push(Case::new(format!("pinv {shape:?}"), &[shape], |x| x[0].pinv(None), reference).tolerance(1e-4, 1e-4));
        let reference = move |x: &[Reference]| each(x, |x| pseudoinverse(&x[0]).dot(&x[1]).into_dyn());
        let right = [shape[0], 3];
        out.push(Case::new(format!("lstsq {shape:?}"), &[shape, &right], |x| x[0].lstsq(&x[1], None), reference).tolerance(1e-4, 1e-4));
    }
    let lost = |x: &[Tensor]| Tensor::concat(&[&x[0], &x[0]], -1).matrix_rank(None);
    out.push(Case::new("matrix_rank", &[&[2, 4, 3]], lost, |x| each(x, |_| scalar(3.0))).smooth(Smooth::No));
    let sums = |x: &Plain, axis| x.mapv(f64::abs).sum_axis(Axis(axis));
    let most = |x: ndarray::Array1<f64>| x.into_iter().fold(f64::MIN, f64::max);
    let least = |x: ndarray::Array1<f64>| x.into_iter().fold(f64::MAX, f64::min);
    type Size = Box<dyn Fn(&Plain) -> f64 + Send + Sync>;
    let norms: [(MatrixNorm, Size); 8] = [
        (MatrixNorm::Frobenius, Box::new(|x| x.iter().map(|x| x * x).sum::<f64>().sqrt())),
        (MatrixNorm::Nuclear, Box::new(|x| singular(x).iter().sum())),
        (MatrixNorm::One, Box::new(move |x| most(sums(x, 0)))),
        (MatrixNorm::LeastOne, Box::new(move |x| least(sums(x, 0)))),
        (MatrixNorm::Two, Box::new(|x| singular(x)[0])),
        (MatrixNorm::LeastTwo, Box::new(|x| singular(x)[2])),
        (MatrixNorm::Infinity, Box::new(move |x| most(sums(x, 1)))),
        (MatrixNorm::LeastInfinity, Box::new(move |x| least(sums(x, 1)))),
    ];
    for (norm, reference) in norms {
        let reference = move |x: &[Reference]| each(x, |x| scalar(reference(&x[0])));
        out.push(Case::new(format!("norm {norm:?}"), &[&[2, 3, 4]], move |x| x[0].matrix_norm(norm, [-2, -1]), reference).apart(1e-3));
    }
    out
}
