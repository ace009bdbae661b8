//! Rows normalized by their own mean and variance, or by their mean square, as one kernel; and its gradient as another.

use super::super::rows::{Lanes, float_rows, rows};
use crate::{
    DType, Result, Shape, Tensor,
    device::{cpu::normalize::Normalize, gpu::compose},
    graph::{Arg, CpuCall, CpuIn, GpuCall, GradCx, Key, Op, Params, Specs, Word, apply},
    shape::Spec,
};
use smallvec::SmallVec;

/// What is done to each row, beside the division by its deviation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    /// The mean is subtracted.
    pub centred: bool,
    /// There is an input gamma `(K,)`, and the result is multiplied by it.
    pub scaled: bool,
    /// There is an input beta `(K,)`, and it is added.
    pub moved: bool,
}

impl Parts {
    fn key(self, key: &mut Key) {
        [self.centred, self.scaled, self.moved].into_iter().for_each(|part| key.word(u8::from(part)));
    }

    /// Gamma and beta, which follow after `first` inputs.
    fn weights<T>(self, inputs: &[T], first: usize) -> (Option<&T>, Option<&T>) {
        let (gamma, beta) =
            (inputs.get(first).filter(|_| self.scaled), inputs.get(first + usize::from(self.scaled)).filter(|_| self.moved));
        (gamma, beta)
    }
}

/// Normalizes rows `(N..., K)`, then gamma and beta. Outputs: the result, and of each row the mean and `1 / sqrt(variance + epsilon)`.
#[derive(Debug)]
pub(super) struct Norm {
    pub parts: Parts,
    pub epsilon: f32,
}

impl Op for Norm {
    fn name(&self) -> &'static str {
        if self.parts.centred { "layer_norm" } else { "rms_norm" }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let shape = &float_rows(inputs[0])?.shape;
        let outer = Shape::from(&shape[..shape.rank() - 1]);
        Ok([shape, &outer, &outer].map(|shape| Spec { shape: shape.clone(), ..inputs[0].clone() }).into_iter().collect())
    }

    fn key(&self, key: &mut Key) {
        self.parts.key(key);
    }

    fn params(&self) -> Params {
        SmallVec::from_slice(&[self.epsilon.to_bits()])
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0).filter(|_| cx.upstream(1).is_none() && cx.upstream(2).is_none()) else {
            return cx.through_fallback(self);
        };
        let (mean, scale) = (cx.output(1), cx.output(2));
        let mut inputs = vec![cx.input(0), &mean, &scale, dy];
        inputs.extend(self.parts.weights(cx.inputs(), 1).0);
        let gradient = NormGradient { parts: self.parts, epsilon: self.epsilon };
        Ok(apply(gradient, &inputs)?.into_iter().map(Some).collect())
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let (mean, scale, normal) = self.parts.normal(&inputs[0], self.epsilon);
        let (gamma, beta) = self.parts.weights(inputs, 1);
        let scaled = gamma.map_or(normal.clone(), |gamma| normal * gamma);
        Some(vec![beta.map_or(scaled.clone(), |beta| scaled + beta), mean.squeeze(&[-1]), scale.squeeze(&[-1])])
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let [out, means, scales] = call.outputs else { unreachable!("there are three outputs") };
        let normalize = self.parts.cpu(call.inputs, 1);
        normalize.forward(f32::from_bits(call.params[0]), call.inputs[0].f32(), out.f32(), means.f32(), scales.f32());
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let x = &call.inputs[0];
        let (count, length) = rows(x.shape());
        let (gamma, beta) = self.parts.weights(call.inputs, 1);
        let lanes = Lanes::of_rows(call.caps, length);
        let kernel = compose(self.name(), include_str!("../../../shaders/norm.wgsl"), &[("lanes", &lanes.block)])?;
        let mut args = vec![count.into(), length.into(), Word::Param(0)];
        args.extend([self.parts.centred, self.parts.scaled, self.parts.moved].map(|part| Word::from(usize::from(part))));
        let outputs: Vec<&Arg> = call.outputs.iter().collect();
        // Where a weight is missing, anything stands in its place.
        let inputs = [x, gamma.unwrap_or(x), beta.unwrap_or(x)];
        call.dispatch(kernel, &args, &inputs, &outputs, call.linear(count, lanes.per_group));
        Ok(())
    }
}

