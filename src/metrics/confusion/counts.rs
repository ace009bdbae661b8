//! Plain counts of true and false positives and negatives.

use super::{Counting, Counts, Thresholds};
use crate::{
    Result, Shape, Tensor,
    metrics::{Batch, Metric, MetricOptions, meter::state},
    shape::Spec,
};

/// The states: one count for each threshold.
fn states(thresholds: &Option<Thresholds>) -> Vec<Spec> {
    vec![state([Thresholds::list(thresholds, 0.5).len()])]
}

fn update(states: &[Tensor], batch: &Batch, thresholds: &Option<Thresholds>, choose: fn(Counts) -> Tensor) -> Result<Vec<Tensor>> {
    let counting = Counting { thresholds: Thresholds::list(thresholds, 0.5), ..Counting::default() };
    Ok(vec![&states[0] + choose(counting.count(batch)?)])
}

/// One number as a scalar.
pub(super) fn narrowed(result: Tensor) -> Tensor {
    if result.size() == 1 { result.reshape([]) } else { result }
}

/// How many positive targets have a prediction above the threshold; with weights their sum.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(TruePositives::new());
/// meter.update((&Tensor::from([0, 1, 1, 0]), &Tensor::from([0.1f32, 0.9, 0.3, 0.5])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 1.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.TruePositives")]
pub struct TruePositives {
    #[metric(flatten)]
    options: MetricOptions,
    /// Predictions above it are positive: 0.5 where not set; one number is counted for each of several.
    thresholds: Option<Thresholds>,
}

impl Metric for TruePositives {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(states(&self.thresholds))
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, &self.thresholds, |counts| counts.true_positives)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        narrowed(states[0].clone())
    }
}

/// How many targets of 0 have no prediction above the threshold; with weights their sum.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(TrueNegatives::new());
/// meter.update((&Tensor::from([0, 1, 1, 0]), &Tensor::from([0.1f32, 0.9, 0.3, 0.5])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 2.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.TrueNegatives")]
pub struct TrueNegatives {
    #[metric(flatten)]
    options: MetricOptions,
    /// Predictions above it are positive: 0.5 where not set; one number is counted for each of several.
    thresholds: Option<Thresholds>,
}

impl Metric for TrueNegatives {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(states(&self.thresholds))
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, &self.thresholds, |counts| counts.true_negatives)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        narrowed(states[0].clone())
    }
}

/// How many targets of 0 have a prediction above the threshold; with weights their sum.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(FalsePositives::new());
/// meter.update((&Tensor::from([0, 1, 1, 0]), &Tensor::from([0.1f32, 0.9, 0.3, 0.5])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.FalsePositives")]
pub struct FalsePositives {
    #[metric(flatten)]
    options: MetricOptions,
    /// Predictions above it are positive: 0.5 where not set; one number is counted for each of several.
    thresholds: Option<Thresholds>,
}

impl Metric for FalsePositives {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(states(&self.thresholds))
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, &self.thresholds, |counts| counts.false_positives)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        narrowed(states[0].clone())
    }
}

/// How many positive targets have no prediction above the threshold; with weights their sum.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(FalseNegatives::new());
/// meter.update((&Tensor::from([0, 1, 1, 0]), &Tensor::from([0.1f32, 0.9, 0.3, 0.5])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 1.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.FalseNegatives")]
pub struct FalseNegatives {
    #[metric(flatten)]
    options: MetricOptions,
    /// Predictions above it are positive: 0.5 where not set; one number is counted for each of several.
    thresholds: Option<Thresholds>,
}

impl Metric for FalseNegatives {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(states(&self.thresholds))
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, &self.thresholds, |counts| counts.false_negatives)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        narrowed(states[0].clone())
    }
}
