//! The plain recurrent layer and its cell.

use super::{
    Cell, CellOptions, CellSetters, WalkOptions, WalkSetters,
    gated::{Gated, GatedCell, Weights},
    walk::{Kept, built},
};
use crate::{
    Result, Shape,
    layers::{ActivationFn, Build, Call, Inputs, Layer, LayerExt, LayerRef, Outputs, inputs},
    ops::RecurrentCell,
};

/// A step of a plain recurrent layer, `h' = activation(x W + h R + b)`. State: h, `(N, units)`.
///
/// Weights: `kernel` (D, units), `recurrent_kernel` (units, units), `bias` (units).
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RNN::new(SimpleRNNCell::new(4)); // as SimpleRNN::new(4)
/// assert_eq!(layer.apply(&Tensor::ones([2, 5, 3])).shape()[..], [2, 4]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.SimpleRNNCell")]
pub struct SimpleRNNCell {
    /// Size of the states.
    #[layer(new)]
    units: usize,
    #[layer(flatten)]
    options: CellOptions,
    #[layer(skip)]
    weights: Weights,
}

impl GatedCell for SimpleRNNCell {
    fn gated(&self) -> Gated<'_> {
        let Self { units, options, weights } = self;
        Gated { cell: RecurrentCell::Simple, units: *units, options, recurrent_activation: ActivationFn::Linear, weights }
    }
}

impl Layer for SimpleRNNCell {
    fn build(&mut self, build: &mut Build, shapes: &[Shape]) -> Result<()> {
        let start = self.options.bias.initializer();
        self.weights = Weights::build(build, inputs::first(shapes)?, RecurrentCell::Simple, self.units, &self.options, start)?;
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.gated().step(call, inputs)
    }

    fn as_cell(&self) -> Option<&dyn Cell> {
        Some(self)
    }
}

impl CellSetters for SimpleRNNCell {
    fn cell_options(&mut self) -> &mut CellOptions {
        &mut self.options
    }
}

/// A plain recurrent layer over sequences `(N, T, D)`: its last output, `(N, units)`, or those of all steps. A walk over many steps is one kernel on
/// the CPU, a dispatch a step on a GPU, as long as the activation is one of the usual ones.
///
/// Weights: those of its [`SimpleRNNCell`].
///
/// ```
/// use wgrad::prelude::*;
/// let model = Sequential::new()
///     .add(Input::new([12, 3]))
///     .add(SimpleRNN::new(8).return_sequences(true).dropout(0.2))
///     .add(SimpleRNN::new(4).go_backwards(true))
///     .build()?;
/// assert_eq!(model.call(&Tensor::zeros([2, 12, 3]), Training::No)?.shape()[..], [2, 4]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.SimpleRNN")]
pub struct SimpleRNN {
    /// Size of the output's last axis.
    #[layer(new)]
    units: usize,
    #[layer(flatten)]
    options: CellOptions,
    #[layer(flatten)]
    walk: WalkOptions,
    #[layer(skip)]
    cell: Option<LayerRef>,
    #[layer(skip)]
    kept: Kept,
}

impl Layer for SimpleRNN {
    fn arguments(&self) -> &'static [&'static str] {
        &["initial_state"]
    }

    fn build(&mut self, build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        let cell = SimpleRNNCell { units: self.units, options: self.options.clone(), weights: Weights::default() };
        self.cell = Some(cell.dtype_policy(build.policy()));
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.walk.call(call, inputs, built(&self.cell), &self.kept)
    }
}

impl SimpleRNN {
    /// Forgets the states that a stateful layer keeps.
    pub fn reset_state(&self) {
        self.kept.reset();
    }
}

impl CellSetters for SimpleRNN {
    fn cell_options(&mut self) -> &mut CellOptions {
        &mut self.options
    }
}

impl WalkSetters for SimpleRNN {
    fn walk_options(&mut self) -> &mut WalkOptions {
        &mut self.walk
    }
}
