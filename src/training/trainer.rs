//! One step of training or evaluation: forward, loss, metrics, and what is read late.

use super::{Compiled, events::Logs};
use crate::{
    DType, Error, ErrorKind, Result, Shape, Tensor, Variable,
    data::Array,
    device::Device,
    dtype::Element,
    graph::{GradientTape, watch},
    layers::{Call, Training},
    metrics::{self, Metric},
    models::Model,
    optimizers::Extras,
    tensor::Reading,
};
use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

/// Steps that may be on the device at once; their batches are kept to find out what went wrong in one.
const IN_FLIGHT: usize = 3;

/// Runs steps of a compiled model and collects their logs.
pub(super) struct Trainer<'a> {
    model: &'a Model,
    compiled: &'a Compiled,
    device: Device,
    metrics: Vec<Arc<dyn Metric>>,
    /// States of the loss' mean, then of each metric.
    states: Vec<Vec<Tensor>>,
    readings: VecDeque<Reading>,
    batches: VecDeque<Batch>,
    logs: Logs,
}

/// A batch that may still be on the device.
struct Batch {
    step: u64,
    x: Tensor,
    y: Tensor,
}

impl<'a> Trainer<'a> {
    /// A trainer for targets `y`, whose dtype, shape and range are checked here.
    pub fn new(model: &'a Model, compiled: &'a Compiled, y: &Array) -> Result<Self> {
        let output = model.output_shape(y.samples())?;
        compiled.loss.check(y, &output).map_err(|error| error.at(compiled.loss.name()))?;
        let resolve = |metric: &Arc<dyn Metric>| {
            let resolved = metric.resolve(y.shape(), &output).map_err(|error| error.at(metric.name()))?;
            Ok(resolved.map_or_else(|| metric.clone(), Arc::from))
        };
        let metrics = compiled.metrics.iter().map(resolve).collect::<Result<Vec<_>>>()?;
        let mut trainer = Self {
            model,
            compiled,
            device: model.device()?.clone(),
            metrics,
            states: Vec::new(),
            readings: VecDeque::new(),
            batches: VecDeque::new(),
            logs: Logs::new(),
        };
        trainer.reset();
        Ok(trainer)
    }

    /// Starts new means, as at the start of an epoch.
    pub fn reset(&mut self) {
        let zeros = |shapes: Vec<Shape>| shapes.into_iter().map(|shape| Tensor::full_on(&self.device, shape, 0f32)).collect::<Vec<_>>();
        self.states =
            std::iter::once(zeros(vec![Shape::scalar(); 2])).chain(self.metrics.iter().map(|metric| zeros(metric.states()))).collect();
        self.logs.clear();
    }

    /// One training step on samples `indices`; returns the newest logs that are there.
    pub fn train(&mut self, x: &Array, y: &Array, indices: &[usize]) -> Result<&Logs> {
        let step = self.model.step.fetch_add(1, Ordering::Relaxed);
        let batch = Batch { step, x: x.gather(&self.device, indices)?, y: y.gather(&self.device, indices)? };
        let mut call = Call::new(Training::Yes, self.model.seed()?, step);
        let variables = self.model.trainable_variables();
        let (predictions, loss, gradients) = self.gradients(&mut call, &batch, &variables)?;
        let logs = self.update_states(&loss, &batch.y, &predictions, indices.len())?;
        drop(predictions);
        let optimizer = &self.compiled.optimizer;
        let mut roots = self.states.concat();
        roots.push(logs.clone());
        self.batches.push_back(batch);
        let applied = optimizer.state().apply(
            optimizer.rule(),
            optimizer.scalars(),
            gradients,
            &variables,
            Extras { loss: Some(&loss), updates: call.take_updates(), also: &roots },
        );
        drop((loss, roots));
        applied.and_then(|()| optimizer.state().check(false)).map_err(|error| self.explain(error))?;
        self.later(&logs)
    }

    /// Predictions, loss and gradients of a batch. The tape matters only where each op is computed at once.
    fn gradients(&self, call: &mut Call, batch: &Batch, variables: &[Variable]) -> Result<(Tensor, Tensor, Vec<Option<Tensor>>)> {
        let tape = GradientTape::new();
        let predictions = self.model.forward(call, &batch.x)?;
        let loss = self.compiled.loss.call(&batch.y, &predictions)?;
        let gradients = tape.gradient(&self.compiled.optimizer.scale_loss(&loss), variables)?;
        Ok((predictions, loss, gradients))
    }

