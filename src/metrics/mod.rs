//! Metrics: what is shown beside the loss. Their states live on the device and are read late.

mod accuracy;
mod reduction;

pub use accuracy::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy,
};
pub use reduction::{Mean, MeanAbsoluteError, MeanSquaredError};

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

/// States `(total, count)` after the values of another batch; values of more than one axis are averaged sample by sample, as in Keras.
pub(crate) fn add_values(states: &[Tensor], values: &Tensor) -> Vec<Tensor> {
    let samples = values.shape().first().copied().unwrap_or(1);
    let elements = (values.size() / samples.max(1)).max(1) as f32;
    let total = values.sum(&[]);
    let total = if elements == 1.0 { total } else { total / elements };
    vec![&states[0] + total, &states[1] + samples as f32]
}

/// `total / count`, zero where nothing was counted.
pub(crate) fn mean_result(states: &[Tensor]) -> Tensor {
    // A count is zero or at least one.
    let empty = states[1].equal(&states[1].zeros_like()).cast(crate::DType::F32);
    &states[0] / (&states[1] + empty)
}

/// `new` and setters of a metric: every one has a name, some have one option.
macro_rules! setters {
    ($class:ident, $name:literal $(, $field:ident: $type:ty = $default:literal, $doc:literal)?) => {
        impl Default for $class {
            fn default() -> Self {
                Self { name: $name.to_owned() $(, $field: $default)? }
            }
        }

        impl $class {
            #[doc = concat!("The metric, called `", $name, "`.")]
            pub fn new() -> Self {
                Self::default()
            }

            /// The name under which logs and history show it.
            pub fn name(mut self, name: &str) -> Self {
                self.name = name.to_owned();
                self
            }
            $(
                #[doc = $doc]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )?
        }
    };
}
pub(crate) use setters;
