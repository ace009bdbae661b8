//! Losses of numbers: the distance between targets and predictions, averaged along the last axis.

use super::{Loss, LossOptions, targets::elements};
use crate::{Result, Tensor};

/// Keras' epsilon, which keeps divisors away from 0.
pub(super) const EPSILON: f32 = 1e-7;

/// `mean((target - prediction)²)` along the last axis.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = MeanSquaredError::new().call(&Tensor::from([[0.0f32, 0.0]]), &Tensor::from([[1.0f32, 3.0]]))?;
/// assert_eq!(loss.item::<f32>()?, 5.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[loss(alias("mse", "MSE"))]
#[doc(alias = "keras.losses.MeanSquaredError")]
#[doc(alias = "mse")]
pub struct MeanSquaredError {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for MeanSquaredError {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        mean_squared_error(targets, predictions)
    }
}

/// `mean((target - prediction)²)` along the last axis: `(N, ..., D)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::mean_squared_error, prelude::*};
/// let loss = mean_squared_error(&Tensor::from([[0.0f32, 0.0], [1.0, 1.0]]), &Tensor::from([[1.0f32, 3.0], [1.0, 1.0]]))?;
/// assert_eq!(loss.to_vec::<f32>()?, [5.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.mean_squared_error")]
pub fn mean_squared_error(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    Ok((predictions - targets).square().mean(&[-1]))
}

/// `mean(|target - prediction|)` along the last axis.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = MeanAbsoluteError::new().call(&Tensor::from([[0.0f32, 0.0]]), &Tensor::from([[1.0f32, 3.0]]))?;
/// assert_eq!(loss.item::<f32>()?, 2.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[loss(alias("mae", "MAE"))]
#[doc(alias = "keras.losses.MeanAbsoluteError")]
#[doc(alias = "mae")]
pub struct MeanAbsoluteError {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for MeanAbsoluteError {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        mean_absolute_error(targets, predictions)
    }
}

/// `mean(|target - prediction|)` along the last axis: `(N, ..., D)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::mean_absolute_error, prelude::*};
/// let loss = mean_absolute_error(&Tensor::from([[0.0f32, 0.0], [1.0, 1.0]]), &Tensor::from([[1.0f32, 3.0], [1.0, 1.0]]))?;
/// assert_eq!(loss.to_vec::<f32>()?, [2.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.mean_absolute_error")]
pub fn mean_absolute_error(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    Ok((predictions - targets).abs().mean(&[-1]))
}

/// `100 * mean(|(target - prediction) / target|)` along the last axis; targets count as at least 1e-7 away from 0.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = MeanAbsolutePercentageError::new().call(&Tensor::from([[2.0f32, 4.0]]), &Tensor::from([[1.0f32, 4.0]]))?;
/// assert_eq!(loss.item::<f32>()?, 25.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[loss(alias("mape", "MAPE"))]
#[doc(alias = "keras.losses.MeanAbsolutePercentageError")]
#[doc(alias = "mape")]
pub struct MeanAbsolutePercentageError {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for MeanAbsolutePercentageError {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        mean_absolute_percentage_error(targets, predictions)
    }
}

/// `100 * mean(|(target - prediction) / target|)` along the last axis: `(N, ..., D)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::mean_absolute_percentage_error, prelude::*};
/// let loss = mean_absolute_percentage_error(&Tensor::from([[2.0f32, 4.0]]), &Tensor::from([[1.0f32, 4.0]]))?;
/// assert_eq!(loss.to_vec::<f32>()?, [25.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.mean_absolute_percentage_error")]
pub fn mean_absolute_percentage_error(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    Ok(((&targets - predictions) / targets.abs().maximum(EPSILON)).abs().mean(&[-1]) * 100.0)
}

/// `mean((log(target + 1) - log(prediction + 1))²)` along the last axis; both count as at least 1e-7.
///
/// ```
/// use wgrad::prelude::*;
/// let e = std::f32::consts::E;
/// let loss = MeanSquaredLogarithmicError::new().call(&Tensor::from([[0.0f32]]), &Tensor::from([[e * e - 1.0]]))?;
/// assert!((loss.item::<f32>()? - 4.0).abs() < 1e-5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[loss(alias("msle", "MSLE"))]
#[doc(alias = "keras.losses.MeanSquaredLogarithmicError")]
#[doc(alias = "msle")]
pub struct MeanSquaredLogarithmicError {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for MeanSquaredLogarithmicError {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        mean_squared_logarithmic_error(targets, predictions)
    }
}

