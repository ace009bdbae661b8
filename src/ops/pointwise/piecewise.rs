//! Activations made of pieces: the ReLU family, hard variants, shrinkage. A new one is a row and its method below.
//!
//! NaN stays everywhere, so that a broken step shows.

use super::{Binary, Case, Once, Row, Tensor, Twice, Types, Unary, lanes::*, scalars::ScalarRow, select::limit, table};
use crate::device::cpu::math;

static RELU: Unary = Row::new(
    "relu",
    Types::Float,
    "select(x, 0.0, x < 0.0)",
    |l| float1(l, |x| if x < 0.0 { 0.0 } else { x }),
    Some(|_, y, dy| [Some(y.relu_gate(dy))]),
);
/// `x > 0 ? y : 0`, the gradient of relu.
static RELU_GATE: Binary = Row::new(
    "relu_gate",
    Types::Float,
    "select(0.0, y, x > 0.0)",
    |l| float2(l, |x, y| if x > 0.0 { y } else { 0.0 }),
    Some(|x, _, dy| [Some(dy.zeros_like()), Some(x[0].relu_gate(dy))]),
);
static RELU6: Unary = Row::new(
    "relu6",
    Types::Float,
    "limit(x, 0.0, 6.0)",
    |l| float1(l, |x| limit(x, 0.0, 6.0)),
    Some(|_, y, dy| [Some(dy.only_where(&(y.greater(0.0) & y.less(6.0))))]),
);
static LEAKY_RELU: ScalarRow = ScalarRow::new(
    "leaky_relu",
    Types::Float,
    "select(word_f32(p.x) * x, x, x > 0.0)",
    |l| scaled1(l, |x, [slope, _]| if x > 0.0 { x } else { slope * x }),
    |x, _, dy, p| Tensor::where_(&x.greater(0.0), dy, &(dy * p[0])),
);
static ELU: ScalarRow = ScalarRow::new(
    "elu",
    Types::Float,
    "select(word_f32(p.x) * expm1(x), x, x > 0.0)",
    |l| scaled1(l, |x, [alpha, _]| if x > 0.0 { x } else { alpha * math::exp_m1(x) }),
    |x, y, dy, p| Tensor::where_(&x.greater(0.0), dy, &(dy * (y + p[0]))),
);
static SELU: Unary = Row::new(
    "selu",
    Types::Float,
    "1.05070099 * select(1.67326324 * expm1(x), x, x > 0.0)",
    |l| float1(l, |x| SELU_SCALE * if x > 0.0 { x } else { SELU_ALPHA * math::exp_m1(x) }),
    Some(|x, y, dy| [Some(Tensor::where_(&x[0].greater_equal(0.0), &(dy * SELU_SCALE), &(dy * (y + SELU_SCALE * SELU_ALPHA))))]),
);
static CELU: ScalarRow = ScalarRow::new(
    "celu",
    Types::Float,
    "select(word_f32(p.x) * expm1(x / word_f32(p.x)), x, x > 0.0)",
    |l| scaled1(l, |x, [alpha, _]| if x > 0.0 { x } else { alpha * math::exp_m1(x / alpha) }),
    |x, y, dy, p| Tensor::where_(&x.greater(0.0), dy, &(dy * (y / p[0] + 1.0))) + dy.only_where(&x.equal(0.0)),
);
static HARD_SIGMOID: Unary = Row::new(
    "hard_sigmoid",
    Types::Float,
    "limit(x / 6.0 + 0.5, 0.0, 1.0)",
    |l| float1(l, |x| limit(x / 6.0 + 0.5, 0.0, 1.0)),
    Some(|x, _, dy| [Some((dy / 6.0).only_where(&x[0].abs().less(3.0)))]),
);
static HARD_SILU: Unary = Row::new(
    "hard_silu",
    Types::Float,
    "x * limit(x / 6.0 + 0.5, 0.0, 1.0)",
    |l| float1(l, |x| x * limit(x / 6.0 + 0.5, 0.0, 1.0)),
    Some(|x, _, dy| [Some(dy * x[0].hard_sigmoid() + (dy * &x[0] / 6.0).only_where(&x[0].abs().less(3.0)))]),
);
static SOFT_SHRINK: ScalarRow = ScalarRow::new(
    "soft_shrink",
    Types::Float,
    "select(x - copy_sign(word_f32(p.x), x), 0.0, abs(x) <= word_f32(p.x))",
    |l| scaled1(l, |x, [threshold, _]| if x.abs() <= threshold { 0.0 } else { x - threshold.copysign(x) }),
    |x, _, dy, p| dy.only_where(&x.abs().greater(p[0])),
);
static HARD_SHRINK: ScalarRow = ScalarRow::new(
    "hard_shrink",
    Types::Float,
    "select(x, 0.0, abs(x) <= word_f32(p.x))",
    |l| scaled1(l, |x, [threshold, _]| if x.abs() <= threshold { 0.0 } else { x }),
    |x, _, dy, p| dy.only_where(&x.abs().greater(p[0])),
);
static THRESHOLD: ScalarRow = ScalarRow::new(
    "threshold",
    Types::Float,
    "select(x, word_f32(p.y), x <= word_f32(p.x))",
    |l| scaled1(l, |x, [threshold, value]| if x <= threshold { value } else { x }),
    |x, _, dy, p| dy.only_where(&x.greater(p[0])),
);
static SPARSE_PLUS: Unary = Row::new(
    "sparse_plus",
    Types::Float,
    "select(0.25 * limit(x + 1.0, 0.0, 2.0) * limit(x + 1.0, 0.0, 2.0), x, x >= 1.0)",
    |l| float1(l, |x| if x >= 1.0 { x } else { 0.25 * limit(x + 1.0, 0.0, 2.0) * limit(x + 1.0, 0.0, 2.0) }),
    Some(|x, _, dy| [Some(dy * x[0].sparse_sigmoid())]),
);
static SPARSE_SIGMOID: Unary = Row::new(
    "sparse_sigmoid",
    Types::Float,
    "limit(0.5 * x + 0.5, 0.0, 1.0)",
    |l| float1(l, |x| limit(0.5 * x + 0.5, 0.0, 1.0)),
    Some(|x, _, dy| [Some((dy * 0.5).only_where(&x[0].abs().less(1.0)))]),
);

