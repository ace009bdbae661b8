//! `predict`: the model's output for data of any size.

use super::samples::arrange_inputs;
use crate::{
    Error, Result, Tensor,
    data::{Arrays, AsArrays},
    layers::{Call, Training},
    models::Model,
    plan::Recordings,
    shape::Spec,
    tensor::Reading,
};
use std::collections::VecDeque;

/// Batches whose results may still be on the device.
const IN_FLIGHT: usize = 3;

/// A prediction about to run.
///
/// ```
/// use wgrad::prelude::*;
/// let model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build()?;
/// let x = Tensor::ones([5, 2]);
/// assert_eq!(model.predict(&x).batch_size(2).run()?.shape()[..], [5, 1]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[must_use = "run() predicts"]
pub struct Predict<'a> {
    model: &'a Model,
    data: Result<Arrays<'a>>,
    batch_size: usize,
}

impl Model {
    /// The output for all samples of `x`, batch by batch; a model of several inputs takes a list, `&[&a, &b]`, or
    /// [`Named`](crate::data::Named).
    #[doc(alias = "keras.Model.predict")]
    pub fn predict<'a>(&'a self, x: &'a (impl AsArrays + ?Sized)) -> Predict<'a> {
        Predict { model: self, data: x.as_arrays(), batch_size: 32 }
    }
}

impl Predict<'_> {
    /// Samples of a step.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Predicts: `(samples, …)`, on the model's device; of several outputs the first. Outputs of batches stand one after another.
    ///
    /// # Errors
    /// When the model is not built, the data does not fit, or the device fails.
    pub fn run(self) -> Result<Tensor> {
        Ok(self.run_all()?.swap_remove(0))
    }

    /// Predicts all outputs, as [`run`](Self::run).
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_all(self) -> Result<Vec<Tensor>> {
        let model = self.model;
        if self.batch_size == 0 {
            return Err(Error::invalid("predict: a batch size of 0"));
        }
        let arrays = arrange_inputs(model, self.data?)?;
        let samples = arrays[0].samples();
        if samples == 0 {
            return Err(Error::data(format!("predict: no samples, the input has shape {}", arrays[0].shape())));
        }
        let device = model.device()?;
        let mut results: Vec<(Vec<u32>, Spec)> = Vec::new();
        let (mut readings, steps): (VecDeque<Vec<Reading>>, _) = (VecDeque::new(), Recordings::default());
        let all: Vec<usize> = (0..samples).collect();
        for indices in all.chunks(self.batch_size) {
            let forward = |inputs: &[Tensor]| {
                let mut call = Call::new(Training::No, model.seed()?, 0);
                Ok(model.forward_prepared(&mut call, inputs)?.tensors().to_vec())
            };
            let batch = model.prepare(&arrays, device, indices)?;
            let outputs = steps.call(&batch.iter().collect::<Vec<_>>(), forward)?;
            if results.is_empty() {
                results = outputs.iter().map(|y| (Vec::new(), y.spec().clone())).collect();
            } else {
                outputs.iter().zip(&mut results).try_for_each(|(y, (_, spec))| append(spec, y))?;
            }
            readings.push_back(outputs.iter().map(Tensor::read_later).collect::<Result<_>>()?);
            if readings.len() > IN_FLIGHT
                && let Some(batch) = readings.pop_front()
            {
                take(batch, &mut results)?;
            }
        }
        readings.into_iter().try_for_each(|batch| take(batch, &mut results))?;
        results.into_iter().map(|(words, spec)| Tensor::from_words(device, &words, spec)).collect()
    }
}

/// Makes room for the output of one more batch. What has no axis of samples, as a sum over all of them, exists for one batch only.
fn append(whole: &mut Spec, y: &Tensor) -> Result<()> {
    let (before, own) = (whole.shape.first().copied(), y.shape().first().copied());
    let (Some(before), Some(own)) = (before, own) else {
        return Err(Error::shape("predict: an output is a single number for each batch; take a batch_size of all samples"));
    };
    let next = whole.shape.with(0, before + own);
    if y.shape().with(0, before + own) != next {
        return Err(Error::shape(format!("predict: an output has shape {} for one batch, {} before", y.shape(), whole.shape)));
    }
    whole.shape = next;
    Ok(())
}

/// Waits for a batch's outputs and puts them behind those before.
fn take(batch: Vec<Reading>, results: &mut [(Vec<u32>, Spec)]) -> Result<()> {
    for (reading, (words, _)) in batch.into_iter().zip(results) {
        words.extend(reading.wait()?);
    }
    Ok(())
}
