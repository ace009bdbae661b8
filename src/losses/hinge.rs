//! Hinge losses: predictions should lie beyond a margin, on their target's side.

use super::{Loss, LossOptions, targets::elements};
use crate::{Result, Tensor};

/// `mean(max(1 - target * prediction, 0))` along the last axis, for targets -1 and 1; where all are 0 or 1, 0 stands for -1.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = Hinge::new().call(&Tensor::from([[-1.0f32, 1.0]]), &Tensor::from([[-2.0f32, 0.5]]))?;
/// assert_eq!(loss.item::<f32>()?, 0.25);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.Hinge")]
pub struct Hinge {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for Hinge {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        hinge(targets, predictions)
    }
}

/// `mean(max(1 - target * prediction, 0))` along the last axis: `(N, ..., D)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::hinge, prelude::*};
/// let loss = hinge(&Tensor::from([[-1.0f32, 1.0], [1.0, 1.0]]), &Tensor::from([[-2.0f32, 0.5], [2.0, 0.0]]))?;
/// assert_eq!(loss.to_vec::<f32>()?, [0.25, 0.5]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.hinge")]
pub fn hinge(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    Ok(margins(targets, predictions)?.mean(&[-1]))
}

/// `mean(max(1 - target * prediction, 0)²)` along the last axis, for targets -1 and 1; where all are 0 or 1, 0 stands for -1.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = SquaredHinge::new().call(&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[-2.0f32, 0.5]]))?;
/// assert_eq!(loss.item::<f32>()?, 0.125);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.SquaredHinge")]
pub struct SquaredHinge {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for SquaredHinge {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        squared_hinge(targets, predictions)
    }
}

/// `mean(max(1 - target * prediction, 0)²)` along the last axis: `(N, ..., D)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::squared_hinge, prelude::*};
/// let loss = squared_hinge(&Tensor::from([[-1.0f32, 1.0], [1.0, 1.0]]), &Tensor::from([[-2.0f32, 0.5], [2.0, 0.0]]))?;
/// assert_eq!(loss.to_vec::<f32>()?, [0.125, 0.5]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.squared_hinge")]
pub fn squared_hinge(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    Ok(margins(targets, predictions)?.square().mean(&[-1]))
}

/// `max(wrong - right + 1, 0)`, where `right` is the prediction of the target's class and `wrong` the largest of the others.
///
/// Targets are one-hot rows of the predictions' shape `(N, ..., K)`.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = CategoricalHinge::new().call(&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[0.25f32, 0.5]]))?;
/// assert_eq!(loss.item::<f32>()?, 0.75);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.CategoricalHinge")]
pub struct CategoricalHinge {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for CategoricalHinge {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        categorical_hinge(targets, predictions)
    }
}

/// `max(max((1 - target) * prediction) - sum(target * prediction) + 1, 0)` along the last axis: `(N, ..., K)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::categorical_hinge, prelude::*};
/// let loss = categorical_hinge(&Tensor::from([[0.0f32, 1.0], [1.0, 0.0]]), &Tensor::from([[0.25f32, 0.5], [2.0, 0.5]]))?;
/// assert_eq!(loss.to_vec::<f32>()?, [0.75, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.categorical_hinge")]
pub fn categorical_hinge(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    let right = (&targets * &predictions).sum(&[-1]);
    let wrong = ((1.0f32 - targets) * predictions).max(&[-1]);
    Ok((wrong - right + 1.0f32).maximum(0.0))
}

/// `max(1 - target * prediction, 0)`, with targets 0 and 1 as -1 and 1.
fn margins(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    let binary = targets.equal(0.0).logical_or(&targets.equal(1.0)).all(&[]);
    let targets = Tensor::where_(&binary, &(&targets * 2.0 - 1.0), &targets);
    Ok((1.0f32 - targets * predictions).maximum(0.0))
}
