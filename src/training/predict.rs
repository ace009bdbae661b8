//! `predict`: the model's output for data of any size.

use super::trainer::check_inputs;
use crate::{
    DType, Error, Result, Shape, Tensor,
    data::{Array, AsArray},
    layers::{Call, Training},
    models::Model,
    plan::Recordings,
    shape::Spec,
    tensor::Reading,
};
use std::{borrow::Cow, collections::VecDeque};

/// Batches whose results may still be on the device.
const IN_FLIGHT: usize = 3;

/// A prediction about to run.
#[must_use = "run() predicts"]
pub struct Predict<'a> {
    model: &'a Model,
    data: Result<Cow<'a, Array>>,
    batch_size: usize,
}

impl Model {
    /// The output for all samples of `x`, batch by batch.
    #[doc(alias = "keras.Model.predict")]
    pub fn predict<'a>(&'a self, x: &'a impl AsArray) -> Predict<'a> {
        Predict { model: self, data: x.as_array(), batch_size: 32 }
    }
}

impl Predict<'_> {
    /// Samples of a step.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Predicts: `(samples, …)`, on the model's device.
    ///
    /// # Errors
    /// When the model is not built, the data does not fit, or the device fails.
    pub fn run(self) -> Result<Tensor> {
        let (model, x) = (self.model, self.data?);
        if self.batch_size == 0 {
            return Err(Error::invalid("predict: a batch size of 0"));
        }
        check_inputs(model, &x)?;
        let device = model.device()?;
        let (mut words, mut spec): (Vec<u32>, Option<(DType, Shape)>) = (Vec::new(), None);
        let (mut readings, steps): (VecDeque<Reading>, _) = (VecDeque::new(), Recordings::default());
        let all: Vec<usize> = (0..x.samples()).collect();
        for indices in all.chunks(self.batch_size) {
            let forward = |inputs: &[Tensor]| {
                let mut call = Call::new(Training::No, model.seed()?, 0);
                Ok(vec![model.forward(&mut call, &inputs.into())?.one()?.clone()])
            };
            let y = &steps.call(&[&x.gather(device, indices)?], forward)?[0];
            readings.push_back(y.read_later()?);
            spec = Some((y.dtype(), y.shape().with(0, x.samples())));
            if readings.len() > IN_FLIGHT
                && let Some(reading) = readings.pop_front()
            {
                words.extend(reading.wait()?);
            }
        }
        for reading in readings {
            words.extend(reading.wait()?);
        }
        let (dtype, shape) = spec.ok_or_else(|| Error::data(format!("predict: no samples, the input has shape {}", x.shape())))?;
        Tensor::from_words(device, &words, Spec { dtype, shape })
    }
}
