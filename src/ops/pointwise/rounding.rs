//! Rounding to whole numbers, and tests for the floats that are none. A new one is a row and its method below.

use super::{Case, No, Once, Row, Tensor, Types, Unary, lanes::*, table};

static FLOOR: Unary = Row::new("floor", Types::Float, "floor(x)", |l| float1(l, f32::floor), Some(|_, _, dy| [Some(dy.zeros_like())]));
static CEIL: Unary = Row::new("ceil", Types::Float, "ceil(x)", |l| float1(l, f32::ceil), Some(|_, _, dy| [Some(dy.zeros_like())]));
static ROUND: Unary =
    Row::new("round", Types::Float, "round(x)", |l| float1(l, f32::round_ties_even), Some(|_, _, dy| [Some(dy.zeros_like())]));
static TRUNC: Unary = Row::new("trunc", Types::Float, "trunc(x)", |l| float1(l, f32::trunc), Some(|_, _, dy| [Some(dy.zeros_like())]));
static IS_NAN: Unary = Row::new("is_nan", Types::Test, "is_nan(x)", |l| test1(l, f32::is_nan), None);
static IS_INF: Unary = Row::new("is_inf", Types::Test, "is_inf(x)", |l| test1(l, f32::is_infinite), None);
static IS_FINITE: Unary = Row::new("is_finite", Types::Test, "is_finite(x)", |l| test1(l, f32::is_finite), None);

impl Tensor {
    /// The largest whole number that is not above. The gradient is zero.
    #[doc(alias = "keras.ops.floor")]
    #[track_caller]
    pub fn floor(&self) -> Tensor {
        self.unary(&FLOOR)
    }

    /// The smallest whole number that is not below. The gradient is zero.
    #[doc(alias = "keras.ops.ceil")]
    #[track_caller]
    pub fn ceil(&self) -> Tensor {
        self.unary(&CEIL)
    }

    /// The nearest whole number; halves go to the even one, as in NumPy. The gradient is zero.
    #[doc(alias = "keras.ops.round")]
    #[track_caller]
    pub fn round(&self) -> Tensor {
        self.unary(&ROUND)
    }

    /// The whole number towards zero. The gradient is zero.
    #[doc(alias = "keras.ops.trunc")]
    #[track_caller]
    pub fn trunc(&self) -> Tensor {
        self.unary(&TRUNC)
    }

    /// Whether each element is not a number, as booleans.
    #[doc(alias = "keras.ops.isnan")]
    #[track_caller]
    pub fn is_nan(&self) -> Tensor {
        self.unary(&IS_NAN)
    }

    /// Whether each element is infinite, as booleans.
    #[doc(alias = "keras.ops.isinf")]
    #[track_caller]
    pub fn is_inf(&self) -> Tensor {
        self.unary(&IS_INF)
    }

    /// Whether each element is neither infinite nor NaN, as booleans.
    #[doc(alias = "keras.ops.isfinite")]
    #[track_caller]
    pub fn is_finite(&self) -> Tensor {
        self.unary(&IS_FINITE)
    }
}

pub(super) fn cases() -> Vec<Case> {
    let lines: &[table::Line1] = &[
        ("floor", Tensor::floor, f64::floor, (-9.0, 9.0), Once),
        ("ceil", Tensor::ceil, f64::ceil, (-9.0, 9.0), Once),
        ("round", Tensor::round, f64::round_ties_even, (-9.0, 9.0), Once),
        ("trunc", Tensor::trunc, f64::trunc, (-9.0, 9.0), Once),
        ("is_nan", Tensor::is_nan, |x| f64::from(x.is_nan()), (-9.0, 9.0), No),
        ("is_inf", Tensor::is_inf, |x| f64::from(x.is_infinite()), (-9.0, 9.0), No),
        ("is_finite", Tensor::is_finite, |x| f64::from(x.is_finite()), (-9.0, 9.0), No),
    ];
    let halves = [0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 8_388_607.5, -8_388_607.5, 16_777_217.0, 3e9];
    table::unary(lines, &[table::EXTREMES, &halves].concat(), (0.0, 0.0))
}
