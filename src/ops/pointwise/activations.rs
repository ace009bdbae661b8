//! Smooth activations. A new one is a row and its method below.

use super::{Binary, Case, Row, Tensor, Twice, Types, Unary, lanes::*, math::erf_reference, scalars::ScalarRow, table};
use crate::device::cpu::math;
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

static SIGMOID: Unary =
    Row::new("sigmoid", Types::Float, "sigmoid(x)", |l| float1(l, math::sigmoid), Some(|_, y, dy| [Some(dy * (y * (1.0 - y)))]));
static LOG_SIGMOID: Unary = Row::new(
    "log_sigmoid",
    Types::Float,
    "-softplus(-x)",
    |l| float1(l, |x| -math::softplus(-x)),
    Some(|x, _, dy| [Some(dy * (-&x[0]).sigmoid())]),
);
static SOFTPLUS: Unary =
    Row::new("softplus", Types::Float, "softplus(x)", |l| float1(l, math::softplus), Some(|x, _, dy| [Some(dy * x[0].sigmoid())]));
static SOFTSIGN: Unary = Row::new(
    "softsign",
    Types::Float,
    "x / (1.0 + abs(x))",
    |l| float1(l, |x| x / (1.0 + x.abs())),
    Some(|x, _, dy| [Some(dy / (x[0].abs() + 1.0).square())]),
);
static SILU: Unary =
    Row::new("silu", Types::Float, "x * sigmoid(x)", |l| float1(l, |x| x * math::sigmoid(x)), Some(|x, _, dy| [Some(x[0].silu_grad(dy))]));
static SILU_GRAD: Binary = Row::new(
    "silu_grad",
    Types::Float,
    "y * sigmoid(x) * (1.0 + x * sigmoid(-x))",
    |l| float2(l, |x, dy| dy * math::sigmoid(x) * (1.0 + x * math::sigmoid(-x))),
    Some(|x, _, upstream| {
        let s = x[0].sigmoid();
        let curve = &s * (1.0 - &s) * (&x[0] * (1.0 - &s * 2.0) + 2.0);
        [Some(upstream * &x[1] * curve), Some(x[0].silu_grad(upstream))]
    }),
);
static GELU: Unary = Row::new(
    "gelu",
    Types::Float,
    "0.5 * x * (1.0 + erf(x * 0.707106781))",
    |l| float1(l, |x| 0.5 * x * (1.0 + math::erf_beside_one(x * FRAC_1_SQRT_2))),
    Some(|x, _, dy| [Some(x[0].gelu_grad(dy))]),
);
/// The distribution function of the normal distribution, and x times its density.
static GELU_GRAD: Binary = Row::new(
    "gelu_grad",
    Types::Float,
    "y * (0.5 + 0.5 * erf(x * 0.707106781) + x * 0.398942280 * exp_accurate(-0.5 * x * x))",
    |l| float2(l, |x, dy| dy * (0.5 + 0.5 * math::erf_beside_one(x * FRAC_1_SQRT_2) + x * DENSITY * math::exp_below(-0.5 * x * x))),
    Some(|x, _, upstream| {
        let square = x[0].square();
        let curve = (&square * -0.5).exp() * (2.0 - square) * DENSITY;
        [Some(upstream * &x[1] * curve), Some(x[0].gelu_grad(upstream))]
    }),
);
/// `(1 + tanh u) / 2` is `sigmoid(2u)`, which keeps the digits of the left tail.
static GELU_TANH: Unary = Row::new(
    "gelu_tanh",
    Types::Float,
    "x * sigmoid(x * (1.59576912 + 0.0713548163 * x * x))",
    |l| float1(l, |x| x * math::sigmoid(x * (SLOPE + BEND * x * x))),
    Some(|x, _, dy| [Some(x[0].gelu_tanh_grad(dy))]),
);
/// Far out the slope is 0 or 1 although the cube has long overflown.
static GELU_TANH_GRAD: Binary = Row::new(
    "gelu_tanh_grad",
    Types::Float,
    "y * gelu_tanh_slope(limit(x, -30.0, 30.0))",
    |l| {
        float2(l, |x, dy| {
            let x = x.clamp(-30.0, 30.0);
            let (u, v) = (x * (SLOPE + BEND * x * x), x * (SLOPE + 3.0 * BEND * x * x));
            dy * math::sigmoid(u) * (1.0 + v * math::sigmoid(-u))
        })
    },
    Some(|x, _, upstream| {
        let square = x[0].square();
        let s = (&x[0] * (&square * BEND + SLOPE)).sigmoid();
        let bell = &s * (1.0 - &s);
        let slope = &square * (3.0 * BEND) + SLOPE;
        // (x s)'' = 2 s' + x s'', with s' = bell * slope.
        let curve = &bell * (&slope * 2.0 + &x[0] * ((1.0 - &s * 2.0) * slope.square() + &x[0] * (6.0 * BEND)));
        [Some(upstream * &x[1] * curve), Some(x[0].gelu_tanh_grad(upstream))]
    }),
);
static MISH: Unary = Row::new(
    "mish",
    Types::Float,
    "x * tanh_safe(softplus(x))",
    |l| float1(l, |x| x * math::tanh(math::softplus(x))),
    Some(|x, _, dy| {
        let t = x[0].softplus().tanh();
        [Some(dy * (&x[0] * (1.0 - t.square()) * x[0].sigmoid() + t))]
    }),
);
static TANH_SHRINK: Unary = Row::new(
    "tanh_shrink",
    Types::Float,
    "x - tanh_safe(x)",
    |l| float1(l, |x| x - math::tanh(x)),
    Some(|x, _, dy| [Some(dy * x[0].tanh().square())]),
);
static SQUAREPLUS: ScalarRow = ScalarRow::new(
    "squareplus",
    Types::Float,
    "squareplus(x, word_f32(p.x))",
    |l| {
        scaled1(l, |x, [b, _]| {
            // The sum would cancel to the left.
            let root = (x * x + b).sqrt();
            0.5 * if x < 0.0 { b / (root - x) } else { x + root }
        })
    },
    |x, y, dy, p| dy * y * (x.square() + p[0]).rsqrt(),
);

