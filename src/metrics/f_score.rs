//! F-scores: precision and recall as one number.

use super::{Batch, Metric, MetricOptions, meter::state};
use crate::{DType, Error, Result, Shape, Tensor, config::Choice, losses::spread, shape::Spec};

/// How the scores of classes become one.
///
/// ```
/// use wgrad::{metrics::Average, prelude::*};
/// let metric = F1Score::new().average(Average::Macro);
/// ```
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// All classes are counted together.
    Micro,
    /// The mean over classes.
    Macro,
    /// The mean over classes, each as often as it is among the targets.
    Weighted,
}

/// `(1 + beta²) * precision * recall / (beta² * precision + recall)`: recall counts `beta` times as much as precision.
///
/// Targets and predictions have shape (N, K), targets are 0 or 1. The result has one score for each class, unless an
/// [average](Self::average) is set.
///
/// ```
/// use wgrad::{metrics::{Average, Meter}, prelude::*};
/// let mut meter = Meter::new(FBetaScore::new().beta(2.0).average(Average::Micro));
/// meter.update((&Tensor::from([[1, 0], [1, 0], [0, 1]]), &Tensor::from([[0.9f32, 0.1], [0.2, 0.8], [0.3, 0.7]])))?;
/// assert!((meter.result()?.item::<f32>()? - 2.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.FBetaScore")]
pub struct FBetaScore {
    #[metric(flatten)]
    options: MetricOptions,
    /// How the scores of classes become one; they stay apart where not set.
    average: Option<Average>,
    /// How much recall counts beside precision.
    #[metric(default = 1.0)]
    beta: f32,
    /// Predictions above it are positive; only the largest of each row where not set.
    threshold: Option<f32>,
}

impl Metric for FBetaScore {
    fn states(&self, _targets: &Shape, predictions: &Shape) -> Result<Vec<Spec>> {
        states(self.average, predictions)
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, self.average, self.threshold)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        score(states, self.average, self.beta)
    }
}

/// `2 * precision * recall / (precision + recall)`: [`FBetaScore`] with a beta of 1.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(F1Score::new());
/// meter.update((&Tensor::from([[1, 0], [1, 0], [0, 1]]), &Tensor::from([[0.9f32, 0.1], [0.2, 0.8], [0.3, 0.7]])))?;
/// assert!(meter.result()?.to_vec::<f32>()?.iter().all(|score| (score - 2.0 / 3.0).abs() < 1e-6)); // one for each class
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.F1Score")]
pub struct F1Score {
    #[metric(flatten)]
    options: MetricOptions,
    /// How the scores of classes become one; they stay apart where not set.
    average: Option<Average>,
    /// Predictions above it are positive; only the largest of each row where not set.
    threshold: Option<f32>,
}

impl Metric for F1Score {
    fn states(&self, _targets: &Shape, predictions: &Shape) -> Result<Vec<Spec>> {
        states(self.average, predictions)
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        update(states, batch, self.average, self.threshold)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        score(states, self.average, 1.0)
    }
}

/// True positives, false positives, false negatives, and how often each class is a target.
fn states(average: Option<Average>, predictions: &Shape) -> Result<Vec<Spec>> {
    match (average, &predictions[..]) {
        (Some(Average::Micro), _) => Ok(vec![state([]); 4]),
        (_, &[_, classes]) => Ok(vec![state([classes]); 4]),
        _ => Err(Error::shape(format!("F-scores need targets and predictions (N, K), got {predictions}"))),
    }
}

fn update(states: &[Tensor], batch: &Batch, average: Option<Average>, threshold: Option<f32>) -> Result<Vec<Tensor>> {
    let (targets, predictions) = (batch.targets.cast(DType::F32), batch.predictions.cast(DType::F32));
    if targets.shape() != predictions.shape() || targets.rank() != 2 {
        let (t, p) = (targets.shape(), predictions.shape());
        return Err(Error::shape(format!("F-scores need targets and predictions (N, K), got {t} and {p}")));
    }
    let positive = match threshold {
        Some(threshold) => predictions.greater(threshold),
        // The largest, unless all are zero.
        None => predictions.greater_equal(predictions.max(&[-1]).expand_dims(-1)).logical_and(&predictions.abs().greater(1e-9)),
    };
    let positive = positive.cast(DType::F32);
    let weight = batch.sample_weight.as_ref().map(|weight| spread(&weight.cast(DType::F32), targets.shape())).transpose()?;
    let axes = if average == Some(Average::Micro) { &[][..] } else { &[0] };
    let sum = |t: Tensor| weight.as_ref().map_or_else(|| t.clone(), |weight| &t * weight).sum(axes);
    let counts = [&positive * &targets, &positive * (1.0f32 - &targets), (1.0f32 - &positive) * &targets, targets];
    Ok(states.iter().zip(counts).map(|(state, count)| state + sum(count)).collect())
}

fn score(states: &[Tensor], average: Option<Average>, beta: f32) -> Tensor {
    const EPSILON: f32 = 1e-7;
    let [tp, fp, false_negatives, counts] = states else { unreachable!("there are four states") };
    let (precision, recall) = (tp / (tp + fp + EPSILON), tp / (tp + false_negatives + EPSILON));
    let square = beta * beta;
    let scores = &precision * &recall / (&precision * square + &recall + EPSILON) * (1.0 + square);
    match average {
        None => scores,
        Some(Average::Weighted) => (scores * counts / (counts.sum(&[]) + EPSILON)).sum(&[]),
        Some(Average::Micro | Average::Macro) => scores.mean(&[]),
    }
}
