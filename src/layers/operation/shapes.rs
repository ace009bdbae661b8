//! Functions that give elements other places: shapes, order of axes, joining and cutting.

use super::{
    arguments::Arguments,
    dtypes,
    table::{CORE, NN, NUMPY, Row, row, same, several},
};
use crate::{DType, Error, Index, Result, Shape, Tensor, config::Json, layers::DataFormat};

const X: &[&str] = &["x"];
const XS: &[&str] = &["xs"];

pub(super) static ROWS: &[Row] = &[
    row(NUMPY, "Reshape", X, "newshape", |a| {
        let x = a.x()?;
        let wanted = a.integers("newshape")?.ok_or_else(|| a.error("newshape is missing"))?;
        let known: usize = wanted.iter().filter(|&&size| size >= 0).map(|&size| size as usize).product();
        let open = wanted.iter().filter(|&&size| size < 0).count();
        if open > 1 || (open == 1 && (known == 0 || !x.size().is_multiple_of(known))) {
            return Err(a.misfit(format_args!("{} elements do not fit {wanted:?}", x.size())));
        }
        let size = |&size: &isize| if size < 0 { x.size() / known } else { size as usize };
        Ok(x.reshape(wanted.iter().map(size).collect::<Shape>()))
    }),
    row(NUMPY, "Squeeze", X, "axis=null", |a| {
        let (x, axes) = (a.x()?, a.integers("axis")?.unwrap_or_default());
        // An axis of unknown size, the batch, stays where none are named.
        Ok(x.squeeze(&axes))
    }),
    row(NUMPY, "ExpandDims", X, "axis", |a| {
        let (x, axes) = (a.x()?, a.integers("axis")?.unwrap_or_default());
        let rank = (x.rank() + axes.len()) as isize;
        let mut places: Vec<isize> = axes.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
        places.sort_unstable();
        if places.iter().any(|place| !(0..rank).contains(place)) || places.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(a.misfit(format_args!("axes {axes:?} are no {} places of {rank}", axes.len())));
        }
        Ok(places.into_iter().fold(x, |x, place| x.expand_dims(place)))
    }),
    row(NUMPY, "Transpose", X, "axes=null", |a| {
        Ok(a.integers("axes")?.map_or(a.x()?.transpose(), |axes| a.x().expect("it was there").permute(&axes)))
    }),
    row(NUMPY, "Swapaxes", X, "axis1 axis2", |a| Ok(a.x()?.swap_axes(a.option("axis1")?, a.option("axis2")?))),
    row(NUMPY, "Moveaxis", X, "source destination", |a| {
        Ok(a.x()?.move_axes(&a.integers("source")?.unwrap_or_default(), &a.integers("destination")?.unwrap_or_default()))
    }),
    row(NUMPY, "BroadcastTo", X, "shape", |a| Ok(a.x()?.broadcast_to(a.sizes("shape")?))),
    same(NUMPY, "Ravel", |x| x.reshape([x.size()])),
    row(NUMPY, "Flip", X, "axis=null", |a| Ok(a.x()?.flip(&a.integers("axis")?.unwrap_or_default()))),
    same(NUMPY, "Fliplr", |x| x.flip(&[1])),
    same(NUMPY, "Flipud", |x| x.flip(&[0])),
    row(NUMPY, "Rot90", &["array"], "k=1 axes=[0,1]", |a| {
        let (x, k, axes): (Tensor, isize, [isize; 2]) = (a.x()?, a.option("k")?, a.option("axes")?);
        if k.rem_euclid(4) != 2 {
            return Ok(x.rot90(k, axes));
        }
        // As on TensorFlow, where half a turn is two quarters, with the sizes put back in between and at the end.
        let planes = x.move_axes(&axes, &[-2, -1]);
        let quarter = |x: &Tensor| x.rot90(1, [-2, -1]).reshape(planes.shape());
        Ok(quarter(&quarter(&planes)).move_axes(&[-2, -1], &axes))
    }),
    row(NUMPY, "Roll", X, "shift axis=null", |a| {
        let (x, shifts) = (a.x()?, a.integers("shift")?.unwrap_or_default());
        let Some(axes) = a.integers("axis")? else {
            let flat = shifts.iter().fold(x.reshape([x.size()]), |x, &shift| x.roll(shift, 0));
            return Ok(flat.reshape(x.shape()));
        };
        // One shift serves all axes.
        let shift = |at: usize| shifts.get(at).or(shifts.first()).copied().unwrap_or(0);
        Ok(axes.iter().enumerate().fold(x, |x, (at, &axis)| x.roll(shift(at), axis)))
    }),
    row(NUMPY, "Tile", X, "repeats", |a| Ok(a.x()?.tile(&a.sizes("repeats")?))),
    row(NUMPY, "Repeat", X, "repeats axis=null", |a| {
        let (x, repeats) = (a.x()?, a.sizes("repeats")?);
        let axis: Option<isize> = a.option("axis")?;
        let x = if axis.is_none() { x.reshape([x.size()]) } else { x };
        let axis = axis.unwrap_or(0);
        if let [count] = repeats[..] {
            return Ok(x.repeat(count, axis));
        }
        if repeats.len() != x.shape()[x.shape().axis(axis)?] || repeats.iter().sum::<usize>() > 1 << 30 {
            return Err(a.misfit(format_args!("{} counts do not fit axis {axis}", repeats.len())));
        }
        let places: Vec<i32> = repeats.iter().enumerate().flat_map(|(at, &count)| std::iter::repeat_n(at as i32, count)).collect();
        Ok(x.take(&Tensor::from_slice(&places, [places.len()])?.to_device(x.device())?, axis))
    }),
    row(NUMPY, "Concatenate", XS, "axis=0", |a| joined(&a.promoted_list("xs")?, a.option("axis")?)).list(),
    row(NUMPY, "Stack", X, "axis=0", |a| {
        let list = a.promoted_list("x")?;
        Ok(Tensor::stack(&list.iter().collect::<Vec<_>>(), a.option("axis")?))
    })
    .list(),
    row(NUMPY, "Hstack", XS, "", |a| {
        let list = raised(&a.promoted_list("xs")?, |x| if x.rank() == 0 { x.reshape([1]) } else { x.clone() });
        joined(&list, if list[0].rank() == 1 { 0 } else { 1 })
    })
    .list(),
    row(NUMPY, "Vstack", XS, "", |a| {
        joined(&raised(&a.promoted_list("xs")?, |x| if x.rank() < 2 { x.reshape([1, x.size()]) } else { x.clone() }), 0)
    })
    .list(),
    row(NUMPY, "Dstack", XS, "", |a| {
        let deep = |x: &Tensor| match x.rank() {
            0 | 1 => x.reshape([1, x.size(), 1]),
            2 => x.expand_dims(-1),
            _ => x.clone(),
        };
        joined(&raised(&a.promoted_list("xs")?, deep), 2)
    })
    .list(),
    row(NUMPY, "Append", &["x1", "x2"], "axis=null", |a| {
        let (x, y) = a.pair()?;
        match a.option::<Option<isize>>("axis")? {
            Some(axis) => joined(&[x, y], axis),
            None => joined(&[x.reshape([x.size()]), y.reshape([y.size()])], 0),
        }
    }),
    several(CORE, "Unstack", X, "num=null axis=0", |a| {
        let (x, axis) = (a.x()?, a.option("axis")?);
        let size = x.shape()[x.shape().axis(axis)?];
        match a.option::<Option<usize>>("num")? {
            Some(num) if num != size => Err(a.misfit(format_args!("axis {axis} does not have {num} elements"))),
            _ => Ok(x.unstack(axis)),
        }
    }),
    several(NUMPY, "Split", X, "indices_or_sections axis=0", |a| split(a, a.option("axis")?, false)),
    several(NUMPY, "ArraySplit", X, "indices_or_sections axis=0", |a| split(a, a.option("axis")?, true)),
    several(NUMPY, "Hsplit", X, "indices_or_sections", |a| split(a, if a.x()?.rank() == 1 { 0 } else { 1 }, false)),
    several(NUMPY, "Vsplit", X, "indices_or_sections", |a| split(a, 0, false)),
    several(NUMPY, "Dsplit", X, "indices_or_sections", |a| split(a, 2, false)),
    several(NUMPY, "Meshgrid", X, "indexing=xy", |a| {
        let list: Vec<Tensor> = a.list("x")?.iter().map(|x| x.reshape([x.size()])).collect();
        let swapped = list.len() > 1 && a.json("indexing") == "xy";
        let place = |at: usize| if swapped && at < 2 { 1 - at } else { at };
        let mut shape = vec![1; list.len()];
        list.iter().enumerate().for_each(|(at, x)| shape[place(at)] = x.size());
        let spread = |(at, x): (usize, &Tensor)| {
            let own: Shape = (0..list.len()).map(|axis| if axis == place(at) { x.size() } else { 1 }).collect();
            x.reshape(own).broadcast_to(&shape[..])
        };
        Ok(list.iter().enumerate().map(spread).collect())
    })
    .rest(),
    row(NUMPY, "Pad", &["x", "constant_values"], "pad_width mode=constant", |a| {
        let x = a.x()?;
        let widths = pad_widths(a, x.rank())?;
        let value: Option<f64> = a.option("constant_values")?;
        match a.json("mode").as_str() {
            Some("constant") => Ok(x.pad(&widths, value.unwrap_or(0.0))),
            Some("reflect") => Ok(x.pad_reflect(&widths)),
            Some("symmetric") => Ok(x.pad_symmetric(&widths)),
            _ => Err(a.error("mode is constant, reflect or symmetric")),
        }
    }),
    row(NUMPY, "Diag", X, "k=0", |a| {
        let (x, k) = (a.x()?, a.option("k")?);
        Ok(if x.rank() == 1 { x.diag(k) } else { x.diagonal(k) })
    }),
    row(NUMPY, "Diagflat", X, "k=0", |a| {
        let x = a.x()?;
        Ok(x.reshape([x.size()]).diag(a.option("k")?))
    }),
    row(NUMPY, "Diagonal", X, "offset=0 axis1=0 axis2=1", diagonal),
    row(NUMPY, "Trace", X, "offset=0 axis1=0 axis2=1", |a| Ok(dtypes::number(&diagonal(a)?).sum(&[-1]))),
    row(NUMPY, "Tril", X, "k=0", |a| Ok(a.x()?.tril(a.option("k")?))),
    row(NUMPY, "Triu", X, "k=0", |a| Ok(a.x()?.triu(a.option("k")?))),
    row(NN, "DepthToSpace", X, "block_size data_format=channels_last", |a| {
        channels_last(a, &a.x()?, |x| Ok(x.depth_to_space(a.size("block_size")?)))
    }),
    row(NN, "SpaceToDepth", X, "block_size data_format=channels_last", |a| {
        channels_last(a, &a.x()?, |x| Ok(x.space_to_depth(a.size("block_size")?)))
    }),
];