/// `1 / sqrt(2π)`, the normal density at 0.
const DENSITY: f32 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
/// `2 sqrt(2/π)` and 0.044715 of it, of the approximated GELU.
const SLOPE: f32 = 2.0 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
const BEND: f32 = 0.044_715 * SLOPE;

impl Tensor {
    /// `1 / (1 + e^-x)`.
    #[doc(alias = "keras.ops.sigmoid")]
    #[doc(alias = "keras.activations.sigmoid")]
    #[track_caller]
    pub fn sigmoid(&self) -> Tensor {
        self.unary(&SIGMOID)
    }

    /// `log(1 / (1 + e^-x))`.
    #[doc(alias = "keras.ops.log_sigmoid")]
    #[doc(alias = "keras.activations.log_sigmoid")]
    #[track_caller]
    pub fn log_sigmoid(&self) -> Tensor {
        self.unary(&LOG_SIGMOID)
    }

    /// `log(1 + e^x)`.
    #[doc(alias = "keras.ops.softplus")]
    #[doc(alias = "keras.activations.softplus")]
    #[track_caller]
    pub fn softplus(&self) -> Tensor {
        self.unary(&SOFTPLUS)
    }

    /// `x / (1 + |x|)`.
    #[doc(alias = "keras.ops.softsign")]
    #[doc(alias = "keras.activations.softsign")]
    #[track_caller]
    pub fn softsign(&self) -> Tensor {
        self.unary(&SOFTSIGN)
    }

    /// `x * sigmoid(x)`, also called swish.
    #[doc(alias = "swish")]
    #[doc(alias = "keras.ops.silu")]
    #[doc(alias = "keras.activations.silu")]
    #[track_caller]
    pub fn silu(&self) -> Tensor {
        self.unary(&SILU)
    }

    fn silu_grad(&self, upstream: &Tensor) -> Tensor {
        self.binary(&SILU_GRAD, upstream)
    }

    /// `x * Φ(x)` with the distribution function of the normal distribution: `x / 2 * (1 + erf(x / √2))`.
    #[doc(alias = "keras.ops.gelu")]
    #[doc(alias = "keras.activations.gelu")]
    #[track_caller]
    pub fn gelu(&self) -> Tensor {
        self.unary(&GELU)
    }

