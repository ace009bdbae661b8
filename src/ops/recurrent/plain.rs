//! What the recurrent ops mean in plain ops, a few for each gate of each step.

use super::{
    Recurrence, RecurrentCell, Squash,
    gradient::{self, WalkBack},
    op::{Form, Inputs},
};
use crate::Tensor;

impl Squash {
    fn of(self, x: &Tensor) -> Tensor {
        match self {
            Self::Linear => x.clone(),
            Self::Relu => x.relu(),
            Self::Sigmoid => x.sigmoid(),
            Self::HardSigmoid => x.hard_sigmoid(),
            Self::Tanh => x.tanh(),
        }
    }

    /// `dy` times the slope where the result is `y`.
    fn back(self, y: &Tensor, dy: &Tensor) -> Tensor {
        match self {
            Self::Linear => dy.clone(),
            Self::Relu => y.relu_gate(dy),
            Self::Sigmoid => dy * (y * (1.0 - y)),
            Self::HardSigmoid => (dy * (1.0 / 6.0)).only_where(&(y.greater(0.0) & y.less(1.0))),
            Self::Tanh => dy * (1.0 - y.square()),
        }
    }
}

/// Part `at` of `size` elements of the last axis.
fn part(t: &Tensor, at: usize, size: usize) -> Tensor {
    t.section(t.rank() - 1, at * size, size)
}

/// Element `at` of the first axis.
fn step(t: &Tensor, at: usize) -> Tensor {
    t.section(0, at, 1).squeeze(&[0])
}

fn join(parts: &[Tensor]) -> Tensor {
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), -1)
}

fn stack(steps: &[Tensor]) -> Tensor {
    Tensor::stack(&steps.iter().collect::<Vec<_>>(), 0)
}

/// `new` where the mask of step `at` says so, else `old`.
fn choose(mask: Option<&Tensor>, at: usize, new: &Tensor, old: &Tensor) -> Tensor {
    mask.map_or(new.clone(), |mask| Tensor::where_(&step(mask, at).expand_dims(-1), new, old))
}

impl Form {
    /// The outputs of a walk.
    pub fn plain(&self, inputs: Inputs<Tensor>) -> Vec<Tensor> {
        let mut states: Vec<Vec<Tensor>> = inputs.states.iter().map(|state| vec![state.clone()]).collect();
        let (units, Recurrence { cell, activation, recurrent_activation }) = (inputs.kernel.shape()[0], self.recurrence);
        let mut gates = Vec::new();
        for at in 0..inputs.projected.shape()[0] {
            let old: Vec<Tensor> = states.iter().map(|steps| steps[at].clone()).collect();
            let Inputs { kernel, bias, dropout, .. } = inputs;
            let arguments = Step { x: &step(inputs.projected, at), kernel, bias, dropout, states: &old };
            let (kept, new) = cell.step(&arguments, &|x| activation.of(x), &|x| recurrent_activation.of(x));
            gates.push(join(&kept));
            for ((steps, new), old) in states.iter_mut().zip(&new).zip(&old) {
                steps.push(choose(inputs.mask, at, new, old));
            }
        }
        let samples = inputs.projected.shape()[1];
        let kept = cell.kept() * units;
        let gates = if gates.is_empty() { Tensor::zeros([0, samples, kept]) } else { stack(&gates) };
        states.iter().map(|steps| stack(steps)).chain(Some(gates)).collect()
    }
}

/// The arguments of one step: those of a [`Sequence`](super::Sequence) without the axis of steps.
pub(crate) struct Step<'a> {
    pub x: &'a Tensor,
    pub kernel: &'a Tensor,
    pub bias: Option<&'a Tensor>,
    pub dropout: Option<&'a Tensor>,
    pub states: &'a [Tensor],
}

/// An activation function of any kind.
pub(crate) type Function<'a> = &'a dyn Fn(&Tensor) -> Tensor;

impl RecurrentCell {
    /// The kept gates and the new states of a step.
    pub(crate) fn step(self, inputs: &Step, activation: Function, recurrent_activation: Function) -> (Vec<Tensor>, Vec<Tensor>) {
        let (units, h) = (inputs.kernel.shape()[0], &inputs.states[0]);
        let inner = |gate: usize, left: &Tensor| {
            let left = inputs.dropout.map_or(left.clone(), |dropout| left * step(dropout, gate));
            let product = left.matmul(&part(inputs.kernel, gate, units));
            inputs.bias.map_or(product.clone(), |bias| product + part(bias, gate, units))
        };
        let x = |gate: usize| part(inputs.x, gate, units);
        let recurrent = |gate: usize| recurrent_activation(&(x(gate) + inner(gate, h)));
        let mix = |z: &Tensor, n: &Tensor| z * h + (1.0 - z) * n;
        match self {
            Self::Simple => {
                let y = activation(&(x(0) + inner(0, h)));
                (vec![y.clone()], vec![y])
            }
            Self::Lstm => {
                let [i, f, o] = [0, 1, 3].map(recurrent);
                let g = activation(&(x(2) + inner(2, h)));
                let c = &f * &inputs.states[1] + &i * &g;
                let h = &o * activation(&c);
                (vec![i, f, g, o], vec![h, c])
            }
            Self::Gru => {
                let [z, r] = [0, 1].map(recurrent);
                let product = inner(2, h);
                let n = activation(&(x(2) + &r * &product));
                let h = mix(&z, &n);
                (vec![z, r, product, n], vec![h])
            }
            Self::GruResetBefore => {
                let [z, r] = [0, 1].map(recurrent);
                let n = activation(&(x(2) + inner(2, &(&r * h))));
                let h = mix(&z, &n);
                (vec![z, r, n], vec![h])
            }
        }
    }
}

