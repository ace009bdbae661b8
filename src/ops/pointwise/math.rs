//! Powers, exponentials, logarithms and signs. A new one is a row and its method below.

use super::{Case, Once, Row, Tensor, Twice, Types, Unary, lanes::*, table};
use crate::device::cpu::math;
use std::f32::consts::{FRAC_2_SQRT_PI, LN_2, LN_10, LOG2_E, LOG10_E};

static EXP: Unary = Row::new("exp", Types::Float, "exp_accurate(x)", |l| float1(l, math::exp), Some(|_, y, dy| [Some(dy * y)]));
static EXP2: Unary =
    Row::new("exp2", Types::Float, "exp2_safe(x)", |l| float1(l, |x| math::powf(2.0, x)), Some(|_, y, dy| [Some(dy * y * LN_2)]));
static EXPM1: Unary = Row::new("expm1", Types::Float, "expm1(x)", |l| float1(l, math::exp_m1), Some(|_, y, dy| [Some(dy * (y + 1.0))]));
static LOG: Unary = Row::new("log", Types::Float, "log_accurate(x)", |l| float1(l, math::ln), Some(|x, _, dy| [Some(dy / &x[0])]));
static LOG2: Unary = Row::new(
    "log2",
    Types::Float,
    "log_accurate(x) * 1.44269504",
    |l| float1(l, |x| math::ln(x) * LOG2_E),
    Some(|x, _, dy| [Some(dy / (&x[0] * LN_2))]),
);
static LOG10: Unary = Row::new(
    "log10",
    Types::Float,
    "log_accurate(x) * 0.434294482",
    |l| float1(l, |x| math::ln(x) * LOG10_E),
    Some(|x, _, dy| [Some(dy / (&x[0] * LN_10))]),
);
static LOG1P: Unary = Row::new("log1p", Types::Float, "log1p(x)", |l| float1(l, math::ln_1p), Some(|x, _, dy| [Some(dy / (&x[0] + 1.0))]));
static SQRT: Unary = Row::new("sqrt", Types::Float, "sqrt(x)", |l| float1(l, f32::sqrt), Some(|_, y, dy| [Some(dy * 0.5 / y)]));
static RSQRT: Unary =
    Row::new("rsqrt", Types::Float, "inverseSqrt(x)", |l| float1(l, |x| 1.0 / x.sqrt()), Some(|_, y, dy| [Some(dy * -0.5 * y * y * y)]));
static SQUARE: Unary = Row::new(
    "square",
    Types::Number,
    "x * x",
    |l| number1(l, |x| x * x, |x| x.wrapping_mul(x), |x| x.wrapping_mul(x)),
    Some(|x, _, dy| [Some(dy * (&x[0] * 2.0))]),
);
static RECIPROCAL: Unary =
    Row::new("reciprocal", Types::Float, "1.0 / x", |l| float1(l, |x| 1.0 / x), Some(|_, y, dy| [Some(-(dy * y * y))]));
static NEG: Unary = Row::new("neg", Types::Signed, "-x", |l| number1(l, |x| -x, i32::wrapping_neg, |x| x), Some(|_, _, dy| [Some(-dy)]));
static ABS: Unary =
    Row::new("abs", Types::Number, "abs(x)", |l| number1(l, f32::abs, i32::wrapping_abs, |x| x), Some(|x, _, dy| [Some(dy * x[0].sign())]));
static SIGN: Unary =
    Row::new("sign", Types::Signed, "sign_T(x)", |l| number1(l, sign, i32::signum, |x| x), Some(|_, _, dy| [Some(dy.zeros_like())]));
static ERF: Unary = Row::new(
    "erf",
    Types::Float,
    "erf(x)",
    |l| float1(l, math::erf),
    Some(|x, _, dy| [Some(dy * (-x[0].square()).exp() * FRAC_2_SQRT_PI)]),
);

#[inline(always)]
fn sign(x: f32) -> f32 {
    // Zero and NaN stay.
    let negative = if x < 0.0 { -1.0 } else { x };
    if x > 0.0 { 1.0 } else { negative }
}

impl Tensor {
    /// `e^x`, element by element.
    #[doc(alias = "keras.ops.exp")]
    #[doc(alias = "keras.activations.exponential")]
    #[track_caller]
    pub fn exp(&self) -> Tensor {
        self.unary(&EXP)
    }

    /// `2^x`.
    #[doc(alias = "keras.ops.exp2")]
    #[track_caller]
    pub fn exp2(&self) -> Tensor {
        self.unary(&EXP2)
    }

    /// `e^x - 1`, precise near zero.
    #[doc(alias = "keras.ops.expm1")]
    #[track_caller]
    pub fn expm1(&self) -> Tensor {
        self.unary(&EXPM1)
    }

    /// Natural logarithm.
    #[doc(alias = "keras.ops.log")]
    #[track_caller]
    pub fn log(&self) -> Tensor {
        self.unary(&LOG)
    }