    fn gelu_grad(&self, upstream: &Tensor) -> Tensor {
        self.binary(&GELU_GRAD, upstream)
    }

    /// GELU approximated as in BERT and GPT: `x / 2 * (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
    #[doc(alias = "keras.ops.gelu")]
    #[doc(alias = "keras.activations.gelu")]
    #[track_caller]
    pub fn gelu_tanh(&self) -> Tensor {
        self.unary(&GELU_TANH)
    }

    fn gelu_tanh_grad(&self, upstream: &Tensor) -> Tensor {
        self.binary(&GELU_TANH_GRAD, upstream)
    }

    /// `x * tanh(softplus(x))`.
    #[doc(alias = "keras.activations.mish")]
    #[track_caller]
    pub fn mish(&self) -> Tensor {
        self.unary(&MISH)
    }

    /// `x - tanh(x)`.
    #[doc(alias = "keras.ops.tanh_shrink")]
    #[doc(alias = "keras.activations.tanh_shrink")]
    #[track_caller]
    pub fn tanh_shrink(&self) -> Tensor {
        self.unary(&TANH_SHRINK)
    }

    /// `(x + √(x² + b)) / 2`; Keras takes b = 4.
    #[doc(alias = "keras.ops.squareplus")]
    #[doc(alias = "keras.activations.squareplus")]
    #[track_caller]
    pub fn squareplus(&self, b: f32) -> Tensor {
        self.with_scalars(&SQUAREPLUS, &[b.into()])
    }

    /// The tensor itself: no activation.
    #[doc(alias = "keras.activations.linear")]
    pub fn linear(&self) -> Tensor {
        self.clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    let lines: &[table::Line1] = &[
        ("sigmoid", Tensor::sigmoid, sigmoid, (-9.0, 9.0), Twice),
        ("log_sigmoid", Tensor::log_sigmoid, |x| -softplus(-x), (-9.0, 9.0), Twice),
        ("softplus", Tensor::softplus, softplus, (-9.0, 9.0), Twice),
        ("softsign", Tensor::softsign, |x| x / (1.0 + x.abs()), (-5.0, 5.0), Twice),
        ("silu", Tensor::silu, |x| x * sigmoid(x), (-6.0, 6.0), Twice),
        ("gelu", Tensor::gelu, |x| x * 0.5 * (1.0 + erf_reference(x / 2f64.sqrt())), (-4.0, 4.0), Twice),
        ("gelu_tanh", Tensor::gelu_tanh, gelu_tanh, (-4.0, 4.0), Twice),
        ("mish", Tensor::mish, |x| x * softplus(x).tanh(), (-6.0, 6.0), Twice),
        ("tanh_shrink", Tensor::tanh_shrink, |x| x - x.tanh(), (-4.0, 4.0), Twice),
        ("linear", Tensor::linear, |x| x, (-3.0, 3.0), super::Once),
    ];
    let mut out = table::unary(lines, table::EXTREMES, (1e-6, 2e-6));
    // Squares end at 1e19.
    let squareplus: table::Line1 = ("squareplus", |x| x.squareplus(4.0), |x| (x + (x * x + 4.0).sqrt()) / 2.0, (-5.0, 5.0), Twice);
    out.extend(table::unary(&[squareplus], &[f64::NAN, f64::INFINITY, 0.0, 200.0, -200.0, 1e18, -1e18], (1e-6, 2e-6)));
    // The slopes far out, where the parts of the formulas overflow: 0 to the left and 1 to the right.
    let slopes: [(&str, table::Call2); 3] =
        [("silu_grad far", Tensor::silu_grad), ("gelu_grad far", Tensor::gelu_grad), ("gelu_tanh_grad far", Tensor::gelu_tanh_grad)];
    for (name, call) in slopes {
        let case =
            Case::new(name, &[&[7]], move |x| call(&x[0], &x[0].ones_like()), |x| x[0].mapv(|x| if x > 0.0 { 1.0 } else { x * 0.0 }));
        out.push(case.values(0, &[30.0, -30.0, 200.0, -200.0, 3e38, -3e38, f64::NAN]).tolerance(1e-6, 2e-6));
    }
    out
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p() + if x.is_nan() { x } else { 0.0 }
}

fn gelu_tanh(x: f64) -> f64 {
    x * 0.5 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
}
