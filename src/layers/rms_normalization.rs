//! Normalization by the root of the mean square.

use super::{Axes, Build, Call, Layer, SimpleLayer, Weight};
use crate::{Error, Result, Shape, Tensor, initializers::Ones};

/// `scale * x / sqrt(mean(x²) + epsilon)`, the mean over `axis` of each sample; the shape stays (Zhang and Sennrich, 2019).
/// Weights: `scale`, of the sizes of those axes.
///
/// ```
/// use wgrad::prelude::*;
/// let y = RMSNormalization::new().epsilon(0.0).apply(&Tensor::from([[1.0f32, 7.0]])).to_vec::<f32>()?;
/// assert!((y[0] - 0.2).abs() < 1e-6 && (y[1] - 1.4).abs() < 1e-6); // divided by 5
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RMSNormalization")]
pub struct RMSNormalization {
    /// The axes that are normalized together.
    #[layer(default = -1)]
    axis: Axes,
    /// What is added to the mean square.
    #[layer(default = 1e-6)]
    epsilon: f32,
    #[layer(weight)]
    scale: Weight,
}

impl SimpleLayer for RMSNormalization {
    fn is_exact(&self) -> bool {
        true
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        if self.axis.list().is_empty() {
            return Err(Error::invalid("axis names no axis; use -1 for the last one"));
        }
        let sizes: Shape = input.axes(self.axis.list())?.iter().map(|&axis| input[axis]).collect();
        self.scale = build.weight("scale", sizes).initializer(Ones).add()?;
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let scale = self.scale.value();
        let sizes: Shape = x.shape().axes(self.axis.list())?.iter().map(|&axis| x.shape()[axis]).collect();
        if sizes != *scale.shape() {
            return Err(Error::shape(format!("expected sizes {} along axis {:?}, got {}", scale.shape(), self.axis.list(), x.shape())));
        }
        Ok(x.rms_norm(self.axis.list(), Some(&scale), self.epsilon))
    }
}
