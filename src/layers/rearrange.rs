//! Layers that put the axes of a sample in another order, or repeat it.

use super::{Build, Call, Layer, SimpleLayer, options::axes};
use crate::{Error, Result, Shape, Tensor};

/// The axes of each sample in another order: `dims` counts from 1, the batch axis stays first.
///
/// ```
/// use wgrad::prelude::*;
/// let turned = Permute::new([2, 1]); // (N, T, D) to (N, D, T)
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Permute")]
pub struct Permute {
    /// Which axis comes to each place.
    #[layer(new)]
    dims: Vec<isize>,
}

impl SimpleLayer for Permute {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(1..=self.dims.len() as isize) {
            return Err(Error::invalid(format!("dims {:?} are no order of the axes 1 to {}", self.dims, self.dims.len())));
        }
        if input.rank() != self.dims.len() + 1 {
            return Err(Error::shape(format!("dims {:?} are for samples of {} axes, got {input}", self.dims, self.dims.len())));
        }
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(x.permute(&[&[0], &self.dims[..]].concat()))
    }
}

/// Each vector `n` times: `(N, D)` to `(N, n, D)`.
///
/// ```
/// use wgrad::prelude::*;
/// let y = RepeatVector::new(3).apply(&Tensor::from([[1.0f32, 2.0]]));
/// assert_eq!(y.to_vec::<f32>()?, [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RepeatVector")]
pub struct RepeatVector {
    /// How often.
    #[layer(new)]
    n: usize,
}

impl SimpleLayer for RepeatVector {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        if self.n == 0 {
            return Err(Error::invalid("n must be at least 1"));
        }
        axes::<2>(input, "(N, D)", "flatten the samples first").map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let [samples, features] = axes(x.shape(), "(N, D)", "flatten the samples first")?;
        Ok(x.expand_dims(1).broadcast_to([samples, self.n, features]))
    }
}
