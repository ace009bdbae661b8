//! The op that walks forward, its shapes and its gradient.

use super::{Recurrence, RecurrentCell, gradient::WalkBack};
use crate::{
    DType, Error, Result, Shape, Tensor,
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, apply},
    shape::Spec,
};

/// A recurrence and which optional inputs it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub recurrence: Recurrence,
    pub biased: bool,
    pub masked: bool,
    pub dropped: bool,
}

/// The inputs of a walk by name.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a, T> {
    pub projected: &'a T,
    pub kernel: &'a T,
    pub states: &'a [T],
    pub bias: Option<&'a T>,
    pub mask: Option<&'a T>,
    pub dropout: Option<&'a T>,
}

/// The sizes of a walk.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub steps: usize,
    pub samples: usize,
    pub units: usize,
}

impl Form {
    pub fn inputs<'a, T>(&self, inputs: &'a [T]) -> Inputs<'a, T> {
        let (first, rest) = inputs.split_at(2);
        let (states, options) = rest.split_at(self.recurrence.cell.states());
        let mut options = options.iter();
        let mut next = |there: bool| if there { options.next() } else { None };
        let (bias, mask, dropout) = (next(self.biased), next(self.masked), next(self.dropped));
        Inputs { projected: &first[0], kernel: &first[1], states, bias, mask, dropout }
    }

    /// Which output of a walk holds the gates: behind the states.
    pub fn gates_at(&self) -> usize {
        self.recurrence.cell.states()
    }

    /// Whether each gate has its own left operand in the recurrent product.
    pub fn by_gate(&self) -> bool {
        self.dropped || self.recurrence.cell == RecurrentCell::GruResetBefore
    }

    pub fn key(&self, key: &mut Key) {
        let Recurrence { cell, activation, recurrent_activation } = self.recurrence;
        [cell as u32, activation as u32, recurrent_activation as u32].into_iter().for_each(|word| key.word(word));
        [self.biased, self.masked, self.dropped].into_iter().for_each(|there| key.word(u8::from(there)));
    }
}

impl RecurrentCell {
    /// How many numbers a unit keeps for the gradient: the results of all gates, and of a GRU what its reset gate is multiplied with.
    /// An LSTM's i, f, g, o; a GRU's z, r, that product, n; with the reset before it z, r, n.
    pub(super) fn kept(self) -> usize {
        self.gates() + usize::from(self == Self::Gru)
    }
}

/// All steps, forward. Outputs: h and perhaps c of all steps, the initial ones first, and the [kept](RecurrentCell::kept) gates.
#[derive(Debug)]
pub(super) struct Walk(pub Form);

