//! Folds of elements that share a number, and writing at places of a tensor: all by the one scatter kernel.

use super::{
    Case,
    case::{Reference, Smooth},
    fits,
    gather::{Places, flat, walk},
    record,
    reduce::Kind,
    require,
    scatter::Scatter,
};
use crate::{DType, Error, Result, Shape, Tensor, graph::symbolic};
use serde_json::Value as Json;

/// What happens to an element at a place that is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// The last update takes its place.
    Replace,
    /// Updates are added to it.
    Add,
    /// It is multiplied by them.
    Multiply,
    /// The largest of it and the updates stays.
    Max,
    /// The smallest of it and the updates stays.
    Min,
}

impl Tensor {
    /// The sums of those of the first axis that have each number of 0..`count` in `ids` (int32, of that axis' size). Other numbers are
    /// left out.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let sums = Tensor::from([1.0f32, 2.0, 3.0]).segment_sum(&Tensor::from([0, 2, 0]), 3);
    /// assert_eq!(sums.to_vec::<f32>()?, [4.0, 0.0, 2.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.segment_sum")]
    #[track_caller]
    pub fn segment_sum(&self, ids: &Tensor, count: usize) -> Tensor {
        self.segments("segment_sum", ids, count, Kind::Sum)
    }

    /// As [`Tensor::segment_sum`], the products; 1 where there is nothing.
    #[doc(alias = "keras.ops.segment_prod")]
    #[track_caller]
    pub fn segment_prod(&self, ids: &Tensor, count: usize) -> Tensor {
        self.segments("segment_prod", ids, count, Kind::Prod)
    }

    /// As [`Tensor::segment_sum`], the largest elements; the lowest number of the dtype where there is nothing.
    #[doc(alias = "keras.ops.segment_max")]
    #[track_caller]
    pub fn segment_max(&self, ids: &Tensor, count: usize) -> Tensor {
        self.segments("segment_max", ids, count, Kind::Max)
    }

    /// As [`Tensor::segment_sum`], the smallest elements; the highest number of the dtype where there is nothing.
    #[doc(alias = "keras.ops.segment_min")]
    #[track_caller]
    pub fn segment_min(&self, ids: &Tensor, count: usize) -> Tensor {
        self.segments("segment_min", ids, count, Kind::Min)
    }

    #[track_caller]
    fn segments(&self, name: &str, ids: &Tensor, count: usize, kind: Kind) -> Tensor {
        if let Some(symbol) = symbolic(name, &[self, ids], &[count.into()]) {
            return symbol;
        }
        let fit = ids.rank() == 1 && self.rank() > 0 && ids.shape()[0] == self.shape()[0];
        require(fit, format_args!("segments: numbers of shape {} for the first axis of shape {}", ids.shape(), self.shape()));
        // What has another number goes into one segment more, which is cut off.
        let known = ids.greater_equal(0).logical_and(&ids.less(count as i32));
        let ids = Tensor::where_(&known, ids, &(ids.ones_like() * count as i32));
        let folded = self.folded_at(&ids, count + 1, kind).section(0, 0, count);
        match kind {
            Kind::Max if self.dtype().is_float() => folded.maximum(f32::MIN),
            Kind::Min if self.dtype().is_float() => folded.minimum(f32::MAX),
            _ => folded,
        }
    }

    /// A first axis of `length`: the fold of the updates that `ids` send to each place.
    #[track_caller]
    fn folded_at(&self, ids: &Tensor, length: usize, kind: Kind) -> Tensor {
        record(Scatter { places: Places { axis: 0, along: false }, length, kind }, &[ids, self])
    }

