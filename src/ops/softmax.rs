//! Softmax, its logarithm, and the logarithm of a sum of exponentials: safe for any finite numbers and for rows of -∞.

use super::{
    Case,
    case::{Reference, Smooth},
    fits,
};
use crate::{Shape, Tensor};

impl Tensor {
    /// The maximum over `axes` (kept with size one, without a gradient), this tensor minus it, and the exponentials' sum.
    #[track_caller]
    fn shifted(&self, axes: &[isize]) -> (Tensor, Tensor, Tensor) {
        // ∞ - ∞ is NaN, so that an infinite maximum shifts nothing; and where all is -∞, the sum of zeros becomes 1.
        let peak = self.max(axes).keep_dims(self.shape(), axes).stop_gradient();
        let shifted = self - Tensor::where_(&peak.is_finite(), &peak, &peak.zeros_like());
        let sum = shifted.exp().sum(axes).keep_dims(self.shape(), axes);
        (peak, shifted, Tensor::where_(&sum.equal(0.0), &sum.ones_like(), &sum))
    }

    /// `e^x / sum(e^x)` along `axis`. A row of -∞ gives zeros.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// assert_eq!(Tensor::from([[1000.0, 1000.0]]).softmax(-1).to_vec::<f32>()?, [0.5, 0.5]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.softmax")]
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Tensor {
        if self.size() == 0 {
            return self.clone();
        }
        let (_, shifted, sum) = self.shifted(&[axis]);
        let probabilities = shifted.exp() / sum;
        if self.shape().axis(axis) == Ok(self.rank() - 1) { probabilities.as_softmax_of(self) } else { probabilities }
    }

    /// `x - log(sum(e^x))` along `axis`. A row of -∞ stays.
    #[doc(alias = "keras.ops.log_softmax")]
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Tensor {
        if self.size() == 0 {
            return self.clone();
        }
        let (_, shifted, sum) = self.shifted(&[axis]);
        &shifted - sum.log()
    }

    /// `log(sum(e^x))` over `axes`, all where none are given. -∞ where all are -∞.
    #[doc(alias = "keras.ops.logsumexp")]
    #[track_caller]
    pub fn logsumexp(&self, axes: &[isize]) -> Tensor {
        let (peak, _, sum) = self.shifted(axes);
        let log = sum.log() + peak;
        let axes = fits(self.shape().axes(axes), "logsumexp");
        log.reshape((0..self.rank()).filter(|axis| !axes.contains(axis)).map(|axis| self.shape()[axis]).collect::<Shape>())
    }
}

/// The reference of log-softmax, itself shifted by the maximum.
pub(super) fn log_softmax(x: &Reference, axis: usize) -> Reference {
    let mut out = x.clone();
    for mut row in out.lanes_mut(ndarray::Axis(axis)) {
        let peak = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let peak = if peak.is_finite() { peak } else { 0.0 };
        let sum: f64 = row.iter().map(|x| (x - peak).exp()).sum();
        row.mapv_inplace(|x| x - peak - if sum == 0.0 { 0.0 } else { sum.ln() });
    }
    out
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    for (shape, axis) in [(&[4, 5][..], 1usize), (&[3, 70], 1), (&[5, 4], 0), (&[2, 3, 4], 1), (&[1], 0), (&[0, 3], 1), (&[3, 0], 1)] {
        let mut add = |name: &str, call: fn(&Tensor, isize) -> Tensor, reference: fn(&Reference, usize) -> Reference| {
            let case = Case::new(
                format!("{name} {shape:?} along {axis}"),
                &[shape],
                move |x| call(&x[0], axis as isize),
                move |x| reference(&x[0], axis),
            );
            out.push(case.range(-5.0, 5.0).smooth(Smooth::Twice).tolerance(1e-5, 5e-5));
        };
        add("softmax", Tensor::softmax, |x, axis| log_softmax(x, axis).mapv(f64::exp));
        add("log_softmax", Tensor::log_softmax, log_softmax);
    }
    for (shape, axes) in [(&[4, 5][..], &[1][..]), (&[3, 4], &[]), (&[2, 3, 4], &[0, 2])] {
        let all: Vec<usize> = if axes.is_empty() { (0..shape.len()).collect() } else { axes.iter().map(|&axis| axis as usize).collect() };
        let case = Case::new(
            format!("logsumexp {shape:?} over {axes:?}"),
            &[shape],
            move |x| x[0].logsumexp(axes),
            move |x| all.iter().rev().fold(x[0].mapv(f64::exp), |sum, &axis| sum.sum_axis(ndarray::Axis(axis))).mapv(f64::ln),
        );
        out.push(case.smooth(Smooth::Twice).tolerance(1e-5, 5e-5));
    }
    // Rows of -∞, and rows where one number is left.
    let masked = |x: &Tensor| x - Tensor::from([[f32::INFINITY; 3], [f32::INFINITY, 0.0, f32::INFINITY]]);
    let masked_reference = |x: &Reference| {
        let mut x = x.clone();
        (0..6).filter(|&i| i != 4).for_each(|i| x[[i / 3, i % 3]] = f64::NEG_INFINITY);
        x
    };
    let both = move |x: &[Tensor]| masked(&x[0]).softmax(1);
    out.push(Case::new("softmax of -inf", &[&[2, 3]], both, move |x| log_softmax(&masked_reference(&x[0]), 1).mapv(f64::exp)));
    let log = move |x: &[Tensor]| masked(&x[0]).log_softmax(1);
    out.push(Case::new("log_softmax of -inf", &[&[2, 3]], log, move |x| log_softmax(&masked_reference(&x[0]), 1)).smooth(Smooth::No));
    out.push(
        Case::new(
            "logsumexp of -inf",
            &[&[2, 3]],
            move |x| masked(&x[0]).logsumexp(&[1]),
            |x| ndarray::arr1(&[f64::NEG_INFINITY, x[0][[1, 1]]]).into_dyn(),
        )
        .smooth(Smooth::No),
    );
    out.push(
        Case::new(
            "softmax of large numbers",
            &[&[6, 9]],
            |x| (&x[0] * 500.0f32).softmax(1),
            |x| log_softmax(&x[0].mapv(|x| x * 500.0), 1).mapv(f64::exp),
        )
        .tolerance(2e-4, 1e-3)
        .smooth(Smooth::No),
    );
    out
}
