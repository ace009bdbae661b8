//! Functions of one number. A new one is a row and its method below.

use super::{Row, Types, Unary, lanes::*};
use crate::{
    Tensor,
    device::cpu::math,
    graph::OpRef,
    ops::{
        Case,
        case::Smooth::{self, No, Twice},
        record,
    },
};

pub(crate) static EXP: Unary = Row::new("exp", Types::Float, "exp(x)", |l| float1(l, math::exp), Some(|_, y, dy| [Some(dy * y)]));
pub(crate) static LOG: Unary = Row::new("log", Types::Float, "log(x)", |l| float1(l, math::ln), Some(|x, _, dy| [Some(dy / &x[0])]));
pub(crate) static SQRT: Unary = Row::new("sqrt", Types::Float, "sqrt(x)", |l| float1(l, f32::sqrt), Some(|_, y, dy| [Some(dy * 0.5 / y)]));
pub(crate) static SQUARE: Unary = Row::new(
    "square",
    Types::Number,
    "x * x",
    |l| number1(l, |x| x * x, |x| x.wrapping_mul(x), |x| x.wrapping_mul(x)),
    Some(|x, _, dy| [Some(dy * (&x[0] * 2.0))]),
);
pub(crate) static NEG: Unary =
    Row::new("neg", Types::Number, "-x", |l| number1(l, |x| -x, i32::wrapping_neg, u32::wrapping_neg), Some(|_, _, dy| [Some(-dy)]));
pub(crate) static ABS: Unary =
    Row::new("abs", Types::Number, "abs(x)", |l| number1(l, f32::abs, i32::wrapping_abs, |x| x), Some(|x, _, dy| [Some(dy * x[0].sign())]));
pub(crate) static SIGN: Unary = Row::new(
    "sign",
    Types::Float,
    "select(sign(x), x, x != x)",
    |l| {
        float1(l, |x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                x
            }
        })
    },
    Some(|_, _, dy| [Some(dy.zeros_like())]),
);
pub(crate) static TANH: Unary =
    Row::new("tanh", Types::Float, "tanh_safe(x)", |l| float1(l, math::tanh), Some(|_, y, dy| [Some(dy * (1.0 - y * y))]));
pub(crate) static SIGMOID: Unary =
    Row::new("sigmoid", Types::Float, "sigmoid(x)", |l| float1(l, math::sigmoid), Some(|_, y, dy| [Some(dy * (y * (1.0 - y)))]));
pub(crate) static RELU: Unary = Row::new(
    "relu",
    Types::Float,
    "select(x, 0.0, x < 0.0)",
    |l| float1(l, |x| if x < 0.0 { 0.0 } else { x }),
    Some(|_, y, dy| [Some(y.relu_gate(dy))]),
);

impl Tensor {
    /// `e^x`, element by element.
    #[doc(alias = "keras.ops.exp")]
    #[track_caller]
    pub fn exp(&self) -> Tensor {
        record(OpRef::row(&EXP), &[self])
    }

    /// Natural logarithm.
    #[doc(alias = "keras.ops.log")]
    #[track_caller]
    pub fn log(&self) -> Tensor {
        record(OpRef::row(&LOG), &[self])
    }

    /// Square root.
    #[doc(alias = "keras.ops.sqrt")]
    #[track_caller]
    pub fn sqrt(&self) -> Tensor {
        record(OpRef::row(&SQRT), &[self])
    }

    /// `x * x`.
    #[doc(alias = "keras.ops.square")]
    #[track_caller]
    pub fn square(&self) -> Tensor {
        record(OpRef::row(&SQUARE), &[self])
    }

    /// Absolute value.
    #[doc(alias = "keras.ops.absolute")]
    #[track_caller]
    pub fn abs(&self) -> Tensor {
        record(OpRef::row(&ABS), &[self])
    }

    /// -1, 0 or 1; NaN stays.
    #[doc(alias = "keras.ops.sign")]
    #[track_caller]
    pub fn sign(&self) -> Tensor {
        record(OpRef::row(&SIGN), &[self])
    }

    /// Hyperbolic tangent.
    #[doc(alias = "keras.ops.tanh")]
    #[track_caller]
    pub fn tanh(&self) -> Tensor {
        record(OpRef::row(&TANH), &[self])
    }

    /// `1 / (1 + e^-x)`.
    #[doc(alias = "keras.ops.sigmoid")]
    #[track_caller]
    pub fn sigmoid(&self) -> Tensor {
        record(OpRef::row(&SIGMOID), &[self])
    }

    /// `max(x, 0)`; NaN stays.
    #[doc(alias = "keras.ops.relu")]
    #[track_caller]
    pub fn relu(&self) -> Tensor {
        record(OpRef::row(&RELU), &[self])
    }

    #[track_caller]
    pub(crate) fn negate(&self) -> Tensor {
        record(OpRef::row(&NEG), &[self])
    }
}

pub(super) fn cases() -> Vec<Case> {
    type Table = (&'static str, fn(&Tensor) -> Tensor, fn(f64) -> f64, (f64, f64), Smooth);
    let table: [Table; 9] = [
        ("exp", Tensor::exp, f64::exp, (-4.0, 4.0), Twice),
        ("log", Tensor::log, f64::ln, (0.1, 9.0), Twice),
        ("sqrt", Tensor::sqrt, f64::sqrt, (0.1, 9.0), Twice),
        ("square", Tensor::square, |x| x * x, (-3.0, 3.0), Twice),
        ("abs", Tensor::abs, f64::abs, (-3.0, 3.0), Smooth::Once),
        ("sign", Tensor::sign, f64::signum, (-3.0, 3.0), No),
        ("tanh", Tensor::tanh, f64::tanh, (-5.0, 5.0), Twice),
        ("sigmoid", Tensor::sigmoid, |x| 1.0 / (1.0 + (-x).exp()), (-9.0, 9.0), Twice),
        ("relu", Tensor::relu, |x| x.max(0.0), (-3.0, 3.0), Smooth::Once),
    ];
    table
        .into_iter()
        .map(|(name, call, reference, (low, high), smooth)| {
            Case::new(name, &[&[3, 37]], move |x| call(&x[0]), move |x| x[0].mapv(reference))
                .range(low, high)
                .apart(0.01)
                .smooth(smooth)
                .tolerance(1e-5, 5e-5)
        })
        .collect()
}
