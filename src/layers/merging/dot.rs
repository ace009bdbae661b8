//! Products of two tensors, sample by sample.

use crate::{
    Error, Result, Shape, Tensor,
    layers::{Axes, Build, Call, Inputs, Layer, Outputs, unit_normalization::unit},
};

/// For each sample the product of two inputs, summed along an axis of each: what is left of the first, then of the second; (N, 1)
/// where nothing is.
///
/// ```
/// use wgrad::prelude::*;
/// let cosine = Dot::new(-1).normalize(true);
/// let scores = Dot::new([2, 1]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Dot")]
pub struct Dot {
    /// The axis of both inputs, or one of each, not the batch axis.
    #[layer(new)]
    axes: Axes,
    /// Whether the inputs are first brought to length one along their axes.
    normalize: bool,
}

impl Dot {
    /// The axis of each.
    fn pair(&self, one: &Shape, other: &Shape) -> Result<[usize; 2]> {
        let [first, second] = match *self.axes.list() {
            [axis] => [axis; 2],
            [first, second] => [first, second],
            ref axes => return Err(Error::invalid(format!("axes {axes:?}: an axis of both inputs, or one of each"))),
        };
        let pair = [one.axis(first)?, other.axis(second)?];
        if pair.contains(&0) {
            return Err(Error::invalid(format!("axes {:?} name the batch axis of {one} or {other}", self.axes.list())));
        }
        if one[0] != other[0] || one[pair[0]] != other[pair[1]] {
            return Err(Error::shape(format!("inputs {one} and {other} do not fit along axes {} and {}", pair[0], pair[1])));
        }
        Ok(pair)
    }
}

impl Layer for Dot {
    fn build(&mut self, _build: &mut Build, inputs: &[Shape]) -> Result<()> {
        let [one, other] = inputs else { return Err(Error::invalid(format!("expected two inputs, got {}", inputs.len()))) };
        self.pair(one, other).map(drop)
    }

    fn call(&self, _call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let [one, other] = inputs.tensors() else {
            return Err(Error::invalid(format!("expected two inputs, got {}", inputs.tensors().len())));
        };
        let pair = self.pair(one.shape(), other.shape())?;
        let length = |x: &Tensor, axis: usize| if self.normalize { unit(x, &[axis as isize], 1e-7) } else { x.clone() };
        let product = length(one, pair[0]).dot_along(&length(other, pair[1]), &[[0, 0]], &[pair])?;
        Ok(if product.rank() == 1 { product.expand_dims(1) } else { product }.into())
    }
}
