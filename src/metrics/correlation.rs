//! Correlations of targets and predictions.

use super::{MeanMetric, Metric, MetricOptions};
use crate::{Result, Tensor, losses::targets::elements};

/// How closely predictions follow targets in a straight line along an axis: from -1 to 1 (Pearson, 1895).
///
/// `mean(t * p)` with both brought to a mean of 0 and a deviation of 1.
///
/// ```
/// use wgrad::{metrics::{Meter, PearsonCorrelation}, prelude::*};
/// let mut meter = Meter::new(PearsonCorrelation::new());
/// meter.update((&Tensor::from([[0.0f32, 1.0, 2.0]]), &Tensor::from([[5.0f32, 7.0, 9.0]])))?;
/// assert!((meter.result()?.item::<f32>()? - 1.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.PearsonCorrelation")]
pub struct PearsonCorrelation {
    #[metric(flatten)]
    options: MetricOptions,
    /// The axis along which numbers are compared.
    #[metric(default = -1)]
    axis: isize,
}

impl MeanMetric for PearsonCorrelation {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let (targets, predictions) = elements(targets, predictions)?;
        let axes = [targets.shape().axis(self.axis)? as isize];
        let normal = |x: &Tensor| {
            let (mean, variance) = x.moments(&axes);
            (x - mean.keep_dims(x.shape(), &axes)) / variance.sqrt().keep_dims(x.shape(), &axes)
        };
        Ok((normal(&targets) * normal(&predictions)).mean(&axes))
    }
}

/// How closely predictions are the targets along an axis: 1 where they are equal (Lin, 1989).
///
/// `mean(2 * (t - mean(p)) * (p - mean(p)) / (var(t) + var(p) + (mean(t) - mean(p))²))`.
///
/// ```
/// use wgrad::{metrics::{ConcordanceCorrelation, Meter}, prelude::*};
/// let (mut meter, x) = (Meter::new(ConcordanceCorrelation::new()), Tensor::from([[0.0f32, 1.0, 2.0]]));
/// meter.update((&x, &x))?;
/// assert!((meter.result()?.item::<f32>()? - 1.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.ConcordanceCorrelation")]
pub struct ConcordanceCorrelation {
    #[metric(flatten)]
    options: MetricOptions,
    /// The axis along which numbers are compared.
    #[metric(default = -1)]
    axis: isize,
}

impl MeanMetric for ConcordanceCorrelation {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let (t, p) = elements(targets, predictions)?;
        let axes = [t.shape().axis(self.axis)? as isize];
        let ((t_mean, t_variance), (p_mean, p_variance)) = (t.moments(&axes), p.moments(&axes));
        let wide = |x: &Tensor| x.keep_dims(t.shape(), &axes);
        let covariance = (&t - wide(&p_mean)) * (&p - wide(&p_mean));
        let norm = t_variance + p_variance + (t_mean - p_mean).square() + 1e-7;
        Ok((covariance * 2.0 / wide(&norm)).mean(&axes))
    }
}
