//! One step of training or evaluation: forward, loss, metrics, and what is read late.

use super::{Compiled, events::Logs, samples::Samples};
use crate::{
    DType, Error, ErrorKind, Result, Spec, Tensor, Variable,
    config::Object,
    data::Array,
    device::Device,
    dtype::Element,
    graph::{GradientTape, watch},
    layers::{Call, Input, Training},
    metrics::{self, Batch as Scored, Metric},
    models::Model,
    optimizers::Extras,
    plan::Recordings,
    tensor::Reading,
};
use std::{borrow::Cow, collections::VecDeque};

/// Steps that may be on the device at once; their batches are kept to find out what went wrong in one.
const IN_FLIGHT: usize = 3;

/// Runs steps of a compiled model and collects their logs.
pub(super) struct Trainer<'a> {
    model: &'a Model,
    compiled: &'a Compiled,
    device: Device,
    /// Those without sample weights, then those with.
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
    /// Inputs, targets and, if there are any, sample weights.
    inputs: Vec<Tensor>,
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
        let metrics = compiled.metrics.iter().chain(&compiled.weighted_metrics).map(resolve).collect::<Result<Vec<_>>>()?;
        let device = model.device()?.clone();
        let of_metric = |metric: &Object<dyn Metric>| metric.states(y.shape(), &output).map_err(|error| error.at(metric.metric_name()));
        let state = |spec: Spec| Ok(Variable::new("state", zeros(&device, spec)?));
        let mut specs = vec![vec![Spec::new(DType::F32, []); 2]];
        for metric in &metrics {
            specs.push(of_metric(metric)?);
        }
        let states: Vec<Vec<Variable>> = specs.into_iter().map(|specs| specs.into_iter().map(state).collect()).collect::<Result<_>>()?;
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
        self.states.iter().flatten().try_for_each(|state| state.assign(&zeros(&self.device, state.spec().clone())?))
    }

    /// One training step on samples `indices`; returns the newest logs that are there. From the second step on with a shape
    /// nothing is recorded.
    pub fn train(&mut self, samples: &Samples, indices: &[usize]) -> Result<&Logs> {
        let inputs = samples.gather(&self.device, indices)?;
        self.batches.push_back(Batch { step: self.model.step.peek(), inputs: inputs.clone() });
        let step = || self.train_steps.call(&inputs.iter().collect::<Vec<_>>(), |inputs| self.train_step(inputs));
        let logs = self.compiled.run(step).map_err(|error| self.explain(error))?;
        self.compiled.optimizer.state().check(false).map_err(|error| self.explain(error))?;
        self.later(&logs[0])
    }

    fn train_step(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut call = Call::new(Training::Yes, self.model.seed()?, self.model.step.next());
        let variables = self.model.trainable_variables();
        let (batch, loss, gradients) = self.gradients(&mut call, inputs, &variables)?;
        let logs = self.update_states(&loss, batch)?;
        let optimizer = &self.compiled.optimizer;
        let extras = Extras { loss: Some(&loss), updates: call.take_updates(), also: std::slice::from_ref(&logs) };
        optimizer.state().apply(&optimizer.formula()?, gradients, &variables, extras)?;
        Ok(vec![logs])
    }

    /// Predictions, loss and gradients of a batch. The tape matters only where each op is computed at once.
    fn gradients(&self, call: &mut Call, inputs: &[Tensor], variables: &[Variable]) -> Result<(Scored, Tensor, Vec<Option<Tensor>>)> {
        let tape = GradientTape::new();
        let (batch, loss) = self.loss(call, inputs)?;
        let gradients = tape.gradient(&self.compiled.optimizer.scale_loss(&loss), variables)?;
        Ok((batch, loss, gradients))
    }

    /// Targets beside predictions, and the loss with all that layers add to it.
    fn loss(&self, call: &mut Call, inputs: &[Tensor]) -> Result<(Scored, Tensor)> {
        let outputs = self.model.forward(call, &(&inputs[0]).into())?;
        let (targets, predictions) = (inputs[1].clone(), outputs.one()?.clone());
        let batch = Scored { targets, predictions, sample_weight: inputs.get(2).cloned(), mask: outputs.mask(0).cloned() };
        let loss = self.compiled.loss.call_with(&batch)?.cast(DType::F32);
        Ok((batch, self.model.total_loss(call, loss)?))
    }

    /// One evaluation step.
    pub fn test(&mut self, samples: &Samples, indices: &[usize]) -> Result<&Logs> {
        let inputs = samples.gather(&self.device, indices)?;
        let step = || self.test_steps.call(&inputs.iter().collect::<Vec<_>>(), |inputs| self.test_step(inputs));
        let logs = self.compiled.run(step)?;
        self.later(&logs[0])
    }

    fn test_step(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let (batch, loss) = self.loss(&mut Call::new(Training::No, self.model.seed()?, 0), inputs)?;
        Ok(vec![self.update_states(&loss, batch)?])
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
    fn update_states(&self, loss: &Tensor, batch: Scored) -> Result<Tensor> {
        let weighted = Scored { predictions: batch.predictions.cast(DType::F32), ..batch };
        let batch = Scored { sample_weight: None, ..weighted.clone() };
        let samples = batch.targets.shape().first().map_or(1.0, |&samples| samples as f32);
        let old: Vec<Vec<Tensor>> = self.states.iter().map(|states| states.iter().map(Variable::value).collect()).collect();
        let mut new = vec![vec![&old[0][0] + loss * samples, &old[0][1] + samples]];
        let mut results = vec![metrics::mean_result(&new[0])];
        for (at, (metric, states)) in self.metrics.iter().zip(&old[1..]).enumerate() {
            let batch = if at < self.compiled.metrics.len() { &batch } else { &weighted };
            let states = self.device.scope(|| metric.update(states, batch)).map_err(|error| error.at(metric.metric_name()))?;
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
                self.gradients(&mut call, &batch.inputs, &self.model.trainable_variables()).map(|_| ())
            };
            let input = watch::is_finite(&batch.inputs[0]).is_ok_and(|finite| !finite).then(|| "the input data".to_owned());
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

fn zeros(device: &Device, spec: Spec) -> Result<Tensor> {
    Tensor::from_words(device, &vec![0; spec.size()], spec)
}

/// How many samples there are: as many in each input.
pub(super) fn check_inputs(model: &Model, inputs: &[Cow<Array>]) -> Result<usize> {
    let expected = model.inputs()?;
    if inputs.len() != expected.len() {
        let names: Vec<&str> = expected.iter().map(Input::input_name).collect();
        return Err(Error::invalid(format!("expected {} inputs ({}), got {}", names.len(), names.join(", "), inputs.len())));
    }
    for (at, (x, input)) in inputs.iter().zip(expected).enumerate() {
        if x.dtype() == DType::Str {
            return Err(Error::dtype("inputs are text, which no device holds; look them up or vectorize them first"));
        }
        if x.samples() != inputs[0].samples() {
            let (name, count) = (input.input_name(), inputs[0].samples());
            return Err(Error::data(format!("input {name} has {} samples, the first input {count}", x.samples())));
        }
        model.check_input(at, x.shape())?;
    }
    Ok(inputs[0].samples())
}