impl Op for Walk {
    fn name(&self) -> &'static str {
        "recurrent"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (cell, named) = (self.0.recurrence.cell, self.0.inputs(inputs));
        let (&[steps, samples, _], &[units, _]) = (&named.projected.shape[..], &named.kernel.shape[..]) else {
            let (x, kernel) = (&named.projected.shape, &named.kernel.shape);
            return Err(Error::shape(format!("takes an input (T, N, gates * U) and weights (U, gates * U), not {x} and {kernel}")));
        };
        let columns = cell.gates() * units;
        let expect = |what: &str, spec: &Spec, dtype: DType, shape: Shape| {
            let wanted = Spec { dtype, shape };
            if *spec == wanted {
                return Ok(());
            }
            Err(Error::shape(format!("{what} is {spec}, expected {wanted}: {cell:?} of {units} units")))
        };
        expect("the projected input", named.projected, DType::F32, Shape::from([steps, samples, columns]))?;
        expect("the recurrent kernel", named.kernel, DType::F32, Shape::from([units, columns]))?;
        for state in named.states {
            expect("an initial state", state, DType::F32, Shape::from([samples, units]))?;
        }
        if let Some(bias) = named.bias {
            if cell != RecurrentCell::Gru {
                return Err(Error::invalid(format!("{cell:?} takes no recurrent bias: add it to the projected input")));
            }
            expect("the recurrent bias", bias, DType::F32, Shape::from([columns]))?;
        }
        if let Some(mask) = named.mask {
            expect("the mask", mask, DType::Bool, Shape::from([steps, samples]))?;
        }
        if let Some(dropout) = named.dropout {
            expect("the recurrent dropout", dropout, DType::F32, Shape::from([cell.gates(), samples, units]))?;
        }
        let states = std::iter::repeat_n(Spec::new(DType::F32, [steps + 1, samples, units]), cell.states());
        Ok(states.chain(Some(Spec::new(DType::F32, [steps, samples, cell.kept() * units]))).collect())
    }

    fn key(&self, key: &mut Key) {
        self.0.key(key);
    }

    fn flops(&self, inputs: &[Spec], _outputs: &[Spec]) -> u64 {
        (2 * inputs[0].size() * inputs[1].shape[0]) as u64
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (form, inputs, states) = (self.0, self.0.inputs(cx.inputs()), self.0.gates_at());
        let dropout_needed = form.dropped && cx.needs(cx.inputs().len() - 1);
        if cx.upstream(states).is_some() || dropout_needed {
            return cx.through_fallback(self);
        }
        let (gates, transposed) = (cx.output(states), inputs.kernel.transpose());
        let back = WalkBack { form: Form { biased: false, ..form }, cells_upstream: states == 2 && cx.upstream(1).is_some() };
        let dh = cx.upstream_or_zeros(0);
        let all: Vec<Tensor> = (0..states).map(|at| cx.output(at)).collect();
        let mut arguments: Vec<&Tensor> = vec![&transposed, &gates, &dh];
        arguments.extend(&all);
        arguments.extend((states == 2).then(|| cx.upstream(1)).flatten());
        arguments.extend(inputs.mask.into_iter().chain(inputs.dropout));
        let outputs = apply(back, &arguments)?;
        let (inner, carry) = (&outputs[0], &outputs[1]);
        let mut gradients = vec![Some(outputs.get(2).unwrap_or(inner).clone())];
        gradients.push(cx.needs(1).then(|| self.kernel_gradient(&inputs, &all[0], &gates, inner)));
        gradients.extend(carry.unstack(0).into_iter().map(Some));
        gradients.extend(inputs.bias.map(|_| Some(inner.sum(&[0, 1]))));
        gradients.resize(cx.inputs().len(), None);
        Ok(gradients)
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        Some(self.0.plain(self.0.inputs(inputs)))
    }

    fn cpu(&self, call: CpuCall) {
        super::cpu::walk(&self.0, call);
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        super::gpu::walk(&self.0, call)
    }
}

impl Walk {
    /// `sum over steps and samples of left^T inner` for each gate, in one product where all gates have the same left operand.
    fn kernel_gradient(&self, inputs: &Inputs<Tensor>, states: &Tensor, gates: &Tensor, inner: &Tensor) -> Tensor {
        let (cell, Sizes { steps, samples, units }) = (self.0.recurrence.cell, sizes(inner.shape(), inputs.kernel.shape()[0]));
        let rows = |t: &Tensor| t.reshape([steps * samples, t.shape()[2]]);
        let before = states.section(0, 0, steps);
        let product = |left: &Tensor, inner: &Tensor| rows(left).transpose().matmul(&rows(inner));
        if !self.0.by_gate() {
            return product(&before, inner);
        }
        let gate = |at: usize| {
            let reset = at == 2 && cell == RecurrentCell::GruResetBefore;
            let left = if reset { &before * gates.section(2, units, units) } else { before.clone() };
            let left = inputs.dropout.map_or(left.clone(), |dropout| left * dropout.section(0, at, 1));
            product(&left, &inner.section(2, at * units, units))
        };
        let parts: Vec<Tensor> = (0..cell.gates()).map(gate).collect();
        Tensor::concat(&parts.iter().collect::<Vec<_>>(), 1)
    }
}

/// The sizes behind a tensor of steps and samples.
pub(super) fn sizes(shape: &Shape, units: usize) -> Sizes {
    Sizes { steps: shape[0], samples: shape[1], units }
}
