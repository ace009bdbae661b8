//! Gated recurrent units: the cell and the layer.

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

/// A step of a GRU (Cho et al., 2014): `h' = z h + (1 - z) n`, with `n = activation(x W + b + r (h R + b'))`, or `activation(x W +
/// (r h) R + b)` where the reset gate comes before the product, and z, r by the recurrent activation. State: h, `(N, units)`.
///
/// Weights: `kernel` (D, 3 units), `recurrent_kernel` (units, 3 units), `bias` (2, 3 units), b and b', or (3 units); gates in the order
/// z, r, n.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RNN::new(GRUCell::new(4)); // as GRU::new(4)
/// assert_eq!(layer.apply(&Tensor::ones([2, 5, 3])).shape()[..], [2, 4]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.GRUCell")]
pub struct GRUCell {
    /// Size of the states.
    #[layer(new)]
    units: usize,
    /// The function of the gates z and r.
    #[layer(default = ActivationFn::Sigmoid)]
    recurrent_activation: ActivationFn,
    /// Whether the reset gate comes after the recurrent product, as in cuDNN, or before it.
    #[layer(default = true)]
    reset_after: bool,
    #[layer(flatten)]
    options: CellOptions,
    #[layer(skip)]
    weights: Weights,
}

impl GRUCell {
    fn cell(&self) -> RecurrentCell {
        if self.reset_after { RecurrentCell::Gru } else { RecurrentCell::GruResetBefore }
    }
}

impl GatedCell for GRUCell {
    fn gated(&self) -> Gated<'_> {
        let Self { units, recurrent_activation, options, weights, .. } = self;
        Gated { cell: self.cell(), units: *units, options, recurrent_activation: *recurrent_activation, weights }
    }
}

impl Layer for GRUCell {
    fn build(&mut self, build: &mut Build, shapes: &[Shape]) -> Result<()> {
        let start = self.options.bias.initializer();
        self.weights = Weights::build(build, inputs::first(shapes)?, self.cell(), self.units, &self.options, start)?;
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.gated().step(call, inputs)
    }

    fn as_cell(&self) -> Option<&dyn Cell> {
        Some(self)
    }
}

impl CellSetters for GRUCell {
    fn cell_options(&mut self) -> &mut CellOptions {
        &mut self.options
    }
}

/// A GRU over sequences `(N, T, D)`: its last output, `(N, units)`, or those of all steps. A walk over many steps is one kernel on
/// the CPU, a dispatch a step on a GPU, as long as the activations are of the usual ones.
///
/// Weights: those of its [`GRUCell`].
///
/// ```
/// use wgrad::prelude::*;
/// let model = Sequential::new()
///     .add(Input::new([12, 3]))
///     .add(GRU::new(8).return_sequences(true).dropout(0.2))
///     .add(GRU::new(4).go_backwards(true))
///     .build()?;
/// assert_eq!(model.call(&Tensor::zeros([2, 12, 3]), Training::No)?.shape()[..], [2, 4]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.GRU")]
pub struct GRU {
    /// Size of the output's last axis.
    #[layer(new)]
    units: usize,
    /// The function of the gates z and r.
    #[layer(default = ActivationFn::Sigmoid)]
    recurrent_activation: ActivationFn,
    /// Whether the reset gate comes after the recurrent product, as in cuDNN, or before it.
    #[layer(default = true)]
    reset_after: bool,
    #[layer(flatten)]
    options: CellOptions,
    #[layer(flatten)]
    walk: WalkOptions,
    #[layer(skip)]
    cell: Option<LayerRef>,
    #[layer(skip)]
    kept: Kept,
}

impl Layer for GRU {
    fn arguments(&self) -> &'static [&'static str] {
        &["initial_state"]
    }

    fn build(&mut self, build: &mut Build, _inputs: &[Shape]) -> Result<()> {
        let Self { units, recurrent_activation, reset_after, ref options, .. } = *self;
        let cell = GRUCell { units, recurrent_activation, reset_after, options: options.clone(), weights: Weights::default() };
        self.cell = Some(cell.dtype_policy(build.policy()));
        Ok(())
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.walk.call(call, inputs, built(&self.cell), &self.kept)
    }
}

impl GRU {
    /// Forgets the states that a stateful layer keeps.
    pub fn reset_state(&self) {
        self.kept.reset();
    }
}

impl CellSetters for GRU {
    fn cell_options(&mut self) -> &mut CellOptions {
        &mut self.options
    }
}

impl WalkSetters for GRU {
    fn walk_options(&mut self) -> &mut WalkOptions {
        &mut self.walk
    }
}
