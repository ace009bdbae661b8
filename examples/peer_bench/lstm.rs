//! An LSTM over sequences, forward and backward.

use wgrad::{
    ops::{Recurrence, RecurrentCell, Sequence, Squash},
    prelude::*,
};

pub const STEPS: usize = 64;
pub const FEATURES: usize = 64;
const UNITS: usize = 128;

/// Weights for input, state and bias of the four gates: input, forget, cell, output.
pub struct Lstm {
    kernel: Tensor,
    recurrent: Tensor,
    bias: Tensor,
}

impl Lstm {
    /// Weights from `draw`, which makes a tensor of a shape.
    pub fn new(draw: impl Fn(&[usize]) -> Result<Tensor>) -> Result<Self> {
        let gates = 4 * UNITS;
        let scaled = |shape: &[usize]| Ok::<_, Error>(draw(shape)? * (1.0 / (shape[0] as f32).sqrt()));
        let weights = Self { kernel: scaled(&[FEATURES, gates])?, recurrent: scaled(&[UNITS, gates])?, bias: Tensor::zeros([gates]) };
        [&weights.kernel, &weights.recurrent, &weights.bias].into_iter().try_for_each(Tensor::compute)?;
        Ok(weights)
    }

    /// The last state of sequences (N, T, D): (N, units).
    fn last(&self, x: &Tensor) -> Result<Tensor> {
        let projected = x.swap_axes(0, 1).matmul(&self.kernel) + &self.bias;
        let zeros = Tensor::zeros([x.shape()[0], UNITS]);
        let lstm = Recurrence { cell: RecurrentCell::Lstm, activation: Squash::Tanh, recurrent_activation: Squash::Sigmoid };
        let states = [&zeros, &zeros];
        let sequence = Sequence { projected: &projected, kernel: &self.recurrent, bias: None, states: &states, mask: None, dropout: None };
        Ok(lstm.walk(&sequence)?[0].at(&[Index::At(-1)]))
    }

    /// Gradients of the mean square of the last state for all weights and the input, and that mean.
    pub fn gradients(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let loss = self.last(x)?.square().mean(&[]);
        let gradients = gradient(&loss, &[x, &self.kernel, &self.recurrent, &self.bias])?;
        Ok(gradients.into_iter().flatten().chain([loss]).collect())
    }
}
