//! Choosing between elements by a condition, and clipping.

use super::{Case, Once, Row, Tensor, Types, lanes::*, scalars::ScalarRow, table};
use crate::{
    DType,
    graph::OpRef,
    ops::{fits, record},
};

static WHERE: Row<3> = Row::new(
    "where",
    Types::Select,
    "select(z, y, x)",
    |l| word3(l, |condition, x, y| if condition != 0 { x } else { y }),
    Some(|x, _, dy| [None, Some(dy.only_where(&x[0])), Some(dy.only_where(&x[0].logical_not()))]),
);
static CLIP: ScalarRow = ScalarRow::new(
    "clip",
    Types::Number,
    "select(select(x, word_T(p.x), x < word_T(p.x)), word_T(p.y), x > word_T(p.y))",
    |l| {
        let [a, b] = [l.params[0], l.params[1]];
        let (low, high) = (f32::from_bits(a), f32::from_bits(b));
        number1(l, |x| limit(x, low, high), |x| limit(x, a as i32, b as i32), |x| limit(x, a, b))
    },
    |x, _, dy, p| dy.only_where(&(x.greater_equal(p[0]) & x.less_equal(p[1]))),
);

/// `clamp` that keeps NaN and takes bounds in any order.
#[inline(always)]
pub(super) fn limit<T: PartialOrd>(x: T, low: T, high: T) -> T {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

impl Tensor {
    /// `x` where `condition` (booleans) is true, else `y`; all three broadcast.
    ///
    /// What was not chosen has no part in the gradient, not even where it is NaN.
    #[doc(alias = "keras.ops.where")]
    #[track_caller]
    pub fn where_(condition: &Tensor, x: &Tensor, y: &Tensor) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("where", &[condition, x, y], &[]) {
            return symbol;
        }
        if condition.shape() == x.shape() && x.shape() == y.shape() {
            return record(OpRef::row(&WHERE), &[condition, x, y]);
        }
        let shape = fits(x.shape().broadcast(y.shape()).and_then(|both| condition.shape().broadcast(&both)), "where");
        record(OpRef::row(&WHERE), &[&condition.broadcast_to(&shape), &x.broadcast_to(&shape), &y.broadcast_to(&shape)])
    }

    /// This where `condition` is true, else zero: the gradient of what was chosen.
    pub(in crate::ops) fn only_where(&self, condition: &Tensor) -> Tensor {
        Tensor::where_(condition, self, &self.zeros_like())
    }

    /// The elements limited to `low..=high`; NaN stays. The gradient is 1 inside, bounds included, and 0 outside.
    #[doc(alias = "keras.ops.clip")]
    #[track_caller]
    pub fn clip(&self, low: impl Into<f64>, high: impl Into<f64>) -> Tensor {
        self.with_scalars(&CLIP, &[low.into(), high.into()])
    }
}

pub(super) fn cases() -> Vec<Case> {
    let choose = |x: &[crate::ops::case::Reference]| {
        let masked = |keep: f64| move |condition: f64, x: f64| if condition == keep { x } else { 0.0 };
        table::zip(&x[0], &x[1], masked(1.0)) + table::zip(&x[0], &x[2], masked(0.0))
    };
    let mut out = Vec::new();
    for (name, shapes) in [("where", [&[3, 7][..], &[3, 7], &[3, 7]]), ("where broadcast", [&[4, 1][..], &[2, 1, 5], &[5]])] {
        let case = Case::new(name, &shapes, |x| Tensor::where_(&x[0], &x[1], &x[2]), choose);
        out.push(case.input(0, DType::Bool, 0.0, 1.0).smooth(Once).tolerance(1e-6, 1e-6));
    }
    let chosen = Case::new(
        "where of NaN",
        &[&[4], &[4]],
        |x| Tensor::where_(&x[0].is_nan(), &x[1], &x[0]),
        |x| table::zip(&x[0], &x[1], |x, y| if x.is_nan() { y } else { x }),
    );
    out.push(chosen.values(0, &[f64::NAN, f64::INFINITY, 1.0, f64::NAN]));
    let ints = Case::new("where int32", &[&[3, 7], &[3, 7], &[3, 7]], |x| Tensor::where_(&x[0], &x[1], &x[2]), choose);
    out.push(ints.input(0, DType::Bool, 0.0, 1.0).input(1, DType::I32, -9.0, 9.0).input(2, DType::I32, -9.0, 9.0).smooth(super::No));

    out.extend(table::unary(&[("clip", |x| x.clip(-0.5, 1.5), |x| limit(x, -0.5, 1.5), (-3.0, 3.0), Once)], table::EXTREMES, (1e-6, 1e-6)));
    out.extend(table::integers(&[("clip", |x| x.clip(-3, 4), |x| limit(x, -3.0, 4.0))]));
    out
}
