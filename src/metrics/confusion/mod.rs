//! Metrics of true and false positives and negatives, counted at one threshold or at many.

mod at;
mod auc;
mod counts;
mod precision;

pub use at::{PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity};
pub use auc::{AUC, Curve, SummationMethod};
pub use counts::{FalseNegatives, FalsePositives, TrueNegatives, TruePositives};
pub use precision::{Precision, Recall};

use super::Batch;
use crate::{
    DType, Error, Result, Tensor,
    config::{Json, Reader, Value},
    losses::{
        spread,
        targets::{ELEMENTS, check_elements, same_rank},
    },
};

/// One threshold or several, from 0 to 1: `0.5`, `[0.2, 0.5, 0.8]`. Files keep which of the two it was.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(TruePositives::new().thresholds([0.2, 0.5]));
/// meter.update((&Tensor::from([0, 1, 1, 0]), &Tensor::from([0.1f32, 0.9, 0.3, 0.4])))?;
/// assert_eq!(meter.result()?.to_vec::<f32>()?, [2.0, 1.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Thresholds {
    /// One threshold.
    One(f32),
    /// Several; the result has one number for each.
    Several(Vec<f32>),
}

impl Thresholds {
    /// All of them; `start` where none are set.
    fn list(thresholds: &Option<Self>, start: f32) -> Vec<f32> {
        match thresholds {
            None => vec![start],
            Some(Self::One(threshold)) => vec![*threshold],
            Some(Self::Several(thresholds)) => thresholds.clone(),
        }
    }
}

impl From<f32> for Thresholds {
    fn from(threshold: f32) -> Self {
        Self::One(threshold)
    }
}

impl<const N: usize> From<[f32; N]> for Thresholds {
    fn from(thresholds: [f32; N]) -> Self {
        Self::Several(thresholds.into())
    }
}

impl From<Vec<f32>> for Thresholds {
    fn from(thresholds: Vec<f32>) -> Self {
        Self::Several(thresholds)
    }
}

impl Value for Thresholds {
    fn to_json(&self) -> Json {
        match self {
            Self::One(threshold) => threshold.to_json(),
            Self::Several(thresholds) => thresholds.to_json(),
        }
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_array() { Value::from_json(json, reader).map(Self::Several) } else { f32::from_json(json, reader).map(Self::One) }
    }
}

/// `count` thresholds at even distances from 0 to 1; one is 0.5.
fn even_thresholds(count: usize) -> Vec<f32> {
    if count == 1 { vec![0.5] } else { (0..count).map(|at| (at as f64 / (count - 1) as f64) as f32).collect() }
}

/// What is counted, and how.
#[derive(Default)]
struct Counting<'a> {
    thresholds: Vec<f32>,
    /// Only so many of the largest predictions of a row can be positive.
    top_k: Option<usize>,
    /// Only this class counts.
    class: Option<usize>,
    /// Whether each label is counted by itself.
    by_label: bool,
    /// How much each label counts.
    label_weights: Option<&'a [f32]>,
}

/// Weighted counts of shape (T), or (T, L) by label.
struct Counts {
    true_positives: Tensor,
    false_positives: Tensor,
    true_negatives: Tensor,
    false_negatives: Tensor,
}

