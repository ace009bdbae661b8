//! Accuracies: how often predictions are right.

use super::{MeanMetric, Metric, MetricExt, MetricOptions};
use crate::{
    DType, Error, Result, Shape, Tensor,
    config::Object,
    losses::targets::{elements, label_shape},
};

/// How often predictions are right. In `compile` it becomes, as Keras' `"accuracy"`, [`BinaryAccuracy`] for one unit,
/// [`SparseCategoricalAccuracy`] for integer labels and [`CategoricalAccuracy`] for one-hot rows. By itself it counts
/// predictions that equal their targets.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(Accuracy::new());
/// meter.update((&Tensor::from([1, 2, 3, 4]), &Tensor::from([0, 2, 3, 4])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.75);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[metric(alias("acc"))]
#[doc(alias = "keras.metrics.Accuracy")]
pub struct Accuracy {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for Accuracy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let (targets, predictions) = elements(targets, predictions)?;
        Ok(targets.equal(&predictions).cast(DType::F32))
    }

    fn resolve(&self, targets: &Shape, predictions: &Shape) -> Result<Option<Object<dyn Metric>>> {
        let (Some(&target), Some(&prediction)) = (targets.last(), predictions.last()) else {
            return Err(Error::shape(format!("targets of shape {targets} and predictions of shape {predictions} have no axis to compare")));
        };
        let name = self.metric_name();
        Ok(Some(if prediction == 1 {
            BinaryAccuracy::new().name(name).into()
        } else if targets.rank() < predictions.rank() || target == 1 {
            SparseCategoricalAccuracy::new().name(name).into()
        } else {
            CategoricalAccuracy::new().name(name).into()
        }))
    }
}

/// How often a prediction lies on its target's side of `threshold`: `(prediction > threshold) == target`.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(BinaryAccuracy::new());
/// meter.update((&Tensor::from([[1], [1], [0], [0]]), &Tensor::from([[0.98f32], [1.0], [0.0], [0.6]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.75);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.BinaryAccuracy")]
pub struct BinaryAccuracy {
    #[metric(flatten)]
    options: MetricOptions,
    /// Predictions above it say yes.
    #[metric(default = 0.5)]
    threshold: f32,
}

impl MeanMetric for BinaryAccuracy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let (targets, predictions) = elements(targets, predictions)?;
        Ok(predictions.greater(self.threshold).cast(DType::F32).equal(&targets).cast(DType::F32))
    }
}

/// How often the largest prediction is the class that the one-hot target names: `argmax(prediction) == argmax(target)`.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(CategoricalAccuracy::new());
/// meter.update((&Tensor::from([[0, 0, 1], [0, 1, 0]]), &Tensor::from([[0.1f32, 0.9, 0.8], [0.05, 0.95, 0.0]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.CategoricalAccuracy")]
pub struct CategoricalAccuracy {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for CategoricalAccuracy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let labels = labels_of_rows(targets, predictions)?;
        Ok(predictions.argmax(-1).equal(&labels).cast(DType::F32))
    }
}

/// How often the largest prediction is the labelled class: `argmax(prediction) == label`.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(SparseCategoricalAccuracy::new());
/// meter.update((&Tensor::from([2, 1]), &Tensor::from([[0.1f32, 0.9, 0.8], [0.05, 0.95, 0.0]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.SparseCategoricalAccuracy")]
pub struct SparseCategoricalAccuracy {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for SparseCategoricalAccuracy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let labels = targets.reshape(label_shape(targets.shape(), predictions.shape())?);
        // Labels may be floats in metrics; class numbers are exact in float32.
        Ok(predictions.argmax(-1).cast(DType::F32).equal(labels.cast(DType::F32)).cast(DType::F32))
    }
}

/// The class of each one-hot row.
pub(super) fn labels_of_rows(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    if targets.shape() != predictions.shape() || targets.rank() == 0 {
        let hint = "each sample needs one number for each class; for integer labels use the sparse metric";
        return Err(Error::shape(format!("targets have shape {}, predictions {}; {hint}", targets.shape(), predictions.shape())));
    }
    Ok(targets.cast(DType::F32).argmax(-1))
}
