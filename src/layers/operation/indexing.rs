//! Functions that take and write elements at places.

use super::{
    arguments::Arguments,
    dtypes::{self, Kind},
    table::{CORE, MATH, NN, NUMPY, Row, row, several},
};
use crate::{DType, Index, Result, Shape, Tensor, config::Json, layers::Argument, ops::Update};

const X: &[&str] = &["x"];
const SEGMENTS: &[&str] = &["data", "segment_ids"];

pub(super) static ROWS: &[Row] = &[
    row(NUMPY, "GetItem", &["x", "key"], "", |a| {
        let key = a.json("key");
        let list = key.as_array().cloned().unwrap_or_else(|| vec![key.clone()]);
        let indices = list
            .iter()
            .map(|json| index(json).ok_or_else(|| a.error(format_args!("no such index: {json}"))))
            .collect::<Result<Vec<_>>>()?;
        Ok(a.x()?.at(&indices))
    }),
    row(NUMPY, "Take", &["x", "indices"], "axis=null", |a| {
        let (x, indices) = (a.x()?, integers(&a.tensor("indices")?));
        Ok(match a.option::<Option<isize>>("axis")? {
            Some(axis) => x.take(&indices, axis),
            None => x.reshape([x.size()]).take(&indices, 0),
        })
    }),
    row(NUMPY, "TakeAlongAxis", &["x", "indices"], "axis=null", |a| {
        let (x, indices) = (a.x()?, integers(&a.tensor("indices")?));
        Ok(match a.option::<Option<isize>>("axis")? {
            Some(axis) => x.take_along_axis(&indices, axis),
            None => x.reshape([x.size()]).take_along_axis(&indices, 0),
        })
    }),
    row(NUMPY, "Where", &["condition", "x1", "x2"], "", |a| {
        let both = a.promoted(&["x1", "x2"], None)?;
        Ok(Tensor::where_(&a.tensor("condition")?.cast(DType::Bool), &both[0], &both[1]))
    }),
    row(NUMPY, "Select", &["condlist", "choicelist", "default"], "", |a| {
        let (conditions, choices) = (a.list("condlist")?, a.list("choicelist")?);
        if conditions.len() != choices.len() {
            return Err(a.error(format_args!("{} conditions for {} choices", conditions.len(), choices.len())));
        }
        let default = a.optional("default")?;
        let kinds: Vec<Kind> = choices.iter().chain(&default).map(|x| Kind::Exact(x.dtype())).collect();
        let dtype = dtypes::common(&kinds);
        let last = default.map_or_else(|| choices[0].scalar_like(0.0, dtype), |default| default.cast(dtype));
        // The first condition that holds decides.
        let pairs = conditions.iter().zip(&choices).rev();
        Ok(pairs.fold(last, |other, (condition, choice)| Tensor::where_(&condition.cast(DType::Bool), &choice.cast(dtype), &other)))
    }),
    row(CORE, "Slice", &["inputs", "start_indices"], "shape", |a| {
        let (x, sizes) = (a.x()?, a.integers("shape")?.unwrap_or_default());
        fits(a, &x, sizes.len())?;
        match starts(a)? {
            Starts::Known(starts) => {
                let range = |(&start, (&size, &whole)): (&isize, (&isize, &usize))| {
                    Index::from(start..if size < 0 { whole as isize } else { start + size })
                };
                Ok(x.at(&starts.iter().zip(sizes.iter().zip(x.shape().iter())).map(range).collect::<Vec<_>>()))
            }
            Starts::Found(starts) => {
                let take = |x: Tensor, (axis, &size): (usize, &isize)| {
                    let places = x.scalar_like(0.0, DType::I32).broadcast_to([size.max(0) as usize]);
                    let places = places.ones_like().cumsum(0) - 1;
                    x.take(&(places + starts.at(&[axis.into()])), axis as isize)
                };
                Ok(sizes.iter().enumerate().fold(x, take))
            }
        }
    }),
    row(CORE, "SliceUpdate", &["inputs", "start_indices", "updates"], "", |a| {
        let (x, updates) = (a.x()?, a.tensor("updates")?);
        let updates = updates.cast(x.dtype());
        fits(a, &x, updates.rank())?;
        // Elements that the updates cover are replaced: both are looked up by the distance from the start.
        let starts = match starts(a)? {
            Starts::Found(starts) => starts,
            Starts::Known(starts) => {
                let starts: Vec<i32> = starts.iter().map(|&start| start as i32).collect();
                Tensor::from_slice(&starts, [starts.len()])?.to_device(x.device())?
            }
        };
        let (mut laid, mut inside) = (updates.clone(), x.ones_like().equal(x.ones_like()));
        for axis in 0..x.rank() {
            let (size, count) = (x.shape()[axis], updates.shape()[axis]);
            if count > size {
                return Err(a.misfit("the updates are larger than what they are written to"));
            }
            let places = x.scalar_like(1.0, DType::I32).broadcast_to([size]).cumsum(0) - 1;
            // As elsewhere, a start too far out moves inwards.
            let start = starts.at(&[axis.into()]).maximum(0).minimum((size - count) as i32);
            let distance = places - start;
            let along: Shape = (0..x.rank()).map(|at| if at == axis { size } else { 1 }).collect();
            let held = distance.greater_equal(0).logical_and(&distance.less(count as i32)).reshape(along);
            inside = inside.logical_and(&held.broadcast_to(x.shape()));
            laid = laid.take(&distance.maximum(0), axis as isize);
        }
        Ok(Tensor::where_(&inside, &laid, &x))
    }),
    row(CORE, "Scatter", &["indices", "values"], "shape", |a| {
        let (indices, values, shape) = (integers(&a.tensor("indices")?), a.tensor("values")?, a.sizes("shape")?);
        let values = dtypes::number(&values);
        values.scalar_like(0.0, values.dtype()).broadcast_to(shape).scatter_update(&indices, &values, Update::Add)
    }),
    row(CORE, "ScatterUpdate", &["inputs", "indices", "updates"], "reduction=null", |a| {
        let x = a.x()?;
        let update = match a.json("reduction").as_str() {
            None => Update::Replace,
            Some("add") => Update::Add,
            Some("mul") => Update::Multiply,
            Some("max") => Update::Max,
            Some("min") => Update::Min,
            Some(other) => return Err(a.error(format_args!("reduction is null, add, mul, max or min, not {other}"))),
        };
        x.scatter_update(&integers(&a.tensor("indices")?), &a.tensor("updates")?.cast(x.dtype()), update)
    }),
    row(NN, "OneHot", X, "num_classes axis=-1 dtype=null sparse=false", |a| one_hot(a, a.option("axis")?)),
    row(NN, "MultiHot", &["inputs"], "num_classes=null axis=-1 dtype=null sparse=false", |a| {
        let axis = if a.x()?.rank() > 1 { 1 } else { 0 };
        let hot = one_hot(a, a.option("axis")?)?;
        Ok(if hot.dtype() == DType::Bool { hot.any(&[axis]) } else { hot.max(&[axis]) })
    }),
    row(MATH, "SegmentSum", SEGMENTS, "num_segments=null sorted=false", |a| segments(a, Tensor::segment_sum)),
    row(MATH, "SegmentProd", SEGMENTS, "num_segments=null sorted=false", |a| segments(a, Tensor::segment_prod)),
    row(MATH, "SegmentMax", SEGMENTS, "num_segments=null sorted=false", |a| segments(a, Tensor::segment_max)),
    row(MATH, "SegmentMin", SEGMENTS, "num_segments=null sorted=false", |a| segments(a, Tensor::segment_min)),
    several(NUMPY, "UnravelIndex", &["indices"], "shape", |a| {
        let (mut left, mut out) = (a.tensor("indices")?, Vec::new());
        let mut sizes = a.sizes("shape")?;
        // As on TensorFlow, where other than vectors are taken from the first size on.
        if left.rank() == 1 {
            sizes.reverse();
        }
        for size in sizes {
            out.push(left.floor_mod(size as i32));
            left = left.floor_divide(size as i32);
        }
        out.reverse();
        Ok(out)
    }),
];

