//! Columns normalized by their moments over all rows, as batch normalization does while training; and its gradient.

use super::super::rows::{Lanes, float_rows, rows};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{
        cpu::batch_normalize::Columns,
        gpu::{AdapterKind, Caps, compose},
    },
    graph::{Arg, CpuCall, CpuIn, CpuOut, GpuCall, GradCx, Key, Op, Params, Specs, Word, apply},
    shape::Spec,
};
use smallvec::SmallVec;

/// The weights that there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    /// There is an input gamma `(C,)`.
    pub gamma: bool,
    /// There is an input beta `(C,)`.
    pub beta: bool,
}

impl Weights {
    fn key(self, key: &mut Key) {
        [self.gamma, self.beta].into_iter().for_each(|weight| key.word(u8::from(weight)));
    }

    /// Gamma and beta, which follow after `first` inputs or outputs.
    fn of<T>(self, list: &[T], first: usize) -> [Option<&T>; 2] {
        [list.get(first).filter(|_| self.gamma), list.get(first + usize::from(self.gamma)).filter(|_| self.beta)]
    }
}

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta` for rows `(N..., C)` with the moments of each column over all rows.
///
/// Inputs: the rows, moving mean and variance `(C,)`, gamma, beta. Outputs: the result; mean and `1 / sqrt(variance + epsilon)` as the
/// rows of one `(2, C)`; and the moved moments, `moving * momentum + batch * (1 - momentum)`.
#[derive(Debug)]
pub(super) struct BatchNorm {
    pub weights: Weights,
    pub epsilon: f32,
    pub momentum: f32,
}

/// How the rows are cut on a GPU: rows of a chunk, chunks, rows of a run, runs.
fn cut(caps: &Caps, count: usize) -> [usize; 4] {
    let (chunks, runs) = if caps.kind == AdapterKind::Cpu { (count / 512, count / 256) } else { (count / 128, count / 128) };
    let chunk = count.div_ceil(chunks.clamp(1, 64));
    let run = count.div_ceil(runs.clamp(1, 4096));
    [chunk, count.div_ceil(chunk), run, count.div_ceil(run)]
}

impl Op for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let x = float_rows(inputs[0])?;
        let column = Spec { shape: Shape::from([rows(&x.shape).1]), ..x.clone() };
        if let Some(other) = inputs[1..].iter().find(|spec| ***spec != column) {
            return Err(Error::shape(format!("a weight is {other} where rows {x} need {column}")));
        }
        if x.shape.size() == 0 {
            return Err(Error::shape(format!("shape {} has no elements, and so no moments", x.shape)));
        }
        let moments = Spec { shape: [2, column.shape[0]].into(), ..x.clone() };
        Ok([x.clone(), moments, column.clone(), column].into_iter().collect())
    }

    fn key(&self, key: &mut Key) {
        self.weights.key(key);
    }

    fn params(&self) -> Params {
        SmallVec::from_slice(&[self.epsilon.to_bits(), self.momentum.to_bits()])
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0).filter(|_| (1..4).all(|at| cx.upstream(at).is_none())) else {
            return cx.through_fallback(self);
        };
        let moments = cx.output(1);
        let mut inputs = vec![cx.input(0), &moments, dy];
        inputs.extend(self.weights.of(cx.inputs(), 3)[0]);
        let mut found = apply(BatchNormGradient { weights: self.weights, epsilon: self.epsilon }, &inputs)?.into_iter().map(Some);
        let mut gradients = vec![found.next().flatten(), None, None];
        gradients.extend(found);
        Ok(gradients)
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [gamma, beta] = self.weights.of(inputs, 3);
        let x = &inputs[0];
        let (mean, variance) = x.moments(&outer(x));
        let y = x.batch_normalization(&mean, &variance, -1, gamma, beta, self.epsilon);
        let moments = Tensor::stack(&[&mean, &(&variance + self.epsilon).rsqrt()], 0);
        let keep = |moving: &Tensor, batch: Tensor| moving * self.momentum + batch * (1.0 - self.momentum);
        Some(vec![y, moments, keep(&inputs[1], mean), keep(&inputs[2], variance)])
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let [x, moving_mean, moving_variance] = [0, 1, 2].map(|at| call.inputs[at].f32());
        let (count, columns) = rows(call.inputs[0].shape());
        let [gamma, beta] = self.weights.of(call.inputs, 3).map(|weight| weight.map(CpuIn::f32));
        let [epsilon, momentum] = [0, 1].map(|at| f32::from_bits(call.params[at]));
        let [out, moments, moved_mean, moved_variance] = call.outputs else { unreachable!("there are four outputs") };
        let (mean, deviation) = moments.f32().split_at_mut(columns);
        let (moved_mean, moved_variance) = (moved_mean.f32(), moved_variance.f32());
        let rows = Columns { count, columns };
        rows.moments(x, mean, moved_variance);
        let mut scale: SmallVec<[f32; 512]> = SmallVec::from_elem(1.0, columns);
        let zeros: SmallVec<[f32; 512]> = SmallVec::from_elem(0.0, columns);
        let keep = |moving: f32, batch: f32| moving * momentum + batch * (1.0 - momentum);
        for at in 0..columns {
            let variance = moved_variance[at];
            deviation[at] = 1.0 / (variance + epsilon).sqrt();
            scale[at] = deviation[at] * gamma.map_or(1.0, |gamma| gamma[at]);
            (moved_mean[at], moved_variance[at]) = (keep(moving_mean[at], mean[at]), keep(moving_variance[at], variance));
        }
        rows.apply(x, mean, &scale, beta.unwrap_or(&zeros), out.f32());
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (x, moving_mean, moving_variance) = (&call.inputs[0], &call.inputs[1], &call.inputs[2]);
        let (count, columns) = rows(x.shape());
        let [chunk, chunks, run, runs] = cut(call.caps, count);
        let lanes = Lanes::of_columns(call.caps);
        let tiles = columns.div_ceil(lanes.per_group);
        let partial = call.scratch(DType::F32, [chunks, 2, columns]);
        let blocks = [("lanes", &*lanes.block)];
        let kernel = compose("batch_norm_moments", include_str!("../../../shaders/batch_norm_moments.wgsl"), &blocks)?;
        call.dispatch(kernel, &[count.into(), columns.into(), chunk.into()], &[x], &[&partial], [tiles, chunks, 1]);
        let kernel = compose(self.name(), include_str!("../../../shaders/batch_norm.wgsl"), &blocks)?;
        let mut args: Vec<Word> = [count, columns, chunk, chunks, run].map(Word::from).to_vec();
        args.extend([self.weights.gamma, self.weights.beta].map(|weight| Word::from(usize::from(weight))));
        args.extend([Word::Param(0), Word::Param(1)]);
        // Where a weight is missing, anything stands in its place.
        let [gamma, beta] = self.weights.of(call.inputs, 3).map(|weight| weight.unwrap_or(moving_mean));
        let reads = [x, &partial, moving_mean, moving_variance, gamma, beta];
        let writes: Vec<&Arg> = call.outputs.iter().collect();
        call.dispatch(kernel, &args, &reads, &writes, [tiles, runs, 1]);
        Ok(())
    }
}

/// All axes but the last one.
fn outer(x: &Tensor) -> Vec<isize> {
    (0..x.rank() as isize - 1).collect()
}

/// From rows, moments `(2, C)`, upstream gradient, and gamma where there is one, to the gradients of rows, gamma and beta.
#[derive(Debug)]
struct BatchNormGradient {
    weights: Weights,
    epsilon: f32,
}

impl Op for BatchNormGradient {
    fn name(&self) -> &'static str {
        "batch_norm_gradient"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let x = float_rows(inputs[0])?;
        let column = Spec { shape: Shape::from([rows(&x.shape).1]), ..x.clone() };
        let weights = usize::from(self.weights.gamma) + usize::from(self.weights.beta);
        Ok(std::iter::once(x.clone()).chain(std::iter::repeat_n(column, weights)).collect())
    }

    fn key(&self, key: &mut Key) {
        self.weights.key(key);
    }

    fn takes_epilogue(&self) -> bool {
        true
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        cx.through_fallback(self)
    }

    /// The moments are calculated again, so that their share of the gradient reaches the rows directly.
    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let (x, dy) = (&inputs[0], &inputs[2]);
        let axes = outer(x);
        let (mean, variance) = x.moments(&axes);
        let deviation = (variance + self.epsilon).rsqrt();
        let normal = (x - mean) * &deviation;
        let (sum, along) = (dy.sum(&axes), (dy * &normal).sum(&axes));
        let count = (x.size() / sum.size()) as f32;
        let scale = self.weights.of(inputs, 3)[0].map_or(deviation.clone(), |gamma| gamma * &deviation);
        let mut outputs = vec![(dy - &sum / count - normal * (&along / count)) * scale];
        outputs.extend(self.weights.gamma.then_some(along));
        outputs.extend(self.weights.beta.then_some(sum));
        Some(outputs)
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let (count, columns) = rows(call.inputs[0].shape());
        let [x, moments, dy] = [0, 1, 2].map(|at| call.inputs[at].f32());
        let (mean, deviation) = moments.split_at(columns);
        let gamma = self.weights.of(call.inputs, 3)[0].map(CpuIn::f32);
        let (epilogue, (dx, weights)) = (call.epilogue, call.outputs.split_first_mut().expect("there is an output"));
        let mut columns_of = [0, 1, 2].map(|_| SmallVec::<[f32; 512]>::from_elem(0.0, columns));
        let [sum, along, scale] = &mut columns_of;
        let rows = Columns { count, columns };
        rows.gradient_sums(x, mean, deviation, dy, sum, along);
        let mut weights = weights.iter_mut().map(CpuOut::f32);
        [(self.weights.gamma, &*along), (self.weights.beta, &*sum)].into_iter().filter(|(there, _)| *there).for_each(|(_, from)| {
            weights.next().expect("an output for each weight").copy_from_slice(from);
        });
        for at in 0..columns {
            scale[at] = deviation[at] * gamma.map_or(1.0, |gamma| gamma[at]);
            sum[at] /= count as f32;
            along[at] *= deviation[at] / count as f32;
        }
        rows.gradient(x, dy, [mean, along, sum, scale], dx.f32(), |first, out| epilogue.run(first, out));
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (x, moments, dy) = (&call.inputs[0], &call.inputs[1], &call.inputs[2]);
        let (count, columns) = rows(x.shape());
        let [chunk, chunks, run, runs] = cut(call.caps, count);
        let lanes = Lanes::of_columns(call.caps);
        let tiles = columns.div_ceil(lanes.per_group);
        let (partial, unused) = (call.scratch(DType::F32, [chunks, 2, columns]), call.scratch(DType::F32, [columns]));
        let unused_too = call.scratch(DType::F32, [columns]);
        let blocks = [("lanes", &*lanes.block)];
        let kernel = compose("batch_norm_sums", include_str!("../../../shaders/batch_norm_sums.wgsl"), &blocks)?;
        call.dispatch(kernel, &[count.into(), columns.into(), chunk.into()], &[x, moments, dy], &[&partial], [tiles, chunks, 1]);
        let shader = include_str!("../../../shaders/batch_norm_gradient.wgsl");
        let args = [count, columns, chunks, run, usize::from(self.weights.gamma)].map(Word::from);
        let [dgamma, dbeta] = self.weights.of(call.outputs, 1);
        let reads = [x, moments, dy, self.weights.of(call.inputs, 3)[0].unwrap_or(moments), &partial];
        let writes = [&call.outputs[0], dgamma.unwrap_or(&unused), dbeta.unwrap_or(&unused_too)];
        call.dispatch_last(self.name(), shader, &blocks, &args, &reads, &writes, [tiles, runs, 1])
    }
}
