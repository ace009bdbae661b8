//! Accuracies that count a class as found when it is among the best few.

use super::{MeanMetric, Metric, MetricOptions, accuracy::labels_of_rows};
use crate::{DType, Result, Tensor, losses::targets::label_shape};

/// How often the class that the one-hot target names is among the `k` largest predictions.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(TopKCategoricalAccuracy::new().k(2));
/// meter.update((&Tensor::from([[0, 0, 1], [1, 0, 0]]), &Tensor::from([[0.1f32, 0.9, 0.8], [0.05, 0.95, 0.1]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.TopKCategoricalAccuracy")]
pub struct TopKCategoricalAccuracy {
    #[metric(flatten)]
    options: MetricOptions,
    /// How many predictions count.
    #[metric(default = 5)]
    k: usize,
}

impl MeanMetric for TopKCategoricalAccuracy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        Ok(in_top_k(&labels_of_rows(targets, predictions)?, predictions, self.k))
    }
}

/// How often the labelled class is among the `k` largest predictions.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(SparseTopKCategoricalAccuracy::new().k(2));
/// meter.update((&Tensor::from([2, 0]), &Tensor::from([[0.1f32, 0.9, 0.8], [0.05, 0.95, 0.1]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.SparseTopKCategoricalAccuracy")]
pub struct SparseTopKCategoricalAccuracy {
    #[metric(flatten)]
    options: MetricOptions,
    /// How many predictions count.
    #[metric(default = 5)]
    k: usize,
    /// Whether predictions are not scores but classes, the best ones first.
    from_sorted_ids: bool,
}

impl MeanMetric for SparseTopKCategoricalAccuracy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let labels = targets.reshape(label_shape(targets.shape(), predictions.shape())?).cast(DType::I32);
        if !self.from_sorted_ids {
            return Ok(in_top_k(&labels, predictions, self.k));
        }
        let count = predictions.shape()[predictions.rank() - 1];
        let best = self.k.min(count);
        let best = &predictions.split_sizes(&[best, count - best], -1)[0];
        Ok(best.cast(DType::I32).equal(labels.expand_dims(-1)).any(&[-1]).cast(DType::F32))
    }
}

/// 1 where fewer than `k` predictions are larger than the label's, so that all of several equal ones at the edge count;
/// 0 in rows that are not finite.
fn in_top_k(labels: &Tensor, predictions: &Tensor, k: usize) -> Tensor {
    let chosen = predictions.take_along_axis(&labels.expand_dims(-1), -1);
    let larger = predictions.greater(&chosen).cast(DType::F32).sum(&[-1]);
    let bad = predictions.is_finite().logical_not().cast(DType::F32).sum(&[-1]);
    larger.less(k as f32).logical_and(&bad.equal(0.0)).cast(DType::F32)
}
