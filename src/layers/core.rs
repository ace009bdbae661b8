//! Layers that only look at their input in another way, or scale it.

use super::{Call, SimpleLayer};
use crate::{DType, Result, Tensor};

/// `(N, …)` to `(N, all the rest)`.
#[derive(Clone, Debug, Default)]
#[doc(alias = "keras.layers.Flatten")]
pub struct Flatten {}

impl Flatten {
    /// A flattening layer.
    pub fn new() -> Self {
        Self::default()
    }
}

impl SimpleLayer for Flatten {
    fn class_name(&self) -> &'static str {
        "Flatten"
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let samples = x.shape().first().copied().unwrap_or(1);
        let rest = x.shape().get(1..).map_or(1, |rest| rest.iter().product());
        Ok(x.reshape([samples, rest]))
    }
}

/// `x * scale + offset` as float32, as for images: `Rescaling::new(1.0 / 255.0)`.
#[derive(Clone, Debug)]
#[doc(alias = "keras.layers.Rescaling")]
pub struct Rescaling {
    scale: f32,
    offset: f32,
}

impl Rescaling {
    /// Scales by `scale`.
    pub fn new(scale: f32) -> Self {
        Self { scale, offset: 0.0 }
    }

    /// What is added after scaling.
    pub fn offset(mut self, offset: f32) -> Self {
        self.offset = offset;
        self
    }
}

impl SimpleLayer for Rescaling {
    fn class_name(&self) -> &'static str {
        "Rescaling"
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(x.cast(DType::F32) * self.scale + self.offset)
    }
}
