//! One step of training or evaluation: forward, loss, metrics, and what is read late.

use super::{Compiled, events::Logs};
use crate::{
    DType, Error, ErrorKind, Result, Spec, Tensor, Variable,
    config::Object,
    data::Array,
    device::Device,
    dtype::Element,
    graph::{GradientTape, watch},
    layers::{Call, Training},
    metrics::{self, Batch as Scored, Metric},
    models::Model,
    optimizers::Extras,
    plan::Recordings,
    tensor::Reading,
};
use std::collections::VecDeque;

/// Steps that may be on the device at once; their batches are kept to find out what went wrong in one.
const IN_FLIGHT: usize = 3;

/// Runs steps of a compiled model and collects their logs.
pub(super) struct Trainer<'a> {
    model: &'a Model,
    compiled: &'a Compiled,
    device: Device,
    metrics: Vec<Object<dyn Metric>>,
    /// Of the loss, then of each result of each metric.
    names: Vec<String>,
    /// States of the loss' mean, then of each metric.
    states: Vec<Vec<Variable>>,
    train_steps: Recordings,
    test_steps: Recordings,
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
        let output = model.output_shape(0, y.samples())?;
        compiled.loss.check(y, &output).map_err(|error| error.at(compiled.loss.loss_name()))?;
        let resolve = |metric: &Object<dyn Metric>| {
            let resolved = metric.resolve(y.shape(), &output).map_err(|error| error.at(metric.metric_name()))?;
            Ok(resolved.unwrap_or_else(|| metric.clone()))
        };
        let metrics = compiled.metrics.iter().map(resolve).collect::<Result<Vec<_>>>()?;
        let device = model.device()?.clone();
        let of_metric = |metric: &Object<dyn Metric>| metric.states(y.shape(), &output).map_err(|error| error.at(metric.metric_name()));
        let state = |spec: Spec| Variable::new("state", zeros(&device, spec));
        let mut states = vec![vec![state(Spec::new(DType::F32, [])), state(Spec::new(DType::F32, []))]];
        for metric in &metrics {
            states.push(of_metric(metric)?.into_iter().map(state).collect());
        }
        let mut names = vec!["loss".to_owned()];
        for (metric, states) in metrics.iter().zip(&states[1..]) {
            let states: Vec<Tensor> = states.iter().map(Variable::value).collect();
            let (name, results) = (metric.metric_name(), device.scope(|| metric.result(&states)).size());
            names.extend((0..results).map(|at| if results == 1 { name.clone() } else { format!("{name}_{at}") }));
        }
        Ok(Self {
            model,
            compiled,
            device,
            metrics,
            names,
            states,
            train_steps: Recordings::default(),
            test_steps: Recordings::default(),
            readings: VecDeque::new(),
            batches: VecDeque::new(),
            logs: Logs::new(),
        })
    }

    /// Starts new means, as at the start of an epoch.
    pub fn reset(&mut self) -> Result<()> {
        self.logs.clear();
        self.states.iter().flatten().try_for_each(|state| state.assign(&zeros(&self.device, state.spec().clone())))
    }

    /// One training step on samples `indices`; returns the newest logs that are there. From the second step on with a shape
    /// nothing is recorded.
    pub fn train(&mut self, x: &Array, y: &Array, indices: &[usize]) -> Result<&Logs> {
        let (x, y) = (x.gather(&self.device, indices)?, y.gather(&self.device, indices)?);
        self.batches.push_back(Batch { step: self.model.step.peek(), x: x.clone(), y: y.clone() });
        let step = || self.train_steps.call(&[&x, &y], |inputs| self.train_step(&inputs[0], &inputs[1]));
        let logs = self.compiled.run(step).map_err(|error| self.explain(error))?;
        self.compiled.optimizer.state().check(false).map_err(|error| self.explain(error))?;
        self.later(&logs[0])
    }

    fn train_step(&self, x: &Tensor, y: &Tensor) -> Result<Vec<Tensor>> {
        let mut call = Call::new(Training::Yes, self.model.seed()?, self.model.step.next());
        let variables = self.model.trainable_variables();
        let (predictions, loss, gradients) = self.gradients(&mut call, x, y, &variables)?;
        let logs = self.update_states(&loss, y, &predictions)?;
        drop(predictions);
        let optimizer = &self.compiled.optimizer;
        let extras = Extras { loss: Some(&loss), updates: call.take_updates(), also: std::slice::from_ref(&logs) };
        optimizer.state().apply(&optimizer.formula()?, gradients, &variables, extras)?;
        Ok(vec![logs])
    }

    /// Predictions, loss and gradients of a batch. The tape matters only where each op is computed at once.
    fn gradients(&self, call: &mut Call, x: &Tensor, y: &Tensor, variables: &[Variable]) -> Result<(Tensor, Tensor, Vec<Option<Tensor>>)> {
        let tape = GradientTape::new();
        let predictions = self.model.forward(call, &x.into())?.one()?.clone();
        let loss = self.compiled.loss.call(y, &predictions)?.cast(DType::F32);
        let loss = self.model.total_loss(call, loss)?;
        let gradients = tape.gradient(&self.compiled.optimizer.scale_loss(&loss), variables)?;
        Ok((predictions, loss, gradients))
    }

    /// One evaluation step.
    pub fn test(&mut self, x: &Array, y: &Array, indices: &[usize]) -> Result<&Logs> {
        let (x, y) = (x.gather(&self.device, indices)?, y.gather(&self.device, indices)?);
        let step = || self.test_steps.call(&[&x, &y], |inputs| self.test_step(&inputs[0], &inputs[1]));
        let logs = self.compiled.run(step)?;
        self.later(&logs[0])
    }

    fn test_step(&self, x: &Tensor, y: &Tensor) -> Result<Vec<Tensor>> {
        let mut call = Call::new(Training::No, self.model.seed()?, 0);
        let predictions = self.model.forward(&mut call, &x.into())?.one()?.clone();
        let loss = self.compiled.loss.call(y, &predictions)?.cast(DType::F32);
        let loss = self.model.total_loss(&mut call, loss)?;
        Ok(vec![self.update_states(&loss, y, &predictions)?])
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
    fn update_states(&self, loss: &Tensor, y: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let batch = Scored::new(y, &predictions.cast(DType::F32));
        let samples = y.shape().first().map_or(1.0, |&samples| samples as f32);
        let old: Vec<Vec<Tensor>> = self.states.iter().map(|states| states.iter().map(Variable::value).collect()).collect();
        let mut new = vec![vec![&old[0][0] + loss * samples, &old[0][1] + samples]];
        let mut results = vec![metrics::mean_result(&new[0])];
        for (metric, states) in self.metrics.iter().zip(&old[1..]) {
            let states = self.device.scope(|| metric.update(states, &batch)).map_err(|error| error.at(metric.metric_name()))?;
            results.push(self.device.scope(|| metric.result(&states)));
            new.push(states);
        }
        self.states.iter().flatten().zip(new.iter().flatten()).try_for_each(|(variable, state)| variable.assign(state))?;
        let results: Vec<Tensor> = results.iter().map(|result| result.reshape([result.size()])).collect();
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
        self.logs = self.names.iter().cloned().zip(values.into_iter().map(|word| f64::from(f32::from_word(word)))).collect();
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
                self.gradients(&mut call, &batch.x, &batch.y, &self.model.trainable_variables()).map(|_| ())
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

fn zeros(device: &Device, spec: Spec) -> Tensor {
    device.scope(|| Tensor::zeros(spec.shape).cast(spec.dtype))
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
    model.check_input(0, x.shape())
}
