//! Means and sums of values, and the metrics that are means.

use super::{Batch, Metric, MetricOptions, meter::state};
use crate::{
    DType, Result, Shape, Tensor,
    config::{Config, Object, Shares},
    losses::{Reduction, spread, targets::elements, targets::same_rank},
    shape::Spec,
};

/// A metric that is the mean of a value for each sample: all of Keras' `MeanMetricWrapper`s.
///
/// ```
/// use wgrad::{metrics::{MeanMetric, Meter, MetricOptions}, prelude::*};
///
/// /// How often the error is below one.
/// #[derive(Metric, Clone, Debug)]
/// struct Near {
///     #[metric(flatten)]
///     options: MetricOptions,
/// }
///
/// impl MeanMetric for Near {
///     fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
///         Ok((predictions - targets).abs().less(1.0).cast(DType::F32))
///     }
/// }
///
/// let mut near = Meter::new(Near::new());
/// near.update((&Tensor::from([0.0f32, 1.0]), &Tensor::from([0.5f32, 3.0])))?;
/// assert_eq!(near.result()?.item::<f32>()?, 0.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.metrics.MeanMetricWrapper")]
pub trait MeanMetric: Config + Shares<MetricOptions> {
    /// The values of samples `(N, ...)`, float32; further axes are averaged.
    ///
    /// # Errors
    /// When shapes or dtypes do not fit.
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor>;

    /// As [`Metric::resolve`].
    ///
    /// # Errors
    /// When it fits none.
    fn resolve(&self, _targets: &Shape, _predictions: &Shape) -> Result<Option<Object<dyn Metric>>> {
        Ok(None)
    }
}

impl<M: MeanMetric> Metric for M {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(vec![state([]), state([])])
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        let values = self.values(&batch.targets, &batch.predictions)?;
        add_values(states, &values, batch)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        mean_result(states)
    }

    fn resolve(&self, targets: &Shape, predictions: &Shape) -> Result<Option<Object<dyn Metric>>> {
        MeanMetric::resolve(self, targets, predictions)
    }
}

/// States `(total, count)` after the values of another batch; values of more than one axis are averaged sample by sample, as in Keras.
fn add_values(states: &[Tensor], values: &Tensor, batch: &Batch) -> Result<Vec<Tensor>> {
    let per_sample = |t: &Tensor| t.size() / t.shape().first().copied().unwrap_or(1).max(1);
    let mean = |t: &Tensor| if per_sample(t) <= 1 { t.sum(&[]) } else { t.sum(&[]) / per_sample(t) as f32 };
    let Some(weight) = batch.weight(Reduction::Sum)? else {
        let samples = values.shape().first().map_or(1.0, |&samples| samples as f32);
        return Ok(vec![&states[0] + mean(values), &states[1] + samples]);
    };
    let (values, weight) = weighted(values, &weight, Tensor::mean)?;
    Ok(vec![&states[0] + mean(&values), &states[1] + mean(&weight)])
}

/// Values times weights, and the weights; values are brought to the weights' axes by `fold`.
fn weighted(values: &Tensor, weight: &Tensor, fold: fn(&Tensor, &[isize]) -> Tensor) -> Result<(Tensor, Tensor)> {
    let (values, weight) = same_rank(values, weight);
    let extra: Vec<isize> = (weight.rank()..values.rank()).map(|axis| axis as isize).collect();
    let values = if extra.is_empty() { values } else { fold(&values, &extra) };
    let weight = spread(&weight, values.shape())?;
    Ok((values * &weight, weight))
}

/// `total / count`, zero where nothing was counted.
pub(crate) fn mean_result(states: &[Tensor]) -> Tensor {
    states[0].divide_no_nan(&states[1])
}

/// The mean of values, with weights `sum(value * weight) / sum(weight)`.
///
/// ```
/// use wgrad::{metrics::{Mean, Meter}, prelude::*};
/// let mut mean = Meter::new(Mean::new());
/// mean.update(&Tensor::from([1.0f32, 3.0]))?;
/// mean.update(&Tensor::from([5.0f32]))?;
/// assert_eq!(mean.result()?.item::<f32>()?, 3.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.Mean")]
pub struct Mean {
    #[metric(flatten)]
    options: MetricOptions,
}

impl MeanMetric for Mean {
    fn values(&self, _targets: &Tensor, values: &Tensor) -> Result<Tensor> {
        Ok(values.cast(DType::F32))
    }
}

/// The sum of values, with weights `sum(value * weight)`.
///
/// ```
/// use wgrad::{metrics::{Meter, Sum}, prelude::*};
/// let mut sum = Meter::new(Sum::new());
/// sum.update(&Tensor::from([1.0f32, 3.0]))?;
/// sum.update(&Tensor::from([5.0f32]))?;
/// assert_eq!(sum.result()?.item::<f32>()?, 9.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.Sum")]
pub struct Sum {
    #[metric(flatten)]
    options: MetricOptions,
}

impl Metric for Sum {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(vec![state([])])
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        let values = batch.predictions.cast(DType::F32);
        let values = match batch.weight(Reduction::Sum)? {
            Some(weight) => weighted(&values, &weight, Tensor::sum)?.0,
            None => values,
        };
        Ok(vec![&states[0] + values.sum(&[])])
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        states[0].clone()
    }
}

/// `sqrt(mean((target - prediction)²))` over all samples.
///
/// ```
/// use wgrad::{metrics::{Meter, RootMeanSquaredError}, prelude::*};
/// let mut error = Meter::new(RootMeanSquaredError::new());
/// error.update((&Tensor::from([[0.0f32, 0.0]]), &Tensor::from([[1.0f32, 7.0]])))?;
/// assert_eq!(error.result()?.item::<f32>()?, 5.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.RootMeanSquaredError")]
#[doc(alias = "rmse")]
pub struct RootMeanSquaredError {
    #[metric(flatten)]
    options: MetricOptions,
}

impl Metric for RootMeanSquaredError {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(vec![state([]), state([])])
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        let (targets, predictions) = elements(&batch.targets, &batch.predictions)?;
        add_values(states, &(predictions - targets).square(), batch)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        mean_result(states).sqrt()
    }
}
