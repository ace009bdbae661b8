//! Normalisations: by given moments, over axes of each sample, and by the root of the mean square.

mod batch;
mod layer;

use super::{
    Case,
    case::{Reference, Smooth},
    fits, record,
    statistics::fold_axes,
};
use crate::{DType, Result, Shape, Tensor, graph::apply};
use batch::{BatchNorm, Weights};
use layer::{Norm, Parts};
use ndarray::Dimension;

impl Tensor {
    /// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`; everything broadcasts to this tensor's shape.
    #[track_caller]
    pub fn normalize(&self, mean: &Tensor, variance: &Tensor, gamma: Option<&Tensor>, beta: Option<&Tensor>, epsilon: f32) -> Tensor {
        if self.dtype().is_half() {
            let [mean, variance] = [mean, variance].map(|t| t.cast(DType::F32));
            let [gamma, beta] = [gamma, beta].map(|t| t.map(|t| t.cast(DType::F32)));
            return self.in_f32(|x| x.normalize(&mean, &variance, gamma.as_ref(), beta.as_ref(), epsilon));
        }
        // What is calculated once a channel is small; the large tensor is read once.
        let inverse = (variance + epsilon).rsqrt();
        let scale = gamma.map_or(inverse.clone(), |gamma| inverse * gamma);
        let centred = (self - mean) * scale;
        beta.map_or(centred.clone(), |beta| centred + beta)
    }

    /// [`Tensor::normalize`] with mean, variance, gamma and beta of shape `(C,)` for the channels at `axis`.
    #[doc(alias = "keras.ops.batch_normalization")]
    #[track_caller]
    pub fn batch_normalization(
        &self,
        mean: &Tensor,
        variance: &Tensor,
        axis: isize,
        gamma: Option<&Tensor>,
        beta: Option<&Tensor>,
        epsilon: f32,
    ) -> Tensor {
        let axis = fits(self.shape().axis(axis), "batch_normalization");
        let spread = |t: &Tensor| self.lay_along(t, &[axis], "batch_normalization");
        let (gamma, beta) = (gamma.map(spread), beta.map(spread));
        self.normalize(&spread(mean), &spread(variance), gamma.as_ref(), beta.as_ref(), epsilon)
    }

    /// [`Tensor::batch_normalization`] by the moments of this tensor itself, as one kernel. Also gives the moving mean and variance
    /// as `moving * momentum + own * (1 - momentum)`.
    ///
    /// # Errors
    /// When a shape does not fit, or when there are no elements.
    pub(crate) fn normalize_batch(
        &self,
        axis: isize,
        weights: [Option<&Tensor>; 2],
        moving: [&Tensor; 2],
        momentum: f32,
        epsilon: f32,
    ) -> Result<[Tensor; 3]> {
        let axis = self.shape().axis(axis)? as isize;
        let (last, [gamma, beta]) = (axis as usize == self.rank() - 1, weights);
        let rows = if last { self.clone() } else { self.swap_axes(axis, -1) };
        let op = BatchNorm { weights: Weights { gamma: gamma.is_some(), beta: beta.is_some() }, epsilon, momentum };
        let inputs: Vec<&Tensor> = [&rows].into_iter().chain(moving).chain(gamma).chain(beta).collect();
        let outputs = apply(op, &inputs)?;
        let out = if last { outputs[0].clone() } else { outputs[0].swap_axes(axis, -1) };
        Ok([out, outputs[2].clone(), outputs[3].clone()])
    }

    /// [`Tensor::normalize`] by the moments of each sample over `axes`; gamma and beta have the sizes of those axes.
    #[doc(alias = "keras.ops.layer_normalization")]
    #[track_caller]
    pub fn layer_norm(&self, axes: &[isize], gamma: Option<&Tensor>, beta: Option<&Tensor>, epsilon: f32) -> Tensor {
        if self.is_symbol() {
            let (mean, variance) = self.moments(axes);
            let keep = |x: &Tensor| x.keep_dims(self.shape(), axes);
            return self.normalize(&keep(&mean), &keep(&variance), gamma, beta, epsilon);
        }
        self.norm_rows("layer_norm", axes, true, [gamma, beta], epsilon)
    }

    /// `x / sqrt(mean(x²) + epsilon) * gamma` over `axes`; gamma has the sizes of those axes.
    #[doc(alias = "keras.ops.rms_normalization")]
    #[track_caller]
    pub fn rms_norm(&self, axes: &[isize], gamma: Option<&Tensor>, epsilon: f32) -> Tensor {
        self.norm_rows("rms_norm", axes, false, [gamma, None], epsilon)
    }

