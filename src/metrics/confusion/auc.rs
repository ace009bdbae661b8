//! The area under a curve of rates.

use super::{
    Counting,
    at::{add, rates},
    even_thresholds,
};
use crate::{
    Error, Result, Shape, Tensor,
    config::Choice,
    metrics::{Batch, Metric, MetricOptions, meter::state},
    shape::Spec,
};

/// Which curve [`AUC`] looks at.
///
/// ```
/// use wgrad::{metrics::Curve, prelude::*};
/// let metric = AUC::new().curve(Curve::Pr);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Curve {
    /// Recall over the rate of false positives.
    #[default]
    #[choice("ROC")]
    Roc,
    /// Precision over recall.
    #[choice("PR")]
    Pr,
    /// Gain of precision over gain of recall (Flach and Kull, 2015).
    #[choice("PRGAIN")]
    PrGain,
}

/// How high the curve is between two thresholds.
///
/// ```
/// use wgrad::{metrics::SummationMethod, prelude::*};
/// let metric = AUC::new().summation_method(SummationMethod::Minoring);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SummationMethod {
    /// In the middle of both; for [`Curve::Pr`] by the interpolation of Davis and Goadrich, 2006.
    #[default]
    Interpolation,
    /// The lower of both.
    Minoring,
    /// The higher of both.
    Majoring,
}

/// The area under a curve that thresholds draw: 1 where all positives are above all others, 0.5 for guesses (ROC).
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(AUC::new().num_thresholds(3));
/// meter.update((&Tensor::from([0, 0, 1, 1]), &Tensor::from([0.0f32, 0.5, 0.3, 0.9])))?;
/// assert_eq!(meter.result()?.item::<f32>()?, 0.75);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.AUC")]
pub struct AUC {
    #[metric(flatten)]
    options: MetricOptions,
    /// How many thresholds, at least 2, lie from 0 to 1.
    #[metric(default = 200)]
    num_thresholds: usize,
    /// Which curve it is.
    curve: Curve,
    /// How high the curve is between two thresholds.
    summation_method: SummationMethod,
    /// Thresholds beside 0 and 1, instead of even ones.
    thresholds: Option<Vec<f32>>,
    /// Whether each of the labels of predictions (N, L) has an area of its own, of which the mean is taken.
    multi_label: bool,
    /// How many labels there are.
    num_labels: Option<usize>,
    /// How much each label counts.
    label_weights: Option<Vec<f32>>,
    /// Whether predictions are logits, as of a last layer without activation.
    from_logits: bool,
}

impl AUC {
    /// All thresholds; the first one is a little below 0, the last a little above 1.
    fn all_thresholds(&self) -> Vec<f32> {
        let mut thresholds = match &self.thresholds {
            Some(inner) => {
                let mut inner = inner.clone();
                inner.sort_by(f32::total_cmp);
                [&[0.0], &inner[..], &[1.0]].concat()
            }
            None => even_thresholds(self.num_thresholds),
        };
        if let [first, .., last] = &mut thresholds[..] {
            (*first, *last) = (-1e-7, 1.0 + f32::EPSILON);
        }
        thresholds
    }

    /// Areas between neighbouring thresholds under `y` over `x`.
    fn areas(&self, x: &Tensor, y: &Tensor) -> Tensor {
        let ((y, next), (x, next_x)) = (neighbours(y), neighbours(x));
        let heights = match self.summation_method {
            SummationMethod::Interpolation => (y + next) / 2.0,
            SummationMethod::Minoring => y.minimum(&next),
            SummationMethod::Majoring => y.maximum(&next),
        };
        (x - next_x) * heights
    }

    /// One area of those of each threshold, and label.
    fn total(&self, areas: &Tensor) -> Tensor {
        match &self.label_weights {
            _ if !self.multi_label => areas.sum(&[]),
            None => areas.sum(&[0]).mean(&[]),
            Some(weights) => {
                let weights = Tensor::from_slice(weights, [weights.len()]).expect("as many as there are");
                (areas.sum(&[0]) * &weights).sum(&[]).divide_no_nan(weights.sum(&[]))
            }
        }
    }
}

/// All but the last, and all but the first.
fn neighbours(t: &Tensor) -> (Tensor, Tensor) {
    let last = t.shape()[0] as isize - 1;
    (t.at(&[(0..last).into()]), t.at(&[(1..).into()]))
}

/// The areas under precision over recall, where both are interpolated by counts.
fn interpolated(states: &[Tensor]) -> Tensor {
    let (positives, missed) = (&states[0], &states[3]);
    let ((tp, next_tp), (p, next_p)) = (neighbours(positives), neighbours(&(positives + &states[1])));
    let rise = tp - &next_tp;
    let slope = rise.divide_no_nan((&p - &next_p).maximum(0.0));
    let intercept = &next_tp - &slope * &next_p;
    let both = p.greater(0.0).logical_and(&next_p.greater(0.0));
    let ratio = Tensor::where_(&both, &p.divide_no_nan(next_p.maximum(0.0)), &p.ones_like());
    (slope * (rise + intercept * ratio.log())).divide_no_nan((next_tp + neighbours(missed).1).maximum(0.0))
}

/// Gains of recall and precision over those of guesses.
fn gains(states: &[Tensor]) -> (Tensor, Tensor) {
    let [tp, fp, tn, false_negatives] = states else { unreachable!("there are four states") };
    let odds = (tp + false_negatives).divide_no_nan(tn + fp);
    let found = tp.greater(0.0);
    let gain = |wrong: &Tensor| 1.0f32 - &odds * wrong.divide_no_nan(tp);
    let recall = Tensor::where_(&found, &gain(false_negatives), &tp.zeros_like()).maximum(0.0);
    (recall, Tensor::where_(&found, &gain(fp), &tp.ones_like()))
}

impl Metric for AUC {
    fn states(&self, _targets: &Shape, predictions: &Shape) -> Result<Vec<Spec>> {
        let thresholds = self.all_thresholds().len();
        if thresholds < 2 {
            return Err(Error::invalid(format!("num_thresholds is {thresholds}; it must be 2 or more")));
        }
        match (self.multi_label, self.num_labels, &predictions[..]) {
            (false, None, _) => Ok(vec![state([thresholds]); 4]),
            (false, Some(_), _) => Err(Error::invalid("num_labels is for multi_label only")),
            (true, Some(labels), _) | (true, None, &[_, labels]) => Ok(vec![state([thresholds, labels]); 4]),
            (true, None, _) => Err(Error::shape(format!("multi_label needs predictions (N, L), got {predictions}"))),
        }
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        let logits = &batch.predictions;
        let predictions = if self.from_logits { logits.sigmoid() } else { logits.clone() };
        let (by_label, label_weights) = (self.multi_label, self.label_weights.as_deref());
        let counting = Counting { thresholds: self.all_thresholds(), by_label, label_weights, ..Counting::default() };
        add(states, counting, &Batch { predictions, ..batch.clone() })
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        let rates = rates(states);
        let areas = match self.curve {
            Curve::Roc => self.areas(&states[1].divide_no_nan(&states[1] + &states[2]), &rates.recall),
            Curve::Pr if self.summation_method == SummationMethod::Interpolation => interpolated(states),
            Curve::Pr => self.areas(&rates.recall, &rates.precision),
            Curve::PrGain => {
                let (recall, precision) = gains(states);
                self.areas(&recall, &precision)
            }
        };
        self.total(&areas)
    }
}
