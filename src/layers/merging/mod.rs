//! Layers that make one tensor of several, and what they share: ranks and masks brought together.

mod concatenate;
mod dot;
mod elementwise;

pub use concatenate::Concatenate;
pub use dot::Dot;
pub use elementwise::{Add, Average, Maximum, Minimum, Multiply, Subtract};

use super::Inputs;
use crate::{Error, Result, Shape, Tensor};

/// The inputs with one rank: those of fewer axes get some of size one behind the batch axis. They broadcast to one shape.
fn raised(inputs: &Inputs) -> Result<Vec<Tensor>> {
    let tensors = inputs.tensors();
    let Some(rank) = tensors.iter().map(Tensor::rank).max() else { return Err(Error::invalid("expected several inputs, got none")) };
    let raise = |x: &Tensor| (x.rank()..rank).fold(x.clone(), |x, _| x.expand_dims(1.min(x.rank() as isize)));
    let raised: Vec<Tensor> = tensors.iter().map(raise).collect();
    let mut samples = raised.iter().filter_map(|x| x.shape().first());
    if samples.next().is_some_and(|first| samples.any(|other| other != first)) {
        let shapes: Vec<String> = tensors.iter().map(|x| x.shape().to_string()).collect();
        return Err(Error::shape(format!("inputs of shapes {} have different batch sizes", shapes.join(", "))));
    }
    raised.iter().try_fold(raised[0].shape().clone(), |all: Shape, x| all.broadcast(x.shape()))?;
    Ok(raised)
}

/// What any of the masks keeps, where every input has one.
fn any_mask(inputs: &Inputs) -> Option<Tensor> {
    let masks = (0..inputs.tensors().len()).map(|at| inputs.mask(at).cloned());
    masks.reduce(|one, other| Some(one?.logical_or(&other?))).flatten()
}

/// The mask of input `at` in the shape of `x`, which is that input.
fn spread(inputs: &Inputs, at: usize, x: &Tensor) -> Option<Tensor> {
    inputs.mask(at).map(|mask| mask.expand_dims(-1).broadcast_to(x.shape()))
}
