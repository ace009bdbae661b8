//! Cross-entropies as Keras' ops define them, one number a sample; losses reduce them.

use super::{
    Case,
    case::{Reference, Smooth},
    record,
    rows::{Lanes, float_rows, for_rows, rows},
    softmax::{log_softmax, positive},
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{
        cpu::{math, pool::SharedMut, rows as vector, simd::map1},
        gpu::compose,
    },
    graph::{Access, CpuCall, GpuCall, GradCx, Key, Op, Specs, Word, apply_one},
    shape::{Layout, Spec},
};
use smallvec::SmallVec;

/// Cross-entropy of logits `(N..., K)`, input 1, with input 0: labels, int32 `(N...)`, or the probabilities of targets `(N..., K)`.
///
/// Outputs of shape `(N...)`: the loss; what the logits are shifted by before their exponentials are taken (no gradient), and the
/// logarithm of the sum of those, so that `e^(x - shift - log)` is the softmax; and the sum of the targets.
#[derive(Debug)]
struct CrossEntropy {
    sparse: bool,
}

/// The places of a row's outputs.
const LOSS: usize = 0;
const SHIFT: usize = 1;
const LOG: usize = 2;
const TOTAL: usize = 3;

/// Checks labels or targets against logits.
fn check_targets(sparse: bool, targets: &Spec, logits: &Spec) -> Result<Shape> {
    let shape = &float_rows(logits)?.shape;
    let outer = Shape::from(&shape[..shape.rank() - 1]);
    let (dtype, wanted) = if sparse { (DType::I32, &outer) } else { (DType::F32, shape) };
    if targets.dtype != dtype || targets.shape != *wanted {
        return Err(Error::shape(format!("targets are {targets}, logits {logits}; expected {dtype} of shape {wanted}")));
    }
    if shape[shape.rank() - 1] == 0 && outer.size() > 0 {
        return Err(Error::shape(format!("logits of shape {shape} have no classes")));
    }
    Ok(outer)
}

/// The class that a label names, clamped.
fn class(label: i32, classes: usize) -> usize {
    label.clamp(0, classes as i32 - 1) as usize
}

/// The shader's block for targets that are probabilities.
const DENSE: &str = "@group(0) @binding(1) var<storage, read> targets: array<f32>;
fn share(row: u32, first: u32, end: u32, shift: f32, log_sum: f32) -> vec2<f32> {
    var sum = vec2(0.0);
    for (var at = first; at < end; at += LANES) {
        sum += vec2(targets[at] * (log_sum - (logits[at] - shift)), targets[at]);
    }
    return sum;
}";

