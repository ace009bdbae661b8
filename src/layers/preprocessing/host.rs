//! Layers that calculate on arrays on the host: what looks up, hashes or splits text and 64-bit integers.

use crate::{
    DType, Dims, Error, Result, Shape, Tensor,
    config::Config,
    data::{Array, AsArray},
    layers::{Inputs, Outputs},
    plan,
};

/// A layer that calculates on the host. In a model it stands where only inputs, or other such layers, feed it: `fit`, `evaluate` and
/// `predict` run it while a batch is prepared, and the device's part begins at its output.
///
/// ```
/// use wgrad::{layers::HostLayer, prelude::*};
/// let layer = StringLookup::new().vocabulary(["a", "b"]);
/// assert_eq!(layer.transform(&["b", "c"])?, Array::from(vec![2_i64, 0]));
/// # Ok::<(), wgrad::Error>(())
/// ```
pub trait HostLayer: Config {
    /// The output's sizes, as far as they are known, for inputs of these shapes; and its dtype in a model.
    ///
    /// # Errors
    /// When the layer does not take such inputs.
    fn output(&self, inputs: &[&Shape]) -> Result<(Dims, DType)>;

    /// The output for `inputs`.
    ///
    /// # Errors
    /// When the layer does not take such inputs, or has learned nothing yet.
    fn transform_all(&self, inputs: &[&Array]) -> Result<Array>;

    /// The output for one input: `layer.transform(&["a text", "another"])`.
    ///
    /// # Errors
    /// As [`transform_all`](Self::transform_all).
    fn transform(&self, input: &(impl AsArray + ?Sized)) -> Result<Array>
    where
        Self: Sized,
    {
        self.transform_all(&[&*input.as_array()?])
    }
}

/// The only input.
pub(super) fn one<'a>(inputs: &[&'a Array]) -> Result<&'a Array> {
    match inputs {
        [one] => Ok(one),
        _ => Err(Error::invalid(format!("expected one input, got {}", inputs.len()))),
    }
}

/// The call of such a layer on tensors that have a value.
pub(super) fn call(layer: &dyn HostLayer, inputs: &Inputs) -> Result<Outputs> {
    if plan::recording() {
        let text = "it calculates on the host, so in a model only inputs, or other such layers, can feed it: put it in front";
        return Err(Error::invalid(text));
    }
    let arrays = inputs.tensors().iter().map(AsArray::as_array).collect::<Result<Vec<_>>>()?;
    let arrays: Vec<&Array> = arrays.iter().map(|array| &**array).collect();
    let (_, dtype) = layer.output(&arrays.iter().map(|array| array.shape()).collect::<Vec<_>>())?;
    Ok(tensor(layer.transform_all(&arrays)?, dtype)?.into())
}

/// What such a layer gives the others: text stays on the host.
fn tensor(array: Array, dtype: DType) -> Result<Tensor> {
    let tensor = array.tensor_here()?;
    Ok(if dtype == DType::Str { tensor } else { tensor.cast(dtype) })
}

/// A stand-in for its output where only shapes are wanted. What is unknown is as large as the batch.
pub(in crate::layers) fn inferred(layer: &dyn HostLayer, inputs: &Inputs) -> Result<Outputs> {
    let shapes: Vec<&Shape> = inputs.tensors().iter().map(Tensor::shape).collect();
    let (dims, dtype) = layer.output(&shapes)?;
    let shape = dims.with_unknown(shapes.first().and_then(|shape| shape.first()).copied().unwrap_or(1));
    Ok(Tensor::stand_in(dtype, &shape).into())
}
