//! Reductions over axes, and running sums.

use super::{
    arguments::Arguments,
    dtypes,
    table::{MATH, NN, NUMPY, Row, row, several},
};
use crate::{DType, Result, Tensor, config::Json, ops::Between};

/// How a method reduces.
type Over = fn(&Tensor, &[isize]) -> Tensor;

/// `run` over the axes that option `axis` names, which stay with size one if `keepdims` says so.
fn over(a: &Arguments, x: &Tensor, run: Over) -> Result<Tensor> {
    let axes = a.integers("axis")?;
    if axes.as_ref().is_some_and(Vec::is_empty) {
        return Ok(x.clone());
    }
    let axes = axes.unwrap_or_default();
    let y = run(x, &axes);
    Ok(if a.flag("keepdims")? { y.keep_dims(x.shape(), &axes) } else { y })
}

/// The only argument as numbers that add up: booleans and bytes as integers.
fn number(a: &Arguments) -> Result<Tensor> {
    a.x().map(|x| dtypes::number(&x))
}

/// A reduction of numbers.
fn extremum(a: &Arguments, run: Over) -> Result<Tensor> {
    let x = a.x()?;
    let y = over(a, &dtypes::number(&x), run)?.cast(x.dtype());
    Ok(y)
}

const AXIS: &str = "axis=null keepdims=false";
const X: &[&str] = &["x"];

const fn reduce(name: &'static str, run: fn(&Arguments) -> Result<Tensor>) -> Row {
    row(NUMPY, name, X, AXIS, run)
}

pub(super) static ROWS: &[Row] = &[
    reduce("Sum", |a| over(a, &number(a)?, Tensor::sum)),
    reduce("Mean", |a| over(a, &a.float("x")?, Tensor::mean)),
    reduce("Var", |a| over(a, &a.float("x")?, Tensor::var)),
    reduce("Std", |a| over(a, &a.float("x")?, Tensor::std)),
    reduce("Amax", |a| extremum(a, Tensor::max)),
    reduce("Amin", |a| extremum(a, Tensor::min)),
    reduce("Median", |a| over(a, &a.float("x")?, Tensor::median)),
    reduce("Ptp", |a| extremum(a, |x, axes| x.max(axes) - x.min(axes))),
    reduce("Any", |a| over(a, &a.x()?, Tensor::any)),
    reduce("All", |a| over(a, &a.x()?, Tensor::all)),
    reduce("Nanmax", |a| extremum(a, Tensor::nan_max)),
    reduce("Nanmin", |a| extremum(a, Tensor::nan_min)),
    reduce("Nansum", |a| over(a, &number(a)?, Tensor::nan_sum)),
    reduce("Nanprod", |a| over(a, &number(a)?, Tensor::nan_prod)),
    reduce("Nanmean", |a| over(a, &a.float("x")?, Tensor::nan_mean)),
    reduce("Nanvar", |a| over(a, &a.float("x")?, Tensor::nan_var)),
    reduce("Nanstd", |a| over(a, &a.float("x")?, Tensor::nan_std)),
    reduce("Nanmedian", |a| over(a, &a.float("x")?, |x, axes| x.nan_quantile(&x.scalar_like(0.5, DType::F32), axes, Between::Linear))),
    reduce("Argmax", |a| arg(a, &number(a)?, Tensor::argmax)),
    reduce("Argmin", |a| arg(a, &number(a)?, Tensor::argmin)),
    reduce("Nanargmax", |a| nan_arg(a, f32::NEG_INFINITY, Tensor::argmax)),
    reduce("Nanargmin", |a| nan_arg(a, f32::INFINITY, Tensor::argmin)),
    row(NUMPY, "Prod", X, "axis=null keepdims=false dtype=null", |a| {
        // As on TensorFlow, a dtype only keeps integers as they are.
        over(a, &number(a)?, Tensor::prod)
    }),
    row(NUMPY, "Max", X, "axis=null keepdims=false initial=null", |a| initial(a, extremum(a, Tensor::max)?, |x, y| x.maximum(y))),
    row(NUMPY, "Min", X, "axis=null keepdims=false initial=null", |a| initial(a, extremum(a, Tensor::min)?, |x, y| x.minimum(y))),
    row(NUMPY, "CountNonzero", X, "axis=null", |a| over(a, &a.x()?, Tensor::count_nonzero)),
    row(NUMPY, "Average", &["x", "weights"], "axis=null", average),
    // Keras' node of quantile forgets the method.
    row(NUMPY, "Quantile", &["x", "q"], "axis=null method=linear keepdims=false", |a| {
        quantile(a, 1.0, |x, q, axes, _| x.quantile(q, axes, Between::Linear))
    }),
    row(NUMPY, "Percentile", &["x", "q"], "axis=null method=linear keepdims=false", |a| quantile(a, 100.0, Tensor::quantile)),
    row(NUMPY, "Nanquantile", &["x", "q"], "axis=null method=linear keepdims=false", |a| quantile(a, 1.0, Tensor::nan_quantile)),
    row(NUMPY, "Nanpercentile", &["x", "q"], "axis=null method=linear keepdims=false", |a| quantile(a, 100.0, Tensor::nan_quantile)),
    row(NUMPY, "Cumsum", X, "axis=null dtype=null", |a| running(a, None, Tensor::cumsum)),
    row(NUMPY, "Cumprod", X, "axis=null dtype=null", |a| running(a, None, cumprod)),
    row(NUMPY, "Nancumsum", X, "axis=null dtype=null", |a| running(a, Some(0.0), Tensor::cumsum)),
    row(NUMPY, "Nancumprod", X, "axis=null dtype=null", |a| running(a, Some(1.0), cumprod)),
    row(NUMPY, "Diff", &["a"], "n=1 axis=-1", |a| {
        let axis = a.option("axis")?;
        (0..a.size("n")?.min(1 << 10)).try_fold(a.x()?, |x, _| Ok(x.diff(axis)))
    }),
    row(NUMPY, "Trapezoid", &["y"], "x=null dx=1.0 axis=-1", |a| {
        let (y, axis): (Tensor, isize) = (a.float("y")?, a.option("axis")?);
        let y = y.move_axes(&[axis], &[-1]);
        let sums = (y.at(&[crate::Index::Rest, (1..).into()]) + y.at(&[crate::Index::Rest, (..-1).into()])) * 0.5;
        let widths = match a.json("x") {
            Json::Null => return Ok((sums * a.option::<f32>("dx")?).sum(&[-1])),
            json => dtypes::literal(json)?.to_device(y.device())?.cast(y.dtype()),
        };
        Ok((sums * widths.diff(if widths.rank() == 1 { -1 } else { axis })).sum(&[-1]))
    }),
    row(MATH, "Logsumexp", X, AXIS, |a| over(a, &a.float("x")?, Tensor::logsumexp)),
    several(NN, "Moments", X, "axes keepdims=false synchronized=false", |a| {
        let (x, axes) = (a.float("x")?, a.integers("axes")?.unwrap_or_default());
        let (mean, variance) = x.moments(&axes);
        let keep = |y: Tensor| Ok::<_, crate::Error>(if a.flag("keepdims")? { y.keep_dims(x.shape(), &axes) } else { y });
        Ok(vec![keep(mean)?, keep(variance)?])
    }),
];

