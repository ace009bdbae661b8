//! Products of tensors.

use super::{
    arguments::Arguments,
    dtypes,
    table::{MATH, NUMPY, Row, pair, row},
};
use crate::{DType, Result, Tensor, config::Json};

const X12: &[&str] = &["x1", "x2"];

/// `run` in floats, whose result has the dtype of integers again: exact up to 2^24.
fn in_floats(x: &Tensor, y: &Tensor, run: impl Fn(&Tensor, &Tensor) -> Tensor) -> Tensor {
    if x.dtype().is_float() { run(x, y) } else { run(&dtypes::float(x), &dtypes::float(y)).round().cast(dtypes::number(x).dtype()) }
}

pub(super) static ROWS: &[Row] = &[
    pair("Matmul", |x, y| in_floats(x, y, Tensor::matmul)),
    pair("Dot", |x, y| in_floats(x, y, Tensor::dot)),
    pair("Inner", |x, y| in_floats(x, y, Tensor::inner)),
    pair("Vdot", |x, y| in_floats(x, y, |x, y| x.reshape([x.size()]).dot(&y.reshape([y.size()])))),
    pair("Outer", |x, y| x.outer(y)),
    pair("Kron", |x, y| x.kron(y)),
    row(NUMPY, "Cross", X12, "axisa=-1 axisb=-1 axisc=-1 axis=null", |a| {
        let (x, y) = a.pair()?;
        let all: Option<isize> = a.option("axis")?;
        let axis = |name| all.map_or_else(|| a.option(name), Ok);
        let z = x.move_axes(&[axis("axisa")?], &[-1]).cross(&y.move_axes(&[axis("axisb")?], &[-1]));
        // Of two planes there is no axis left.
        let flat = z.rank() < x.rank().max(y.rank());
        if flat { Ok(z) } else { Ok(z.move_axes(&[-1], &[axis("axisc")?])) }
    }),
    row(NUMPY, "Tensordot", X12, "axes=2", |a| {
        let (x, y) = a.pair()?;
        let (one, other) = match a.json("axes") {
            Json::Array(_) => {
                let [one, other]: [Json; 2] = a.option("axes")?;
                let list = |json: Json| -> Result<Vec<isize>> {
                    let list = if json.is_array() { json } else { vec![json].into() };
                    crate::config::read(|reader| crate::config::Value::from_json(&list, reader)).map_err(|error| a.error(error))
                };
                (list(one)?, list(other)?)
            }
            _ => {
                let count = a.size("axes")? as isize;
                ((-count..0).collect(), (0..count).collect())
            }
        };
        Ok(in_floats(&x, &y, |x, y| x.tensordot(y, &one, &other)))
    }),
    row(NUMPY, "Einsum", &["operands"], "subscripts", einsum).rest(),
    row(NUMPY, "Correlate", X12, "mode=valid", |a| {
        let (x, y) = a.pair()?;
        let (x, y) = (dtypes::float(&x), dtypes::float(&y));
        let (n, m) = (x.size(), y.size());
        match a.json("mode").as_str() {
            Some("valid") => x.correlate(&y, 0),
            Some("full") => x.correlate(&y, m.saturating_sub(1)),
            Some("same") => {
                let start = ((n + m).saturating_sub(1) - n.max(m)) / 2;
                let full = x.correlate(&y, m.saturating_sub(1))?;
                Ok(full.at(&[(start as isize..(start + n.max(m)) as isize).into()]))
            }
            _ => Err(a.error("mode is valid, same or full")),
        }
    }),
    row(NUMPY, "Corrcoef", &["x"], "", |a| Ok(a.float("x")?.corrcoef())),
    row(MATH, "CDist", &["x", "y"], "", |a| Ok(a.float("x")?.distances(&a.float("y")?))),
];

fn einsum(a: &Arguments) -> Result<Tensor> {
    let (list, equation) = (a.promoted_list("operands")?, a.option::<String>("subscripts")?);
    let whole = !list[0].dtype().is_float();
    let floats: Vec<Tensor> = list.iter().map(dtypes::float).collect();
    let y = Tensor::einsum(&equation, &floats.iter().collect::<Vec<_>>())?;
    Ok(if whole { y.round().cast(DType::I32) } else { y })
}
