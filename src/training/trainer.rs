//! One step of training or evaluation: forward, loss, metrics, and what is read late.

use super::{
    Compiled,
    events::Logs,
    heads::{Head, Heads, Measured},
    samples::Arranged,
};
use crate::{
    DType, Error, ErrorKind, Result, Spec, Tensor, Variable,
    device::Device,
    dtype::Element,
    graph::{GradientTape, watch},
    layers::{Call, Training},
    metrics::{self, Batch as Scored},
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
    heads: &'a [Head],
    /// Those without sample weights, then those with.
    metrics: Vec<Measured>,
    /// Of the losses, then of each result of each metric.
    names: Vec<String>,
    /// How many tensors of a batch are inputs; targets and weights follow.
    inputs: usize,
    /// How many means of losses there are: of the whole, and of each head's where there are several.
    losses: usize,
    /// States of the losses' means, then of each metric.
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

/// What comes of a batch.
struct Outcome {
    /// Targets beside predictions, for each head.
    scored: Vec<Scored>,
    /// The whole loss, then that of each head where there are several.
    losses: Vec<Tensor>,
}

impl<'a> Trainer<'a> {
    /// A trainer for such samples, whose targets are checked here.
    pub fn new(model: &'a Model, compiled: &'a Compiled, heads: &'a Heads, samples: &Arranged) -> Result<Self> {
        let device = model.device()?.clone();
        let state = |spec: Spec| Ok(Variable::new("state", zeros(&device, spec)?));
        let (metrics, specs): (Vec<Measured>, Vec<_>) = heads.metrics(model, samples)?.into_iter().unzip();
        let specs = heads.loss_states().into_iter().chain(specs);
        let states: Vec<Vec<Variable>> = specs.map(|specs| specs.into_iter().map(state).collect()).collect::<Result<_>>()?;
        let mut names = heads.loss_names();
        let losses = names.len();
        for ((metric, name), states) in metrics.iter().zip(heads.metric_names()).zip(&states[losses..]) {
            let states: Vec<Tensor> = states.iter().map(Variable::value).collect();
            let results = device.scope(|| metric.metric.result(&states)).size();
            names.extend((0..results).map(|at| if results == 1 { name.clone() } else { format!("{name}_{at}") }));
        }
        Ok(Self {
            model,
            compiled,
            device,
            heads: &heads.heads,
            metrics,
            names,
            inputs: model.prepared()?,
            losses,
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
    pub fn train(&mut self, samples: &Arranged, indices: &[usize]) -> Result<&Logs> {
        let inputs = samples.gather(self.model, &self.device, indices)?;
        self.batches.push_back(Batch { step: self.model.step.peek(), inputs: inputs.clone() });
        let step = || self.train_steps.call(&inputs.iter().collect::<Vec<_>>(), |inputs| self.train_step(inputs));
        let logs = self.compiled.run(step).map_err(|error| self.explain(error))?;
        self.compiled.optimizer.check(false).map_err(|error| self.explain(error))?;
        self.later(&logs[0])
    }

    fn train_step(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut call = Call::new(Training::Yes, self.model.seed()?, self.model.step.next());
        let variables = self.model.trainable_variables();
        let (outcome, gradients) = self.gradients(&mut call, inputs, &variables)?;
        let logs = self.update_states(&outcome)?;
        let optimizer = &self.compiled.optimizer;
        let extras = Extras { loss: Some(&outcome.losses[0]), updates: call.take_updates(), also: std::slice::from_ref(&logs) };
        optimizer.step(gradients, &variables, extras)?;
        Ok(vec![logs])
    }

    /// What comes of a batch, and gradients. The tape matters only where each op is computed at once.
    fn gradients(&self, call: &mut Call, inputs: &[Tensor], variables: &[Variable]) -> Result<(Outcome, Vec<Option<Tensor>>)> {
        let tape = GradientTape::new();
        let outcome = self.outcome(call, inputs)?;
        let gradients = tape.gradient(&self.compiled.optimizer.scale_loss(&outcome.losses[0]), variables)?;
        Ok((outcome, gradients))
    }

    /// Runs the model over a batch. The whole loss is the weighted sum of the heads' and all that layers add to it.
    fn outcome(&self, call: &mut Call, tensors: &[Tensor]) -> Result<Outcome> {
        let (inputs, rest) = tensors.split_at(self.inputs);
        let (targets, weights) = rest.split_at(self.heads.len());
        let outputs = self.model.forward_prepared(call, inputs)?;
        let (mut scored, mut losses, mut whole) = (Vec::new(), Vec::new(), None);
        for (at, (head, targets)) in self.heads.iter().zip(targets).enumerate() {
            let batch = Scored {
                targets: targets.clone(),
                predictions: outputs.tensors()[head.output].clone(),
                sample_weight: if weights.len() == 1 { weights.first() } else { weights.get(at) }.cloned(),
                mask: outputs.mask(head.output).cloned(),
            };
            if let Some((loss, weight)) = &head.loss {
                let loss = loss.call_with(&batch)?.cast(DType::F32);
                let weighted = if *weight == 1.0 { loss.clone() } else { &loss * *weight };
                whole = Some(whole.map_or_else(|| weighted.clone(), |whole: Tensor| whole + &weighted));
                losses.push(loss);
            }
            scored.push(batch);
        }
        let whole = whole.map_or_else(|| zeros(&self.device, Spec::new(DType::F32, [])), Ok)?;
        losses.insert(0, self.model.total_loss(call, whole)?);
        losses.truncate(self.losses);
        Ok(Outcome { scored, losses })
    }

    /// One evaluation step.
    pub fn test(&mut self, samples: &Arranged, indices: &[usize]) -> Result<&Logs> {
        let inputs = samples.gather(self.model, &self.device, indices)?;
        let step = || self.test_steps.call(&inputs.iter().collect::<Vec<_>>(), |inputs| self.test_step(inputs));
        let logs = self.compiled.run(step)?;
        self.later(&logs[0])
    }

    fn test_step(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let outcome = self.outcome(&mut Call::new(Training::No, self.model.seed()?, 0), inputs)?;
        Ok(vec![self.update_states(&outcome)?])
    }

    /// Waits for everything submitted, and returns the final logs.
    pub fn finish(&mut self) -> Result<&Logs> {
        self.compiled.optimizer.check(true).map_err(|error| self.explain(error))?;
        while let Some(reading) = self.readings.pop_front() {
            self.take(reading)?;
        }
        self.batches.clear();
        Ok(&self.logs)
    }

    /// Records the running means; returns them as one vector.
    fn update_states(&self, outcome: &Outcome) -> Result<Tensor> {
        let weighted: Vec<Scored> =
            outcome.scored.iter().map(|batch| Scored { predictions: batch.predictions.cast(DType::F32), ..batch.clone() }).collect();
        let plain: Vec<Scored> = weighted.iter().map(|batch| Scored { sample_weight: None, ..batch.clone() }).collect();
        let samples = plain.first().and_then(|batch| batch.targets.shape().first()).map_or(1.0, |&samples| samples as f32);
        let old: Vec<Vec<Tensor>> = self.states.iter().map(|states| states.iter().map(Variable::value).collect()).collect();
        let mean = |(old, loss): (&Vec<Tensor>, &Tensor)| vec![&old[0] + loss * samples, &old[1] + samples];
        let mut new: Vec<Vec<Tensor>> = old.iter().zip(&outcome.losses).map(mean).collect();
        let mut results: Vec<Tensor> = new.iter().map(|states| metrics::mean_result(states)).collect();
        for (Measured { head, metric, weighted: is_weighted }, states) in self.metrics.iter().zip(&old[self.losses..]) {
            let batch = if *is_weighted { &weighted[*head] } else { &plain[*head] };
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
            let bad = |input: &Tensor| watch::is_finite(input).is_ok_and(|finite| !finite);
            let input = batch.inputs[..self.inputs].iter().any(bad).then(|| "the input data".to_owned());
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
