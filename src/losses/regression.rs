//! Losses of numbers: the distance between targets and predictions, averaged along the last axis.

use super::{
    Loss,
    targets::{check_elements, check_numbers, same_rank},
};
use crate::{DType, Result, Shape, Tensor, data::Array};

const HINT: &str = "each prediction needs a target: shapes must be equal, but for an axis of size one at the end";

/// `predictions - targets`, brought to one shape.
pub(crate) fn error(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    check_elements(targets.shape(), predictions.shape(), HINT)?;
    let (targets, predictions) = same_rank(&targets.cast(DType::F32), predictions);
    Ok(predictions - targets)
}

fn check(targets: &Array, output: &Shape) -> Result<()> {
    check_elements(targets.shape(), output, HINT)?;
    check_numbers(targets)
}

/// `mean((target - prediction)²)`.
///
/// ```
/// use wgrad::{losses::{Loss, MeanSquaredError}, prelude::*};
/// let loss = MeanSquaredError::new().call(&Tensor::from([[0.0f32, 0.0]]), &Tensor::from([[1.0f32, 3.0]]))?;
/// assert_eq!(loss.item::<f32>()?, 5.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "keras.losses.MeanSquaredError")]
#[doc(alias = "mse")]
pub struct MeanSquaredError {}

impl MeanSquaredError {
    /// The loss.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean_squared_error"
    }

    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        Ok(error(targets, predictions)?.square().mean(&[-1]))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        check(targets, output)
    }
}

/// `mean(|target - prediction|)`.
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "keras.losses.MeanAbsoluteError")]
#[doc(alias = "mae")]
pub struct MeanAbsoluteError {}

impl MeanAbsoluteError {
    /// The loss.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for MeanAbsoluteError {
    fn name(&self) -> &'static str {
        "mean_absolute_error"
    }

    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        Ok(error(targets, predictions)?.abs().mean(&[-1]))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        check(targets, output)
    }
}

/// `mean(e² / 2)` where the error `e` is at most `delta`, `mean(delta * e - delta² / 2)` beyond: outliers pull less (Huber, 1964).
#[derive(Clone, Copy, Debug)]
#[doc(alias = "keras.losses.Huber")]
pub struct Huber {
    delta: f32,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl Huber {
    /// With a delta of 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The error beyond which the loss grows in a straight line.
    pub fn delta(mut self, delta: f32) -> Self {
        self.delta = delta;
        self
    }
}

impl Loss for Huber {
    fn name(&self) -> &'static str {
        "huber_loss"
    }

    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let error = error(targets, predictions)?.abs();
        let beyond = (&error - self.delta).relu();
        let within = error - &beyond;
        Ok((within.square() * 0.5f32 + beyond * self.delta).mean(&[-1]))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        check(targets, output)
    }
}