const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;

impl Tensor {
    /// `max(x, 0)`.
    #[doc(alias = "keras.ops.relu")]
    #[doc(alias = "keras.activations.relu")]
    #[track_caller]
    pub fn relu(&self) -> Tensor {
        self.unary(&RELU)
    }

    /// `value` where this is positive, else zero.
    pub(crate) fn relu_gate(&self, value: &Tensor) -> Tensor {
        self.binary(&RELU_GATE, value)
    }

    /// `min(max(x, 0), 6)`.
    #[doc(alias = "keras.ops.relu6")]
    #[doc(alias = "keras.activations.relu6")]
    #[track_caller]
    pub fn relu6(&self) -> Tensor {
        self.unary(&RELU6)
    }

    /// `x` where positive, else `slope * x`; Keras takes a slope of 0.2.
    #[doc(alias = "keras.ops.leaky_relu")]
    #[doc(alias = "keras.activations.leaky_relu")]
    #[track_caller]
    pub fn leaky_relu(&self, slope: f32) -> Tensor {
        self.with_scalars(&LEAKY_RELU, &[slope.into()])
    }

    /// `x` where positive, else `alpha * (e^x - 1)`; Keras takes alpha = 1.
    #[doc(alias = "keras.ops.elu")]
    #[doc(alias = "keras.activations.elu")]
    #[track_caller]
    pub fn elu(&self, alpha: f32) -> Tensor {
        self.with_scalars(&ELU, &[alpha.into()])
    }

    /// ELU with alpha 1.6733, times 1.0507: normalises itself from layer to layer.
    #[doc(alias = "keras.ops.selu")]
    #[doc(alias = "keras.activations.selu")]
    #[track_caller]
    pub fn selu(&self) -> Tensor {
        self.unary(&SELU)
    }

    /// `x` where positive, else `alpha * (e^(x / alpha) - 1)`; Keras takes alpha = 1. As there, the gradient at 0 is 2: both
    /// pieces count.
    #[doc(alias = "keras.ops.celu")]
    #[doc(alias = "keras.activations.celu")]
    #[track_caller]
    pub fn celu(&self, alpha: f32) -> Tensor {
        self.with_scalars(&CELU, &[alpha.into()])
    }

    /// `x / 6 + 1/2`, limited to 0..=1.
    #[doc(alias = "keras.ops.hard_sigmoid")]
    #[doc(alias = "keras.activations.hard_sigmoid")]
    #[track_caller]
    pub fn hard_sigmoid(&self) -> Tensor {
        self.unary(&HARD_SIGMOID)
    }

    /// `x * hard_sigmoid(x)`, also called hard swish.
    #[doc(alias = "hard_swish")]
    #[doc(alias = "keras.ops.hard_silu")]
    #[doc(alias = "keras.activations.hard_silu")]
    #[track_caller]
    pub fn hard_silu(&self) -> Tensor {
        self.unary(&HARD_SILU)
    }

    /// `x`, limited to -1..=1.
    #[doc(alias = "keras.ops.hard_tanh")]
    #[doc(alias = "keras.activations.hard_tanh")]
    #[track_caller]
    pub fn hard_tanh(&self) -> Tensor {
        self.clip(-1.0, 1.0)
    }

