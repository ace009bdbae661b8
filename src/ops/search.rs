//! Finding numbers among others: sorted edges, members of a set, counts of values.

use super::{Case, case::Smooth, require};
use crate::{DType, Tensor};

/// Equal numbers, each once, and where they were.
#[derive(Clone, Debug)]
pub struct Unique {
    /// The numbers from the smallest to the largest, then fill.
    pub values: Tensor,
    /// Where each stood first, int32.
    pub indices: Tensor,
    /// For each element the place of its number among the values, int32.
    pub inverse: Tensor,
    /// How often each stood there, int32.
    pub counts: Tensor,
}

impl Tensor {
    /// How many of the sorted numbers `edges` (a vector) are less than each element, or with `right` not greater, as int32.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let places = Tensor::from([0.5f32, 1.0]).search_sorted(&Tensor::from([0.0f32, 1.0]), false);
    /// assert_eq!(places.to_vec::<i32>()?, [1, 1]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.searchsorted")]
    #[doc(alias = "keras.ops.digitize")]
    #[track_caller]
    pub fn search_sorted(&self, edges: &Tensor, right: bool) -> Tensor {
        require(edges.rank() == 1, format_args!("search_sorted: edges of shape {} are no vector", edges.shape()));
        let x = self.expand_dims(-1);
        let below = if right { x.greater_equal(edges) } else { x.greater(edges) };
        below.cast(DType::I32).sum(&[-1])
    }

    /// Whether each element is among those of `set`, as booleans.
    #[doc(alias = "keras.ops.isin")]
    #[track_caller]
    pub fn is_in(&self, set: &Tensor) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("is_in", &[self, set], &[]) {
            return symbol;
        }
        self.expand_dims(-1).equal(set.reshape([set.size()])).any(&[-1])
    }

    /// How often each number of 0..`count` stands along the last axis (int32), or the sums of the weights there. Other numbers are left
    /// out.
    #[doc(alias = "keras.ops.bincount")]
    #[track_caller]
    pub fn bin_count(&self, weights: Option<&Tensor>, count: usize) -> Tensor {
        let hits = self.expand_dims(-1).equal(self.places(count));
        match weights {
            None => hits.cast(DType::I32).sum(&[-2]),
            Some(weights) => {
                let zero = weights.zeros_like().expand_dims(-1);
                Tensor::where_(&hits, &weights.expand_dims(-1), &zero).sum(&[-2])
            }
        }
    }

    /// Each number of this tensor once, sorted, `count` of them: the largest are left out where there are more, and `fill` comes behind
    /// where there are less.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let found = Tensor::from([3, 1, 3]).unique(3, -1.0);
    /// assert_eq!(found.values.to_vec::<i32>()?, [1, 3, -1]);
    /// assert_eq!((found.inverse.to_vec::<i32>()?, found.counts.to_vec::<i32>()?), (vec![1, 0, 1], vec![1, 2, 0]));
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.unique")]
    #[track_caller]
    pub fn unique(&self, count: usize, fill: f64) -> Unique {
        let options = [true.into(), true.into(), true.into(), true.into(), serde_json::Value::Null, count.into(), fill.into()];
        if let Some(all) = crate::graph::symbolic_all("unique", &[self], &options) {
            let at = |index: usize| all[index.min(all.len() - 1)].clone();
            return Unique { values: at(0), indices: at(1), inverse: at(2), counts: at(3) };
        }
        let (flat, size) = (self.reshape([self.size()]), self.size());
        let order = flat.argsort(0);
        let sorted = flat.take(&order, 0);
        // Each run of equal numbers begins where an element differs from the one before it.
        let differs = sorted.section(0, 1.min(size), size.saturating_sub(1)).not_equal(sorted.section(0, 0, size.saturating_sub(1)));
        let begins = differs.cast(DType::I32).pad(&[(1.min(size), 0)], 1.0);
        let number = begins.cumsum(0) - 1;
        let counts = begins.ones_like().segment_sum(&number, count);
        let found = counts.greater(0);
        let first = order.segment_min(&number, count);
        let filled = |x: &Tensor, fill: f64| Tensor::where_(&found, x, &x.scalar_like(fill, x.dtype()).broadcast_to([count]));
        Unique {
            values: filled(&flat.take(&first.minimum(size as i32 - 1).maximum(0), 0), fill),
            indices: filled(&first, 1.0),
            // The order is a permutation: its inverse says where each element went.
            inverse: number.take(&order.argsort(0), 0).reshape(self.shape()),
            counts,
        }
    }

    /// 0..`count` as a vector of this tensor's dtype.
    pub(in crate::ops) fn places(&self, count: usize) -> Tensor {
        self.numbers_to(count).cast(self.dtype())
    }
}

pub(super) fn cases() -> Vec<Case> {
    let edges = || Tensor::from([-1.0f32, 0.0, 0.5, 2.0]);
    let below = |x: f64, right: bool| [-1.0, 0.0, 0.5, 2.0].iter().filter(|&&edge| edge < x || (right && edge == x)).count() as f64;
    let mut out = Vec::new();
    for right in [false, true] {
        let case = Case::new(
            format!("search_sorted, right {right}"),
            &[&[7]],
            move |x| x[0].search_sorted(&edges().cast(x[0].dtype()), right),
            move |x| x[0].mapv(|x| below(x, right)),
        );
        out.push(case.values(0, &[-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 9.0]).smooth(Smooth::No));
    }
    let case = Case::new("is_in", &[&[3, 4]], |x| x[0].is_in(&Tensor::from([1, 3])), |x| x[0].mapv(|x| f64::from(x == 1.0 || x == 3.0)));
    out.push(case.input(0, DType::I32, -4.0, 4.0).smooth(Smooth::No));
    let counts = |x: &super::case::Reference| {
        super::case::Reference::from_shape_fn(vec![3, 4], |at| {
            x.index_axis(ndarray::Axis(0), at[0]).iter().filter(|&&x| x == at[1] as f64).count() as f64
        })
    };
    let case = Case::new("bin_count", &[&[3, 7]], |x| x[0].bin_count(None, 4), move |x| counts(&x[0]));
    out.push(case.input(0, DType::I32, -1.0, 5.0).smooth(Smooth::No));
    let mut unique = Case::new("unique", &[&[9]], |x| x[0].clone(), |x| x[0].clone());
    unique.call = Box::new(|x| {
        let found = x[0].unique(6, -9.0);
        Ok(vec![found.values, found.indices, found.inverse, found.counts])
    });
    unique.reference = Box::new(|x| {
        let list: Vec<f64> = x[0].iter().copied().collect();
        let mut values = list.clone();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let padded = |of: &dyn Fn(f64) -> f64, fill: f64| {
            (0..6).map(|at| values.get(at).map_or(fill, |&value| of(value))).collect::<ndarray::Array1<f64>>().into_dyn()
        };
        let place = |value: f64| list.iter().position(|&x| x == value).unwrap_or(0) as f64;
        let inverse = list.iter().map(|x| values.iter().position(|value| value == x).unwrap_or(0) as f64).collect::<ndarray::Array1<f64>>();
        let count = |value: f64| list.iter().filter(|&&x| x == value).count() as f64;
        vec![padded(&|value| value, -9.0), padded(&place, 1.0), inverse.into_dyn(), padded(&count, 0.0)]
    });
    out.push(unique.input(0, DType::I32, 0.0, 4.0).smooth(Smooth::No));
    out
}
