//! Several cells as one.

use super::{
    Cell, Steps, Walked,
    walk::{state_shapes, walk},
};
use crate::{
    Error, Result, Shape,
    layers::{Call, Inputs, Layer, LayerRef, Outputs},
};

/// Cells one after another: each takes the output of the one before it as its input. The states are those of all, in order.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RNN::new(StackedRNNCells::new([LSTMCell::new(8).shared(), GRUCell::new(4).shared()]));
/// assert_eq!(layer.apply(&Tensor::ones([2, 5, 3])).shape()[..], [2, 4]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.StackedRNNCells")]
pub struct StackedRNNCells {
    /// The cells, from the inputs on.
    #[layer(new)]
    cells: Vec<LayerRef>,
}

impl Layer for StackedRNNCells {
    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let [x, states @ ..] = inputs.tensors() else { return Err(Error::invalid("expected the inputs of a step and states")) };
        let (mut output, mut left, mut new) = (x.clone(), states, Vec::new());
        for cell in &self.cells {
            let count = state_shapes(cell, output.shape())?.len();
            let Some((own, rest)) = left.split_at_checked(count) else {
                return Err(Error::invalid(format!("{} states are too few for the stacked cells", states.len())));
            };
            let outputs = cell.call_all(call, &Inputs::new([&output].into_iter().chain(own)))?;
            output = outputs.tensors()[0].clone();
            new.extend_from_slice(&outputs.tensors()[1..]);
            left = rest;
        }
        Ok(Outputs::new([output].into_iter().chain(new)))
    }

    fn as_cell(&self) -> Option<&dyn Cell> {
        Some(self)
    }
}

impl Cell for StackedRNNCells {
    fn state_shapes(&self, input: &Shape) -> Result<Vec<Shape>> {
        let (mut input, mut all) = (input.clone(), Vec::new());
        for cell in &self.cells {
            let own = state_shapes(cell, &input)?;
            input = own.first().cloned().unwrap_or(input);
            all.extend(own);
        }
        Ok(all)
    }

    /// One cell after another, since none looks at a later step of another.
    fn walk(&self, call: &mut Call, steps: &Steps) -> Result<Option<Walked>> {
        let mut all = Walked { outputs: steps.x.clone(), states: Vec::new() };
        let mut left = steps.states;
        for cell in &self.cells {
            let count = state_shapes(cell, &all.outputs.shape()[1..].into())?.len();
            let (own, rest) = left.split_at(count);
            let Some(walked) = walk(cell, call, &Steps { x: &all.outputs, states: own, ..*steps })? else { return Ok(None) };
            all.outputs = walked.outputs;
            all.states.extend(walked.states);
            left = rest;
        }
        Ok(Some(all))
    }
}
