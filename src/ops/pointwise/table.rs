//! Tables of cases: a line for each op, checked in a range with its gradients, and at extreme values.

use super::{Case, Smooth, Tensor};
use crate::{DType, ops::case::Reference};

/// How a table calls an op of one and of two tensors.
pub(super) type Call1 = fn(&Tensor) -> Tensor;
pub(super) type Call2 = fn(&Tensor, &Tensor) -> Tensor;
/// Their meanings.
pub(super) type Plain1 = fn(f64) -> f64;
pub(super) type Plain2 = fn(f64, f64) -> f64;

/// A unary op: name, call, reference, range, and which derivatives exist there.
pub(super) type Line1 = (&'static str, Call1, Plain1, (f64, f64), Smooth);

/// Values where functions overflow, have poles, or lose their sign.
pub(super) const EXTREMES: &[f64] =
    &[f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -0.0, 1.0, -1.0, 20.0, -20.0, 200.0, -200.0, 1e-30, -1e-30, 3e38, -3e38];

/// The cases of float functions: each in its range, and at `extremes`, where too large results are infinite.
pub(super) fn unary(lines: &[Line1], extremes: &[f64], tolerance: (f64, f64)) -> Vec<Case> {
    let mut out = Vec::new();
    for &(name, call, reference, (low, high), smooth) in lines {
        let case = Case::new(name, &[&[3, 37]], move |x| call(&x[0]), move |x| x[0].mapv(reference));
        out.push(case.range(low, high).apart(0.01).smooth(smooth).tolerance(tolerance.0, tolerance.1));
        let case = Case::new(
            format!("{name} extremes"),
            &[&[extremes.len()]],
            move |x| call(&x[0]),
            move |x| x[0].mapv(|x| f64::from(reference(x) as f32)),
        );
        out.push(case.values(0, extremes).tolerance(tolerance.0, tolerance.1));
    }
    out
}

/// The cases of functions that also take i32: name, call, reference.
pub(super) fn integers(lines: &[(&str, Call1, Plain1)]) -> Vec<Case> {
    let values: Vec<f64> = (-9..9).map(f64::from).collect();
    let case = |&(name, call, reference): &(&str, Call1, Plain1)| {
        let case = Case::new(format!("{name} int32"), &[&[18]], move |x| call(&x[0]), move |x| x[0].mapv(reference));
        case.input(0, DType::I32, 0.0, 0.0).values(0, &values)
    };
    lines.iter().map(case).collect()
}

/// A case of two inputs whose elements are every pair of `values`.
pub(super) fn of_pairs(name: String, dtype: DType, values: &[f64], call: Call2, reference: Plain2) -> Case {
    let count = values.len();
    let left: Vec<f64> = (0..count * count).map(|at| values[at / count]).collect();
    let right: Vec<f64> = (0..count * count).map(|at| values[at % count]).collect();
    let round = move |x: f64| if dtype == DType::F32 { f64::from(x as f32) } else { x };
    let case = Case::new(
        name,
        &[&[count * count], &[count * count]],
        move |x| call(&x[0], &x[1]),
        move |x| zip(&x[0], &x[1], |x, y| round(reference(x, y))),
    );
    case.input(0, dtype, 0.0, 0.0).input(1, dtype, 0.0, 0.0).values(0, &left).values(1, &right)
}

/// NumPy's broadcasting on references.
pub(super) fn zip(x: &Reference, y: &Reference, f: impl Fn(f64, f64) -> f64) -> Reference {
    let shape = crate::Shape::from(x.shape()).broadcast(&y.shape().into()).expect("cases fit");
    let (x, y) = (x.broadcast(&shape[..]).expect("cases fit"), y.broadcast(&shape[..]).expect("cases fit"));
    ndarray::Zip::from(&x).and(&y).map_collect(|&x, &y| f(x, y))
}
