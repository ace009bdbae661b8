//! The cases of recurrent ops: each cell with each option, lengths and widths around those of tiles, and the plain meaning in f64.

use super::{Recurrence, RecurrentCell, Sequence, Squash};
use crate::{
    DType, Tensor,
    ops::{
        Case,
        case::{Reference, Smooth},
    },
};
use ndarray::{ArrayD, s};

/// A case before it becomes one.
#[derive(Clone, Copy)]
struct Setup {
    recurrence: Recurrence,
    steps: usize,
    samples: usize,
    units: usize,
    bias: bool,
    mask: bool,
    dropout: bool,
}

/// The arguments of a sequence in order: projected input, recurrent kernel, states, then what is asked for of bias, mask and dropout.
struct Parts<'a, T> {
    projected: &'a T,
    kernel: &'a T,
    states: &'a [T],
    bias: Option<&'a T>,
    mask: Option<&'a T>,
    dropout: Option<&'a T>,
}

impl Setup {
    fn parts<'a, T>(&self, x: &'a [T]) -> Parts<'a, T> {
        let (states, options) = x[2..].split_at(self.recurrence.cell.states());
        let mut options = options.iter();
        let mut next = |there: bool| if there { options.next() } else { None };
        let (bias, mask, dropout) = (next(self.bias), next(self.mask), next(self.dropout));
        Parts { projected: &x[0], kernel: &x[1], states, bias, mask, dropout }
    }

    fn case(self) -> Case {
        let Setup { recurrence, steps, samples, units, bias, mask, dropout } = self;
        let (cell, columns) = (recurrence.cell, recurrence.cell.gates() * units);
        let mut shapes = vec![vec![steps, samples, columns], vec![units, columns]];
        shapes.extend(std::iter::repeat_n(vec![samples, units], cell.states()));
        shapes.extend(bias.then(|| vec![columns]));
        let mask_at = mask.then_some(shapes.len());
        shapes.extend(mask.then(|| vec![steps, samples]));
        shapes.extend(dropout.then(|| vec![cell.gates(), samples, units]));
        let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let options = [(bias, " bias"), (mask, " mask"), (dropout, " dropout")];
        let options: String = options.into_iter().filter(|(there, _)| *there).map(|(_, name)| name).collect();
        let (activation, recurrent) = (recurrence.activation, recurrence.recurrent_activation);
        let name = format!("recurrent {cell:?} {steps}x{samples}x{units} {activation:?} {recurrent:?}{options}");
        let mut case = Case::new(name, &shapes, |x| x[0].clone(), |x| x[0].clone());
        case.call = Box::new(move |x| {
            let Parts { projected, kernel, states, bias, mask, dropout } = self.parts(x);
            let states: Vec<&Tensor> = states.iter().collect();
            recurrence.walk(&Sequence { projected, kernel, bias, states: &states, mask, dropout })
        });
        case.reference = Box::new(move |x| self.reference(x));
        let width = 1.0 / (units as f64).sqrt();
        let case = case.range(-2.0, 2.0).input(1, DType::F32, -width, width).tolerance(2e-5, 1e-4);
        if let Some(at) = mask_at { case.input(at, DType::Bool, 0.0, 1.0) } else { case }
    }

    fn reference(&self, x: &[Reference]) -> Vec<Reference> {
        let Parts { projected, kernel, states, bias, mask, dropout } = self.parts(x);
        let Setup { recurrence, steps, samples, units, .. } = *self;
        let (act, rec) = (|x| squash(recurrence.activation, x), |x| squash(recurrence.recurrent_activation, x));
        let mut out: Vec<ArrayD<f64>> = states.iter().map(|_| ArrayD::zeros(vec![steps + 1, samples, units])).collect();
        for (out, state) in out.iter_mut().zip(states) {
            out.slice_mut(s![0, .., ..]).assign(&state.view().into_dimensionality::<ndarray::Ix2>().expect("a matrix"));
        }
        for (t, n) in (0..steps).flat_map(|t| (0..samples).map(move |n| (t, n))) {
            let h: Vec<f64> = (0..units).map(|u| out[0][[t, n, u]]).collect();
            let x = |gate: usize, u: usize| projected[[t, n, gate * units + u]];
            let inner = |left: &[f64], gate: usize, u: usize| {
                let keep = |k: usize| dropout.map_or(1.0, |dropout| dropout[[gate, n, k]]);
                let sum: f64 = (0..units).map(|k| left[k] * keep(k) * kernel[[k, gate * units + u]]).sum();
                sum + bias.map_or(0.0, |bias| bias[[gate * units + u]])
            };
            let recurrent = |gate: usize, u: usize| rec(x(gate, u) + inner(&h, gate, u));
            let reset: Vec<f64> = match recurrence.cell {
                RecurrentCell::GruResetBefore => (0..units).map(|u| recurrent(1, u) * h[u]).collect(),
                _ => Vec::new(),
            };
            for u in 0..units {
                let mix = |n: f64| recurrent(0, u) * h[u] + (1.0 - recurrent(0, u)) * n;
                let counts = mask.is_none_or(|mask| mask[[t, n]] != 0.0);
                let new = match recurrence.cell {
                    RecurrentCell::Simple => act(x(0, u) + inner(&h, 0, u)),
                    RecurrentCell::Gru => mix(act(x(2, u) + recurrent(1, u) * inner(&h, 2, u))),
                    RecurrentCell::GruResetBefore => mix(act(x(2, u) + inner(&reset, 2, u))),
                    RecurrentCell::Lstm => {
                        let c = out[1][[t, n, u]];
                        let new = recurrent(1, u) * c + recurrent(0, u) * act(x(2, u) + inner(&h, 2, u));
                        out[1][[t + 1, n, u]] = if counts { new } else { c };
                        recurrent(3, u) * act(new)
                    }
                };
                out[0][[t + 1, n, u]] = if counts { new } else { h[u] };
            }
        }
        out
    }
}

