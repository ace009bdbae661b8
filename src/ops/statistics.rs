//! Statistics composed of reductions: variances, norms, tests over axes.

use super::{
    Case,
    case::{Reference, Smooth},
};
use crate::{DType, Tensor};

impl Tensor {
    /// Variance over `axes`, all where none are given: the mean square of the distance from the mean, as in NumPy and Keras.
    #[doc(alias = "keras.ops.var")]
    #[track_caller]
    pub fn var(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("var", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        self.moments(axes).1
    }

    /// Standard deviation over `axes`, all where none are given: the root of [`Tensor::var`].
    #[doc(alias = "keras.ops.std")]
    #[track_caller]
    pub fn std(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("std", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        self.var(axes).sqrt()
    }

    /// Mean and variance over `axes`, all where none are given. The mean is subtracted before squaring, so that nothing cancels.
    #[doc(alias = "keras.ops.moments")]
    #[track_caller]
    pub fn moments(&self, axes: &[isize]) -> (Tensor, Tensor) {
        if let Some(both) = crate::graph::symbolic_all("moments", &[self], &[super::axes_json(axes)]) {
            return (both[0].clone(), both[both.len() - 1].clone());
        }
        if self.dtype().is_half() {
            let (mean, variance) = self.cast(DType::F32).moments(axes);
            return (mean.cast(self.dtype()), variance.cast(self.dtype()));
        }
        let mean = self.mean(axes);
        let variance = (self - mean.keep_dims(self.shape(), axes)).square().mean(axes);
        (mean, variance)
    }

    /// The vector norm of this order over `axes` taken together, all where none are given: `(Σ|x|ᵖ)^(1/p)`, for infinities the largest
    /// and the smallest magnitude, for 0 the number of elements that are not zero.
    #[doc(alias = "keras.ops.norm")]
    #[track_caller]
    pub fn norm(&self, order: f64, axes: &[isize]) -> Tensor {
        match order {
            1.0 => self.abs().sum(axes),
            2.0 => self.square().sum(axes).sqrt(),
            f64::INFINITY => self.abs().max(axes),
            f64::NEG_INFINITY => self.abs().min(axes),
            0.0 => self.count_nonzero(axes).cast(self.dtype()),
            _ => self.abs().pow(order).sum(axes).pow(1.0 / order),
        }
    }

    /// Whether any element over `axes` (all where none are given) is true, or not zero.
    #[doc(alias = "keras.ops.any")]
    #[track_caller]
    pub fn any(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("any", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        if self.size() == 0 { self.count_nonzero(axes).cast(DType::Bool) } else { self.cast(DType::Bool).max(axes) }
    }

    /// Whether all elements over `axes` (all where none are given) are true, or not zero.
    #[doc(alias = "keras.ops.all")]
    #[track_caller]
    pub fn all(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("all", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        if self.size() == 0 { self.count_nonzero(axes).equal(self.count_nonzero(axes)) } else { self.cast(DType::Bool).min(axes) }
    }

    /// How many elements over `axes` (all where none are given) are not zero, as int32.
    #[doc(alias = "keras.ops.count_nonzero")]
    #[track_caller]
    pub fn count_nonzero(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("count_nonzero", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        self.cast(DType::Bool).cast(DType::I32).sum(axes)
    }
}

/// The reference: `f` of each group of elements that is reduced over `axes`.
pub(super) fn fold_axes(x: &Reference, axes: &[usize], f: impl Fn(&[f64]) -> f64) -> Reference {
    let kept = (0..x.ndim()).filter(|axis| !axes.contains(axis));
    let order: Vec<usize> = kept.clone().chain(axes.iter().copied()).collect();
    let shape: Vec<usize> = kept.map(|axis| x.shape()[axis]).collect();
    let length: usize = axes.iter().map(|&axis| x.shape()[axis]).product();
    let flat: Vec<f64> = x.view().permuted_axes(order).iter().copied().collect();
    let size: usize = shape.iter().product();
    let results = (0..size).map(|at| f(&flat[at * length..(at + 1) * length])).collect();
    Reference::from_shape_vec(shape, results).expect("one result for each group")
}

pub(super) fn variance(x: &[f64]) -> f64 {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64
}

pub(super) fn cases() -> Vec<Case> {
    type Table = (&'static str, fn(&Tensor, &[isize]) -> Tensor, fn(&[f64]) -> f64, Smooth);
    let table: [Table; 9] = [
        ("var", Tensor::var, variance, Smooth::Twice),
        ("std", Tensor::std, |x| variance(x).sqrt(), Smooth::Twice),
        ("moments", |x, axes| x.moments(axes).0, |x| x.iter().sum::<f64>() / x.len() as f64, Smooth::Twice),
        ("norm 1", |x, axes| x.norm(1.0, axes), |x| x.iter().map(|x| x.abs()).sum(), Smooth::Once),
        ("norm 2", |x, axes| x.norm(2.0, axes), |x| x.iter().map(|x| x * x).sum::<f64>().sqrt(), Smooth::Twice),
        ("norm -inf", |x, axes| x.norm(f64::NEG_INFINITY, axes), |x| x.iter().fold(f64::MAX, |least, x| least.min(x.abs())), Smooth::Once),
        ("norm 0", |x, axes| x.norm(0.0, axes), |x| x.iter().filter(|x| **x != 0.0).count() as f64, Smooth::No),
        ("norm 3", |x, axes| x.norm(3.0, axes), |x| x.iter().map(|x| x.abs().powi(3)).sum::<f64>().cbrt(), Smooth::Twice),
        ("norm inf", |x, axes| x.norm(f64::INFINITY, axes), |x| x.iter().fold(0.0, |most, x| most.max(x.abs())), Smooth::Once),
    ];
    let shapes: [(&[usize], &'static [isize]); 5] =
        [(&[4, 5], &[1]), (&[3, 4], &[]), (&[2, 3, 4], &[0, 2]), (&[5, 3], &[0]), (&[3, 70], &[1])];
    let all = |shape: &[usize], axes: &[isize]| -> Vec<usize> {
        if axes.is_empty() { (0..shape.len()).collect() } else { axes.iter().map(|&axis| axis as usize).collect() }
    };
    let mut out = Vec::new();
    for (shape, axes) in shapes {
        for (name, call, reference, smooth) in table {
            let reduced = all(shape, axes);
            let case = Case::new(
                format!("{name} {shape:?} over {axes:?}"),
                &[shape],
                move |x| call(&x[0], axes),
                move |x| fold_axes(&x[0], &reduced, reference),
            );
            out.push(case.apart(0.001).smooth(smooth).tolerance(1e-5, 2e-5));
        }
    }
    type Test = (&'static str, fn(&Tensor, &[isize]) -> Tensor, fn(&[f64]) -> f64);
    let tests: [Test; 3] = [
        ("any", Tensor::any, |x| f64::from(x.iter().any(|&x| x != 0.0))),
        ("all", Tensor::all, |x| f64::from(x.iter().all(|&x| x != 0.0))),
        ("count_nonzero", Tensor::count_nonzero, |x| x.iter().filter(|&&x| x != 0.0).count() as f64),
    ];
    for (shape, axes) in shapes.into_iter().chain([(&[0, 3][..], &[0][..]), (&[0, 3], &[1]), (&[0], &[])]) {
        for (name, call, reference) in tests {
            for (dtype, high) in [(DType::Bool, 1.0), (DType::I32, 2.0)] {
                let reduced = all(shape, axes);
                let case = Case::new(
                    format!("{name} {dtype} {shape:?} over {axes:?}"),
                    &[shape],
                    move |x| call(&x[0], axes),
                    move |x| fold_axes(&x[0], &reduced, reference),
                );
                out.push(case.input(0, dtype, 0.0, high).smooth(Smooth::No));
            }
        }
    }
    // Far from zero the mean of squares minus the square of the mean would have no digit left.
    let far = Case::new("var far from zero", &[&[64]], |x| x[0].var(&[]), |x| fold_axes(&x[0], &[0], variance));
    out.push(far.range(998.0, 1002.0).smooth(Smooth::No).tolerance(2e-4, 2e-4));
    out
}
