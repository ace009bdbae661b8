//! Trigonometric and hyperbolic functions. A new one is a row and its method below.

use super::{Binary, Case, Operand, Row, Tensor, Twice, Types, Unary, lanes::*, table};
use crate::{DType, device::cpu::math};

static SIN: Unary = Row::new("sin", Types::Float, "sin_safe(x)", |l| float1(l, math::sin), Some(|x, _, dy| [Some(dy * x[0].cos())]));
static COS: Unary = Row::new("cos", Types::Float, "cos_safe(x)", |l| float1(l, math::cos), Some(|x, _, dy| [Some(-(dy * x[0].sin()))]));
static TAN: Unary = Row::new("tan", Types::Float, "tan_safe(x)", |l| float1(l, math::tan), Some(|_, y, dy| [Some(dy * (y * y + 1.0))]));
static ASIN: Unary =
    Row::new("asin", Types::Float, "asin_safe(x)", |l| float1(l, math::asin), Some(|x, _, dy| [Some(dy * (1.0 - x[0].square()).rsqrt())]));
static ACOS: Unary = Row::new(
    "acos",
    Types::Float,
    "acos_safe(x)",
    |l| float1(l, math::acos),
    Some(|x, _, dy| [Some(-(dy * (1.0 - x[0].square()).rsqrt()))]),
);
static ATAN: Unary =
    Row::new("atan", Types::Float, "atan_safe(x)", |l| float1(l, math::atan), Some(|x, _, dy| [Some(dy / (x[0].square() + 1.0))]));
static SINH: Unary = Row::new("sinh", Types::Float, "sinh_safe(x)", |l| float1(l, math::sinh), Some(|x, _, dy| [Some(dy * x[0].cosh())]));
static COSH: Unary = Row::new("cosh", Types::Float, "cosh_safe(x)", |l| float1(l, math::cosh), Some(|x, _, dy| [Some(dy * x[0].sinh())]));
static TANH: Unary = Row::new("tanh", Types::Float, "tanh_safe(x)", |l| float1(l, math::tanh), Some(|_, y, dy| [Some(dy * (1.0 - y * y))]));
static ASINH: Unary = Row::new(
    "asinh",
    Types::Float,
    "asinh_safe(x)",
    |l| float1(l, math::asinh),
    Some(|x, _, dy| [Some(dy * (x[0].square() + 1.0).rsqrt())]),
);
static ACOSH: Unary = Row::new(
    "acosh",
    Types::Float,
    "acosh_safe(x)",
    |l| float1(l, math::acosh),
    Some(|x, _, dy| [Some(dy * (x[0].square() - 1.0).rsqrt())]),
);
static ATANH: Unary =
    Row::new("atanh", Types::Float, "atanh_safe(x)", |l| float1(l, math::atanh), Some(|x, _, dy| [Some(dy / (1.0 - x[0].square()))]));
static ATAN2: Binary = Row::new(
    "atan2",
    Types::Float,
    "atan2_safe(x, y)",
    |l| float2(l, math::atan2),
    Some(|x, _, dy| {
        let share = dy / (x[0].square() + x[1].square());
        [Some(&share * &x[1]), Some(-(share * &x[0]))]
    }),
);

impl Tensor {
    /// Sine of an angle in radians.
    #[doc(alias = "keras.ops.sin")]
    #[track_caller]
    pub fn sin(&self) -> Tensor {
        self.unary(&SIN)
    }

    /// Cosine of an angle in radians.
    #[doc(alias = "keras.ops.cos")]
    #[track_caller]
    pub fn cos(&self) -> Tensor {
        self.unary(&COS)
    }

    /// Tangent of an angle in radians.
    #[doc(alias = "keras.ops.tan")]
    #[track_caller]
    pub fn tan(&self) -> Tensor {
        self.unary(&TAN)
    }

    /// Inverse sine, in radians; NaN beyond ±1.
    #[doc(alias = "keras.ops.arcsin")]
    #[track_caller]
    pub fn asin(&self) -> Tensor {
        self.unary(&ASIN)
    }

    /// Inverse cosine, in radians; NaN beyond ±1.
    #[doc(alias = "keras.ops.arccos")]
    #[track_caller]
    pub fn acos(&self) -> Tensor {
        self.unary(&ACOS)
    }

