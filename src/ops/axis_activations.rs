//! Activations that look along an axis, composed of other ops: GLU and sparsemax.

use super::{
    Case,
    case::{Reference, Smooth},
    fits,
};
use crate::Tensor;

impl Tensor {
    /// `a * sigmoid(b)` with the halves `a` and `b` of `axis` (Dauphin et al., 2017).
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// assert_eq!(Tensor::from([3.0, 5.0, 0.0, 0.0]).glu(-1).to_vec::<f32>()?, [1.5, 2.5]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the axis' size is odd.
    #[doc(alias = "keras.ops.glu")]
    #[doc(alias = "keras.activations.glu")]
    #[track_caller]
    pub fn glu(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("glu", &[self], &[axis.into()]) {
            return symbol;
        }
        let halves = self.split(2, axis);
        &halves[0] * halves[1].sigmoid()
    }

    /// `max(x - τ, 0)` along `axis`, in the manner of Martins and Astudillo (2016): sums of the sorted elements tell how many
    /// stay above the threshold τ. As in Keras, τ is made of all these sums, not of the last one alone, so that the result adds
    /// up to one only where a single element stays.
    #[doc(alias = "keras.ops.sparsemax")]
    #[doc(alias = "keras.activations.sparsemax")]
    #[track_caller]
    pub fn sparsemax(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("sparsemax", &[self], &[axis.into()]) {
            return symbol;
        }
        if self.dtype().is_half() {
            return self.in_f32(|x| x.sparsemax(axis));
        }
        let at = fits(self.shape().axis(axis), "sparsemax") as isize;
        let rows = self.swap_axes(at, -1);
        let (sorted, _) = rows.top_k(self.shape()[at as usize]);
        let sums = sorted.cumsum(-1);
        let stays = (&sorted - (&sums - 1.0) / sorted.ones_like().cumsum(-1)).greater(0.0);
        let count = stays.cast(self.dtype()).sum(&[-1]);
        let threshold = (Tensor::where_(&stays, &sums, &sums.zeros_like()).sum(&[-1]) - 1.0) / count;
        (rows - threshold.expand_dims(-1)).relu().swap_axes(at, -1)
    }
}

fn sparsemax(x: &Reference, axis: usize) -> Reference {
    let mut out = x.clone();
    for mut line in out.lanes_mut(ndarray::Axis(axis)) {
        let mut sorted = line.to_vec();
        sorted.sort_by(|a, b| b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal));
        let (mut sum, mut sums, mut count) = (0.0, 0.0, 0.0);
        for (at, x) in sorted.iter().enumerate() {
            sum += x;
            if x - (sum - 1.0) / (at as f64 + 1.0) > 0.0 {
                (sums, count) = (sums + sum, count + 1.0);
            }
        }
        let threshold = (sums - 1.0) / count;
        line.mapv_inplace(|x| if x < threshold { 0.0 } else { x - threshold });
    }
    out
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    for (shape, axis) in [(&[4, 6][..], 1usize), (&[6, 5], 0), (&[2, 4, 3], 1)] {
        let call = move |x: &[Tensor]| x[0].glu(axis as isize);
        let case = Case::new(format!("glu {shape:?} along {axis}"), &[shape], call, move |x| {
            let (a, b) = x[0].view().split_at(ndarray::Axis(axis), shape[axis] / 2);
            &a * &b.mapv(|x| 1.0 / (1.0 + (-x).exp()))
        });
        out.push(case.smooth(Smooth::Twice));
        let call = move |x: &[Tensor]| x[0].sparsemax(axis as isize);
        let case = Case::new(format!("sparsemax {shape:?} along {axis}"), &[shape], call, move |x| sparsemax(&x[0], axis));
        out.push(case.range(-0.5, 0.5).apart(0.005));
    }
    out
}