    /// One evaluation step.
    pub fn test(&mut self, x: &Array, y: &Array, indices: &[usize]) -> Result<&Logs> {
        let (x, y) = (x.gather(&self.device, indices)?, y.gather(&self.device, indices)?);
        let mut call = Call::new(Training::No, self.model.seed()?, 0);
        let predictions = self.model.forward(&mut call, &x)?;
        let loss = self.compiled.loss.call(&y, &predictions)?;
        let logs = self.update_states(&loss, &y, &predictions, indices.len())?;
        drop((loss, predictions));
        let mut roots = self.states.concat();
        roots.push(logs.clone());
        crate::plan::flush(&roots)?;
        self.later(&logs)
    }

    /// Waits for everything submitted, and returns the final logs.
    pub fn finish(&mut self) -> Result<&Logs> {
        self.compiled.optimizer.state().check(true).map_err(|error| self.explain(error))?;
        while let Some(reading) = self.readings.pop_front() {
            self.take(reading)?;
        }
        self.batches.clear();
        Ok(&self.logs)
    }

    /// Records the running means; returns them as one vector.
    fn update_states(&mut self, loss: &Tensor, y: &Tensor, predictions: &Tensor, samples: usize) -> Result<Tensor> {
        let samples = samples as f32;
        self.states[0] = vec![&self.states[0][0] + loss * samples, &self.states[0][1] + samples];
        let mut results = vec![metrics::mean_result(&self.states[0])];
        for (metric, states) in self.metrics.iter().zip(&mut self.states[1..]) {
            *states = metric.update(states, y, predictions).map_err(|error| error.at(metric.name()))?;
            results.push(metric.result(states));
        }
        let results: Vec<Tensor> = results.iter().map(|result| result.reshape([1])).collect();
        Ok(Tensor::concat(&results.iter().collect::<Vec<_>>(), 0))
    }

    /// Starts reading `logs`; takes in what has arrived.
    fn later(&mut self, logs: &Tensor) -> Result<&Logs> {
        self.readings.push_back(logs.read_later()?);
        while self.readings.len() > IN_FLIGHT || self.readings.front().is_some_and(Reading::ready) {
            if let Some(reading) = self.readings.pop_front() {
                self.take(reading)?;
            }
        }
        while self.batches.len() > IN_FLIGHT + 1 {
            self.batches.pop_front();
        }
        Ok(&self.logs)
    }

    fn take(&mut self, reading: Reading) -> Result<()> {
        let values = reading.wait()?;
        let names = std::iter::once("loss").chain(self.metrics.iter().map(|metric| metric.name()));
        self.logs = names.map(str::to_owned).zip(values.into_iter().map(|word| f64::from(f32::from_word(word)))).collect();
        self.logs.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(())
    }

    /// Runs the batches that may have been the bad one again, op by op, to name the layer and op. The weights are still
    /// those from before, and the random numbers repeat.
    fn explain(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::NonFinite {
            return error;
        }
        let found = self.batches.iter().find_map(|batch| {
            let run = || -> Result<()> {
                let mut call = Call::new(Training::Yes, self.model.seed()?, batch.step);
                self.gradients(&mut call, batch, &self.model.trainable_variables()).map(|_| ())
            };
            let input = watch::is_finite(&batch.x).is_ok_and(|finite| !finite).then(|| "the input data".to_owned());
            input.or_else(|| watch::first_not_finite(run)).map(|what| (batch.step, what))
        });
        let resumed = self.compiled.optimizer.resume();
        let (step, what) = match found {
            Some((step, what)) => (format!("step {}", step + 1), what),
            None => ("one of the last steps".into(), "the gradients".into()),
        };
        resumed.err().unwrap_or_else(|| {
            let text = format!("{step}: {what} is not finite (NaN or infinity); the weights are those from before that step. Lower the learning rate, or look for bad values in the data");
            Error::new(ErrorKind::NonFinite, text)
        })
    }
}

/// That samples and targets can be used together.
pub(super) fn check_pair(model: &Model, x: &Array, y: &Array) -> Result<()> {
    if x.samples() == 0 {
        return Err(Error::data(format!("the dataset is empty: inputs have shape {}", x.shape())));
    }
    if x.samples() != y.samples() {
        return Err(Error::data(format!("{} inputs (shape {}) for {} targets (shape {})", x.samples(), x.shape(), y.samples(), y.shape())));
    }
    check_inputs(model, x)
}

pub(super) fn check_inputs(model: &Model, x: &Array) -> Result<()> {
    if x.dtype() == DType::Str {
        return Err(Error::dtype("inputs are text, which no device holds; look them up or vectorize them first"));
    }
    model.check_input(x.shape())
}
