//! Reductions that leave NaN out: composed of the others.

use super::{
    Case,
    case::Smooth,
    statistics::{fold_axes, variance},
};
use crate::Tensor;

impl Tensor {
    /// This with `value` in place of NaN; integers have none.
    pub(in crate::ops) fn without_nan(&self, value: f32) -> Tensor {
        if !self.dtype().is_float() {
            return self.clone();
        }
        Tensor::where_(&self.is_nan(), &(self.ones_like() * value), self)
    }

    /// How many elements over `axes` are not NaN, as floats.
    fn count_numbers(&self, axes: &[isize]) -> Tensor {
        self.is_nan().logical_not().cast(self.dtype()).sum(axes)
    }

    /// [`Tensor::sum`] without NaN.
    #[doc(alias = "keras.ops.nansum")]
    #[track_caller]
    pub fn nan_sum(&self, axes: &[isize]) -> Tensor {
        self.without_nan(0.0).sum(axes)
    }

    /// [`Tensor::prod`] without NaN.
    #[doc(alias = "keras.ops.nanprod")]
    #[track_caller]
    pub fn nan_prod(&self, axes: &[isize]) -> Tensor {
        self.without_nan(1.0).prod(axes)
    }

    /// [`Tensor::max`] without NaN; NaN where there is nothing else.
    #[doc(alias = "keras.ops.nanmax")]
    #[track_caller]
    pub fn nan_max(&self, axes: &[isize]) -> Tensor {
        self.nan_extremum(f32::NEG_INFINITY, axes, Tensor::max)
    }

    /// [`Tensor::min`] without NaN; NaN where there is nothing else.
    #[doc(alias = "keras.ops.nanmin")]
    #[track_caller]
    pub fn nan_min(&self, axes: &[isize]) -> Tensor {
        self.nan_extremum(f32::INFINITY, axes, Tensor::min)
    }

    #[track_caller]
    fn nan_extremum(&self, start: f32, axes: &[isize], run: fn(&Tensor, &[isize]) -> Tensor) -> Tensor {
        if !self.dtype().is_float() {
            return run(self, axes);
        }
        let found = run(&self.without_nan(start), axes);
        Tensor::where_(&self.is_nan().all(axes), &(found.ones_like() * f32::NAN), &found)
    }

    /// [`Tensor::mean`] without NaN; NaN where there is nothing else.
    #[doc(alias = "keras.ops.nanmean")]
    #[track_caller]
    pub fn nan_mean(&self, axes: &[isize]) -> Tensor {
        self.nan_sum(axes) / self.count_numbers(axes)
    }

    /// [`Tensor::var`] without NaN; NaN where there is nothing else.
    #[doc(alias = "keras.ops.nanvar")]
    #[track_caller]
    pub fn nan_var(&self, axes: &[isize]) -> Tensor {
        let distance = self - self.nan_mean(axes).keep_dims(self.shape(), axes);
        distance.without_nan(0.0).square().sum(axes) / self.count_numbers(axes)
    }

    /// [`Tensor::std`] without NaN; NaN where there is nothing else.
    #[doc(alias = "keras.ops.nanstd")]
    #[track_caller]
    pub fn nan_std(&self, axes: &[isize]) -> Tensor {
        self.nan_var(axes).sqrt()
    }
}

pub(super) fn cases() -> Vec<Case> {
    type Line = (&'static str, fn(&Tensor, &[isize]) -> Tensor, fn(&[f64]) -> f64);
    let lines: [Line; 7] = [
        ("nan_sum", Tensor::nan_sum, |x| x.iter().sum()),
        ("nan_prod", Tensor::nan_prod, |x| x.iter().product()),
        ("nan_max", Tensor::nan_max, |x| x.iter().copied().fold(f64::NAN, f64::max)),
        ("nan_min", Tensor::nan_min, |x| x.iter().copied().fold(f64::NAN, f64::min)),
        ("nan_mean", Tensor::nan_mean, |x| x.iter().sum::<f64>() / x.len() as f64),
        ("nan_var", Tensor::nan_var, |x| if x.is_empty() { f64::NAN } else { variance(x) }),
        ("nan_std", Tensor::nan_std, |x| if x.is_empty() { f64::NAN } else { variance(x).sqrt() }),
    ];
    let mut out = Vec::new();
    let numbers = |x: &[f64]| x.iter().copied().filter(|x| !x.is_nan()).collect::<Vec<_>>();
    let nan = f64::NAN;
    for (name, call, reference) in lines {
        let case = Case::new(name, &[&[4, 5]], move |x| call(&x[0], &[1]), move |x| fold_axes(&x[0], &[1], |x| reference(&numbers(x))));
        out.push(case.smooth(Smooth::Once).apart(0.01));
        let case = Case::new(
            format!("{name} of NaN"),
            &[&[3, 3]],
            move |x| call(&x[0], &[1]),
            move |x| fold_axes(&x[0], &[1], |x| reference(&numbers(x))),
        );
        out.push(case.values(0, &[1.0, nan, -2.0, nan, nan, nan, 3.0, 0.5, nan]).smooth(Smooth::No));
    }
    out
}