/// `mean((log(target + 1) - log(prediction + 1))²)` along the last axis: `(N, ..., D)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::mean_squared_logarithmic_error, prelude::*};
/// let e = std::f32::consts::E;
/// let loss = mean_squared_logarithmic_error(&Tensor::from([[0.0f32]]), &Tensor::from([[e * e - 1.0]]))?;
/// assert!((loss.to_vec::<f32>()?[0] - 4.0).abs() < 1e-5);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.mean_squared_logarithmic_error")]
pub fn mean_squared_logarithmic_error(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    let log = |x: &Tensor| x.maximum(EPSILON).log1p();
    Ok((log(&predictions) - log(&targets)).square().mean(&[-1]))
}

/// `-sum(target * prediction)` along an axis, both brought to length one there: -1 where they point the same way.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = CosineSimilarity::new().call(&Tensor::from([[0.0f32, 2.0]]), &Tensor::from([[3.0f32, 4.0]]))?;
/// assert!((loss.item::<f32>()? + 0.8).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.CosineSimilarity")]
pub struct CosineSimilarity {
    #[loss(flatten)]
    options: LossOptions,
    /// The axis of the vectors.
    #[loss(default = -1)]
    axis: isize,
}

impl Loss for CosineSimilarity {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        Ok(-cosine_similarity(targets, predictions, self.axis)?)
    }
}

/// `sum(target * prediction)` along `axis`, both brought to length one there; the metric's sign, not the loss'.
///
/// ```
/// use wgrad::{losses::cosine_similarity, prelude::*};
/// let likeness = cosine_similarity(&Tensor::from([[0.0f32, 2.0]]), &Tensor::from([[3.0f32, 4.0]]), -1)?;
/// assert!((likeness.to_vec::<f32>()?[0] - 0.8).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
pub fn cosine_similarity(targets: &Tensor, predictions: &Tensor, axis: isize) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    let axis = targets.shape().axis(axis)? as isize;
    // No length is below epsilon.
    let unit = |x: &Tensor| x * x.square().sum(&[axis]).maximum(EPSILON * EPSILON).rsqrt().expand_dims(axis);
    Ok((unit(&targets) * unit(&predictions)).sum(&[axis]))
}

/// `mean(e² / 2)` where the error `e` is at most `delta`, `mean(delta * e - delta² / 2)` beyond: outliers pull less (Huber, 1964).
///
/// ```
/// use wgrad::prelude::*;
/// let loss = Huber::new().delta(2.0).call(&Tensor::from([[0.0f32, 0.0]]), &Tensor::from([[1.0f32, 4.0]]))?;
/// assert_eq!(loss.item::<f32>()?, (0.5 + 6.0) / 2.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.Huber")]
pub struct Huber {
    #[loss(flatten, default = LossOptions::named("huber_loss"))]
    options: LossOptions,
    /// The error beyond which the loss grows in a straight line.
    #[loss(default = 1.0)]
    delta: f32,
}

impl Loss for Huber {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let (targets, predictions) = elements(targets, predictions)?;
        let error = (predictions - targets).abs();
        let beyond = (&error - self.delta).relu();
        let within = error - &beyond;
        Ok((within.square() * 0.5f32 + beyond * self.delta).mean(&[-1]))
    }
}

/// `mean(log(cosh(prediction - target)))` along the last axis: half the square of small errors, the size of large ones.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = LogCosh::new().call(&Tensor::from([[0.0f32]]), &Tensor::from([[1.0f32]]))?;
/// assert!((loss.item::<f32>()? - 1f32.cosh().ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.LogCosh")]
pub struct LogCosh {
    #[loss(flatten)]
    options: LossOptions,
}

impl Loss for LogCosh {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        log_cosh(targets, predictions)
    }
}

/// `mean(log(cosh(prediction - target)))` along the last axis: `(N, ..., D)` twice to `(N, ...)`.
///
/// ```
/// use wgrad::{losses::log_cosh, prelude::*};
/// let loss = log_cosh(&Tensor::from([[0.0f32]]), &Tensor::from([[1.0f32]]))?;
/// assert!((loss.to_vec::<f32>()?[0] - 1f32.cosh().ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When shapes differ by more than an axis of size one at the end.
#[doc(alias = "keras.losses.log_cosh")]
pub fn log_cosh(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    let (targets, predictions) = elements(targets, predictions)?;
    let error = predictions - targets;
    Ok((&error + (&error * -2.0).softplus() - std::f32::consts::LN_2).mean(&[-1]))
}
