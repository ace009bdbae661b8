//! Metrics that are means: of values themselves, and of errors.

use super::{Metric, add_values, setters};
use crate::{DType, Result, Tensor, losses::regression::error};

/// The mean of the predictions; targets do not matter.
#[derive(Clone, Debug)]
#[doc(alias = "keras.metrics.Mean")]
pub struct Mean {
    name: String,
}

setters!(Mean, "mean");

impl Metric for Mean {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&self, states: &[Tensor], _targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>> {
        Ok(add_values(states, &predictions.cast(DType::F32)))
    }
}

/// `mean((target - prediction)²)`.
#[derive(Clone, Debug)]
#[doc(alias = "keras.metrics.MeanSquaredError")]
pub struct MeanSquaredError {
    name: String,
}

setters!(MeanSquaredError, "mean_squared_error");

impl Metric for MeanSquaredError {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>> {
        Ok(add_values(states, &error(targets, predictions)?.square()))
    }
}

/// `mean(|target - prediction|)`.
#[derive(Clone, Debug)]
#[doc(alias = "keras.metrics.MeanAbsoluteError")]
pub struct MeanAbsoluteError {
    name: String,
}

setters!(MeanAbsoluteError, "mean_absolute_error");

impl Metric for MeanAbsoluteError {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>> {
        Ok(add_values(states, &error(targets, predictions)?.abs()))
    }
}