    /// Normalizes over `axes`, which meanwhile become one last axis.
    #[track_caller]
    fn norm_rows(&self, name: &str, axes: &[isize], centred: bool, weights: [Option<&Tensor>; 2], epsilon: f32) -> Tensor {
        let axes = fits(self.shape().axes(axes), name);
        let sizes: Shape = axes.iter().map(|&axis| self.shape()[axis]).collect();
        let flat = weights.map(|weight| {
            weight.map(|weight| {
                crate::ops::require(
                    *weight.shape() == sizes,
                    format_args!("{name}: a weight of shape {} where axes {axes:?} of shape {} need {sizes}", weight.shape(), self.shape()),
                );
                weight.reshape([sizes.size()])
            })
        });
        let kept: Vec<usize> = (0..self.rank()).filter(|axis| !axes.contains(axis)).collect();
        let order: Vec<isize> = kept.iter().chain(&axes).map(|&axis| axis as isize).collect();
        let in_place = order.is_sorted();
        let moved = if in_place { self.clone() } else { self.permute(&order) };
        let rows = moved.reshape(kept.iter().map(|&axis| self.shape()[axis]).chain([sizes.size()]).collect::<Shape>());
        let [gamma, beta] = &flat;
        let parts = Parts { centred, scaled: gamma.is_some(), moved: beta.is_some() };
        let inputs: Vec<&Tensor> = [Some(&rows), gamma.as_ref(), beta.as_ref()].into_iter().flatten().collect();
        let out = record(Norm { parts, epsilon }, &inputs).reshape(moved.shape());
        if in_place {
            return out;
        }
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &axis)| back[axis as usize] = at as isize);
        out.permute(&back)
    }

    /// `t`, whose axes are `axes` of this tensor, with all other axes of size one.
    #[track_caller]
    fn lay_along(&self, t: &Tensor, axes: &[usize], name: &str) -> Tensor {
        let wanted: Shape = axes.iter().map(|&axis| self.shape()[axis]).collect();
        crate::ops::require(
            *t.shape() == wanted,
            format_args!("{name}: a tensor of shape {} where axes {axes:?} of shape {} need {wanted}", t.shape(), self.shape()),
        );
        t.reshape((0..self.rank()).map(|axis| if axes.contains(&axis) { self.shape()[axis] } else { 1 }).collect::<Shape>())
    }
}

/// The reference: `(x - mean) / sqrt(variance + 1e-3)` by the moments over `axes`, without the mean where `root_mean_square`.
fn normalized(x: &Reference, axes: &[usize], root_mean_square: bool) -> Reference {
    let keep = |t: Reference| axes.iter().fold(t, |t, &axis| t.insert_axis(ndarray::Axis(axis)));
    let count = |x: &[f64]| x.len() as f64;
    let mean = keep(fold_axes(x, axes, |x| if root_mean_square { 0.0 } else { x.iter().sum::<f64>() / count(x) }));
    let centred = x - &mean;
    let variance = keep(fold_axes(&centred, axes, |x| x.iter().map(|x| x * x).sum::<f64>() / count(x)));
    centred / variance.mapv(|v| (v + 1e-3).sqrt())
}

