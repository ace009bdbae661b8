//! Softmax, its logarithm, and the logarithm of a sum of exponentials: safe for any finite numbers and for rows of -∞.

use super::{
    Case,
    case::{Reference, Smooth},
    fits, record,
    rows::{Lanes, float_rows, for_rows, rows},
};
use crate::{
    Result, Shape, Tensor,
    device::{
        cpu::{
            math,
            pool::SharedMut,
            rows as vector,
            simd::{map1, map2, stream2, update1},
        },
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, apply_one},
    shape::Spec,
};
use smallvec::SmallVec;

/// More gradients than this leave caches before somebody reads them.
const LARGE: usize = 2 << 20;

/// Softmax along the last axis, or its logarithm.
#[derive(Debug)]
struct Softmax {
    log: bool,
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        if self.log { "log_softmax" } else { "softmax" }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        Ok(SmallVec::from_iter([float_rows(inputs[0])?.clone()]))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0) else { return Ok(vec![None]) };
        Ok(vec![Some(apply_one(SoftmaxGradient { log: self.log }, &[&cx.output(0), dy])?)])
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let (_, shifted, sum) = inputs[0].shifted(&[-1]);
        Some(vec![if self.log { shifted - sum.log() } else { (shifted.exp() / sum).as_softmax_of(&inputs[0]) }])
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let (x, (count, length)) = (call.inputs[0].f32(), rows(call.inputs[0].shape()));
        let out = SharedMut::new(call.outputs[0].f32());
        for_rows(count, length, &|row| {
            let range = row * length..(row + 1) * length;
            // SAFETY: each row belongs to one task.
            let (x, out) = (&x[range.clone()], unsafe { out.slice(range) });
            let shift = vector::shift(x);
            if self.log {
                let log = math::ln(positive(vector::sum_of(x, |x| math::exp_below(x - shift))));
                map1(x, out, |x: f32| x - shift - log);
            } else {
                let scale = 1.0 / positive(vector::map_sum(x, out, |x| math::exp_below(x - shift)));
                update1(out, |e: f32| e * scale);
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, output) = (&call.inputs[0], &call.outputs[0]);
        let (count, length) = rows(input.shape());
        let lanes = Lanes::of_rows(call.caps, length);
        let log = "fn result(shifted: f32, sum: f32) -> f32 { return shifted - log_accurate(sum); }";
        let blocks = [("lanes", &*lanes.block), ("result", log)];
        let kernel = compose(self.name(), include_str!("../../shaders/softmax.wgsl"), &blocks[..1 + usize::from(self.log)])?;
        let args = [count.into(), length.into(), f32::NEG_INFINITY.into()];
        call.dispatch(kernel, &args, &[input], &[output], call.linear(count, lanes.per_group));
        Ok(())
    }
}

/// From the result `y` of a softmax, or its logarithm, and the upstream gradient `dy` to the gradient of the input:
/// `y * (dy - sum(y * dy))`, or `dy - e^y * sum(dy)`.
#[derive(Debug)]
struct SoftmaxGradient {
    log: bool,
}

impl Op for SoftmaxGradient {
    fn name(&self) -> &'static str {
        if self.log { "log_softmax_gradient" } else { "softmax_gradient" }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        Ok(SmallVec::from_iter([float_rows(inputs[0])?.clone()]))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        cx.through_fallback(self)
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let (y, dy) = (&inputs[0], &inputs[1]);
        let sum = |x: &Tensor| x.sum(&[-1]).expand_dims(-1);
        Some(vec![if self.log { dy - y.exp() * sum(dy) } else { y * (dy - sum(&(y * dy))) }])
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let (y, dy, (count, length)) = (call.inputs[0].f32(), call.inputs[1].f32(), rows(call.inputs[0].shape()));
        let out = SharedMut::new(call.outputs[0].f32());
        for_rows(count, length, &|row| {
            let range = row * length..(row + 1) * length;
            // SAFETY: each row belongs to one task.
            let (y, dy, out) = (&y[range.clone()], &dy[range.clone()], unsafe { out.slice(range) });
            if self.log {
                let sum = vector::fold_row(dy, 0.0, |a, b| a + b);
                map2(y, dy, out, |y: f32, dy: f32| dy - math::exp_below(y) * sum);
            } else {
                let sum = vector::sum_of2(y, dy, |y, dy| y * dy);
                let gradient = |y: f32, dy: f32| y * (dy - sum);
                if count * length < LARGE { map2(y, dy, out, gradient) } else { stream2(y, dy, out, gradient) }
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (y, dy, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
        let (count, length) = rows(y.shape());
        let lanes = Lanes::of_rows(call.caps, length);
        let log = "fn term(y: f32, dy: f32) -> f32 { return dy; }\n\
                   fn gradient(y: f32, dy: f32, sum: f32) -> f32 { return dy - exp_accurate(y) * sum; }";
        let blocks = [("lanes", &*lanes.block), ("gradient", log)];
        let kernel = compose(self.name(), include_str!("../../shaders/softmax_gradient.wgsl"), &blocks[..1 + usize::from(self.log)])?;
        call.dispatch(kernel, &[count.into(), length.into()], &[y, dy], &[output], call.linear(count, lanes.per_group));
        Ok(())
    }
}

/// The sum of no exponentials but zeros becomes 1.
pub(super) fn positive(sum: f32) -> f32 {
    if sum == 0.0 { 1.0 } else { sum }
}

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
        if let Some(symbol) = crate::graph::symbolic("softmax", &[self], &[axis.into()]) {
            return symbol;
        }
        self.along_last(axis, Softmax { log: false })
    }

    /// `x - log(sum(e^x))` along `axis`. A row of -∞ stays.
    #[doc(alias = "keras.ops.log_softmax")]
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("log_softmax", &[self], &[axis.into()]) {
            return symbol;
        }
        self.along_last(axis, Softmax { log: true })
    }

    /// Records an op on rows along `axis`, which becomes the last one meanwhile.
    #[track_caller]
    fn along_last(&self, axis: isize, op: Softmax) -> Tensor {
        let (axis, last) = (fits(self.shape().axis(axis), op.name()), self.rank() - 1);
        if self.size() == 0 {
            return self.clone();
        }
        if axis == last {
            return record(op, &[self]);
        }
        record(op, &[&self.swap_axes(axis as isize, -1)]).swap_axes(axis as isize, -1)
    }

    /// `log(sum(e^x))` over `axes`, all where none are given. -∞ where all are -∞.
    #[doc(alias = "keras.ops.logsumexp")]
    #[track_caller]
    pub fn logsumexp(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("logsumexp", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        if self.dtype().is_half() {
            return self.in_f32(|x| x.logsumexp(axes));
        }
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
    for (shape, axis) in
        [(&[4, 5][..], 1usize), (&[3, 70], 1), (&[2, 1030], 1), (&[5, 4], 0), (&[2, 3, 4], 1), (&[1], 0), (&[0, 3], 1), (&[3, 0], 1)]
    {
        let mut add = |name: &str, call: fn(&Tensor, isize) -> Tensor, reference: fn(&Reference, usize) -> Reference| {
            let case = Case::new(
                format!("{name} {shape:?} along {axis}"),
                &[shape],
                move |x| call(&x[0], axis as isize),
                move |x| reference(&x[0], axis),
            );
            out.push(case.range(-5.0, 5.0).smooth(Smooth::Twice).tolerance(1e-5, 5e-5).fused());
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
    let masked = |x: &Tensor| x - Tensor::from([[f32::INFINITY; 3], [f32::INFINITY, 0.0, f32::INFINITY]]).cast(x.dtype());
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