/// The place of an extremum along one axis, or among all elements.
fn arg(a: &Arguments, x: &Tensor, run: fn(&Tensor, isize) -> Tensor) -> Result<Tensor> {
    let axis: Option<isize> = a.option("axis")?;
    let y = match axis {
        Some(axis) => run(x, axis),
        None => run(&x.reshape([x.size()]), 0),
    };
    Ok(if a.flag("keepdims")? { y.keep_dims(x.shape(), axis.as_slice()) } else { y })
}

/// The same without NaN; -1 where there is nothing else.
fn nan_arg(a: &Arguments, start: f32, run: fn(&Tensor, isize) -> Tensor) -> Result<Tensor> {
    let x = number(a)?;
    if !x.dtype().is_float() {
        return arg(a, &x, run);
    }
    let found = arg(a, &Tensor::where_(&x.is_nan(), &(x.ones_like() * start), &x), run)?;
    let none = over(a, &x.is_nan(), Tensor::all)?;
    Ok(Tensor::where_(&none, &(found.zeros_like() - 1), &found))
}

/// `y` and option `initial` together.
fn initial(a: &Arguments, y: Tensor, run: fn(&Tensor, &Tensor) -> Tensor) -> Result<Tensor> {
    let initial: Option<f64> = a.option("initial")?;
    Ok(initial.map_or(y.clone(), |initial| run(&y, &y.scalar_like(initial, y.dtype()))))
}

fn average(a: &Arguments) -> Result<Tensor> {
    let x = a.float("x")?;
    let axes = a.integers("axis")?.unwrap_or_default();
    let Some(weights) = a.optional("weights")? else { return Ok(x.mean(&axes)) };
    let mut weights = weights.cast(x.dtype());
    if let ([axis], true) = (&axes[..], weights.rank() == 1 && x.rank() > 1) {
        let axis = x.shape().axis(*axis)?;
        let shape = (0..x.rank()).map(|at| if at == axis { weights.size() } else { 1 }).collect::<crate::Shape>();
        weights = weights.reshape(shape);
    }
    let total = weights.broadcast_to(x.shape()).sum(&axes);
    Ok((x * weights).sum(&axes) / total)
}

fn quantile(a: &Arguments, whole: f32, run: fn(&Tensor, &Tensor, &[isize], Between) -> Tensor) -> Result<Tensor> {
    let (x, q) = (a.float("x")?, a.float("q")? / whole);
    let axes = a.integers("axis")?.unwrap_or_default();
    let y = run(&x, &q, &axes, a.option("method")?);
    if !a.flag("keepdims")? {
        return Ok(y);
    }
    let reduced = x.shape().axes(&axes)?;
    let kept = (0..x.rank()).map(|axis| if reduced.contains(&axis) { 1 } else { x.shape()[axis] });
    Ok(y.reshape(q.shape().iter().copied().chain(kept).collect::<crate::Shape>()))
}

/// Of integers through floats, which are exact up to 2^24.
fn cumprod(x: &Tensor, axis: isize) -> Tensor {
    if x.dtype().is_float() { x.cumprod(axis) } else { x.cast(DType::F32).cumprod(axis).cast(x.dtype()) }
}

/// A running fold along an axis, or of all elements in order.
fn running(a: &Arguments, nan: Option<f32>, run: fn(&Tensor, isize) -> Tensor) -> Result<Tensor> {
    let x = number(a)?;
    let x = nan.filter(|_| x.dtype().is_float()).map_or(x.clone(), |value| x.nan_to_num(value, f32::MAX, f32::MIN));
    let x = a.dtype("dtype")?.map_or(x.clone(), |dtype| x.cast(dtype));
    Ok(match a.option::<Option<isize>>("axis")? {
        Some(axis) => run(&x, axis),
        None => run(&x.reshape([x.size()]), 0),
    })
}