fn joined(list: &[Tensor], axis: isize) -> Result<Tensor> {
    Ok(Tensor::concat(&list.iter().collect::<Vec<_>>(), axis))
}

fn raised(list: &[Tensor], change: impl Fn(&Tensor) -> Tensor) -> Vec<Tensor> {
    list.iter().map(change).collect()
}

/// Parts along an axis: so many, of one size unless `uneven`, or cut at indices.
fn split(a: &Arguments, axis: isize, uneven: bool) -> Result<Vec<Tensor>> {
    let x = a.x()?;
    let size = x.shape()[x.shape().axis(axis)?];
    let Json::Array(_) = a.json("indices_or_sections") else {
        let count = a.size("indices_or_sections")?;
        if !uneven || count == 0 {
            return Ok(x.split(count, axis));
        }
        let sizes: Vec<usize> = (0..count).map(|at| size / count + usize::from(at < size % count)).collect();
        return Ok(x.split_sizes(&sizes, axis));
    };
    let cuts: Vec<isize> = a.option("indices_or_sections")?;
    let place = |cut: isize| (if cut < 0 { cut + size as isize } else { cut }).clamp(0, size as isize) as usize;
    let ends: Vec<usize> = cuts.into_iter().map(place).chain([size]).collect();
    let mut start = 0;
    let part = |end: usize| {
        let size = end.saturating_sub(start);
        let from = std::mem::replace(&mut start, end);
        x.at(&along(axis, x.rank(), Index::from(from as isize..(from + size) as isize)))
    };
    Ok(ends.into_iter().map(part).collect())
}