fn squash(function: Squash, x: f64) -> f64 {
    match function {
        Squash::Linear => x,
        Squash::Relu => {
            if x < 0.0 {
                0.0
            } else {
                x
            }
        }
        Squash::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Squash::HardSigmoid => {
            if x.is_nan() {
                x
            } else {
                (x / 6.0 + 0.5).clamp(0.0, 1.0)
            }
        }
        Squash::Tanh => x.tanh(),
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    use RecurrentCell::{Gru, GruResetBefore, Lstm, Simple};
    let setup = |cell: RecurrentCell, [steps, samples, units]: [usize; 3]| {
        let recurrence = Recurrence { cell, activation: Squash::Tanh, recurrent_activation: Squash::Sigmoid };
        Setup { recurrence, steps, samples, units, bias: cell == Gru, mask: false, dropout: false }
    };
    let mut out = Vec::new();
    for cell in [Simple, Lstm, Gru, GruResetBefore] {
        for (mask, dropout) in [(false, false), (true, false), (true, true)] {
            out.push(Setup { mask, dropout, ..setup(cell, [3, 5, 7]) }.case().smooth(Smooth::Twice).fused());
        }
        for sizes in [[1, 3, 1], [0, 2, 3], [2, 0, 3]] {
            out.push(setup(cell, sizes).case().fused());
        }
        out.extend([[64, 5, 7], [257, 2, 1], [64, 3, 128], [5, 33, 40]].map(|sizes| setup(cell, sizes).case()));
    }
    let functions = [(Squash::Linear, Squash::HardSigmoid), (Squash::Relu, Squash::HardSigmoid), (Squash::Sigmoid, Squash::Tanh)];
    for (cell, (activation, recurrent_activation)) in
        [Simple, Lstm, Gru, GruResetBefore].into_iter().flat_map(|cell| functions.map(|f| (cell, f)))
    {
        let recurrence = Recurrence { cell, activation, recurrent_activation };
        out.push(Setup { recurrence, ..setup(cell, [3, 2, 4]) }.case().fused());
    }
    out
}