impl Counting<'_> {
    /// Counts a batch: predictions are positive where they are above a threshold, targets where they are not 0.
    fn count(&self, batch: &Batch) -> Result<Counts> {
        if let Some(bad) = self.thresholds.iter().find(|x| !(-1e-6..=1.000_001).contains(*x) && **x != NOWHERE) {
            return Err(Error::invalid(format!("thresholds lie from 0 to 1, got {bad}")));
        }
        let (targets, predictions, weight) = self.prepared(batch)?;
        let positive = targets.not_equal(0.0).cast(DType::F32) * &weight;
        let negative = weight - &positive;
        let (above_true, above_false) = match evenly(&self.thresholds) {
            Some(ends) => (self.by_place(&positive, &predictions, ends), self.by_place(&negative, &predictions, ends)),
            None => (self.by_comparing(&positive, &predictions), self.by_comparing(&negative, &predictions)),
        };
        let total = |t: &Tensor| if self.by_label { t.sum(&[0]) } else { t.sum(&[]) };
        Ok(Counts {
            true_negatives: total(&negative) - &above_false,
            false_negatives: total(&positive) - &above_true,
            true_positives: above_true,
            false_positives: above_false,
        })
    }

    /// Targets, predictions and weights, flat or of shape (N, L).
    fn prepared(&self, batch: &Batch) -> Result<(Tensor, Tensor, Tensor)> {
        check_elements(batch.targets.shape(), batch.predictions.shape(), ELEMENTS)?;
        let (mut targets, mut predictions) = same_rank(&batch.targets.cast(DType::F32), &batch.predictions.cast(DType::F32));
        if let Some(k) = self.top_k {
            let classes = predictions.shape().last().copied().unwrap_or(1);
            let best = predictions.top_k(k).1.one_hot(classes).sum(&[-2]);
            predictions = Tensor::where_(&best.greater(0.0), &predictions, &(predictions.zeros_like() + NOWHERE));
        }
        if let Some(class) = self.class {
            let classes = predictions.shape().last().copied().unwrap_or(0);
            if predictions.rank() < 2 || class >= classes {
                return Err(Error::shape(format!(
                    "class_id {class} needs predictions (N, K) with more classes, got {}",
                    predictions.shape()
                )));
            }
            let of_class = |t: &Tensor| t.split_sizes(&[class, 1, classes - class - 1], -1).swap_remove(1);
            (targets, predictions) = (of_class(&targets), of_class(&predictions));
        }
        let shape = predictions.shape();
        if self.by_label && shape.rank() != 2 {
            return Err(Error::shape(format!("multi_label needs predictions (N, L), got {shape}")));
        }
        let mut weight = predictions.ones_like();
        if let Some(given) = &batch.sample_weight {
            let (given, _) = same_rank(&given.cast(DType::F32), &predictions);
            weight *= spread(&given, shape)?;
        }
        if let (Some(labels), false) = (self.label_weights, self.by_label) {
            weight *= Tensor::from_slice(labels, [labels.len()])?;
        }
        let flat = |t: Tensor| if self.by_label { t } else { t.reshape([t.size()]) };
        Ok((flat(targets), flat(predictions), flat(weight)))
    }

    /// For each threshold, the weights of the predictions above it.
    fn by_comparing(&self, weight: &Tensor, predictions: &Tensor) -> Tensor {
        let count = self.thresholds.len();
        let shape = if self.by_label { vec![count, 1, 1] } else { vec![count, 1] };
        let thresholds = Tensor::from_slice(&self.thresholds, &shape[..]).expect("as many as there are");
        (predictions.expand_dims(0).greater(thresholds).cast(DType::F32) * weight.expand_dims(0)).sum(&[1])
    }

    /// The same for even thresholds: each prediction's weight goes to the last threshold below it, and these add up from the end.
    fn by_place(&self, weight: &Tensor, predictions: &Tensor, ends: Ends) -> Tensor {
        let count = self.thresholds.len();
        let labels = if self.by_label { predictions.shape()[1] } else { 1 };
        let place = (predictions.clip(0.0, 1.0) * (count - 1) as f32).ceil() - 1.0f32;
        let weight = if ends == Ends::Beyond { weight.clone() } else { weight * place.greater_equal(0.0).cast(DType::F32) };
        let mut place = place.maximum(0.0).cast(DType::I32);
        if self.by_label {
            let label = place.ones_like().cumulative_sum(1, false, true);
            place = place * labels as i32 + label;
        }
        let size = weight.size();
        let buckets = Tensor::zeros([count * labels]).scatter_add(&place.reshape([size]), &weight.reshape([size]), 0);
        let buckets = if self.by_label { buckets.reshape([count, labels]) } else { buckets };
        buckets.cumulative_sum(0, true, false)
    }
}

/// The threshold that every prediction of the best few is above, and what the others become.
const NOWHERE: f32 = -1e10;

/// Whether even thresholds end at 0 and 1, or a little beyond: then every prediction is above the first one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Exact,
    Beyond,
}

/// How the thresholds end, if they lie at even distances.
fn evenly(thresholds: &[f32]) -> Option<Ends> {
    let (first, last) = (*thresholds.first()?, *thresholds.last()?);
    let even = even_thresholds(thresholds.len());
    let near = thresholds.iter().zip(&even).all(|(a, b)| (a - b).abs() <= 2e-7 + 1e-5 * b.abs());
    (thresholds.len() > 2 && near).then_some(if first < 0.0 || last > 1.0 { Ends::Beyond } else { Ends::Exact })
}