/// `index` at an axis, everything of the others.
fn along(axis: isize, rank: usize, index: Index) -> Vec<Index> {
    let axis = if axis < 0 { axis + rank as isize } else { axis };
    (0..rank as isize).map(|at| if at == axis { index } else { crate::All }).collect()
}

/// One number for all borders, a pair for all axes, or a pair for each.
fn pad_widths(a: &Arguments, rank: usize) -> Result<Vec<(usize, usize)>> {
    let json = a.json("pad_width");
    let each: Vec<[usize; 2]> = match json.as_array() {
        None => vec![[a.size("pad_width")?; 2]; rank],
        Some(list) if list.iter().all(Json::is_array) => a.option("pad_width")?,
        Some(_) => vec![a.option("pad_width")?; rank],
    };
    let widths = if let ([all], true) = (&each[..], rank > 1) { vec![*all; rank] } else { each };
    if widths.iter().flatten().any(|&width| width > 1 << 30) {
        return Err(a.misfit("a width is too large"));
    }
    Ok(widths.into_iter().map(|[before, after]| (before, after)).collect())
}

fn diagonal(a: &Arguments) -> Result<Tensor> {
    Ok(a.x()?.move_axes(&[a.option("axis1")?, a.option("axis2")?], &[-2, -1]).diagonal(a.option("offset")?))
}

/// `run` with the channels last, wherever option `data_format` says that they are.
pub(super) fn channels_last(a: &Arguments, x: &Tensor, run: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if a.option::<Option<DataFormat>>("data_format")? != Some(DataFormat::ChannelsFirst) {
        return run(x);
    }
    if x.rank() < 3 {
        return Err(Error::shape(format!("channels first need three axes or more, not {}", x.shape())));
    }
    Ok(run(&x.move_axes(&[1], &[-1]))?.move_axes(&[-1], &[1]))
}

/// `x` in the dtype that option `dtype` names.
pub(super) fn in_dtype(a: &Arguments, x: Tensor) -> Result<Tensor> {
    Ok(a.dtype("dtype")?.map_or(x.clone(), |dtype: DType| x.cast(dtype)))
}
