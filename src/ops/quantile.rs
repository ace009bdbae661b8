//! Quantiles: sorted rows, read between two places.

use super::{Case, case::Smooth, fits, statistics::fold_axes};
use crate::{
    DType, Error, Result, Shape, Tensor,
    config::{Choice, Value},
};

/// Where between two neighbours in order a quantile lies.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Between {
    /// In proportion to how near each is.
    #[default]
    Linear,
    /// The lower one.
    Lower,
    /// The higher one.
    Higher,
    /// In the middle of both.
    Midpoint,
    /// The nearer one.
    Nearest,
}

impl Tensor {
    /// What a share of `q`, from 0 to 1, of the elements over `axes` (all where none are given) does not exceed. With `q` of one
    /// element and no axes the result is that of a reduction; several give a new first axis. A NaN among the elements makes the
    /// result NaN.
    ///
    /// ```
    /// use wgrad::{ops::Between, prelude::*};
    /// let x = Tensor::from([1.0f32, 2.0, 4.0, 8.0]);
    /// assert_eq!(x.quantile(&Tensor::from(0.5f32), &[], Between::Linear).item::<f32>()?, 3.0);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is nothing over `axes`, or `q` has more than one axis.
    #[doc(alias = "keras.ops.quantile")]
    #[doc(alias = "keras.ops.percentile")]
    #[track_caller]
    pub fn quantile(&self, q: &Tensor, axes: &[isize], between: Between) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("quantile", &[self, q], &[super::axes_json(axes), between.to_json()]) {
            return symbol;
        }
        if self.dtype().is_half() {
            return self.in_f32(|x| x.quantile(q, axes, between));
        }
        let rows = fits(self.sorted_rows(axes), "quantile");
        let is_nan = rows.is_nan().any(&[-1]);
        let count = rows.zeros_like().sum(&[-1]) + rows.shape()[rows.rank() - 1] as f32;
        fits(rows.read_quantile(q, &count, between), "quantile").unless(&is_nan)
    }

    /// [`Tensor::quantile`] without NaN; NaN where there is nothing else.
    #[doc(alias = "keras.ops.nanquantile")]
    #[doc(alias = "keras.ops.nanpercentile")]
    #[track_caller]
    pub fn nan_quantile(&self, q: &Tensor, axes: &[isize], between: Between) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("nanquantile", &[self, q], &[super::axes_json(axes), between.to_json()]) {
            return symbol;
        }
        if self.dtype().is_half() {
            return self.in_f32(|x| x.nan_quantile(q, axes, between));
        }
        let rows = fits(self.sorted_rows(axes), "nan_quantile");
        // NaN stands at the end.
        let count = rows.is_nan().logical_not().cast(DType::F32).sum(&[-1]);
        let result = fits(rows.without_nan(0.0).read_quantile(q, &count, between), "nan_quantile");
        result.unless(&count.equal(0.0))
    }

    /// The middle element over `axes`, all where none are given, or the mean of the two in the middle.
    #[doc(alias = "keras.ops.median")]
    #[track_caller]
    pub fn median(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("median", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        self.quantile(&self.scalar_like(0.5, DType::F32), axes, Between::Linear)
    }

    /// NaN where `condition` is true; it lacks this tensor's first axes, if it lacks some.
    fn unless(&self, condition: &Tensor) -> Tensor {
        Tensor::where_(condition, &(self.ones_like() * f32::NAN), self)
    }

    /// The elements over `axes` along a last axis, sorted.
    fn sorted_rows(&self, axes: &[isize]) -> Result<Tensor> {
        let axes = self.shape().axes(axes)?;
        let kept: Vec<usize> = (0..self.rank()).filter(|axis| !axes.contains(axis)).collect();
        let order: Vec<isize> = kept.iter().chain(&axes).map(|&axis| axis as isize).collect();
        let length: usize = axes.iter().map(|&axis| self.shape()[axis]).product();
        if length == 0 {
            return Err(Error::shape(format!("shape {} has no elements over axes {axes:?}", self.shape())));
        }
        let shape: Shape = kept.iter().map(|&axis| self.shape()[axis]).chain([length]).collect();
        let flat = if self.rank() == 0 { self.clone() } else { self.permute(&order) };
        Ok(flat.reshape(shape).sort(-1))
    }

    /// The quantiles of sorted rows, of which the first `count` elements each count.
    fn read_quantile(&self, q: &Tensor, count: &Tensor, between: Between) -> Result<Tensor> {
        if q.rank() > 1 {
            return Err(Error::shape(format!("shares of shape {} have more than one axis", q.shape())));
        }
        let shares = q.size();
        // (rows..., shares)
        let last = (count - 1.0).maximum(0.0).expand_dims(-1);
        let exact = &last * q.cast(DType::F32).reshape([shares]);
        let at = |place: &Tensor| self.take_along_axis(&place.maximum(0.0).minimum(&last).cast(DType::I32), -1);
        let values = match between {
            Between::Lower => at(&exact.floor()),
            Between::Higher => at(&exact.ceil()),
            Between::Nearest => at(&exact.round()),
            Between::Midpoint => (at(&exact.floor()) + at(&exact.ceil())) * 0.5,
            Between::Linear => {
                let low = exact.floor();
                let share = &exact - &low;
                let (below, above) = (at(&low), at(&(&low + 1.0)));
                &below + (above - &below) * share.cast(self.dtype())
            }
        };
        if q.rank() == 0 {
            return Ok(values.squeeze(&[-1]));
        }
        let order: Vec<isize> = [-1].into_iter().chain(0..values.rank() as isize - 1).collect();
        Ok(values.permute(&order))
    }
}

pub(super) fn cases() -> Vec<Case> {
    fn linear(x: &[f64], q: f64) -> f64 {
        let mut x = x.to_vec();
        x.sort_by(f64::total_cmp);
        let place = (x.len() - 1) as f64 * q;
        let (low, high) = (x[place.floor() as usize], x[place.ceil() as usize]);
        low + (high - low) * place.fract()
    }
    let shares = || Tensor::from([0.25f32, 0.6]);
    vec![
        Case::new("median", &[&[4, 5]], |x| x[0].median(&[1]), |x| fold_axes(&x[0], &[1], |x| linear(x, 0.5))).apart(0.01),
        Case::new("median of all", &[&[4, 5]], |x| x[0].median(&[]), |x| fold_axes(&x[0], &[0, 1], |x| linear(x, 0.5))).apart(0.01),
        Case::new(
            "quantile",
            &[&[3, 7]],
            move |x| x[0].quantile(&shares(), &[1], Between::Linear),
            |x| {
                let each = [0.25, f64::from(0.6f32)].map(|q| fold_axes(&x[0], &[1], |x| linear(x, q)));
                ndarray::stack(ndarray::Axis(0), &[each[0].view(), each[1].view()]).expect("of one shape")
            },
        )
        .apart(0.01),
        Case::new(
            "nan_quantile",
            &[&[2, 4]],
            move |x| x[0].nan_quantile(&Tensor::from(0.5f32), &[1], Between::Linear),
            |x| fold_axes(&x[0], &[1], |x| linear(&x.iter().copied().filter(|x| !x.is_nan()).collect::<Vec<_>>(), 0.5)),
        )
        .values(0, &[1.0, f64::NAN, 4.0, 3.0, f64::NAN, 2.0, 2.5, f64::NAN])
        .smooth(Smooth::No),
    ]
}
