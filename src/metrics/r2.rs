//! How much of the targets' variance predictions explain.

use super::{Batch, Metric, MetricOptions, meter::state};
use crate::{
    DType, Error, Result, Shape, Tensor,
    config::Choice,
    losses::{spread, targets::elements},
    shape::Spec,
};

/// How the scores of outputs become one.
///
/// ```
/// use wgrad::{metrics::ClassAggregation, prelude::*};
/// let metric = R2Score::new().class_aggregation(ClassAggregation::VarianceWeightedAverage);
/// ```
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassAggregation {
    /// Their mean.
    UniformAverage,
    /// Their mean, weighted by the variance of the targets.
    VarianceWeightedAverage,
}

/// `1 - sum((target - prediction)²) / sum((target - mean(target))²)`: 1 where predictions are the targets, 0 for their mean.
///
/// Targets and predictions have shape (N, D).
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(R2Score::new());
/// meter.update((&Tensor::from([[1.0f32], [4.0], [3.0]]), &Tensor::from([[2.0f32], [4.0], [4.0]])))?;
/// assert!((meter.result()?.item::<f32>()? - 0.571_428_6).abs() < 1e-5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.R2Score")]
pub struct R2Score {
    #[metric(flatten)]
    options: MetricOptions,
    /// How the scores of outputs become one; files with `null` keep them apart.
    #[metric(default = ClassAggregation::UniformAverage)]
    class_aggregation: Option<ClassAggregation>,
    /// How many independent numbers the predictions were made of: above 0 the score is adjusted for them.
    num_regressors: usize,
}

impl R2Score {
    /// Keeps the scores of outputs apart: Keras' `class_aggregation=None`.
    #[must_use = "a setter returns the changed options"]
    pub fn of_each_output(self) -> Self {
        Self { class_aggregation: None, ..self }
    }
}

impl Metric for R2Score {
    fn states(&self, _targets: &Shape, predictions: &Shape) -> Result<Vec<Spec>> {
        let &[_, outputs] = &predictions[..] else {
            return Err(Error::shape(format!("R2Score needs targets and predictions (N, D), got {predictions}")));
        };
        let each = || state([outputs]);
        Ok(vec![state([]), each(), each(), each(), each()])
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        let (targets, predictions) = elements(&batch.targets, &batch.predictions)?;
        let weight = match &batch.sample_weight {
            Some(weight) => spread(&weight.cast(DType::F32), targets.shape())?,
            None => targets.ones_like(),
        };
        let weighted = &targets * &weight;
        let numbers = targets.size() as f32;
        let residual = (&targets - predictions).square() * &weight;
        let added = [(&targets * &weighted).sum(&[0]), weighted.sum(&[0]), residual.sum(&[0]), weight.sum(&[0])];
        Ok(std::iter::once(&states[0] + numbers).chain(states[1..].iter().zip(added).map(|(state, more)| state + more)).collect())
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        let [samples, squares, sum, residual, count] = states else { unreachable!("there are five states") };
        let total = squares - sum * sum / count;
        let scores = 1.0f32 - residual / &total;
        let scores = Tensor::where_(&scores.is_inf(), &scores.zeros_like(), &scores);
        let score = match self.class_aggregation {
            None => scores,
            Some(ClassAggregation::UniformAverage) => scores.mean(&[]),
            Some(ClassAggregation::VarianceWeightedAverage) => (&total * scores).sum(&[]) / total.sum(&[]),
        };
        if self.num_regressors == 0 {
            return score;
        }
        // Without samples to spare the plain score stays.
        let spare = samples - 1.0 - self.num_regressors as f32;
        let adjusted = 1.0f32 - (1.0f32 - &score) * (samples - 1.0) / &spare;
        Tensor::where_(&spare.greater(0.0), &adjusted, &score)
    }
}
