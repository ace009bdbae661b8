//! Losses: value, gradient for the predictions, and the config both ways.

use super::{
    case::{Case, Tolerance},
    objects::object,
};
use wgrad::{losses::Batch, prelude::*};

pub fn check(case: &Case) -> Result<()> {
    let loss = object::<dyn Loss>(case)?;
    let predictions = case.numbers("y_pred")?.tensor()?;
    let mut batch = Batch::new(&case.numbers("y_true")?.tensor()?, &predictions);
    if let Ok(weight) = case.numbers("sample_weight") {
        batch = batch.sample_weight(&weight.tensor()?);
    }
    let tape = GradientTape::new();
    tape.watch(&predictions);
    let value = loss.call_with(&batch)?;
    let gradient = tape.gradient(&value.sum(&[]), &[&predictions])?.swap_remove(0);
    case.compare("loss", &value, Tolerance::of_device())?;
    case.compare("grad", &gradient.unwrap_or_else(|| predictions.zeros_like()), Tolerance::of_device())
}
