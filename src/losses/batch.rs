//! What losses and metrics look at: targets, predictions, and how much each sample counts.

use super::{Reduction, targets::same_rank};
use crate::{DType, Error, Result, Shape, Tensor};

/// Targets and predictions of a batch, and how much each of its samples counts.
///
/// Made of `(&targets, &predictions)`, `(&targets, &predictions, &sample_weight)`, or of one tensor of values for metrics such as
/// [`Mean`](crate::metrics::Mean).
///
/// ```
/// use wgrad::{losses::Batch, prelude::*};
/// let (y, p) = (Tensor::from([[1.0f32], [2.0]]), Tensor::from([[2.0f32], [4.0]]));
/// let batch = Batch::new(&y, &p).sample_weight(&Tensor::from([1.0f32, 0.5])).mask(&Tensor::from([true, true]));
/// assert_eq!(MeanSquaredError::new().call_with(&batch)?.item::<f32>()?, 1.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    /// What is right.
    pub targets: Tensor,
    /// What the model says.
    pub predictions: Tensor,
    /// How much each value counts: `(N)`, or more of the values' axes.
    pub sample_weight: Option<Tensor>,
    /// Which values count at all, bool.
    pub mask: Option<Tensor>,
}

impl Batch {
    /// Targets and predictions that all count alike.
    pub fn new(targets: &Tensor, predictions: &Tensor) -> Self {
        Self { targets: targets.clone(), predictions: predictions.clone(), sample_weight: None, mask: None }
    }

    /// Sets how much each sample, or each value, counts.
    #[must_use = "a setter returns the changed batch"]
    pub fn sample_weight(self, sample_weight: &Tensor) -> Self {
        Self { sample_weight: Some(sample_weight.clone()), ..self }
    }

    /// Sets which samples, or values, count at all.
    #[must_use = "a setter returns the changed batch"]
    pub fn mask(self, mask: &Tensor) -> Self {
        Self { mask: Some(mask.clone()), ..self }
    }

    /// Weight and mask as one weight, as Keras' `apply_mask`: where the mean of all values is taken, those that count make up for
    /// those that do not.
    pub(crate) fn weight(&self, reduction: Reduction) -> Result<Option<Tensor>> {
        let weight = self.sample_weight.as_ref().map(|weight| weight.cast(DType::F32));
        let Some(mask) = &self.mask else { return Ok(weight) };
        let mask = mask.cast(DType::F32);
        let mask = match reduction {
            Reduction::SumOverBatchSize | Reduction::Mean => {
                let share = (mask.zeros_like().sum(&[]) + mask.size() as f32).divide_no_nan(mask.sum(&[]));
                mask * share
            }
            _ => mask,
        };
        let Some(weight) = weight else { return Ok(Some(mask)) };
        let (mask, weight) = same_rank(&mask, &weight);
        product(&lengthened(&mask, weight.rank()), &weight, "masks").map(|(both, _)| Some(both))
    }
}

/// `t` with axes of size one behind its own, up to `rank`; a scalar stays one.
fn lengthened(t: &Tensor, rank: usize) -> Tensor {
    let missing = if t.rank() == 0 { 0 } else { rank.saturating_sub(t.rank()) };
    t.reshape(t.shape().iter().copied().chain(std::iter::repeat_n(1, missing)).collect::<Shape>())
}

/// `values` times weights, and the weights; fewer axes than those of the values are their first ones.
fn product(values: &Tensor, weight: &Tensor, what: &str) -> Result<(Tensor, Tensor)> {
    let weight = lengthened(weight, values.rank());
    weight.shape().broadcast(values.shape()).map_err(|_| unfit(&weight, values.shape(), what))?;
    Ok((values * &weight, weight))
}

/// `weight` broadcast to values of `shape`.
pub(crate) fn spread(weight: &Tensor, shape: &Shape) -> Result<Tensor> {
    let weight = lengthened(weight, shape.rank());
    match weight.shape().broadcast(shape) {
        Ok(common) if common == *shape => Ok(weight.broadcast_to(shape)),
        _ => Err(unfit(&weight, shape, "values")),
    }
}

fn unfit(weight: &Tensor, shape: &Shape, what: &str) -> Error {
    let hint = "each sample has one weight, or one for each of its values";
    Error::shape(format!("weights have shape {}, {what} {shape}; {hint}", weight.shape()))
}

/// The losses of samples as one number, or as they are, as Keras' `reduce_weighted_values`.
///
/// A weight with fewer axes than the values is that of their first axes.
pub(super) fn reduce(values: &Tensor, weight: Option<&Tensor>, reduction: Reduction) -> Result<Tensor> {
    let (values, weight) = match weight {
        None => (values.clone(), None),
        Some(weight) => {
            let (values, weight) = same_rank(values, weight);
            let (values, weight) = product(&values, &weight, "losses")?;
            (values, Some(weight))
        }
    };
    Ok(match (reduction, weight) {
        _ if values.rank() == 0 || values.shape()[..] == [0] => values,
        (Reduction::None, _) => values,
        (Reduction::Sum, _) => values.sum(&[]),
        (Reduction::MeanWithSampleWeight, Some(weight)) => values.sum(&[]).divide_no_nan(weight.sum(&[])),
        _ => values.mean(&[]),
    })
}

impl From<&Tensor> for Batch {
    fn from(values: &Tensor) -> Self {
        Self::new(values, values)
    }
}

impl From<(&Tensor, &Tensor)> for Batch {
    fn from((targets, predictions): (&Tensor, &Tensor)) -> Self {
        Self::new(targets, predictions)
    }
}

impl From<(&Tensor, &Tensor, &Tensor)> for Batch {
    fn from((targets, predictions, sample_weight): (&Tensor, &Tensor, &Tensor)) -> Self {
        Self::new(targets, predictions).sample_weight(sample_weight)
    }
}
