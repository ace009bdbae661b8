//! Long short-term memory: the cell and the layer.

use super::{
    Cell, CellOptions, CellSetters, WalkOptions, WalkSetters,
    gated::{Gated, GatedCell, UnitForget, Weights},
    walk::{Kept, built},
};
use crate::{
    Result, Shape,
    config::Object,
    initializers::Initializer,
    layers::{ActivationFn, Build, Call, Inputs, Layer, LayerExt, LayerRef, Outputs, inputs},
    ops::RecurrentCell,
};

/// A step of an LSTM (Hochreiter and Schmidhuber, 1997): `c' = f c + i g`, `h' = o activation(c')`, with `g = activation(x W + h R + b)`
/// and i, f, o alike by the recurrent activation. States: h and c, `(N, units)` each.
///
/// Weights: `kernel` (D, 4 units), `recurrent_kernel` (units, 4 units), `bias` (4 units); gates in the order i, f, g, o.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RNN::new(LSTMCell::new(4)); // as LSTM::new(4)
/// assert_eq!(layer.apply(&Tensor::ones([2, 5, 3])).shape()[..], [2, 4]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.LSTMCell")]
pub struct LSTMCell {
    /// Size of the states.
    #[layer(new)]
    units: usize,
    /// The function of the gates i, f and o.
    #[layer(default = ActivationFn::Sigmoid)]
    recurrent_activation: ActivationFn,
    /// Whether the bias of the forget gates starts with ones.
    #[layer(default = true)]
    unit_forget_bias: bool,
    #[layer(flatten)]
    options: CellOptions,
    #[layer(skip)]
    weights: Weights,
}

impl GatedCell for LSTMCell {
    fn gated(&self) -> Gated<'_> {
        let Self { units, recurrent_activation, options, weights, .. } = self;
        Gated { cell: RecurrentCell::Lstm, units: *units, options, recurrent_activation: *recurrent_activation, weights }
    }
}

impl Layer for LSTMCell {
    fn build(&mut self, build: &mut Build, shapes: &[Shape]) -> Result<()> {
        let start = self.options.bias.initializer();
        let start: Object<dyn Initializer> = if self.unit_forget_bias { UnitForget(start).into() } else { start };
        self.weights = Weights::build(build, inputs::first(shapes)?, RecurrentCell::Lstm, self.units, &self.options, start)?;
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.gated().step(call, inputs)
    }

    fn as_cell(&self) -> Option<&dyn Cell> {
        Some(self)
    }
}

impl CellSetters for LSTMCell {
    fn cell_options(&mut self) -> &mut CellOptions {
        &mut self.options
    }
}

/// An LSTM over sequences `(N, T, D)`: its last output, `(N, units)`, or those of all steps. A walk over many steps is one kernel on
/// the CPU, a dispatch a step on a GPU, as long as the activations are of the usual ones.
///
/// Weights: those of its [`LSTMCell`].
///
/// ```
/// use wgrad::prelude::*;
/// let model = Sequential::new()
///     .add(Input::new([12, 3]))
///     .add(LSTM::new(8).return_sequences(true).dropout(0.2))
///     .add(LSTM::new(4).go_backwards(true))
///     .build()?;
/// assert_eq!(model.call(&Tensor::zeros([2, 12, 3]), Training::No)?.shape()[..], [2, 4]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.LSTM")]
pub struct LSTM {
    /// Size of the output's last axis.
    #[layer(new)]
    units: usize,
    /// The function of the gates i, f and o.
    #[layer(default = ActivationFn::Sigmoid)]
    recurrent_activation: ActivationFn,
    /// Whether the bias of the forget gates starts with ones.
    #[layer(default = true)]
    unit_forget_bias: bool,
    #[layer(flatten)]
    options: CellOptions,
    #[layer(flatten)]
    walk: WalkOptions,
    #[layer(skip)]
    cell: Option<LayerRef>,
    #[layer(skip)]
    kept: Kept,
}

impl Layer for LSTM {
    fn arguments(&self) -> &'static [&'static str] {
        &["initial_state"]
    }

    fn build(&mut self, build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        let Self { units, recurrent_activation, unit_forget_bias, ref options, .. } = *self;
        let cell = LSTMCell { units, recurrent_activation, unit_forget_bias, options: options.clone(), weights: Weights::default() };
        self.cell = Some(cell.dtype_policy(build.policy()));
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.walk.call(call, inputs, built(&self.cell), &self.kept)
    }
}

impl LSTM {
    /// Forgets the states that a stateful layer keeps.
    pub fn reset_state(&self) {
        self.kept.reset();
    }
}

impl CellSetters for LSTM {
    fn cell_options(&mut self) -> &mut CellOptions {
        &mut self.options
    }
}

impl WalkSetters for LSTM {
    fn walk_options(&mut self) -> &mut WalkOptions {
        &mut self.walk
    }
}