    /// Inverse tangent, in radians.
    #[doc(alias = "keras.ops.arctan")]
    #[track_caller]
    pub fn atan(&self) -> Tensor {
        self.unary(&ATAN)
    }

    /// Hyperbolic sine.
    #[doc(alias = "keras.ops.sinh")]
    #[track_caller]
    pub fn sinh(&self) -> Tensor {
        self.unary(&SINH)
    }

    /// Hyperbolic cosine.
    #[doc(alias = "keras.ops.cosh")]
    #[track_caller]
    pub fn cosh(&self) -> Tensor {
        self.unary(&COSH)
    }

    /// Hyperbolic tangent.
    #[doc(alias = "keras.ops.tanh")]
    #[doc(alias = "keras.activations.tanh")]
    #[track_caller]
    pub fn tanh(&self) -> Tensor {
        self.unary(&TANH)
    }

    /// Inverse hyperbolic sine.
    #[doc(alias = "keras.ops.arcsinh")]
    #[track_caller]
    pub fn asinh(&self) -> Tensor {
        self.unary(&ASINH)
    }

    /// Inverse hyperbolic cosine; NaN below 1.
    #[doc(alias = "keras.ops.arccosh")]
    #[track_caller]
    pub fn acosh(&self) -> Tensor {
        self.unary(&ACOSH)
    }

    /// Inverse hyperbolic tangent; infinite at ±1, NaN beyond.
    #[doc(alias = "keras.ops.arctanh")]
    #[track_caller]
    pub fn atanh(&self) -> Tensor {
        self.unary(&ATANH)
    }

    /// The angle in (-π, π] of the point whose height is this and whose abscissa is `x`: `y.atan2(&x)` as in C.
    #[doc(alias = "keras.ops.arctan2")]
    #[track_caller]
    pub fn atan2(&self, x: impl Operand) -> Tensor {
        self.binary(&ATAN2, x)
    }
}

pub(super) fn cases() -> Vec<Case> {
    let periodic: &[table::Line1] = &[
        ("sin", Tensor::sin, f64::sin, (-9.0, 9.0), Twice),
        ("cos", Tensor::cos, f64::cos, (-9.0, 9.0), Twice),
        ("tan", Tensor::tan, f64::tan, (-1.3, 1.3), Twice),
    ];
    let others: &[table::Line1] = &[
        ("asin", Tensor::asin, f64::asin, (-0.9, 0.9), Twice),
        ("acos", Tensor::acos, f64::acos, (-0.9, 0.9), Twice),
        ("atan", Tensor::atan, f64::atan, (-5.0, 5.0), Twice),
        ("sinh", Tensor::sinh, f64::sinh, (-3.0, 3.0), Twice),
        ("cosh", Tensor::cosh, f64::cosh, (-3.0, 3.0), Twice),
        ("tanh", Tensor::tanh, f64::tanh, (-5.0, 5.0), Twice),
        ("asinh", Tensor::asinh, f64::asinh, (-5.0, 5.0), Twice),
        ("acosh", Tensor::acosh, f64::acosh, (1.2, 9.0), Twice),
        ("atanh", Tensor::atanh, f64::atanh, (-0.8, 0.8), Twice),
    ];
    // Positions of a sinusoidal embedding go into the thousands.
    let angles = [f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -0.0, 1e-30, 1.5, 100.0, -1000.0, 5000.0];
    let mut out = table::unary(periodic, &angles, (1e-6, 2e-6));
    out.extend(table::unary(others, table::EXTREMES, (1e-6, 2e-6)));
    let angle = Case::new("atan2 broadcast", &[&[9, 1], &[5]], |x| x[0].atan2(&x[1]), |x| table::zip(&x[0], &x[1], f64::atan2));
    out.push(angle.apart(0.05).smooth(Twice).tolerance(1e-6, 2e-6));
    let corners = [f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -0.0, 1.0, -1.0, 1e-30, 3e38];
    out.push(table::of_pairs("atan2 corners".into(), DType::F32, &corners, |y, x| y.atan2(x), f64::atan2).tolerance(1e-6, 2e-6));
    out
}