    /// This tensor with `updates` at `indices`: `(N..., K)` names places by the first K axes, the updates are `(N...)` of what is behind
    /// these. Updates of one place come in order.
    ///
    /// ```
    /// use wgrad::{ops::Update, prelude::*};
    /// let (x, places) = (Tensor::zeros([2, 2]), Tensor::from([[0, 1], [1, 0]]));
    /// let y = x.scatter_update(&places, &Tensor::from([5.0f32, 6.0]), Update::Replace)?;
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, 5.0, 6.0, 0.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the shapes do not fit.
    #[doc(alias = "keras.ops.scatter_update")]
    pub fn scatter_update(&self, indices: &Tensor, updates: &Tensor, update: Update) -> Result<Tensor> {
        let reduction = match update {
            Update::Replace => Json::Null,
            Update::Add => "add".into(),
            Update::Multiply => "mul".into(),
            Update::Max => "max".into(),
            Update::Min => "min".into(),
        };
        if let Some(symbol) = symbolic("scatter_update", &[self, indices, updates], &[reduction]) {
            return Ok(symbol);
        }
        let misfit = || {
            let shapes = (indices.shape(), updates.shape(), self.shape());
            Error::shape(format!("scatter_update: indices {} and updates {} do not fit shape {}", shapes.0, shapes.1, shapes.2))
        };
        let Some((&depth, lead)) = indices.shape().split_last().filter(|(depth, _)| **depth <= self.rank()) else { return Err(misfit()) };
        let (places, behind) = self.shape().split_at(depth);
        let expected: Shape = lead.iter().chain(behind).copied().collect();
        if *updates.shape() != expected || indices.dtype() != DType::I32 || (self.size() == 0 && updates.size() > 0) {
            return Err(misfit());
        }
        let (length, inner): (usize, usize) = (places.iter().product(), behind.iter().product());
        let strides: Vec<i32> = Shape::from(places).strides().iter().map(|&stride| stride as i32).collect();
        let strides = Tensor::from_slice_on(self.device(), &strides, [depth])?;
        let count = lead.iter().product();
        // One number for each place; what counts from the end does so in each axis.
        let sizes: Vec<i32> = places.iter().map(|&size| size as i32).collect();
        let wrapped = Tensor::where_(&indices.less(0), &(indices + Tensor::from_slice_on(self.device(), &sizes, [depth])?), indices);
        let ids = (wrapped * strides).sum(&[-1]).reshape([count]);
        let (old, updates) = (self.reshape([length, inner]), updates.reshape([count, inner]));
        let fold = |kind| updates.folded_at(&ids, length, kind);
        let new = match update {
            Update::Add => &old + fold(Kind::Sum),
            Update::Multiply => &old * fold(Kind::Prod),
            Update::Max => old.maximum(fold(Kind::Max)),
            Update::Min => old.minimum(fold(Kind::Min)),
            Update::Replace => {
                // The last update of each place, counted from 1.
                let order: Vec<i32> = (1..=count as i32).collect();
                let last = Tensor::from_slice_on(self.device(), &order, [count])?.folded_at(&ids, length, Kind::Max).maximum(0);
                if count == 0 {
                    return Ok(self.clone());
                }
                Tensor::where_(&last.greater(0).expand_dims(-1), &updates.take(&(last - 1).maximum(0), 0), &old)
            }
        };
        Ok(new.reshape(self.shape()))
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    type Line = (&'static str, fn(&Tensor, &Tensor, usize) -> Tensor, fn(&[f64]) -> f64, Smooth);
    let lines: [Line; 4] = [
        ("segment_sum", Tensor::segment_sum, |x| x.iter().sum(), Smooth::Twice),
        ("segment_prod", Tensor::segment_prod, |x| x.iter().product(), Smooth::Once),
        ("segment_max", Tensor::segment_max, |x| x.iter().copied().fold(f64::from(f32::MIN), f64::max), Smooth::Once),
        ("segment_min", Tensor::segment_min, |x| x.iter().copied().fold(f64::from(f32::MAX), f64::min), Smooth::Once),
    ];
    for (name, call, fold, smooth) in lines {
        for (rows, inner) in [(6, 3), (70, 1)] {
            let case = Case::new(
                format!("{name} of {rows} rows"),
                &[&[rows, inner], &[rows]],
                move |x| call(&x[0], &x[1], 3),
                move |x| {
                    let (data, ids) = (flat(&x[0]), flat(&x[1]));
                    walk(&[3, inner], 0, 1, |_, own, column| {
                        let sent: Vec<f64> =
                            (0..rows).filter(|&row| ids[row] == own as f64).map(|row| data[row * inner + column]).collect();
                        fold(&sent)
                    })
                },
            );
            out.push(case.range(0.6, 1.4).apart(1e-4).input(1, DType::I32, -1.0, 2.0).smooth(if rows > 6 { Smooth::No } else { smooth }));
        }
    }
    let written = |old: &Reference, at: &Reference, new: &Reference, fold: fn(f64, f64) -> f64| {
        let mut out = old.clone();
        for (place, &value) in new.iter().enumerate() {
            let at = |axis: usize| {
                let index = at[[place, axis]];
                (if index < 0.0 { index + old.shape()[axis] as f64 } else { index }) as usize
            };
            let to = &mut out[[at(0), at(1)]];
            *to = fold(*to, value);
        }
        out
    };
    type Fold = fn(f64, f64) -> f64;
    let updates: [(Update, Fold); 5] = [
        (Update::Replace, |_, new| new),
        (Update::Add, |old, new| old + new),
        (Update::Multiply, |old, new| old * new),
        (Update::Max, f64::max),
        (Update::Min, f64::min),
    ];
    for (update, fold) in updates {
        let case = Case::new(
            format!("scatter_update {update:?}"),
            &[&[3, 4], &[5, 2], &[5]],
            move |x| fits(x[0].scatter_update(&x[1], &x[2], update), "scatter_update"),
            move |x| written(&x[0], &x[1], &x[2], fold),
        );
        out.push(case.range(0.6, 1.4).apart(1e-4).input(1, DType::I32, -3.0, 2.0).smooth(Smooth::Once));
    }
    out
}
