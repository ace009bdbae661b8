//! Comparisons, to booleans. With NaN, all but `not_equal` are false.

use super::{Binary, Case, No, Operand, Row, Tensor, Types, lanes::*, table};
use crate::DType;

static GREATER: Binary = Row::new("greater", Types::Order, "x > y", |l| compare2(l, |x, y| x > y, |x, y| x > y, |x, y| x > y), None);
static GREATER_EQUAL: Binary =
    Row::new("greater_equal", Types::Order, "x >= y", |l| compare2(l, |x, y| x >= y, |x, y| x >= y, |x, y| x >= y), None);
static LESS: Binary = Row::new("less", Types::Order, "x < y", |l| compare2(l, |x, y| x < y, |x, y| x < y, |x, y| x < y), None);
static LESS_EQUAL: Binary =
    Row::new("less_equal", Types::Order, "x <= y", |l| compare2(l, |x, y| x <= y, |x, y| x <= y, |x, y| x <= y), None);
static EQUAL: Binary = Row::new("equal", Types::Equality, "x == y", |l| compare2(l, |x, y| x == y, |x, y| x == y, |x, y| x == y), None);
/// `x != y` of WGSL is false for NaN.
static NOT_EQUAL: Binary =
    Row::new("not_equal", Types::Equality, "!(x == y)", |l| compare2(l, |x, y| x != y, |x, y| x != y, |x, y| x != y), None);

impl Tensor {
    /// Whether each element is greater than the other's, as booleans.
    #[doc(alias = "keras.ops.greater")]
    #[track_caller]
    pub fn greater(&self, other: impl Operand) -> Tensor {
        self.binary(&GREATER, other)
    }

    /// Whether each element is at least the other's, as booleans.
    #[doc(alias = "keras.ops.greater_equal")]
    #[track_caller]
    pub fn greater_equal(&self, other: impl Operand) -> Tensor {
        self.binary(&GREATER_EQUAL, other)
    }

    /// Whether each element is less than the other's, as booleans.
    #[doc(alias = "keras.ops.less")]
    #[track_caller]
    pub fn less(&self, other: impl Operand) -> Tensor {
        self.binary(&LESS, other)
    }

    /// Whether each element is at most the other's, as booleans.
    #[doc(alias = "keras.ops.less_equal")]
    #[track_caller]
    pub fn less_equal(&self, other: impl Operand) -> Tensor {
        self.binary(&LESS_EQUAL, other)
    }

    /// Whether the elements are equal, as booleans.
    #[doc(alias = "keras.ops.equal")]
    #[track_caller]
    pub fn equal(&self, other: impl Operand) -> Tensor {
        self.binary(&EQUAL, other)
    }

    /// Whether the elements differ, as booleans; NaN differs from everything.
    #[doc(alias = "keras.ops.not_equal")]
    #[track_caller]
    pub fn not_equal(&self, other: impl Operand) -> Tensor {
        self.binary(&NOT_EQUAL, other)
    }
}

pub(super) fn cases() -> Vec<Case> {
    type Line = (&'static str, table::Call2, table::Plain2);
    let lines: [Line; 6] = [
        ("greater", |x, y| x.greater(y), |x, y| f64::from(x > y)),
        ("greater_equal", |x, y| x.greater_equal(y), |x, y| f64::from(x >= y)),
        ("less", |x, y| x.less(y), |x, y| f64::from(x < y)),
        ("less_equal", |x, y| x.less_equal(y), |x, y| f64::from(x <= y)),
        ("equal", |x, y| x.equal(y), |x, y| f64::from(x == y)),
        ("not_equal", |x, y| x.not_equal(y), |x, y| f64::from(x != y)),
    ];
    let floats = [f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -0.0, 1.0, -1.0, 1e-30, 3e38];
    let ints = [0.0, 1.0, -1.0, 5.0, -2_147_483_648.0, 2_147_483_647.0];
    let words = [0.0, 1.0, 2_147_483_648.0, 4_294_967_295.0];
    let mut out = Vec::new();
    for (name, call, reference) in lines {
        out.push(table::of_pairs(format!("{name} float32"), DType::F32, &floats, call, reference));
        out.push(table::of_pairs(format!("{name} int32"), DType::I32, &ints, call, reference));
        out.push(table::of_pairs(format!("{name} uint32"), DType::U32, &words, call, reference));
        out.push(table::of_pairs(format!("{name} uint8"), DType::U8, &[0.0, 7.0, 255.0], call, reference));
        if name.ends_with("equal") && !name.contains('_') || name == "not_equal" {
            out.push(table::of_pairs(format!("{name} bool"), DType::Bool, &[0.0, 1.0], call, reference));
        }
    }
    let number = Case::new("less number", &[&[4, 5]], |x| x[0].less(0.5), |x| x[0].mapv(|x| f64::from(x < 0.5)));
    out.push(number.smooth(No));
    out
}