impl Op for CrossEntropy {
    fn name(&self) -> &'static str {
        if self.sparse { "sparse_cross_entropy" } else { "cross_entropy" }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let spec = Spec { dtype: DType::F32, shape: check_targets(self.sparse, inputs[0], inputs[1])? };
        Ok(SmallVec::from_elem(spec, 4))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (targets, logits) = (cx.input(0), cx.input(1));
        let column = |t: &Tensor| t.expand_dims(-1);
        let [_, shift, log, total] = [LOSS, SHIFT, LOG, TOTAL].map(|at| cx.output(at));
        let softmax = || (logits - column(&shift) - column(&log)).exp();
        let mut gradients: Vec<Option<Tensor>> = vec![None, None];
        if let Some(dloss) = cx.upstream(LOSS) {
            if self.sparse {
                gradients[1] = Some(apply_one(CrossEntropyGradient, &[targets, logits, &shift, &log, dloss])?);
            } else {
                let dloss = column(dloss);
                gradients[1] = Some((softmax() * column(&total) - targets) * &dloss);
                gradients[0] = Some((column(&log) - (logits - column(&shift))) * dloss);
            }
        }
        let add = |sum: &mut Option<Tensor>, t: Tensor| *sum = Some(sum.take().map_or_else(|| t.clone(), |sum| sum + &t));
        if let Some(dlog) = cx.upstream(LOG) {
            add(&mut gradients[1], softmax() * column(dlog));
        }
        if let (Some(dtotal), false) = (cx.upstream(TOTAL), self.sparse) {
            add(&mut gradients[0], column(dtotal).broadcast_to(targets.shape()));
        }
        Ok(gradients)
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let (targets, logits) = (&inputs[0], &inputs[1]);
        let peak = logits.max(&[-1]).stop_gradient();
        let shift = Tensor::where_(&peak.is_finite(), &peak, &peak.zeros_like());
        let shifted = logits - shift.expand_dims(-1);
        let sum = shifted.exp().sum(&[-1]);
        let log = Tensor::where_(&sum.equal(0.0), &sum.ones_like(), &sum).log();
        let distance = log.expand_dims(-1) - shifted;
        let (loss, total) = if self.sparse {
            let classes = logits.shape()[logits.rank() - 1] as i32;
            let labels = targets.maximum(0).minimum(classes - 1);
            (distance.take_along_axis(&labels.expand_dims(-1), -1).reshape(targets.shape()), shift.ones_like())
        } else {
            ((targets * distance).sum(&[-1]), targets.sum(&[-1]))
        };
        Some(vec![loss, shift, log, total])
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let (targets, logits) = (&call.inputs[0], call.inputs[1].f32());
        let (count, length) = rows(call.inputs[1].shape());
        let [loss, shifts, logs, totals] = call.outputs else { unreachable!("there are four outputs") };
        let [loss, shifts, logs, totals] = [loss, shifts, logs, totals].map(|out| SharedMut::new(out.f32()));
        for_rows(count, length, &|row| {
            let range = row * length..(row + 1) * length;
            let x = &logits[range.clone()];
            let shift = vector::shift(x);
            let log = math::ln(positive(vector::sum_of(x, |x| math::exp_below(x - shift))));
            let (entropy, total) = if self.sparse {
                (log - (x[class(targets.i32()[row], length)] - shift), 1.0)
            } else {
                let targets = &targets.f32()[range];
                (vector::sum_of2(targets, x, |t, x| t * (log - (x - shift))), vector::sum_of(targets, |t| t))
            };
            for (out, value) in [(&loss, entropy), (&shifts, shift), (&logs, log), (&totals, total)] {
                // SAFETY: each row belongs to one task.
                let out = unsafe { out.slice(row..row + 1) };
                out[0] = value;
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (targets, logits) = (&call.inputs[0], &call.inputs[1]);
        let (count, length) = rows(logits.shape());
        let lanes = Lanes::of_rows(call.caps, length);
        let blocks = [("lanes", &*lanes.block), ("target", DENSE)];
        let kernel = compose(self.name(), include_str!("../../shaders/cross_entropy.wgsl"), &blocks[..2 - usize::from(self.sparse)])?;
        let args = [count.into(), length.into(), f32::NEG_INFINITY.into()];
        let outputs: Vec<_> = call.outputs.iter().collect();
        call.dispatch(kernel, &args, &[targets, logits], &outputs, call.linear(count, lanes.per_group));
        Ok(())
    }
}

/// The gradient of the sparse cross-entropy for the logits, from labels, logits, shift, logarithm, and the loss' upstream gradient:
/// `(softmax - one_hot(label)) * upstream`.
#[derive(Debug)]
struct CrossEntropyGradient;

impl Op for CrossEntropyGradient {
    fn name(&self) -> &'static str {
        "sparse_cross_entropy_gradient"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        check_targets(true, inputs[0], inputs[1])?;
        Ok(SmallVec::from_iter([inputs[1].clone()]))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        cx.through_fallback(self)
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [labels, logits, shift, log, upstream] = inputs else { unreachable!("there are five inputs") };
        let classes = logits.shape()[logits.rank() - 1];
        let hit = labels.maximum(0).minimum(classes as i32 - 1).one_hot(classes);
        let softmax = (logits - shift.expand_dims(-1) - log.expand_dims(-1)).exp();
        Some(vec![(softmax - hit) * upstream.expand_dims(-1)])
    }

    /// One upstream gradient for all rows, as the mean of the losses has it, is read where it is.
    fn access(&self, index: usize, layout: &Layout) -> Access {
        if index == 4 && layout.strides.iter().all(|&stride| stride == 0) { Access::Strided } else { Access::Contiguous }
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let [labels, logits, shifts, logs, upstream] = call.inputs else { unreachable!("there are five inputs") };
        let (count, length) = rows(logits.shape());
        let out = SharedMut::new(call.outputs[0].f32());
        let step = usize::from(upstream.layout.is_contiguous());
        for_rows(count, length, &|row| {
            let range = row * length..(row + 1) * length;
            // SAFETY: each row belongs to one task.
            let (x, out) = (&logits.f32()[range.clone()], unsafe { out.slice(range) });
            let (shift, log, upstream) = (shifts.f32()[row], logs.f32()[row], upstream.f32()[upstream.layout.offset + row * step]);
            map1(x, out, |x: f32| math::exp_below(x - shift - log) * upstream);
            let hit = class(labels.i32()[row], length);
            out[hit] = (math::exp_below(x[hit] - shift - log) - 1.0) * upstream;
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (inputs, output): (Vec<_>, _) = (call.inputs.iter().collect(), &call.outputs[0]);
        let (_, length) = rows(output.shape());
        let kernel = compose(self.name(), include_str!("../../shaders/cross_entropy_gradient.wgsl"), &[])?;
        let upstream = &inputs[4].layout;
        let args = [output.size(), length, upstream.offset, usize::from(upstream.is_contiguous())].map(Word::from);
        call.dispatch(kernel, &args, &inputs, &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

/// Keras' epsilon keeps probabilities away from 0 and 1, where logarithms end.
fn clip(x: &Tensor) -> Tensor {
    x.clip(1e-7, 1.0 - 1e-7)
}

/// Probabilities whose sum along the last axis is 1, clipped.
fn normalized(output: &Tensor) -> Tensor {
    clip(&(output / output.sum(&[-1]).expand_dims(-1)))
}

#[track_caller]
fn same_shape(name: &str, target: &Tensor, output: &Tensor) {
    super::require(
        target.shape() == output.shape() && output.rank() > 0,
        format_args!(
            "{name}: targets of shape {} and outputs of shape {}: shapes must be equal, with at least one axis",
            target.shape(),
            output.shape()
        ),
    );
}

/// `-log p[label]` for labels of shape `(N...)`, int32, and logits or probabilities `output` of shape `(N..., K)`; gives `(N...)`.
/// Probabilities are divided by their sum and clipped to `[1e-7, 1 - 1e-7]`. Labels outside `0..K` are clamped into it:
/// check them on the host.
///
/// ```
/// use wgrad::{ops, prelude::*};
/// let loss = ops::sparse_categorical_crossentropy(&Tensor::from([1]), &Tensor::zeros([1, 4]), true);
/// assert!((loss.to_vec::<f32>()?[0] - 4f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Panics
/// When shapes do not fit or labels are no int32.
#[doc(alias = "keras.ops.sparse_categorical_crossentropy")]
#[track_caller]
pub fn sparse_categorical_crossentropy(target: &Tensor, output: &Tensor, from_logits: bool) -> Tensor {
    super::require(
        output.rank() > 0 && output.shape()[..output.rank() - 1] == target.shape()[..],
        format_args!(
            "sparse_categorical_crossentropy: labels of shape {} and outputs of shape {}: the outputs have one more axis, the classes",
            target.shape(),
            output.shape()
        ),
    );
    if output.dtype().is_half() {
        return output.in_f32(|output| sparse_categorical_crossentropy(target, output, from_logits));
    }
    if from_logits {
        return record(CrossEntropy { sparse: true }, &[target, output]);
    }
    let labels = target.maximum(0).minimum(output.shape()[output.rank() - 1] as i32 - 1);
    -normalized(output).take_along_axis(&labels.expand_dims(-1), -1).reshape(target.shape()).log()
}

/// `-sum(target * log p)` along the last axis, for target probabilities and logits or probabilities `output` of one shape `(N..., K)`;
/// gives `(N...)`. Probabilities are divided by their sum and clipped to `[1e-7, 1 - 1e-7]`.
///
/// ```
/// use wgrad::{ops, prelude::*};
/// let loss = ops::categorical_crossentropy(&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[0.5f32, 0.5]]), false);
/// assert!((loss.to_vec::<f32>()?[0] - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Panics
/// When the shapes differ.
#[doc(alias = "keras.ops.categorical_crossentropy")]
#[track_caller]
pub fn categorical_crossentropy(target: &Tensor, output: &Tensor, from_logits: bool) -> Tensor {
    same_shape("categorical_crossentropy", target, output);
    if output.dtype().is_half() {
        return output.in_f32(|output| categorical_crossentropy(&target.cast(DType::F32), output, from_logits));
    }
    if from_logits {
        return record(CrossEntropy { sparse: false }, &[target, output]);
    }
    -(target * normalized(output).log()).sum(&[-1])
}

/// `-target * log p - (1 - target) * log(1 - p)` for each element, with logits or probabilities `output` of the targets' shape.
/// Probabilities are clipped to `[1e-7, 1 - 1e-7]`.
///
/// ```
/// use wgrad::{ops, prelude::*};
/// let loss = ops::binary_crossentropy(&Tensor::from([1.0f32]), &Tensor::from([0.0f32]), true);
/// assert!((loss.to_vec::<f32>()?[0] - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Panics
/// When the shapes differ.
#[doc(alias = "keras.ops.binary_crossentropy")]
#[track_caller]
pub fn binary_crossentropy(target: &Tensor, output: &Tensor, from_logits: bool) -> Tensor {
    super::require(
        target.shape() == output.shape(),
        format_args!("binary_crossentropy: targets of shape {} and outputs of shape {} differ", target.shape(), output.shape()),
    );
    if output.dtype().is_half() {
        return output.in_f32(|output| binary_crossentropy(&target.cast(DType::F32), output, from_logits));
    }
    if from_logits {
        // Neither term cancels where the other one is large.
        return target * (-output).softplus() + (1.0f32 - target) * output.softplus();
    }
    let p = clip(output);
    -(target * p.log() + (1.0f32 - target) * (1.0f32 - &p).log())
}

pub(super) fn cases() -> Vec<Case> {
    fn rows(log: &Reference, weight: impl Fn(&[usize], usize) -> f64) -> Reference {
        let (shape, classes) = log.shape().split_at(log.ndim() - 1);
        Reference::from_shape_fn(shape.to_vec(), |at| {
            use ndarray::Dimension;
            let at = at.as_array_view().to_vec();
            -(0..classes[0]).map(|class| log[&[&at[..], &[class]].concat()[..]] * weight(&at, class)).sum::<f64>()
        })
    }
    fn probabilities(x: &Reference) -> Reference {
        let sum = x.sum_axis(ndarray::Axis(x.ndim() - 1)).insert_axis(ndarray::Axis(x.ndim() - 1));
        (x / &sum).mapv(|p| p.clamp(1e-7, 1.0 - 1e-7).ln())
    }
    let mut out = Vec::new();
    for from_logits in [true, false] {
        let log = move |x: &Reference| if from_logits { log_softmax(x, x.ndim() - 1) } else { probabilities(x) };
        let (low, high) = if from_logits { (-4.0, 4.0) } else { (0.05, 1.0) };
        let named = |name: &str, shape: &[usize]| format!("{name} {shape:?}{}", if from_logits { " from_logits" } else { "" });
        let finish = |case: Case| Case { fused: from_logits, ..case.smooth(Smooth::Twice).tolerance(1e-5, 5e-5) };
        for shape in [&[4, 5][..], &[2, 3, 7], &[2, 130], &[3], &[0, 4]] {
            let (labels, classes) = (&shape[..shape.len() - 1], shape[shape.len() - 1] as f64);
            out.push(finish(
                Case::new(
                    named("sparse_categorical_crossentropy", shape),
                    &[labels, shape],
                    move |x| sparse_categorical_crossentropy(&x[0], &x[1], from_logits),
                    move |x| rows(&log(&x[1]), |at, class| f64::from(x[0][at] == class as f64)),
                )
                .range(low, high)
                .input(0, DType::I32, 0.0, classes - 1.0),
            ));
            out.push(finish(
                Case::new(
                    named("categorical_crossentropy", shape),
                    &[shape, shape],
                    move |x| categorical_crossentropy(&x[0], &x[1], from_logits),
                    move |x| rows(&log(&x[1]), |at, class| x[0][&[at, &[class]].concat()[..]]),
                )
                .range(low, high)
                .input(0, DType::F32, 0.0, 1.0),
            ));
            let (low, high) = if from_logits { (-9.0, 9.0) } else { (0.05, 0.95) };
            out.push(finish(
                Case::new(
                    named("binary_crossentropy", shape),
                    &[shape, shape],
                    move |x| binary_crossentropy(&x[0], &x[1], from_logits),
                    move |x| {
                        ndarray::Zip::from(&x[0]).and(&x[1]).map_collect(|t, &x| {
                            let p = if from_logits { 1.0 / (1.0 + (-x).exp()) } else { x };
                            -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
                        })
                    },
                )
                .range(low, high)
                .input(0, DType::F32, 0.0, 1.0),
            ));
        }
    }
    let beyond = |x: &Reference| x.mapv(|p| -p.clamp(1e-7, 1.0 - 1e-7).ln());
    out.push(
        Case::new("binary_crossentropy clips", &[&[9]], |x| binary_crossentropy(&x[0].ones_like(), &x[0], false), move |x| beyond(&x[0]))
            .range(-0.5, 1.5)
            .smooth(Smooth::No)
            .tolerance(1e-5, 5e-5),
    );
    out
}