impl Parts {
    /// Mean, scale and normal form of rows, in plain ops.
    fn normal(self, x: &Tensor, epsilon: f32) -> (Tensor, Tensor, Tensor) {
        let row_mean = |x: &Tensor| x.mean(&[-1]).expand_dims(-1);
        let mean = row_mean(x);
        let mean = if self.centred { mean } else { mean.zeros_like() };
        let centred = x - &mean;
        let scale = (row_mean(&centred.square()) + epsilon).rsqrt();
        let normal = centred * &scale;
        (mean, scale, normal)
    }

    fn cpu<'a>(self, inputs: &'a [CpuIn], first: usize) -> Normalize<'a> {
        let (gamma, beta) = self.weights(inputs, first);
        let (_, length) = rows(inputs[0].shape());
        Normalize { length, centred: self.centred, gamma: gamma.map(CpuIn::f32), beta: beta.map(CpuIn::f32) }
    }
}

/// From rows, their means and scales, the upstream gradient, and gamma where there is one, to the gradients of [`Norm`]'s inputs.
#[derive(Debug)]
struct NormGradient {
    parts: Parts,
    epsilon: f32,
}

impl Op for NormGradient {
    fn name(&self) -> &'static str {
        if self.parts.centred { "layer_norm_gradient" } else { "rms_norm_gradient" }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let x = float_rows(inputs[0])?;
        let weight = Spec { shape: Shape::from([rows(&x.shape).1]), ..x.clone() };
        let weights = usize::from(self.parts.scaled) + usize::from(self.parts.moved);
        Ok(std::iter::once(x.clone()).chain(std::iter::repeat_n(weight, weights)).collect())
    }

    fn key(&self, key: &mut Key) {
        self.parts.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        cx.through_fallback(self)
    }

    /// Means and scales are calculated again, so that their share of the gradient reaches the rows directly.
    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let (x, dy, gamma) = (&inputs[0], &inputs[3], self.parts.weights(inputs, 4).0);
        let (_, scale, normal) = self.parts.normal(x, self.epsilon);
        let row_mean = |x: &Tensor| x.mean(&[-1]).expand_dims(-1);
        let g = gamma.map_or(dy.clone(), |gamma| dy * gamma);
        let along = &normal * row_mean(&(&g * &normal));
        let centred = if self.parts.centred { &g - row_mean(&g) } else { g };
        let mut outputs = vec![(centred - along) * scale];
        let outer: Vec<isize> = (0..x.rank() as isize - 1).collect();
        let column_sum = |t: Tensor| if outer.is_empty() { t } else { t.sum(&outer) };
        outputs.extend(self.parts.scaled.then(|| column_sum(dy * normal)));
        outputs.extend(self.parts.moved.then(|| column_sum(dy.clone())));
        Some(outputs)
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let inputs = call.inputs;
        let normalize = Parts { moved: false, ..self.parts }.cpu(inputs, 4);
        let (dx, weights) = call.outputs.split_first_mut().expect("there is an output");
        let mut weights = weights.iter_mut().map(|out| out.f32());
        let dgamma = if self.parts.scaled { weights.next() } else { None };
        let [x, means, scales, dy] = [0, 1, 2, 3].map(|at| inputs[at].f32());
        normalize.backward(x, means, scales, dy, dx.f32(), dgamma, weights.next());
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (x, dx) = (&call.inputs[0], &call.outputs[0]);
        let (count, length) = rows(x.shape());
        let slots = count.clamp(1, 256);
        let partial = call.scratch(DType::F32, [slots, 2, length]);
        let lanes = Lanes::of_rows(call.caps, length);
        let kernel = compose(self.name(), include_str!("../../../shaders/norm_gradient.wgsl"), &[("lanes", &lanes.block)])?;
        let mut args = vec![count.into(), length.into(), slots.into()];
        args.extend([self.parts.centred, self.parts.scaled].map(|part| Word::from(usize::from(part))));
        let inputs: Vec<&Arg> = (0..5).map(|at| call.inputs.get(at).unwrap_or(x)).collect();
        call.dispatch(kernel, &args, &inputs, &[dx, &partial], call.linear(slots, lanes.per_group));
        if call.outputs.len() == 1 {
            return Ok(());
        }
        let lanes = Lanes::of_columns(call.caps);
        let kernel = compose("norm_sum", include_str!("../../../shaders/norm_sum.wgsl"), &[("lanes", &lanes.block)])?;
        let unused = call.scratch(DType::F32, [length]);
        let mut weights = call.outputs[1..].iter();
        let dgamma = if self.parts.scaled { weights.next() } else { None }.unwrap_or(&unused);
        let outputs = [dgamma, weights.next().unwrap_or(&unused)];
        call.dispatch(kernel, &[length.into(), slots.into()], &[&partial], &outputs, call.linear(2 * length, lanes.per_group));
        Ok(())
    }
}
