//! Metrics: what is shown beside the loss. Their states live on the device and are read late.

use crate::{Result, Shape, Tensor};
use std::fmt;

/// A metric of Keras: states that batches update, and a result made of them.
#[doc(alias = "keras.metrics.Metric")]
pub trait Metric: fmt::Debug + Send + Sync {
    /// Keras' name, under which logs and history show it.
    fn name(&self) -> &str;

    /// Shapes of the states, all float32, zero at the start of an epoch.
    fn states(&self) -> Vec<Shape> {
        vec![Shape::scalar(), Shape::scalar()]
    }

    /// The states after a batch.
    ///
    /// # Errors
    /// When shapes or dtypes do not fit.
    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>>;

    /// The scalar to show.
    fn result(&self, states: &[Tensor]) -> Tensor {
        mean_result(states)
    }

    /// What this metric really is for these shapes: `Accuracy` becomes one of three, as in Keras.
    ///
    /// # Errors
    /// When it fits none.
    fn resolve(&self, _targets: &Shape, _predictions: &Shape) -> Result<Option<Box<dyn Metric>>> {
        Ok(None)
    }
}

/// States `(total, count)` after the values of another batch.
pub(crate) fn add_values(states: &[Tensor], values: &Tensor) -> Vec<Tensor> {
    vec![&states[0] + values.sum(&[]), &states[1] + values.size() as f32]
}

/// `total / count`, zero where nothing was counted.
pub(crate) fn mean_result(states: &[Tensor]) -> Tensor {
    // A count is zero or at least one.
    let empty = states[1].equal(&states[1].zeros_like()).cast(crate::DType::F32);
    &states[0] / (&states[1] + empty)
}
