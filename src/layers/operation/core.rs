//! Casts, copies, constants of a tensor's shape, ranges between tensors.

use super::{
    arguments::Arguments,
    dtypes,
    shapes::in_dtype,
    table::{CORE, MATH, NUMPY, Row, row, same},
};
use crate::{DType, Result, Tensor};

const X: &[&str] = &["x"];

pub(super) static ROWS: &[Row] = &[
    row(CORE, "Cast", X, "dtype", |a| in_dtype(a, a.x()?)),
    row(CORE, "SaturateCast", X, "dtype", saturate),
    row(CORE, "ConvertToTensor", X, "dtype=null sparse=null ragged=null", |a| in_dtype(a, a.x()?)),
    row(CORE, "StopGradient", &["variable"], "", |a| Ok(a.x()?.stop_gradient())),
    row(NUMPY, "Array", X, "dtype=null", |a| in_dtype(a, a.x()?)),
    row(NUMPY, "View", X, "dtype=null", |a| {
        let x = a.x()?;
        Ok(a.dtype("dtype")?.map_or(x.clone(), |dtype| x.bitcast(dtype)))
    }),
    row(NUMPY, "OnesLike", X, "dtype=null", |a| in_dtype(a, a.x()?.ones_like())),
    row(NUMPY, "ZerosLike", X, "dtype=null", |a| in_dtype(a, a.x()?.zeros_like())),
    row(NUMPY, "EmptyLike", X, "dtype=null", |a| in_dtype(a, a.x()?.zeros_like())),
    row(NUMPY, "FullLike", &["x", "fill_value"], "dtype=null", |a| {
        let x = a.x()?;
        Ok(a.tensor("fill_value")?.cast(a.dtype("dtype")?.unwrap_or(x.dtype())).broadcast_to(x.shape()))
    }),
    row(NUMPY, "Full", &["fill_value"], "shape dtype=null", |a| {
        let x = a.tensor("fill_value")?;
        Ok(x.cast(a.dtype("dtype")?.unwrap_or(x.dtype())).broadcast_to(a.sizes("shape")?))
    }),
    same(NUMPY, "Size", |x| x.scalar_like(x.size() as f64, DType::I32)),
    same(NUMPY, "Ndim", |x| x.scalar_like(x.rank() as f64, DType::I32)),
    row(NUMPY, "Linspace", &["start", "stop"], "num=50 endpoint=true retstep=false dtype=null axis=0", |a| {
        if a.flag("retstep")? {
            return Err(a.error("retstep is not written to files by Keras either"));
        }
        let y = between(a)?;
        match a.dtype("dtype")? {
            Some(dtype) if !dtype.is_float() => Ok(y.floor().cast(dtype)),
            Some(dtype) => Ok(y.cast(dtype)),
            None => Ok(y),
        }
    }),
    row(NUMPY, "Logspace", &["start", "stop"], "num=50 endpoint=true base=10 dtype=null axis=0", |a| {
        let places = between(a)?;
        in_dtype(a, places.scalar_like(a.option("base")?, places.dtype()).pow(&places))
    }),
    row(NUMPY, "Geomspace", &["start", "stop"], "num=50 endpoint=true dtype=null axis=0", |a| {
        let ends = a.promoted(&["start", "stop"], Some(DType::F32))?;
        let logs = spread(a, &ends[0].abs().log(), &ends[1].abs().log())?;
        let sign = ends[0].sign().broadcast_to(ends[0].shape().broadcast(ends[1].shape())?).expand_dims(a.option("axis")?);
        in_dtype(a, logs.exp() * sign)
    }),
    row(NUMPY, "Vander", X, "N=null increasing=false", |a| {
        let x = a.x()?;
        let count = match a.json("N").is_null() {
            true => x.size(),
            false => a.size("N")?,
        };
        let powers = x.scalar_like(1.0, DType::F32).broadcast_to([count]).cumsum(0) - 1.0;
        let powers = if a.flag("increasing")? { powers } else { powers.flip(&[0]) };
        let y = dtypes::float(&x).expand_dims(-1).pow(powers);
        Ok(if x.dtype().is_float() { y } else { y.round().cast(x.dtype()) })
    }),
    row(MATH, "ExtractSequences", X, "sequence_length sequence_stride", |a| {
        Ok(a.x()?.extract_sequences(a.size("sequence_length")?, a.size("sequence_stride")?))
    }),
];

/// A cast that keeps to the range of the dtype.
fn saturate(a: &Arguments) -> Result<Tensor> {
    let (x, name) = (a.x()?, a.json("dtype").as_str().unwrap_or_default());
    let range = match name {
        "uint8" => (0.0, 255.0),
        "uint16" => (0.0, 65_535.0),
        "int8" => (-128.0, 127.0),
        "int16" => (-32_768.0, 32_767.0),
        "uint32" | "uint64" => (0.0, f64::from(u32::MAX)),
        "float16" if x.dtype().is_float() => (-65_504.0, 65_504.0),
        _ => return in_dtype(a, x),
    };
    let number = dtypes::number(&x);
    let least = if number.dtype() == DType::U32 { 0.0 } else { range.0 };
    in_dtype(a, number.clip(least, range.1))
}

/// `num` numbers from one tensor to the other along a new axis.
fn between(a: &Arguments) -> Result<Tensor> {
    let ends = a.promoted(&["start", "stop"], Some(DType::F32))?;
    spread(a, &ends[0], &ends[1])
}

fn spread(a: &Arguments, start: &Tensor, stop: &Tensor) -> Result<Tensor> {
    let (num, axis) = (a.size("num")?, a.option::<isize>("axis")?);
    let gaps = if a.flag("endpoint")? { num.saturating_sub(1) } else { num };
    let shape = start.shape().broadcast(stop.shape())?;
    let shares = start.scalar_like(1.0, start.dtype()).broadcast_to([num]).cumsum(0) - 1.0;
    let shares = shares / gaps.max(1) as f32;
    let (start, stop) = (start.broadcast_to(&shape).expand_dims(-1), stop.broadcast_to(&shape).expand_dims(-1));
    // The ends are what they are, without rounding.
    let y = &start * (1.0f32 - &shares) + stop * shares;
    Ok(y.move_axes(&[-1], &[axis]))
}
