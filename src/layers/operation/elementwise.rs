//! Functions of each element by itself.

use super::{
    arguments::Arguments,
    dtypes,
    table::{MATH, NN, NUMPY, Row, float, float_pair, pair, row, same},
};
use crate::{DType, Result, Tensor, config::Json};

/// Booleans of what is not zero.
fn truth(x: &Tensor) -> Tensor {
    x.cast(DType::Bool)
}

/// A number option.
fn number(a: &Arguments, name: &str) -> Result<f32> {
    a.option(name)
}

pub(super) static UNARY: &[Row] = &[
    same(NUMPY, "Absolute", magnitude),
    same(NUMPY, "Abs", magnitude),
    float(NUMPY, "Fabs", Tensor::abs),
    float(NUMPY, "Angle", |x| Tensor::where_(&x.less(0.0), &(x.ones_like() * std::f32::consts::PI), &x.zeros_like())),
    float(NUMPY, "Arccos", Tensor::acos),
    float(NUMPY, "Arccosh", Tensor::acosh),
    float(NUMPY, "Arcsin", Tensor::asin),
    float(NUMPY, "Arcsinh", Tensor::asinh),
    float(NUMPY, "Arctan", Tensor::atan),
    float(NUMPY, "Arctanh", Tensor::atanh),
    float(NUMPY, "Cbrt", Tensor::cbrt),
    float(NUMPY, "Ceil", Tensor::ceil),
    same(NUMPY, "Conjugate", Tensor::clone),
    same(NUMPY, "Conj", Tensor::clone),
    same(NUMPY, "Copy", Tensor::clone),
    float(NUMPY, "Cos", Tensor::cos),
    float(NUMPY, "Cosh", Tensor::cosh),
    float(NUMPY, "Deg2rad", Tensor::deg2rad),
    float(NUMPY, "Rad2deg", Tensor::rad2deg),
    float(NUMPY, "Exp", Tensor::exp),
    float(NUMPY, "Exp2", Tensor::exp2),
    float(NUMPY, "Expm1", Tensor::expm1),
    float(NUMPY, "Floor", Tensor::floor),
    float(NUMPY, "I0", Tensor::i0),
    same(NUMPY, "Imag", Tensor::zeros_like),
    same(NUMPY, "Real", Tensor::clone),
    float(NUMPY, "Isfinite", Tensor::is_finite),
    float(NUMPY, "Isinf", Tensor::is_inf),
    float(NUMPY, "Isnan", Tensor::is_nan),
    float(NUMPY, "Isneginf", Tensor::is_neg_inf),
    float(NUMPY, "Isposinf", Tensor::is_pos_inf),
    same(NUMPY, "Isreal", |x| x.equal(x).logical_or(&x.not_equal(x))),
    float(NUMPY, "Log", Tensor::log),
    float(NUMPY, "Log10", Tensor::log10),
    float(NUMPY, "Log1p", Tensor::log1p),
    float(NUMPY, "Log2", Tensor::log2),
    same(NUMPY, "LogicalNot", |x| truth(x).logical_not()),
    same(NUMPY, "BitwiseInvert", Tensor::bitwise_not),
    same(NUMPY, "BitwiseNot", Tensor::bitwise_not),
    same(NUMPY, "Negative", |x| -x),
    float(NUMPY, "Reciprocal", Tensor::reciprocal),
    row(NUMPY, "Round", &["x"], "decimals=0", |a| {
        let (x, decimals) = (a.x()?, a.option::<i32>("decimals")?);
        if x.dtype().is_float() {
            return Ok(x.round_to(decimals));
        }
        Ok(if decimals >= 0 { x } else { dtypes::float(&x).round_to(decimals).cast(x.dtype()) })
    }),
    same(NUMPY, "Sign", |x| if x.dtype() == DType::U32 { x.minimum(1) } else { x.sign() }),
    same(NUMPY, "Signbit", Tensor::sign_bit),
    float(NUMPY, "Sin", Tensor::sin),
    float(NUMPY, "Sinc", Tensor::sinc),
    float(NUMPY, "Sinh", Tensor::sinh),
    float(NUMPY, "Sqrt", Tensor::sqrt),
    same(NUMPY, "Square", |x| if x.dtype().is_float() { x.square() } else { dtypes::number(x) * dtypes::number(x) }),
    float(NUMPY, "Tan", Tensor::tan),
    float(NUMPY, "Tanh", Tensor::tanh),
    same(NUMPY, "Trunc", |x| if x.dtype().is_float() { x.trunc() } else { x.clone() }),
    row(NUMPY, "NanToNum", &["x"], "nan=0.0 posinf=null neginf=null", |a| {
        let x = a.x()?;
        if !x.dtype().is_float() {
            return Ok(x);
        }
        let limit = |name: &str, least: f32| Ok::<f32, crate::Error>(a.option::<Option<f32>>(name)?.unwrap_or(least));
        Ok(x.nan_to_num(number(a, "nan")?, limit("posinf", f32::MAX)?, limit("neginf", f32::MIN)?))
    }),
    row(NUMPY, "Clip", &["x"], "x_min x_max", |a| {
        let x = dtypes::number(&a.x()?);
        let bound = |name: &str| match a.json(name) {
            json if json.is_array() || json.is_object() => dtypes::literal(json)?.to_device(x.device()).map(Some),
            Json::Null => Ok(None),
            _ => a.option::<f64>(name).map(|bound| Some(x.scalar_like(bound, DType::F32))),
        };
        let (low, high) = (bound("x_min")?, bound("x_max")?);
        // A bound with decimals makes integers floats.
        let floats = ["x_min", "x_max"].iter().any(|name| a.json(name).is_f64()) && !x.dtype().is_float();
        let dtype = if floats { DType::F32 } else { x.dtype() };
        let raised = low.map_or(x.cast(dtype), |low| x.cast(dtype).maximum(low.cast(dtype)));
        Ok(high.map_or(raised.clone(), |high| raised.minimum(high.cast(dtype))))
    }),
    float(MATH, "Rsqrt", Tensor::rsqrt),
    float(MATH, "Erf", Tensor::erf),
    float(MATH, "Erfc", Tensor::erfc),
    float(MATH, "Erfinv", Tensor::erfinv),
    same(NN, "Relu", |x| if x.dtype().is_float() { x.relu() } else { x.maximum(0) }),
    same(NN, "Relu6", |x| x.clip(0.0, 6.0)),
    float(NN, "Sigmoid", Tensor::sigmoid),
    float(NN, "SparseSigmoid", Tensor::sparse_sigmoid),
    float(NN, "Softplus", Tensor::softplus),
    float(NN, "Softsign", Tensor::softsign),
    row(NN, "SoftShrink", &["x"], "threshold=0.5", |a| Ok(a.float("x")?.soft_shrink(number(a, "threshold")?))),
    float(NN, "SparsePlus", Tensor::sparse_plus),
    float(NN, "Silu", Tensor::silu),
    row(NN, "Squareplus", &["x"], "b=4", |a| Ok(a.float("x")?.squareplus(number(a, "b")?))),
    float(NN, "LogSigmoid", Tensor::log_sigmoid),
    row(NN, "LeakyRelu", &["x"], "negative_slope=0.2", |a| Ok(a.float("x")?.leaky_relu(number(a, "negative_slope")?))),
    float(NN, "HardSigmoid", Tensor::hard_sigmoid),
    float(NN, "HardSilu", Tensor::hard_silu),
    row(NN, "Elu", &["x"], "alpha=1.0", |a| Ok(a.float("x")?.elu(number(a, "alpha")?))),
    float(NN, "Selu", Tensor::selu),
    row(NN, "Gelu", &["x"], "approximate=true", |a| {
        Ok(if a.flag("approximate")? { a.float("x")?.gelu_tanh() } else { a.float("x")?.gelu() })
    }),
    row(NN, "Celu", &["x"], "alpha=1.0", |a| Ok(a.float("x")?.celu(number(a, "alpha")?))),
    float(NN, "TanhShrink", Tensor::tanh_shrink),
    float(NN, "HardTanh", Tensor::hard_tanh),
    row(NN, "HardShrink", &["x"], "threshold=0.5", |a| Ok(a.float("x")?.hard_shrink(number(a, "threshold")?))),
    row(NN, "Threshold", &["x"], "threshold default_value", |a| {
        Ok(a.float("x")?.threshold(number(a, "threshold")?, number(a, "default_value")?))
    }),
];