    /// Logarithm to base 2.
    #[doc(alias = "keras.ops.log2")]
    #[track_caller]
    pub fn log2(&self) -> Tensor {
        self.unary(&LOG2)
    }

    /// Logarithm to base 10.
    #[doc(alias = "keras.ops.log10")]
    #[track_caller]
    pub fn log10(&self) -> Tensor {
        self.unary(&LOG10)
    }

    /// `log(1 + x)`, precise near zero.
    #[doc(alias = "keras.ops.log1p")]
    #[track_caller]
    pub fn log1p(&self) -> Tensor {
        self.unary(&LOG1P)
    }

    /// Square root.
    #[doc(alias = "keras.ops.sqrt")]
    #[track_caller]
    pub fn sqrt(&self) -> Tensor {
        self.unary(&SQRT)
    }

    /// `1 / sqrt(x)`.
    #[doc(alias = "keras.ops.rsqrt")]
    #[track_caller]
    pub fn rsqrt(&self) -> Tensor {
        self.unary(&RSQRT)
    }

    /// `x * x`.
    #[doc(alias = "keras.ops.square")]
    #[track_caller]
    pub fn square(&self) -> Tensor {
        self.unary(&SQUARE)
    }

    /// `1 / x`.
    #[doc(alias = "keras.ops.reciprocal")]
    #[track_caller]
    pub fn reciprocal(&self) -> Tensor {
        self.unary(&RECIPROCAL)
    }

    /// `-x`, as the operator; u32 has none.
    #[doc(alias = "keras.ops.negative")]
    #[track_caller]
    pub(crate) fn negate(&self) -> Tensor {
        self.unary(&NEG)
    }

    /// Absolute value; the smallest i32 stays.
    #[doc(alias = "keras.ops.absolute")]
    #[track_caller]
    pub fn abs(&self) -> Tensor {
        self.unary(&ABS)
    }

    /// -1, 0 or 1; NaN stays. Its gradient is zero.
    #[doc(alias = "keras.ops.sign")]
    #[track_caller]
    pub fn sign(&self) -> Tensor {
        self.unary(&SIGN)
    }

    /// The error function, `2/√π ∫₀ˣ e^(-t²) dt`.
    #[doc(alias = "keras.ops.erf")]
    #[track_caller]
    pub fn erf(&self) -> Tensor {
        self.unary(&ERF)
    }
}

/// erf in f64: its series near 0, the continued fraction of erfc beyond.
pub(super) fn erf_reference(x: f64) -> f64 {
    let t = x.abs();
    if x.is_nan() || t > 6.0 {
        return if x.is_nan() { x } else { x.signum() };
    }
    if t < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..100 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let fraction = (1..=80).rev().fold(0.0, |fraction, n| f64::from(n) / 2.0 / (t + fraction));
    let erfc = (-t * t).exp() / (t + fraction) * 0.5 * std::f64::consts::FRAC_2_SQRT_PI;
    x.signum() * (1.0 - erfc)
}

pub(super) fn cases() -> Vec<Case> {
    let lines: &[table::Line1] = &[
        ("exp", Tensor::exp, f64::exp, (-4.0, 4.0), Twice),
        ("exp2", Tensor::exp2, f64::exp2, (-5.0, 5.0), Twice),
        ("expm1", Tensor::expm1, f64::exp_m1, (-3.0, 3.0), Twice),
        ("log", Tensor::log, f64::ln, (0.1, 9.0), Twice),
        ("log2", Tensor::log2, f64::log2, (0.1, 9.0), Twice),
        ("log10", Tensor::log10, f64::log10, (0.1, 9.0), Twice),
        ("log1p", Tensor::log1p, f64::ln_1p, (-0.8, 9.0), Twice),
        ("sqrt", Tensor::sqrt, f64::sqrt, (0.1, 9.0), Twice),
        ("rsqrt", Tensor::rsqrt, |x| 1.0 / x.sqrt(), (0.2, 9.0), Twice),
        ("square", Tensor::square, |x| x * x, (-3.0, 3.0), Twice),
        ("reciprocal", Tensor::reciprocal, |x| 1.0 / x, (0.3, 9.0), Twice),
        ("neg", Tensor::negate, |x| -x, (-3.0, 3.0), Once),
        ("abs", Tensor::abs, f64::abs, (-3.0, 3.0), Once),
        ("sign", Tensor::sign, |x| if x == 0.0 { x } else { x.signum() }, (-3.0, 3.0), Once),
        ("erf", Tensor::erf, erf_reference, (-4.0, 4.0), Twice),
    ];
    let mut out = table::unary(lines, table::EXTREMES, (1e-6, 2e-6));
    out.extend(table::integers(&[
        ("square", Tensor::square, |x| x * x),
        ("neg", Tensor::negate, |x| -x),
        ("abs", Tensor::abs, f64::abs),
        ("sign", Tensor::sign, |x| if x == 0.0 { x } else { x.signum() }),
    ]));
    out
}
