//! Losses: what training makes small. Each is its Keras config plus the value for every sample.

mod cross_entropy;
pub(crate) mod regression;
pub(crate) mod targets;

pub use cross_entropy::{BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy};
pub use regression::{Huber, MeanAbsoluteError, MeanSquaredError};

use crate::{Result, Shape, Tensor, data::Array};
use std::fmt;

/// A loss of Keras: per-sample values of targets and predictions, and their mean.
#[doc(alias = "keras.losses.Loss")]
pub trait Loss: fmt::Debug + Send + Sync {
    /// Keras' name, as `mean_squared_error`.
    fn name(&self) -> &'static str;

    /// The loss of each sample: the predictions' shape without its last axis.
    ///
    /// # Errors
    /// When shapes or dtypes do not fit.
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor>;

    /// Looks at all targets on the host before training: dtype, shape and range.
    ///
    /// # Errors
    /// A text that names the first target that does not fit predictions of shape `output`.
    fn check(&self, targets: &Array, output: &Shape) -> Result<()>;

    /// The mean over all samples (Keras' reduction `sum_over_batch_size`).
    ///
    /// # Errors
    /// As [`values`](Self::values).
    fn call(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        Ok(self.values(targets, predictions)?.mean(&[]))
    }
}