fn magnitude(x: &Tensor) -> Tensor {
    if matches!(x.dtype(), DType::Bool | DType::U32) { x.clone() } else { x.abs() }
}

/// Booleans as integers.
fn whole(run: fn(&Tensor, &Tensor) -> Tensor, x: &Tensor, y: &Tensor) -> Tensor {
    if x.dtype() == DType::Bool { run(&x.cast(DType::I32), &y.cast(DType::I32)) } else { run(x, y) }
}

pub(super) static BINARY: &[Row] = &[
    pair("Add", |x, y| if x.dtype() == DType::Bool { x | y } else { x + y }),
    pair("Subtract", |x, y| x - y),
    pair("Multiply", |x, y| if x.dtype() == DType::Bool { x & y } else { x * y }),
    float_pair("Divide", |x, y| x / y),
    float_pair("TrueDivide", |x, y| x / y),
    float_pair("DivideNoNan", |x, y| x.divide_no_nan(y)),
    pair("Power", |x, y| {
        if x.dtype().is_float() {
            return x.pow(y);
        }
        // Floats are exact up to 2^24.
        dtypes::float(x).pow(dtypes::float(y)).round().cast(x.dtype())
    }),
    pair("FloorDivide", |x, y| x.floor_divide(y)),
    pair("Mod", |x, y| whole(|x, y| x.floor_mod(y), x, y)),
    pair("Fmod", |x, y| whole(|x, y| x.fmod(y), x, y)),
    pair("Maximum", |x, y| if x.dtype() == DType::Bool { x | y } else { x.maximum(y) }),
    pair("Minimum", |x, y| if x.dtype() == DType::Bool { x & y } else { x.minimum(y) }),
    pair("Fmax", |x, y| x.fmax(y)),
    pair("Fmin", |x, y| x.fmin(y)),
    pair("Equal", |x, y| x.equal(y)),
    pair("NotEqual", |x, y| x.not_equal(y)),
    pair("Greater", |x, y| dtypes::number(x).greater(dtypes::number(y))),
    pair("GreaterEqual", |x, y| dtypes::number(x).greater_equal(dtypes::number(y))),
    pair("Less", |x, y| dtypes::number(x).less(dtypes::number(y))),
    pair("LessEqual", |x, y| dtypes::number(x).less_equal(dtypes::number(y))),
    pair("LogicalAnd", |x, y| truth(x).logical_and(&truth(y))),
    pair("LogicalOr", |x, y| truth(x).logical_or(&truth(y))),
    pair("LogicalXor", |x, y| truth(x).logical_xor(&truth(y))),
    float_pair("Arctan2", |x, y| x.atan2(y)),
    float_pair("Hypot", |x, y| x.hypot(y)),
    float_pair("Logaddexp", |x, y| x.logaddexp(y)),
    float_pair("Logaddexp2", |x, y| x.logaddexp2(y)),
    float_pair("Heaviside", |x, y| x.heaviside(y)),
    float_pair("Nextafter", |x, y| x.next_after(y)),
    pair("Gcd", |x, y| x.gcd(y)),
    pair("Lcm", |x, y| x.lcm(y)),
    row(NUMPY, "Ldexp", &["x1", "x2"], "", |a| Ok(a.float("x1")?.ldexp(&a.tensor("x2")?))),
    bits("BitwiseAnd", |x, y| x.bitwise_and(y)),
    bits("BitwiseOr", |x, y| x.bitwise_or(y)),
    bits("BitwiseXor", |x, y| x.bitwise_xor(y)),
    bits("BitwiseLeftShift", |x, y| x.left_shift(y)),
    bits("LeftShift", |x, y| x.left_shift(y)),
    bits("BitwiseRightShift", |x, y| x.right_shift(y)),
    bits("RightShift", |x, y| x.right_shift(y)),
    row(NUMPY, "Isclose", &["x1", "x2", "rtol", "atol"], "equal_nan=false", is_close),
    row(NUMPY, "AllClose", &["x1", "x2"], "rtol=1e-5 atol=1e-8 equal_nan=false", |a| Ok(is_close(a)?.all(&[]))),
];

const fn bits(name: &'static str, run: fn(&Tensor, &Tensor) -> Tensor) -> Row {
    Row { arguments: &["x", "y"], ..pair(name, run) }
}

fn is_close(a: &Arguments) -> Result<Tensor> {
    let (x, y) = a.pair()?;
    let bound = |name: &str, usual: f32| Ok::<f32, crate::Error>(a.option::<Option<f32>>(name)?.unwrap_or(usual));
    Ok(x.is_close(&y, bound("rtol", 1e-5)?, bound("atol", 1e-8)?, a.flag("equal_nan")?))
}
