//! Losses as metrics: their mean over all samples.

use super::{MeanMetric, Metric, MetricOptions};
use crate::{Result, Tensor, losses};

/// `mean((target - prediction)²)`.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::MeanSquaredError::new());
/// meter.update((&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[1.0f32, 3.0]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 2.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[metric(alias("mse", "MSE"))]
#[doc(alias = "keras.metrics.MeanSquaredError")]
#[doc(alias = "mse")]
pub struct MeanSquaredError {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for MeanSquaredError {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::mean_squared_error(targets, predictions)
    }
}

/// `mean(|target - prediction|)`.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::MeanAbsoluteError::new());
/// meter.update((&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[1.0f32, 3.0]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 1.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[metric(alias("mae", "MAE"))]
#[doc(alias = "keras.metrics.MeanAbsoluteError")]
#[doc(alias = "mae")]
pub struct MeanAbsoluteError {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for MeanAbsoluteError {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::mean_absolute_error(targets, predictions)
    }
}

/// `100 * mean(|(target - prediction) / target|)`.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::MeanAbsolutePercentageError::new());
/// meter.update((&Tensor::from([[2.0f32, 4.0]]), &Tensor::from([[1.0f32, 4.0]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 25.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[metric(alias("mape", "MAPE"))]
#[doc(alias = "keras.metrics.MeanAbsolutePercentageError")]
#[doc(alias = "mape")]
pub struct MeanAbsolutePercentageError {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for MeanAbsolutePercentageError {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::mean_absolute_percentage_error(targets, predictions)
    }
}

/// `mean((log(target + 1) - log(prediction + 1))²)`.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::MeanSquaredLogarithmicError::new());
/// meter.update((&Tensor::from([[1.0f32, 1.0]]), &Tensor::from([[1.0f32, 1.0]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[metric(alias("msle", "MSLE"))]
#[doc(alias = "keras.metrics.MeanSquaredLogarithmicError")]
#[doc(alias = "msle")]
pub struct MeanSquaredLogarithmicError {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for MeanSquaredLogarithmicError {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::mean_squared_logarithmic_error(targets, predictions)
    }
}

/// `mean(log(cosh(prediction - target)))`.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::LogCoshError::new());
/// meter.update((&Tensor::from([[2.0f32, 1.0]]), &Tensor::from([[2.0f32, 1.0]])))?;
/// assert!(meter.result()?.item::<f32>()?.abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.LogCoshError")]
pub struct LogCoshError {
    #[metric(flatten, default = MetricOptions::named("logcosh"))]
    options: MetricOptions,
}

impl MeanMetric for LogCoshError {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::log_cosh(targets, predictions)
    }
}

/// The cosine of the angle between targets and predictions along an axis: 1 where they point the same way.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::CosineSimilarity::new());
/// meter.update((&Tensor::from([[0.0f32, 2.0]]), &Tensor::from([[3.0f32, 4.0]])))?;
/// assert!((meter.result()?.item::<f32>()? - 0.8).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.CosineSimilarity")]
pub struct CosineSimilarity {
    #[metric(flatten)]
    options: MetricOptions,
    /// The axis of the vectors.
    #[metric(default = -1)]
    axis: isize,
}

impl MeanMetric for CosineSimilarity {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::cosine_similarity(targets, predictions, self.axis)
    }
}

/// `mean(max(1 - target * prediction, 0))`, for targets -1 and 1, or 0 and 1.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::Hinge::new());
/// meter.update((&Tensor::from([[-1.0f32, 1.0]]), &Tensor::from([[-2.0f32, 0.5]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.25);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.Hinge")]
pub struct Hinge {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for Hinge {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::hinge(targets, predictions)
    }
}

/// `mean(max(1 - target * prediction, 0)²)`, for targets -1 and 1, or 0 and 1.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::SquaredHinge::new());
/// meter.update((&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[-2.0f32, 0.5]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.125);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.SquaredHinge")]
pub struct SquaredHinge {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for SquaredHinge {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::squared_hinge(targets, predictions)
    }
}

/// `max(wrong - right + 1, 0)`, with the predictions of the target's class and of the best other one.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::CategoricalHinge::new());
/// meter.update((&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[0.25f32, 0.5]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.75);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.CategoricalHinge")]
pub struct CategoricalHinge {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for CategoricalHinge {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::categorical_hinge(targets, predictions)
    }
}

/// `sum(target * log(target / prediction))` (Kullback and Leibler, 1951).
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::KLDivergence::new());
/// meter.update((&Tensor::from([[0.5f32, 0.5]]), &Tensor::from([[0.5f32, 0.5]])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[metric(alias("kld", "KLD"))]
#[doc(alias = "keras.metrics.KLDivergence")]
#[doc(alias = "kld")]
pub struct KLDivergence {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for KLDivergence {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::kl_divergence(targets, predictions)
    }
}

/// `mean(prediction - target * log(prediction))`.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::Poisson::new());
/// meter.update((&Tensor::from([[2.0f32, 0.0]]), &Tensor::from([[1.0f32, 3.0]])))?;
/// assert!((meter.result()?.item::<f32>()? - 2.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.Poisson")]
pub struct Poisson {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for Poisson {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        losses::poisson(targets, predictions)
    }
}
