//! Layer normalization: each sample is normalized over its features.

use super::{Axes, Build, Call, Layer, SimpleLayer, Weight, options::fits};
use crate::{
    Error, Result, Shape, Tensor,
    initializers::{Ones, Zeros},
};

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance over `axis` of each sample; the shape stays
/// (Ba et al., 2016). Weights: `gamma` and `beta` of the sizes of those axes. With `rms_scaling` it is
/// `gamma * x / sqrt(variance + epsilon)`, without `beta`.
///
/// ```
/// use wgrad::layers::LayerNormalization;
/// let features = LayerNormalization::new();
/// let rows_and_features = LayerNormalization::new().axis([1, 2]).epsilon(1e-6);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.LayerNormalization")]
pub struct LayerNormalization {
    /// The axes that are normalized together.
    #[layer(default = -1)]
    axis: Axes,
    /// What is added to the variance.
    #[layer(default = 1e-3)]
    epsilon: f32,
    /// Whether `beta` is added.
    #[layer(default = true)]
    center: bool,
    /// Whether the result is multiplied by `gamma`; with `rms_scaling` it always is.
    #[layer(default = true)]
    scale: bool,
    /// Whether the mean is not subtracted. [`RMSNormalization`](super::RMSNormalization) divides by the root mean square instead.
    rms_scaling: bool,
    #[layer(start = Ones)]
    gamma: Weight,
    #[layer(start = Zeros)]
    beta: Weight,
    /// Sizes of the axes it was built for.
    #[layer(skip)]
    sizes: Shape,
}

impl SimpleLayer for LayerNormalization {
    fn is_exact(&self) -> bool {
        true
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        if self.axis.list().is_empty() {
            return Err(Error::invalid("axis names no axis; use axis([-1]) for the last one"));
        }
        let sizes: Shape = input.axes(self.axis.list())?.iter().map(|&axis| input[axis]).collect();
        if self.scale || self.rms_scaling {
            self.gamma = build.weight("gamma", &sizes).options(&self.gamma).add()?;
        }
        if self.center && !self.rms_scaling {
            self.beta = build.weight("beta", &sizes).options(&self.beta).add()?;
        }
        self.sizes = sizes;
        Ok(())
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        for (&axis, &size) in x.shape().axes(self.axis.list())?.iter().zip(&self.sizes[..]) {
            fits(x, axis as isize, size, "features")?;
        }
        let gamma = self.gamma.is_built().then(|| self.gamma.value());
        if self.rms_scaling {
            let axes = x.shape().axes(self.axis.list())?;
            let along = |weight: Tensor| {
                weight.reshape((0..x.rank()).map(|at| if axes.contains(&at) { x.shape()[at] } else { 1 }).collect::<Shape>())
            };
            let inverse = (x.var(self.axis.list()) + self.epsilon).rsqrt().keep_dims(x.shape(), self.axis.list());
            return Ok(gamma.map_or(x * &inverse, |gamma| x * &inverse * along(gamma)));
        }
        let beta = self.center.then(|| self.beta.value());
        Ok(x.layer_norm(self.axis.list(), gamma.as_ref(), beta.as_ref(), self.epsilon))
    }
}
