//! Recurrent cells over whole sequences: one op walks all steps, another walks back for the gradient.

mod cases;
mod cpu;
mod gpu;
mod gradient;
mod op;
mod plain;

pub(super) use cases::cases;
pub(crate) use plain::Step;

use crate::{Error, Result, Tensor, graph::apply};
use op::{Form, Walk};

/// What a step makes of gates and states. Gates lie one after another in the last axis, in Keras' order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentCell {
    /// `h' = activation(x + h R)`.
    Simple,
    /// Long short-term memory (Hochreiter and Schmidhuber, 1997) with gates i, f, g, o, of which g takes the activation, the others the
    /// recurrent activation of `x + h R`: `c' = f c + i g`, `h' = o activation(c')`.
    Lstm,
    /// Gated recurrent unit (Cho et al., 2014) with gates z, r, n: `n = activation(x + r (h R + b))`, `h' = z h + (1 - z) n`.
    Gru,
    /// The same with the reset gate before the product, `n = activation(x + (r h) R)`: Keras' `reset_after=False`.
    GruResetBefore,
}

/// Activation functions whose slope follows from their result, which is what kernels keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Squash {
    /// `x`.
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `min(max(x / 6 + 1 / 2, 0), 1)`.
    HardSigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

/// A cell with its functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// What a step does.
    pub cell: RecurrentCell,
    /// The function of candidates and, for the LSTM, of the cell state.
    pub activation: Squash,
    /// The function of the other gates.
    pub recurrent_activation: Squash,
}

/// What a recurrence walks over: T steps of N samples with U units, the gates of a step side by side.
#[derive(Clone, Copy, Debug)]
pub struct Sequence<'a> {
    /// The inputs times their weights, with the bias: `(T, N, gates * U)`.
    pub projected: &'a Tensor,
    /// The recurrent weights R, `(U, gates * U)`.
    pub kernel: &'a Tensor,
    /// The bias of the recurrent product, `(gates * U,)`; for [`RecurrentCell::Gru`] only, elsewhere it belongs into the projection.
    pub bias: Option<&'a Tensor>,
    /// The initial states, `(N, U)` each: h, and for the LSTM c.
    pub states: &'a [&'a Tensor],
    /// Where steps count, bool `(T, N)`: at all others the states stay.
    pub mask: Option<&'a Tensor>,
    /// What h is multiplied with for the product of each gate, at all steps: `(gates, N, U)`.
    pub dropout: Option<&'a Tensor>,
}

impl RecurrentCell {
    /// How many gates the projected input and the recurrent weights have.
    pub fn gates(self) -> usize {
        match self {
            Self::Simple => 1,
            Self::Lstm => 4,
            Self::Gru | Self::GruResetBefore => 3,
        }
    }

    /// How many states there are: h, and perhaps c.
    pub fn states(self) -> usize {
        if self == Self::Lstm { 2 } else { 1 }
    }
}

impl Recurrence {
    /// All states from the initial ones on, `(T + 1, N, U)` each: h, and for the LSTM c. What follows step t is at t + 1.
    ///
    /// ```
    /// use wgrad::{ops::{Recurrence, RecurrentCell, Sequence, Squash}, prelude::*};
    /// let sum = Recurrence { cell: RecurrentCell::Simple, activation: Squash::Linear, recurrent_activation: Squash::Linear };
    /// let (x, kernel, state) = (Tensor::ones([3, 1, 1]), Tensor::ones([1, 1]), Tensor::zeros([1, 1]));
    /// let sequence = Sequence { projected: &x, kernel: &kernel, bias: None, states: &[&state], mask: None, dropout: None };
    /// assert_eq!(sum.walk(&sequence)?[0].to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a shape or dtype does not fit, or a bias is given that the cell does not take.
    pub fn walk(&self, sequence: &Sequence) -> Result<Vec<Tensor>> {
        let Sequence { projected, kernel, bias, states, mask, dropout } = *sequence;
        if states.len() != self.cell.states() {
            let (cell, count) = (self.cell, self.cell.states());
            return Err(Error::invalid(format!("recurrent: {cell:?} has {count} initial states, not {}", states.len())));
        }
        let form = Form { recurrence: *self, biased: bias.is_some(), masked: mask.is_some(), dropped: dropout.is_some() };
        let options = [bias, mask, dropout];
        let inputs: Vec<&Tensor> =
            [projected, kernel].into_iter().chain(states.iter().copied()).chain(options.into_iter().flatten()).collect();
        let mut outputs = apply(Walk(form), &inputs)?.into_vec();
        outputs.remove(form.gates_at()); // the gates are the gradient's
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    fn numbers(shape: &[usize]) -> Tensor {
        let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (i as f32 * 12.9898).sin() * 0.3).collect();
        Tensor::from_slice(&values, shape).expect("as many values as the shape says")
    }

    fn lstm(x: &Tensor, kernel: &Tensor, states: &[&Tensor], bias: Option<&Tensor>) -> Result<Vec<Tensor>> {
        let lstm = Recurrence { cell: RecurrentCell::Lstm, activation: Squash::Tanh, recurrent_activation: Squash::Sigmoid };
        lstm.walk(&Sequence { projected: x, kernel, bias, states, mask: None, dropout: None })
    }

    /// So that it does not matter how threads share them.
    #[test]
    fn the_bits_of_a_sample_do_not_depend_on_the_others() -> Result<()> {
        Device::cpu().scope(|| {
            let (x, kernel, state) = (numbers(&[7, 33, 160]), numbers(&[40, 160]), numbers(&[33, 40]));
            let gradients = |first: usize, count: usize| -> Result<Vec<Vec<u32>>> {
                let (x, state) = (x.section(1, first, count), state.section(0, first, count));
                let states = lstm(&x, &kernel, &[&state, &state], None)?;
                let gradient = crate::gradient(&(&states[0] * &states[1]).sum(&[]), &[&x, &state])?;
                let all = states.into_iter().chain(gradient.into_iter().flatten());
                all.map(|t| if t.rank() == 3 { t.swap_axes(0, 1).to_words() } else { t.to_words() }).collect()
            };
            let (whole, one) = (gradients(0, 33)?, gradients(20, 1)?);
            for (whole, one) in whole.iter().zip(&one) {
                assert_eq!(whole[20 * one.len()..][..one.len()], one[..]);
            }
            Ok(())
        })
    }

    #[test]
    fn errors_name_what_does_not_fit() {
        Device::cpu().scope(|| {
            let (x, kernel, state) = (numbers(&[2, 3, 16]), numbers(&[4, 16]), numbers(&[3, 4]));
            let text = |result: Result<Vec<Tensor>>| result.unwrap_err().to_string();
            let one = text(lstm(&x, &kernel, &[&state], None));
            assert_eq!(one, "recurrent: Lstm has 2 initial states, not 1");
            let bias = text(lstm(&x, &kernel, &[&state, &state], Some(&numbers(&[16]))));
            assert_eq!(bias, "recurrent: Lstm takes no recurrent bias: add it to the projected input");
            let narrow = text(lstm(&numbers(&[2, 3, 12]), &kernel, &[&state, &state], None));
            let expected = "recurrent: the projected input is float32(2, 3, 12), expected float32(2, 3, 16): Lstm of 4 units";
            assert_eq!(narrow, expected);
        });
    }
}