impl WalkBack {
    /// The outputs of a walk back.
    pub fn plain(&self, inputs: gradient::Inputs<Tensor>) -> Vec<Tensor> {
        let steps = inputs.gates.shape()[0];
        let mut dh = step(inputs.upstream, steps);
        let mut dc = inputs.cells_upstream.map(|upstream| step(upstream, steps)).unwrap_or_else(|| dh.zeros_like());
        let (mut inner, mut projected) = (Vec::new(), Vec::new());
        for at in (0..steps).rev() {
            let back = self.plain_step(&inputs, at, &dh, &dc);
            let product = |gate: usize| self.product(&inputs, gate, &back.inner[gate]);
            let gates = if self.form.recurrence.cell == RecurrentCell::GruResetBefore { 2 } else { back.inner.len() };
            let new = (0..gates).fold(back.dh, |sum, gate| sum + product(gate));
            dh = choose(inputs.mask, at, &new, &dh) + step(inputs.upstream, at);
            dc = choose(inputs.mask, at, &back.dc, &dc);
            dc = inputs.cells_upstream.map_or(dc.clone(), |upstream| dc + step(upstream, at));
            let within = |gates: &[Tensor]| {
                let gates = join(gates);
                choose(inputs.mask, at, &gates, &gates.zeros_like())
            };
            inner.insert(0, within(&back.inner));
            projected.insert(0, within(&back.projected));
        }
        let whole = |parts: Vec<Tensor>| {
            if parts.is_empty() { Tensor::zeros([0, dh.shape()[0], inputs.kernel.shape()[0]]) } else { stack(&parts) }
        };
        let states = [dh.clone(), dc];
        let carry = stack(&states[..inputs.states.len()]);
        [whole(inner), carry].into_iter().chain(self.splits().then(|| whole(projected))).collect()
    }

    /// What the gradient of a gate's recurrent product gives its left operand.
    fn product(&self, inputs: &gradient::Inputs<Tensor>, gate: usize, inner: &Tensor) -> Tensor {
        let units = inputs.kernel.shape()[1];
        let product = inner.matmul(&inputs.kernel.section(0, gate * units, units));
        inputs.dropout.map_or(product.clone(), |dropout| product * step(dropout, gate))
    }

    fn plain_step(&self, inputs: &gradient::Inputs<Tensor>, at: usize, dh: &Tensor, dc: &Tensor) -> Back {
        let recurrence = self.form.recurrence;
        let (units, gates) = (inputs.kernel.shape()[1], step(inputs.gates, at));
        let gate = |index: usize| part(&gates, index, units);
        let (activation, recurrent) = (recurrence.activation, recurrence.recurrent_activation);
        let before = step(&inputs.states[0], at);
        let mixed = |z: &Tensor, n: &Tensor| (recurrent.back(z, &(dh * (&before - n))), activation.back(n, &(dh * (1.0 - z))));
        match recurrence.cell {
            RecurrentCell::Simple => {
                let inner = vec![activation.back(&gate(0), dh)];
                Back { projected: inner.clone(), inner, dh: dh.zeros_like(), dc: dc.clone() }
            }
            RecurrentCell::Lstm => {
                let [i, f, g, o] = [0, 1, 2, 3].map(gate);
                let squashed = activation.of(&step(&inputs.states[1], at + 1));
                let dc = dc + activation.back(&squashed, &(dh * &o));
                let input = recurrent.back(&i, &(&dc * &g));
                let forget = recurrent.back(&f, &(&dc * step(&inputs.states[1], at)));
                let candidate = activation.back(&g, &(&dc * &i));
                let inner = vec![input, forget, candidate, recurrent.back(&o, &(dh * squashed))];
                Back { projected: inner.clone(), inner, dh: dh.zeros_like(), dc: dc * f }
            }
            RecurrentCell::Gru => {
                let [z, r, product, n] = [0, 1, 2, 3].map(gate);
                let (dz, dn) = mixed(&z, &n);
                let dr = recurrent.back(&r, &(&dn * product));
                Back { inner: vec![dz.clone(), dr.clone(), &dn * r], projected: vec![dz, dr, dn], dh: dh * z, dc: dc.clone() }
            }
            RecurrentCell::GruResetBefore => {
                let [z, r, n] = [0, 1, 2].map(gate);
                let (dz, dn) = mixed(&z, &n);
                let reset = self.product(inputs, 2, &dn);
                let inner = vec![dz, recurrent.back(&r, &(&reset * before)), dn];
                Back { projected: inner.clone(), inner, dh: dh * z + reset * r, dc: dc.clone() }
            }
        }
    }
}

/// What a step back gives: gradients of the gates inside of the recurrent product and of the projected input, and what flows to the
/// states before it beside that product.
struct Back {
    inner: Vec<Tensor>,
    projected: Vec<Tensor>,
    dh: Tensor,
    dc: Tensor,
}