/// `x * gamma + beta` with gamma and beta along `axes`.
fn scaled(x: &Reference, axes: &[usize], gamma: &Reference, beta: Option<&Reference>) -> Reference {
    Reference::from_shape_fn(x.raw_dim(), |at| {
        let own: Vec<usize> = axes.iter().map(|&axis| at.as_array_view()[axis]).collect();
        x[&at] * gamma[&own[..]] + beta.map_or(0.0, |beta| beta[&own[..]])
    })
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    let finish = |case: Case| case.smooth(Smooth::Twice).tolerance(2e-5, 5e-5);
    for (shape, axes) in [(&[4, 6][..], &[-1isize][..]), (&[2, 3, 4], &[1, 2]), (&[2, 5, 3], &[1]), (&[3, 130], &[-1]), (&[70, 33], &[-1])]
    {
        let indices: Vec<usize> = Shape::from(shape).axes(axes).expect("cases fit").to_vec();
        let sizes: Vec<usize> = indices.iter().map(|&axis| shape[axis]).collect();
        let (of_layer, of_rms) = (indices.clone(), indices.clone());
        let finish = |case: Case| finish(case).fused();
        out.push(finish(Case::new(
            format!("layer_norm {shape:?} over {axes:?}"),
            &[shape, &sizes, &sizes],
            move |x| x[0].layer_norm(axes, Some(&x[1]), Some(&x[2]), 1e-3),
            move |x| scaled(&normalized(&x[0], &of_layer, false), &of_layer, &x[1], Some(&x[2])),
        )));
        out.push(finish(Case::new(
            format!("rms_norm {shape:?} over {axes:?}"),
            &[shape, &sizes],
            move |x| x[0].rms_norm(axes, Some(&x[1]), 1e-3),
            move |x| scaled(&normalized(&x[0], &of_rms, true), &of_rms, &x[1], None),
        )));
        out.push(finish(Case::new(
            format!("layer_norm {shape:?} over {axes:?}, plain"),
            &[shape],
            move |x| x[0].layer_norm(axes, None, None, 1e-3),
            move |x| normalized(&x[0], &indices, false),
        )));
    }
    for (axis, over) in [(-1isize, &[0isize, 1][..]), (1, &[0, 2])] {
        let channels = Shape::from([3, 4, 5]).axis(axis).expect("a case fits");
        let sizes = [[3, 4, 5][channels]];
        let reduced: Vec<usize> = over.iter().map(|&axis| axis as usize).collect();
        out.push(finish(Case::new(
            format!("batch_normalization of axis {axis} by its own moments"),
            &[&[3, 4, 5], &sizes, &sizes],
            move |x| {
                let (mean, variance) = x[0].moments(over);
                x[0].batch_normalization(&mean, &variance, axis, Some(&x[1]), Some(&x[2]), 1e-3)
            },
            move |x| scaled(&normalized(&x[0], &reduced, false), &[channels], &x[1], Some(&x[2])),
        )));
    }
    out.extend(trained_cases());
    let given = Case::new(
        "normalize by given moments",
        &[&[4, 3], &[3], &[3]],
        |x| x[0].normalize(&x[1], &x[2].square(), None, None, 1e-3),
        |x| (&x[0] - &x[1]) / x[2].mapv(|s| (s * s + 1e-3).sqrt()),
    );
    out.push(finish(given.range(0.5, 2.0)));
    out
}

/// Batch normalization by the batch's own moments: alone, and with the moved moments, whose gradients take another way.
fn trained_cases() -> Vec<Case> {
    let mut out = Vec::new();
    for (shape, axis) in [(&[3, 4, 5][..], 2usize), (&[3, 4, 5], 1), (&[700, 3], 1), (&[9, 40], 1)] {
        let columns = [shape[axis]];
        let shapes: [&[usize]; 5] = [shape, &columns, &columns, &columns, &columns];
        let others: Vec<usize> = (0..shape.len()).filter(|&other| other != axis).collect();
        for (scaled_by, moved_by, moving) in [(true, true, false), (false, true, false), (true, false, false), (true, true, true)] {
            let name = format!("batch normalization {shape:?} of axis {axis}, gamma {scaled_by}, beta {moved_by}, moving {moving}");
            let mut case = Case::new(name, &shapes, |x| x[0].clone(), |x| x[0].clone());
            case.call = Box::new(move |x| {
                let weights = [Some(&x[1]).filter(|_| scaled_by), Some(&x[2]).filter(|_| moved_by)];
                let outputs = x[0].normalize_batch(axis as isize, weights, [&x[3], &x[4]], 0.9, 1e-3)?;
                Ok(outputs.into_iter().take(if moving { 3 } else { 1 }).collect())
            });
            let others = others.clone();
            case.reference = Box::new(move |x| {
                let one = Reference::from_elem(x[1].raw_dim(), 1.0);
                let gamma = if scaled_by { &x[1] } else { &one };
                let y = scaled(&normalized(&x[0], &others, false), &[axis], gamma, Some(&x[2]).filter(|_| moved_by));
                let mean = fold_axes(&x[0], &others, |x| x.iter().sum::<f64>() / x.len() as f64);
                let variance = fold_axes(&x[0], &others, super::statistics::variance);
                let outputs = vec![y, &x[3] * 0.9 + mean * 0.1, &x[4] * 0.9 + variance * 0.1];
                outputs.into_iter().take(if moving { 3 } else { 1 }).collect()
            });
            out.push(case.smooth(Smooth::Twice).tolerance(2e-5, 5e-5).fused());
        }
    }
    out
}
