//! ReLU with a learned slope.

use super::{Axes, Build, Call, Layer, SimpleLayer, Weight};
use crate::{Result, Shape, Tensor, initializers::Zeros};

/// `x` where positive, else `alpha * x` with a learned `alpha` for each place of a sample; the shape stays (He et al., 2015).
///
/// Weights: `alpha`, of a sample's shape with size one along `shared_axes`.
///
/// ```
/// use wgrad::prelude::*;
/// let one_for_each_channel = PReLU::new().shared_axes([1, 2]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.PReLU")]
pub struct PReLU {
    /// Axes, counted with the batch axis, along which one `alpha` serves all.
    shared_axes: Option<Axes>,
    #[layer(start = Zeros)]
    alpha: Weight,
}

impl SimpleLayer for PReLU {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let shared = match self.shared_axes.as_ref().map(Axes::list) {
            None | Some([]) => Default::default(),
            Some(axes) => input.axes(axes)?,
        };
        let shape: Shape = (1..input.rank()).map(|axis| if shared.contains(&axis) { 1 } else { input[axis] }).collect();
        self.alpha = build.weight("alpha", shape).options(&self.alpha).add()?;
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let alpha = self.alpha.value();
        alpha.shape().broadcast(x.shape())?;
        Ok(x.relu() - alpha * (-x).relu())
    }
}
