//! Metrics: what is shown beside the loss. Their states live on the device and are read late.

mod accuracy;
mod confusion;
mod correlation;
mod f_score;
mod iou;
mod mean;
mod meter;
mod of_losses;
mod options;
mod probabilistic;
mod r2;
#[cfg(test)]
mod tests;
mod top_k;

pub use crate::losses::Batch;
pub use accuracy::{Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy};
pub use confusion::{
    AUC, Curve, FalseNegatives, FalsePositives, Precision, PrecisionAtRecall, Recall, RecallAtPrecision, SensitivityAtSpecificity,
    SpecificityAtSensitivity, SummationMethod, Thresholds, TrueNegatives, TruePositives,
};
pub use correlation::{ConcordanceCorrelation, PearsonCorrelation};
pub use f_score::{Average, F1Score, FBetaScore};
pub use iou::{BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU};
pub(crate) use mean::mean_result;
pub use mean::{Mean, MeanMetric, RootMeanSquaredError, Sum};
pub use meter::Meter;
pub use of_losses::{
    CategoricalHinge, CosineSimilarity, Hinge, KLDivergence, LogCoshError, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError, Poisson, SquaredHinge,
};
pub use options::{MetricExt, MetricOptions};
pub use probabilistic::{BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy};
pub use r2::{ClassAggregation, R2Score};
pub use top_k::{SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy};
pub use wgrad_derive::Metric;

use crate::{
    Result, Shape, Tensor,
    config::{Config, Object, Shares, kind},
    shape::Spec,
};

/// A metric of Keras: states that batches update, and a result made of them. Those that are means of values implement
/// [`MeanMetric`].
///
/// ```
/// use wgrad::{metrics::{Batch, Metric, MetricOptions, Meter}, prelude::*, Spec};
///
/// /// The largest error so far.
/// #[derive(Metric, Clone, Debug)]
/// struct LargestError {
///     #[metric(flatten)]
///     options: MetricOptions,
/// }
///
/// impl Metric for LargestError {
///     fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
///         Ok(vec![Spec::new(DType::F32, [])])
///     }
///
///     fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
///         Ok(vec![states[0].maximum((&batch.predictions - &batch.targets).abs().max(&[]))])
///     }
///
///     fn result(&self, states: &[Tensor]) -> Tensor {
///         states[0].clone()
///     }
/// }
///
/// let mut meter = Meter::new(LargestError::new());
/// meter.update((&Tensor::from([0.0f32, 1.0]), &Tensor::from([0.5f32, 3.0])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 2.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.metrics.Metric")]
pub trait Metric: Config + Shares<MetricOptions> {
    /// Shapes and types of the states for targets and predictions of these shapes; all start at zero.
    ///
    /// # Errors
    /// When it cannot look at such shapes.
    fn states(&self, targets: &Shape, predictions: &Shape) -> Result<Vec<Spec>>;

    /// The states after a batch.
    ///
    /// # Errors
    /// When shapes or dtypes do not fit.
    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>>;

    /// What is shown: a number, or one for each threshold or class.
    fn result(&self, states: &[Tensor]) -> Tensor;

    /// What this metric really is for these shapes: `Accuracy` becomes one of three, as in Keras.
    ///
    /// # Errors
    /// When it fits none.
    fn resolve(&self, _targets: &Shape, _predictions: &Shape) -> Result<Option<Object<dyn Metric>>> {
        Ok(None)
    }

    /// Its name, under which logs and history show it.
    fn metric_name(&self) -> String {
        self.shared().name(self.class())
    }
}

kind!(Metric, "metric");
