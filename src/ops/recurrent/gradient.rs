//! The op that walks backward.

use super::{RecurrentCell, op::Form};
use crate::{
    DType, Result, Tensor,
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs},
    shape::Spec,
};

/// All steps, backward. Outputs: the gradient of each gate's sum of projected input and recurrent product, `(T, N, gates * U)`; that of
/// the initial states, `(states, N, U)`; and for [`RecurrentCell::Gru`], where it is another, that of the projected input.
#[derive(Debug)]
pub(super) struct WalkBack {
    pub form: Form,
    /// Whether there is an upstream gradient of c.
    pub cells_upstream: bool,
}

/// The inputs by name.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a, T> {
    /// The recurrent kernel, transposed.
    pub kernel: &'a T,
    pub gates: &'a T,
    /// The upstream gradient of h of all steps.
    pub upstream: &'a T,
    pub states: &'a [T],
    pub cells_upstream: Option<&'a T>,
    pub mask: Option<&'a T>,
    pub dropout: Option<&'a T>,
}

impl WalkBack {
    pub fn inputs<'a, T>(&self, inputs: &'a [T]) -> Inputs<'a, T> {
        let (first, rest) = inputs.split_at(3);
        let (states, options) = rest.split_at(self.form.recurrence.cell.states());
        let mut options = options.iter();
        let mut next = |there: bool| if there { options.next() } else { None };
        let (cells_upstream, mask, dropout) = (next(self.cells_upstream), next(self.form.masked), next(self.form.dropped));
        Inputs { kernel: &first[0], gates: &first[1], upstream: &first[2], states, cells_upstream, mask, dropout }
    }

    /// Whether the projected input has a gradient of its own.
    pub fn splits(&self) -> bool {
        self.form.recurrence.cell == RecurrentCell::Gru
    }
}

impl Op for WalkBack {
    fn name(&self) -> &'static str {
        "recurrent_gradient"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (cell, inputs) = (self.form.recurrence.cell, self.inputs(inputs));
        let (width, units) = (inputs.kernel.shape[0], inputs.kernel.shape[1]);
        let (steps, samples) = (inputs.gates.shape[0], inputs.gates.shape[1]);
        let inner = Spec::new(DType::F32, [steps, samples, width]);
        let carry = Spec::new(DType::F32, [cell.states(), samples, units]);
        Ok([inner.clone(), carry].into_iter().chain(self.splits().then_some(inner)).collect())
    }

    fn key(&self, key: &mut Key) {
        self.form.key(key);
        key.word(u8::from(self.cells_upstream));
    }

    fn flops(&self, inputs: &[Spec], outputs: &[Spec]) -> u64 {
        (2 * outputs[0].size() * inputs[0].shape[1]) as u64
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        cx.through_fallback(self)
    }

    fn fallback(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        Some(self.plain(self.inputs(inputs)))
    }

    fn cpu(&self, call: CpuCall) {
        super::cpu::walk_back(self, call);
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        super::gpu::walk_back(self, call)
    }
}
