//! Losses of distributions: how far predictions are from what the targets follow.

use super::{Loss, LossOptions, regression::EPSILON, targets::elements};
use crate::{Result, Tensor};

/// `sum(target * log(target / prediction))` along the last axis, both kept within `[1e-7, 1]` (Kullback and Leibler, 1951).
///
/// ```
/// use wgrad::prelude::*;
/// let loss = KLDivergence::new().call(&Tensor::from([[0.5f32, 0.5]]), &Tensor::from([[0.25f32, 0.5]]))?;
/// assert!((loss.item::<f32>()? - 0.5 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[loss(alias("kld", "KLD", "kullback_leibler_divergence"))]
#[doc(alias = "keras.losses.KLDivergence")]
#[doc(alias = "kld")]
pub struct KLDivergence {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for KLDivergence {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        kl_divergence(targets, predictions)
    }
}

/// `sum(target * log(target / prediction))` along the last axis: `(N, ..., K)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::kl_divergence, prelude::*};
/// let loss = kl_divergence(&Tensor::from([[0.5f32, 0.5]]), &Tensor::from([[0.25f32, 0.5]]))?;
/// assert!((loss.to_vec::<f32>()?[0] - 0.5 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.kl_divergence")]
pub fn kl_divergence(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    let (targets, predictions) = (targets.clip(EPSILON, 1.0), predictions.clip(EPSILON, 1.0));
    Ok((&targets * (&targets / predictions).log()).sum(&[-1]))
}

/// `mean(prediction - target * log(prediction))` along the last axis: of counts, whose expectation is predicted.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = Poisson::new().call(&Tensor::from([[2.0f32, 0.0]]), &Tensor::from([[1.0f32, 3.0]]))?;
/// assert!((loss.item::<f32>()? - 2.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.Poisson")]
pub struct Poisson {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for Poisson {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        poisson(targets, predictions)
    }
}

/// `mean(prediction - target * log(prediction + 1e-7))` along the last axis: `(N, ..., D)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::poisson, prelude::*};
/// let loss = poisson(&Tensor::from([[2.0f32, 0.0]]), &Tensor::from([[1.0f32, 3.0]]))?;
/// assert!((loss.to_vec::<f32>()?[0] - 2.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.poisson")]
pub fn poisson(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    Ok((&predictions - targets * (&predictions + EPSILON).log()).mean(&[-1]))
}
