//! Sorting, searching and counting.

use super::{
    arguments::Arguments,
    dtypes,
    table::{MATH, NUMPY, Row, row, several},
};
use crate::{DType, Result, Tensor, config::Json};

const X: &[&str] = &["x"];

pub(super) static ROWS: &[Row] = &[
    row(NUMPY, "Sort", X, "axis=-1", |a| {
        let x = a.x()?;
        along(a, &dtypes::number(&x), |x, axis| Ok(x.sort(axis))).map(|sorted| sorted.cast(x.dtype()))
    }),
    row(NUMPY, "Argsort", X, "axis=-1", |a| along(a, &dtypes::number(&a.x()?), |x, axis| Ok(x.argsort(axis)))),
    row(NUMPY, "Argpartition", X, "kth axis=-1", |a| {
        // A full order is a partition too. As on TensorFlow, numbers are compared as integers.
        along(a, &a.x()?.cast(DType::I32), |x, axis| Ok(x.argsort(axis)))
    }),
    several(MATH, "TopK", X, "k sorted=true", |a| {
        let (values, places) = a.x()?.top_k(a.size("k")?);
        Ok(vec![values, places])
    }),
    row(MATH, "InTopK", &["targets", "predictions"], "k", |a| {
        let (targets, scores) = (a.tensor("targets")?.cast(DType::I32), a.float("predictions")?);
        let own = scores.take_along_axis(&targets.expand_dims(-1), -1);
        let better = scores.greater(&own).cast(DType::I32).sum(&[-1]);
        Ok(better.less(a.size("k")? as i32).logical_and(&own.squeeze(&[-1]).is_finite()))
    }),
    row(NUMPY, "SearchSorted", &["sorted_sequence", "values"], "side=left", |a| {
        let mut both = a.promoted(&["sorted_sequence", "values"], None)?;
        let edges = both.remove(0);
        Ok(both[0].search_sorted(&edges, a.json("side") == "right"))
    }),
    row(NUMPY, "Digitize", &["x", "bins"], "", |a| Ok(a.float("x")?.search_sorted(&a.float("bins")?, true))),
    row(NUMPY, "IsIn", &["x1", "x2"], "assume_unique=false invert=false", |a| {
        let (x, set) = a.pair()?;
        let found = x.is_in(&set);
        Ok(if a.flag("invert")? { found.logical_not() } else { found })
    }),
    row(NUMPY, "Bincount", X, "weights=null minlength=0 sparse=false", |a| {
        let (x, count) = (a.x()?.cast(DType::I32), a.size("minlength")?);
        if count == 0 || a.flag("sparse")? {
            return Err(a.error("without minlength the shape of the result depends on values; give one beyond all of them"));
        }
        let weights = match a.json("weights") {
            Json::Null => None,
            json => Some(dtypes::literal(json)?.to_device(x.device())?),
        };
        if weights.as_ref().is_some_and(|weights| weights.shape() != x.shape()) {
            return Err(a.misfit("the weights have another shape than the numbers"));
        }
        Ok(x.bin_count(weights.as_ref(), count))
    }),
    several(NUMPY, "Histogram", X, "bins=10 range=null", |a| {
        let (x, bins) = (a.x()?, a.size("bins")?);
        let flat = x.reshape([x.size()]);
        let (low, high) = match a.option::<Option<[f64; 2]>>("range")? {
            Some([low, high]) => (flat.scalar_like(low, flat.dtype()), flat.scalar_like(high, flat.dtype())),
            None => (flat.min(&[]), flat.max(&[])),
        };
        let step = (&high - &low).cast(DType::F32) / bins as f32;
        let places = flat.scalar_like(1.0, DType::F32).broadcast_to([bins + 1]).cumsum(0) - 1.0;
        let edges = (places * step + low.cast(DType::F32)).cast(x.dtype());
        let inside = flat.greater_equal(&low).logical_and(&flat.less_equal(&high));
        let inner = edges.at(&[(1..bins as isize).into()]);
        // What lies outside of the range gets a number that is left out.
        let found =
            Tensor::where_(&inside, &flat.search_sorted(&inner, true), &flat.scalar_like(-1.0, DType::I32).broadcast_to(flat.shape()));
        Ok(vec![found.ones_like().segment_sum(&found, bins).cast(x.dtype()), edges])
    }),
    several(
        NUMPY,
        "Unique",
        X,
        "sorted=true return_index=false return_inverse=false return_counts=false axis=null size=null fill_value=null",
        |a| {
            let x = a.x()?;
            if a.json("size").is_null() {
                return Err(a.error("without size the shape of the result depends on values; give it"));
            }
            if x.rank() > 1 && !a.json("axis").is_null() {
                return Err(a.misfit("an axis is known for vectors only"));
            }
            let found = x.unique(a.size("size")?, a.option::<Option<f64>>("fill_value")?.unwrap_or(0.0));
            let further = [("return_index", found.indices), ("return_inverse", found.inverse), ("return_counts", found.counts)];
            let mut out = vec![found.values];
            for (flag, tensor) in further {
                out.extend(a.flag(flag)?.then_some(tensor));
            }
            Ok(out)
        },
    ),
];

/// `run` along the axis of option `axis`, or over all elements in order.
fn along(a: &Arguments, x: &Tensor, run: impl Fn(&Tensor, isize) -> Result<Tensor>) -> Result<Tensor> {
    match a.option::<Option<isize>>("axis")? {
        Some(axis) => run(x, axis),
        None => run(&x.reshape([x.size()]), 0),
    }
}
