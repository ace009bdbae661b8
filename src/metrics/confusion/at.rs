//! The best of one rate while another one is at least a given value.

use super::{Counting, even_thresholds};
use crate::{
    DType, Error, Result, Shape, Tensor,
    metrics::{Batch, Metric, MetricOptions, meter::state},
    shape::Spec,
};

/// True and false positives, true and false negatives, at each threshold.
pub(super) fn states(thresholds: usize) -> Vec<Spec> {
    vec![state([thresholds]); 4]
}

fn update(states: &[Tensor], batch: &Batch, thresholds: usize, class: Option<usize>, least: f32) -> Result<Vec<Tensor>> {
    if !(0.0..=1.0).contains(&least) || thresholds == 0 {
        return Err(Error::invalid(format!("a rate lies from 0 to 1 and num_thresholds above 0, got {least} and {thresholds}")));
    }
    add(states, Counting { thresholds: even_thresholds(thresholds), class, ..Counting::default() }, batch)
}

/// The states after a batch.
pub(super) fn add(states: &[Tensor], counting: Counting, batch: &Batch) -> Result<Vec<Tensor>> {
    let counts = counting.count(batch)?;
    let counts = [counts.true_positives, counts.false_positives, counts.true_negatives, counts.false_negatives];
    Ok(states.iter().zip(counts).map(|(state, count)| state + count).collect())
}

/// Rates at each threshold.
pub(super) struct Rates {
    pub precision: Tensor,
    /// Also called sensitivity.
    pub recall: Tensor,
    pub specificity: Tensor,
}

pub(super) fn rates(states: &[Tensor]) -> Rates {
    let [true_positives, false_positives, true_negatives, false_negatives] = states else { unreachable!("there are four states") };
    Rates {
        precision: true_positives.divide_no_nan(true_positives + false_positives),
        recall: true_positives.divide_no_nan(true_positives + false_negatives),
        specificity: true_negatives.divide_no_nan(true_negatives + false_positives),
    }
}

/// The largest of `best` where `bound` is at least `least`; 0 if that is nowhere.
fn largest(best: &Tensor, bound: &Tensor, least: f32) -> Tensor {
    (best * bound.greater_equal(least).cast(DType::F32)).max(&[])
}

/// The best sensitivity (recall) of all thresholds at which the specificity is at least a given one.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(SensitivityAtSpecificity::new(0.6));
/// meter.update((&Tensor::from([0, 0, 1, 1]), &Tensor::from([0.0f32, 0.5, 0.3, 0.9])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.SensitivityAtSpecificity")]
pub struct SensitivityAtSpecificity {
    #[metric(flatten)]
    options: MetricOptions,
    /// The least specificity: of the targets of 0, how many are predicted so.
    #[metric(new)]
    specificity: f32,
    /// How many thresholds from 0 to 1 are tried.
    #[metric(default = 200)]
    num_thresholds: usize,
    /// The only class that counts.
    class_id: Option<usize>,
}

impl Metric for SensitivityAtSpecificity {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(states(self.num_thresholds))
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, self.num_thresholds, self.class_id, self.specificity)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        let rates = rates(states);
        largest(&rates.recall, &rates.specificity, self.specificity)
    }
}

/// The best specificity of all thresholds at which the sensitivity (recall) is at least a given one.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(SpecificityAtSensitivity::new(0.4));
/// meter.update((&Tensor::from([0, 0, 1, 1]), &Tensor::from([0.0f32, 0.5, 0.3, 0.9])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 1.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.SpecificityAtSensitivity")]
pub struct SpecificityAtSensitivity {
    #[metric(flatten)]
    options: MetricOptions,
    /// The least sensitivity: of the positive targets, how many are found.
    #[metric(new)]
    sensitivity: f32,
    /// How many thresholds from 0 to 1 are tried.
    #[metric(default = 200)]
    num_thresholds: usize,
    /// The only class that counts.
    class_id: Option<usize>,
}

impl Metric for SpecificityAtSensitivity {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(states(self.num_thresholds))
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, self.num_thresholds, self.class_id, self.sensitivity)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        let rates = rates(states);
        largest(&rates.specificity, &rates.recall, self.sensitivity)
    }
}

/// The best precision of all thresholds at which the recall is at least a given one.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(PrecisionAtRecall::new(0.4));
/// meter.update((&Tensor::from([0, 0, 1, 1]), &Tensor::from([0.0f32, 0.5, 0.3, 0.9])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 1.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.PrecisionAtRecall")]
pub struct PrecisionAtRecall {
    #[metric(flatten)]
    options: MetricOptions,
    /// The least recall: of the positive targets, how many are found.
    #[metric(new)]
    recall: f32,
    /// How many thresholds from 0 to 1 are tried.
    #[metric(default = 200)]
    num_thresholds: usize,
    /// The only class that counts.
    class_id: Option<usize>,
}

impl Metric for PrecisionAtRecall {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(states(self.num_thresholds))
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, self.num_thresholds, self.class_id, self.recall)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        let rates = rates(states);
        largest(&rates.precision, &rates.recall, self.recall)
    }
}

/// The best recall of all thresholds at which the precision is at least a given one.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(RecallAtPrecision::new(0.8));
/// meter.update((&Tensor::from([0, 0, 1, 1]), &Tensor::from([0.0f32, 0.5, 0.3, 0.9])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.RecallAtPrecision")]
pub struct RecallAtPrecision {
    #[metric(flatten)]
    options: MetricOptions,
    /// The least precision: of the predicted positives, how many are right.
    #[metric(new)]
    precision: f32,
    /// How many thresholds from 0 to 1 are tried.
    #[metric(default = 200)]
    num_thresholds: usize,
    /// The only class that counts.
    class_id: Option<usize>,
}

impl Metric for RecallAtPrecision {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(states(self.num_thresholds))
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, self.num_thresholds, self.class_id, self.precision)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        let rates = rates(states);
        largest(&rates.recall, &rates.precision, self.precision)
    }
}
