//! Another shape for each sample.

use super::{Build, Call, Layer, SimpleLayer};
use crate::{Error, Result, Shape, Tensor};

/// The same elements as `(N, target_shape…)`; one size of the target may be -1 and follows from the others.
///
/// ```
/// use wgrad::layers::Reshape;
/// let image = Reshape::new([28, 28, 1]);
/// let pairs = Reshape::new([-1, 2]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Reshape")]
pub struct Reshape {
    /// The shape of a sample, without the batch axis.
    #[layer(new)]
    target_shape: Vec<isize>,
}

impl Reshape {
    /// The output's shape for an input of shape `input`.
    fn output(&self, input: &Shape) -> Result<Shape> {
        let target = &self.target_shape;
        let [samples, sample @ ..] = &input[..] else {
            return Err(Error::shape(format!("expected (N, ...), got {input}; a sample needs a batch axis in front")));
        };
        let open = target.iter().filter(|&&size| size == -1).count();
        if open > 1 || target.iter().any(|&size| size < -1) {
            return Err(Error::invalid(format!("target_shape {target:?}: sizes are numbers from 0 on, and at most one is -1")));
        }
        let size: usize = sample.iter().product();
        let known: usize = target.iter().filter(|&&size| size != -1).map(|&size| size as usize).product();
        let rest = if open == 1 { size.checked_div(known).unwrap_or(0) } else { 1 };
        if known * rest != size {
            return Err(Error::shape(format!(
                "target_shape {target:?} does not fit a sample of input {input}, which has {size} elements; the batch axis is not part of it"
            )));
        }
        Ok(std::iter::once(*samples).chain(target.iter().map(|&size| if size == -1 { rest } else { size as usize })).collect())
    }
}

impl SimpleLayer for Reshape {
    fn build(&mut self, _build: &mut Build, input: &Shape) -> Result<()> {
        self.output(input).map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(x.reshape(self.output(x.shape())?))
    }
}