/// Indices as devices take them.
fn integers(x: &Tensor) -> Tensor {
    x.cast(DType::I32)
}

/// One index of a key.
fn index(json: &Json) -> Option<Index> {
    let bound = |name: &str| match &json["config"][name] {
        Json::Null => Some(None),
        json => json.as_i64().map(|at| Some(at as isize)),
    };
    Some(match (json, json["class_name"].as_str()) {
        (Json::Null, _) => Index::New,
        (_, Some("__ellipsis__")) => Index::Rest,
        (_, Some("__slice__")) => Index::Span { start: bound("start")?, stop: bound("stop")?, step: bound("step")?.unwrap_or(1) },
        _ => Index::At(json.as_i64()? as isize),
    })
}

/// Where a slice begins: known when the graph is made, or calculated in it.
enum Starts {
    Known(Vec<isize>),
    Found(Tensor),
}

fn starts(a: &Arguments) -> Result<Starts> {
    match a.given("start_indices") {
        Some(Argument::Tensor(tensor)) => Ok(Starts::Found(integers(tensor))),
        Some(Argument::Tensors(list)) => Ok(Starts::Found(Tensor::stack(&list.iter().collect::<Vec<_>>(), 0).cast(DType::I32))),
        _ => Ok(Starts::Known(a.integers("start_indices")?.unwrap_or_default())),
    }
}

fn fits(a: &Arguments, x: &Tensor, axes: usize) -> Result<()> {
    if x.rank() == axes { Ok(()) } else { Err(a.misfit(format_args!("{axes} sizes for {} axes", x.rank()))) }
}

fn one_hot(a: &Arguments, axis: isize) -> Result<Tensor> {
    if a.flag("sparse")? {
        return Err(a.error("sparse tensors do not exist here"));
    }
    let hot = integers(&a.x()?).one_hot(a.size("num_classes")?);
    let hot = if axis == -1 { hot } else { hot.move_axes(&[-1], &[axis]) };
    Ok(hot.cast(a.dtype("dtype")?.unwrap_or(DType::F32)))
}

fn segments(a: &Arguments, run: fn(&Tensor, &Tensor, usize) -> Tensor) -> Result<Tensor> {
    let (data, ids) = (dtypes::number(&a.tensor("data")?), integers(&a.tensor("segment_ids")?));
    match a.option::<Option<usize>>("num_segments")? {
        Some(_) => Ok(run(&data, &ids, a.size("num_segments")?)),
        None => Err(a.error("without num_segments the shape of the result depends on values; give it")),
    }
}
