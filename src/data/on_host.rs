//! Tensors whose value stays on the host: text, and what only layers of the host take.

use super::Array;
use crate::{DType, Result, Shape, Tensor, config::Json, device::Device, graph::Symbolic, shape::Spec};
use std::{any::Any, sync::Arc};

/// The value of such a tensor. To ops it is as good as none.
struct OnHost(Array);

impl Symbolic for OnHost {
    #[track_caller]
    fn apply(&self, name: &str, _inputs: &[&Tensor], _options: &[Json]) -> Vec<Tensor> {
        panic!("{name}: {} stays on the host; look text up or vectorize it first", self.0.dtype())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Array {
    /// As a tensor where new tensors live; text stays on the host.
    pub(crate) fn tensor_here(&self) -> Result<Tensor> {
        self.tensor(&Device::current()?)
    }
}

impl Tensor {
    /// A tensor with this value, which no device holds.
    pub(crate) fn on_host(array: Array) -> Result<Self> {
        let spec = Spec { dtype: array.dtype(), shape: array.shape().clone() };
        Self::from_symbol(spec, Arc::new(OnHost(array)))
    }

    /// The value, if no device holds it.
    pub(crate) fn array_on_host(&self) -> Option<&Array> {
        self.symbolic()?.as_any().downcast_ref().map(|OnHost(array)| array)
    }

    /// Zeros, or empty texts, for where only shapes are wanted; of what no device holds in the dtype that one has instead.
    ///
    /// # Panics
    /// As all that makes tensors: without a device.
    #[track_caller]
    pub(crate) fn stand_in(dtype: DType, shape: &Shape) -> Self {
        if dtype != DType::Str {
            return Self::zeros(shape).cast(dtype.of_device());
        }
        let texts = Array::new(vec![String::new(); shape.size()], shape);
        match texts.and_then(Self::on_host) {
            Ok(tensor) => tensor,
            Err(error) => panic!("{error}"),
        }
    }
}