    /// 0 within `threshold` of zero; beyond, `x` moved towards zero by it. Keras takes 0.5.
    #[doc(alias = "keras.ops.soft_shrink")]
    #[doc(alias = "keras.activations.soft_shrink")]
    #[track_caller]
    pub fn soft_shrink(&self, threshold: f32) -> Tensor {
        self.with_scalars(&SOFT_SHRINK, &[threshold.into()])
    }

    /// 0 within `threshold` of zero, else `x`. Keras takes 0.5.
    #[doc(alias = "keras.ops.hard_shrink")]
    #[doc(alias = "keras.activations.hard_shrink")]
    #[track_caller]
    pub fn hard_shrink(&self, threshold: f32) -> Tensor {
        self.with_scalars(&HARD_SHRINK, &[threshold.into()])
    }

    /// `x` where it is greater than `threshold`, else `value`.
    #[doc(alias = "keras.ops.threshold")]
    #[doc(alias = "keras.activations.threshold")]
    #[track_caller]
    pub fn threshold(&self, threshold: f32, value: f32) -> Tensor {
        self.with_scalars(&THRESHOLD, &[threshold.into(), value.into()])
    }

    /// 0 up to -1, `(x + 1)² / 4` up to 1, then `x`.
    #[doc(alias = "keras.ops.sparse_plus")]
    #[doc(alias = "keras.activations.sparse_plus")]
    #[track_caller]
    pub fn sparse_plus(&self) -> Tensor {
        self.unary(&SPARSE_PLUS)
    }

    /// `(x + 1) / 2`, limited to 0..=1.
    #[doc(alias = "keras.ops.sparse_sigmoid")]
    #[doc(alias = "keras.activations.sparse_sigmoid")]
    #[track_caller]
    pub fn sparse_sigmoid(&self) -> Tensor {
        self.unary(&SPARSE_SIGMOID)
    }
}

pub(super) fn cases() -> Vec<Case> {
    fn elu(x: f64, alpha: f64) -> f64 {
        if x > 0.0 { x } else { alpha * x.exp_m1() }
    }
    fn shrink(x: f64, threshold: f64, moved: f64) -> f64 {
        if x.abs() <= threshold { 0.0 } else { x - moved.copysign(x) }
    }
    let lines: &[table::Line1] = &[
        ("relu", Tensor::relu, |x| if x < 0.0 { 0.0 } else { x }, (-3.0, 3.0), Twice),
        ("relu6", Tensor::relu6, |x| limit(x, 0.0, 6.0), (-3.0, 9.0), Once),
        ("leaky_relu", |x| x.leaky_relu(0.2), |x| x * if x > 0.0 { 1.0 } else { f64::from(0.2f32) }, (-3.0, 3.0), Twice),
        ("elu", |x| x.elu(1.5), |x| elu(x, 1.5), (-3.0, 3.0), Twice),
        ("selu", Tensor::selu, |x| 1.05070098735548 * elu(x, 1.6732632423543772), (-3.0, 3.0), Twice),
        ("celu", |x| x.celu(0.5), |x| if x > 0.0 { x } else { 0.5 * (x / 0.5).exp_m1() }, (-3.0, 3.0), Twice),
        ("hard_sigmoid", Tensor::hard_sigmoid, |x| limit(x / 6.0 + 0.5, 0.0, 1.0), (-5.0, 5.0), Once),
        ("hard_silu", Tensor::hard_silu, |x| x * limit(x / 6.0 + 0.5, 0.0, 1.0), (-5.0, 5.0), Twice),
        ("hard_tanh", Tensor::hard_tanh, |x| limit(x, -1.0, 1.0), (-3.0, 3.0), Once),
        ("soft_shrink", |x| x.soft_shrink(0.75), |x| shrink(x, 0.75, 0.75), (-3.0, 3.0), Once),
        ("hard_shrink", |x| x.hard_shrink(0.75), |x| shrink(x, 0.75, 0.0), (-3.0, 3.0), Once),
        ("threshold", |x| x.threshold(0.5, -2.0), |x| if x <= 0.5 { -2.0 } else { x }, (-3.0, 3.0), Once),
        ("sparse_plus", Tensor::sparse_plus, sparse_plus, (-3.0, 3.0), Twice),
        ("sparse_sigmoid", Tensor::sparse_sigmoid, |x| limit((x + 1.0) / 2.0, 0.0, 1.0), (-3.0, 3.0), Once),
    ];
    table::unary(lines, table::EXTREMES, (1e-6, 2e-6))
}

fn sparse_plus(x: f64) -> f64 {
    if x >= 1.0 { x } else { 0.25 * limit(x + 1.0, 0.0, f64::INFINITY).powi(2) }
}
