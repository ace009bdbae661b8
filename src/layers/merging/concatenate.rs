//! Tensors one after another.

use crate::{
    DType, Error, Result, Shape, Tensor,
    layers::{Build, Call, Inputs, Layer, Outputs},
};

/// All inputs one after another along `axis`; their other axes are equal.
///
/// ```
/// use wgrad::prelude::*;
/// let features_of_both = Concatenate::new();
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Concatenate")]
pub struct Concatenate {
    /// Along which axis.
    #[layer(default = -1)]
    axis: isize,
}

impl Concatenate {
    fn check<'s>(&self, mut shapes: impl Iterator<Item = &'s Shape>) -> Result<()> {
        let Some(first) = shapes.next() else { return Err(Error::invalid("expected several inputs, got none")) };
        let axis = first.axis(self.axis)?;
        let others = |shape: &Shape| shape.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, &size)| size).collect::<Vec<_>>();
        match shapes.find(|shape| shape.rank() != first.rank() || others(shape) != others(first)) {
            None => Ok(()),
            Some(other) => Err(Error::shape(format!("inputs {first} and {other} must be equal beside axis {}", self.axis))),
        }
    }

    /// All masks one after another, where any input has one; inputs without one count everywhere.
    fn mask(&self, inputs: &Inputs) -> Option<Tensor> {
        let tensors = inputs.tensors();
        (0..tensors.len()).find_map(|at| inputs.mask(at))?;
        let mask = |(at, x): (usize, &Tensor)| match inputs.mask(at) {
            None => x.ones_like().cast(DType::Bool),
            Some(mask) if mask.rank() < x.rank() => mask.expand_dims(-1).broadcast_to(x.shape()),
            Some(mask) => mask.clone(),
        };
        let masks: Vec<Tensor> = tensors.iter().enumerate().map(mask).collect();
        Some(Tensor::concat(&masks.iter().collect::<Vec<_>>(), self.axis).any(&[-1]))
    }
}

impl Layer for Concatenate {
    fn build(&mut self, _build: &mut Build, inputs: &[Shape]) -> Result<()> {
        self.check(inputs.iter())
    }

    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        self.check(inputs.tensors().iter().map(Tensor::shape))?;
        let joined = Tensor::concat(&inputs.tensors().iter().collect::<Vec<_>>(), self.axis);
        Ok(Outputs::from(joined).with_mask(self.mask(inputs)))
    }
}
