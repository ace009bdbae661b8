//! A recurrent layer around any cell.

use super::{WalkOptions, WalkSetters, walk::Kept};
use crate::{
    Result,
    layers::{Call, Inputs, Layer, LayerRef, Outputs},
};

/// Walks a cell over sequences `(N, T, ...)`: its last output, or those of all steps. A layer of your own is a cell if its
/// [`as_cell`](Layer::as_cell) says so.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RNN::new(StackedRNNCells::new([LSTMCell::new(8).shared(), GRUCell::new(4).shared()])).return_sequences(true);
/// let model = Sequential::new().add(Input::new([5, 3])).add(layer).build()?;
/// assert_eq!(model.call(&Tensor::zeros([2, 5, 3]), Training::No)?.shape()[..], [2, 5, 4]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RNN")]
pub struct RNN {
    /// What a step does.
    #[layer(new)]
    cell: LayerRef,
    #[layer(flatten)]
    walk: WalkOptions,
    #[layer(skip)]
    kept: Kept,
}

impl Layer for RNN {
    fn arguments(&self) -> &'static [&'static str] {
        &["initial_state"]
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.walk.call(call, inputs, &self.cell, &self.kept)
    }
}

impl RNN {
    /// Forgets the states that a stateful layer keeps.
    pub fn reset_state(&self) {
        self.kept.reset();
    }
}

impl WalkSetters for RNN {
    fn walk_options(&mut self) -> &mut WalkOptions {
        &mut self.walk
    }
}
