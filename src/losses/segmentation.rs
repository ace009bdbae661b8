//! Losses of overlap: how much predicted and true regions of images share.

use super::{Loss, LossOptions, regression::EPSILON, targets::elements};
use crate::{Result, Tensor, layers::Axes};

/// `1 - 2 * sum(target * prediction) / (sum(target) + sum(prediction))`, over all elements or over `axis`: 0 where regions are equal.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = Dice::new().call(&Tensor::from([[1.0f32, 1.0]]), &Tensor::from([[1.0f32, 0.0]]))?;
/// assert!((loss.item::<f32>()? - 1.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.Dice")]
pub struct Dice {
    #[loss(flatten)]
    options: LossOptions,
    /// The axes over which a loss is taken, as `[1, 2, 3]` for one of each image; all of them where not set.
    axis: Option<Axes>,
}

impl Loss for Dice {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let (targets, predictions) = elements(targets, predictions)?;
        let axes = self.axis.as_ref().map_or(&[][..], Axes::list);
        let shared = (&targets * &predictions).sum(axes);
        Ok(1.0f32 - shared * 2.0 / (targets.sum(axes) + predictions.sum(axes) + EPSILON))
    }
}

/// `1 - shared / (shared + alpha * missed + beta * false)`, over all elements or over `axis` (Salehi et al., 2017).
///
/// `shared` is `sum(target * prediction)`, `missed` `sum(target * (1 - prediction))`, `false` `sum((1 - target) * prediction)`. With
/// both at 0.5 it is [`Dice`].
///
/// ```
/// use wgrad::prelude::*;
/// let loss = Tversky::new().alpha(1.0).call(&Tensor::from([[1.0f32, 1.0]]), &Tensor::from([[1.0f32, 0.0]]))?;
/// assert!((loss.item::<f32>()? - 0.5).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.Tversky")]
pub struct Tversky {
    #[loss(flatten)]
    options: LossOptions,
    /// How much missed parts of a region count.
    #[loss(default = 0.5)]
    alpha: f32,
    /// How much parts outside of a region count.
    #[loss(default = 0.5)]
    beta: f32,
    /// The axes over which a loss is taken, as `[1, 2, 3]` for one of each image; all of them where not set.
    axis: Option<Axes>,
}

impl Loss for Tversky {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let (targets, predictions) = elements(targets, predictions)?;
        let axes = self.axis.as_ref().map_or(&[][..], Axes::list);
        let shared = (&targets * &predictions).sum(axes);
        let missed = ((1.0f32 - &predictions) * &targets).sum(axes);
        let wrong = (predictions * (1.0f32 - targets)).sum(axes);
        Ok(1.0f32 - &shared / (&shared + missed * self.alpha + wrong * self.beta + EPSILON))
    }
}
