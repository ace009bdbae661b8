//! An LSTM unrolled over its steps, put together from tensor ops: the library has no recurrent layers yet.

use wgrad::prelude::*;

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
    pub fn last(&self, x: &Tensor) -> Tensor {
        let samples = x.shape()[0];
        let inputs = x.matmul(&self.kernel) + &self.bias;
        let (mut state, mut cell) = (Tensor::zeros([samples, UNITS]), Tensor::zeros([samples, UNITS]));
        for step in 0..STEPS {
            let gates = inputs.at(&[All, Index::At(step as isize), All]) + state.matmul(&self.recurrent);
            let gate = |at: usize| gates.at(&[All, Index::from((at * UNITS) as isize..((at + 1) * UNITS) as isize)]);
            cell = gate(1).sigmoid() * &cell + gate(0).sigmoid() * gate(2).tanh();
            state = gate(3).sigmoid() * cell.tanh();
        }
        state
    }

    /// Gradients of the mean square of the last state for all weights and the input, and that mean.
    pub fn gradients(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let loss = self.last(x).square().mean(&[]);
        let gradients = gradient(&loss, &[x, &self.kernel, &self.recurrent, &self.bias])?;
        Ok(gradients.into_iter().flatten().chain([loss]).collect())
    }
}
