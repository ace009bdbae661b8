//! Precision and recall.

use super::{Counting, Counts, NOWHERE, Thresholds, counts::narrowed};
use crate::{
    Result, Shape, Tensor,
    metrics::{Batch, Metric, MetricOptions, meter::state},
    shape::Spec,
};

/// The thresholds: 0.5 where none are set, none at all where the best few are positive.
fn thresholds(given: &Option<Thresholds>, top_k: Option<usize>) -> Vec<f32> {
    Thresholds::list(given, if top_k.is_some() { NOWHERE } else { 0.5 })
}

/// Counts with the options that both metrics have.
fn count(given: &Option<Thresholds>, top_k: Option<usize>, class: Option<usize>, batch: &Batch) -> Result<Counts> {
    Counting { thresholds: thresholds(given, top_k), top_k, class, ..Counting::default() }.count(batch)
}

/// How many of the predicted positives are right: `true positives / (true positives + false positives)`, 0 where nothing is predicted.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(Precision::new());
/// meter.update((&Tensor::from([0, 1, 1, 1]), &Tensor::from([1.0f32, 0.0, 1.0, 1.0])))?;
/// assert!((meter.result()?.item::<f32>()? - 2.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.Precision")]
pub struct Precision {
    #[metric(flatten)]
    options: MetricOptions,
    /// Predictions above it are positive: 0.5 where not set; one number is the result for each of several.
    thresholds: Option<Thresholds>,
    /// How many of the largest predictions of a row are positive; then there is no threshold unless one is set.
    top_k: Option<usize>,
    /// The only class that counts.
    class_id: Option<usize>,
}

impl Metric for Precision {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(vec![state([thresholds(&self.thresholds, self.top_k).len()]); 2])
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        let counts = count(&self.thresholds, self.top_k, self.class_id, batch)?;
        Ok(vec![&states[0] + counts.true_positives, &states[1] + counts.false_positives])
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        narrowed(states[0].divide_no_nan(&states[0] + &states[1]))
    }
}

/// How many of the positives are found: `true positives / (true positives + false negatives)`, 0 where there are none.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(Recall::new());
/// meter.update((&Tensor::from([0, 1, 1, 1]), &Tensor::from([1.0f32, 0.0, 1.0, 1.0])))?;
/// assert!((meter.result()?.item::<f32>()? - 2.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.Recall")]
pub struct Recall {
    #[metric(flatten)]
    options: MetricOptions,
    /// Predictions above it are positive: 0.5 where not set; one number is the result for each of several.
    thresholds: Option<Thresholds>,
    /// How many of the largest predictions of a row are positive; then there is no threshold unless one is set.
    top_k: Option<usize>,
    /// The only class that counts.
    class_id: Option<usize>,
}

impl Metric for Recall {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(vec![state([thresholds(&self.thresholds, self.top_k).len()]); 2])
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        let counts = count(&self.thresholds, self.top_k, self.class_id, batch)?;
        Ok(vec![&states[0] + counts.true_positives, &states[1] + counts.false_negatives])
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        narrowed(states[0].divide_no_nan(&states[0] + &states[1]))
    }
}
