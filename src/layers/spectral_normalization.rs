//! Bounds how much a layer can stretch its input.

use super::{Build, Call, Layer, LayerRef, LayerWeight, SimpleLayer, Weight, unit_normalization::unit, weight};
use crate::{DType, Error, Result, Shape, Tensor, initializers::TruncatedNormal, ops::custom_gradient};

/// Another layer whose kernel is divided by its largest singular value at each step of training (Miyato et al., 2018), which power
/// iterations find: `v = u Wᵀ / |u Wᵀ|`, `u = v W / |v W|`, from the `u` of the step before. The kernel stays so; a frozen one stays as
/// it is.
///
/// Weights: the kernel (or the embeddings) of the layer inside, `vector_u` (1, units), which is not trained, and what else the layer has.
///
/// ```
/// use wgrad::prelude::*;
/// let critic = SpectralNormalization::new(Dense::new(64)).power_iterations(2);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.SpectralNormalization")]
pub struct SpectralNormalization {
    /// The layer with a kernel, or an `Embedding`.
    #[layer(new)]
    layer: LayerRef,
    /// How many times `v` and `u` are found anew at each step.
    #[layer(default = 1)]
    power_iterations: usize,
    #[layer(weight)]
    kernel: Weight,
    #[layer(weight)]
    vector_u: Weight,
}

impl SimpleLayer for SpectralNormalization {
    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        if self.power_iterations == 0 {
            return Err(Error::invalid("power_iterations must be at least 1"));
        }
        self.layer.build_inside(input)?;
        let is_kernel = |weight: &&LayerWeight| weight.name == "kernel" || weight.name == "embeddings";
        let Some(kernel) = self.layer.own_weights().iter().find(is_kernel).cloned() else {
            return Err(Error::invalid(format!("{} has neither a kernel nor embeddings", self.layer.class_name())));
        };
        let units = kernel.variable.spec().shape.last().copied().unwrap_or(1);
        self.kernel = build.share(self.layer.layer_name(), kernel);
        let start = TruncatedNormal::new().stddev(0.02);
        self.vector_u = build.weight("vector_u", [1, units]).frozen().initializer(start).add()?;
        Ok(())
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        if !call.training() || call.frozen() {
            return self.layer.call(call, x);
        }
        let kernel = self.kernel.variable().value();
        let (normal, u) = self.normalized(&kernel.cast(DType::F32), &self.vector_u.variable().value().cast(DType::F32));
        let normal = normal.cast(kernel.dtype());
        call.update(&self.kernel, normal.clone());
        call.update(&self.vector_u, u);
        // As in Keras, where the kernel is assigned first: its gradient is that of the divided one.
        let used = custom_gradient(&normal, &[&kernel], |upstream| Ok(vec![Some(upstream.clone())]))?;
        weight::with_value(self.kernel.variable(), used, || self.layer.call(call, x))
    }
}

impl SpectralNormalization {
    /// The kernel divided by its largest singular value, and the next `u`; both as they are where the kernel is zero.
    fn normalized(&self, kernel: &Tensor, start: &Tensor) -> (Tensor, Tensor) {
        let units = start.size();
        let matrix = kernel.reshape([kernel.size() / units.max(1), units]);
        let (mut u, mut v) = (start.clone(), start.clone());
        for _ in 0..self.power_iterations {
            v = unit(&u.matmul(&matrix.transpose()), &[], 1e-7);
            u = unit(&v.matmul(&matrix), &[], 1e-7);
        }
        let largest = v.matmul(&matrix).matmul(&u.transpose()).reshape(Shape::scalar());
        let zero = kernel.equal(0.0).all(&[]);
        (Tensor::where_(&zero, kernel, &(kernel / largest)), Tensor::where_(&zero, start, &u))
    }
}
