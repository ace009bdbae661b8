//! `evaluate`: loss and metrics over data, without training.

use super::{
    Verbose,
    events::{Event, tell},
    samples::Samples,
    trainer::Trainer,
};
use crate::{Error, Result, data::AsArrays, models::Model};
use std::ops::Index;

/// Loss and metrics by name: `scores["accuracy"]`.
///
/// ```
/// use wgrad::prelude::*;
/// let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1).kernel_initializer(Ones)).build()?;
/// model.compile(SGD::new(0.1), MeanSquaredError::new()).finish()?;
/// let (x, y) = (Tensor::from([[1.0f32], [2.0]]), Tensor::from([[2.0f32], [4.0]]));
/// let scores = model.evaluate((&x, &y)).verbose(Verbose::Silent).run()?;
/// assert!((scores["loss"] - 2.5).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scores(Vec<(String, f64)>);

impl Scores {
    /// The value of `name`, if there is one.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (&name[..], *value))
    }
}

impl Index<&str> for Scores {
    type Output = f64;

    /// # Panics
    /// When there is no such score.
    fn index(&self, name: &str) -> &f64 {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value).unwrap_or_else(|| panic!("no score is called {name:?}; there are {:?}", self.0))
    }
}

/// An evaluation about to run.
///
/// ```
/// use wgrad::prelude::*;
/// let mut model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build()?;
/// model.compile(SGD::new(0.1), MeanSquaredError::new()).finish()?;
/// let (x, y) = (Tensor::ones([5, 2]), Tensor::zeros([5, 1]));
/// let scores = model.evaluate((&x, &y)).batch_size(2).verbose(Verbose::Silent).run()?;
/// assert!(scores.get("loss").is_some());
/// # Ok::<(), wgrad::Error>(())
/// ```
#[must_use = "run() evaluates"]
pub struct Evaluate<'a> {
    model: &'a Model,
    samples: Samples<'a>,
    batch_size: usize,
    verbose: Verbose,
}

impl Model {
    /// Calculates losses and metrics over [`Samples`]: `(&x, &y)`.
    #[doc(alias = "keras.Model.evaluate")]
    pub fn evaluate<'a>(&'a self, samples: impl Into<Samples<'a>>) -> Evaluate<'a> {
        Evaluate { model: self, samples: samples.into(), batch_size: 32, verbose: Verbose::Auto }
    }
}

impl<'a> Evaluate<'a> {
    /// How much each sample, or each of its targets, counts in the loss and in weighted metrics.
    pub fn sample_weight(self, weight: &'a (impl AsArrays + ?Sized)) -> Self {
        Self { samples: self.samples.weighted(weight), ..self }
    }

    /// Samples of a step.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// What is shown.
    pub fn verbose(mut self, verbose: Verbose) -> Self {
        self.verbose = verbose;
        self
    }

    /// Evaluates.
    ///
    /// # Errors
    /// When the model is not built or compiled, data does not fit, or the device fails.
    pub fn run(self) -> Result<Scores> {
        if self.batch_size == 0 {
            return Err(Error::invalid("evaluate: a batch size of 0"));
        }
        let compiled = self.model.compiled()?;
        let heads = compiled.heads(self.model)?;
        let samples = self.samples.arranged(self.model, &heads.heads)?;
        let mut trainer = Trainer::new(self.model, compiled, &heads, &samples)?;
        let mut listeners = self.verbose.listeners();
        tell(&mut listeners, &Event::EpochBegin { epoch: 0, epochs: 1 });
        let all: Vec<usize> = (0..samples.len()).collect();
        let steps = all.len().div_ceil(self.batch_size);
        for (at, indices) in all.chunks(self.batch_size).enumerate() {
            let logs = trainer.test(&samples, indices)?;
            tell(&mut listeners, &Event::BatchEnd { step: at + 1, steps, logs });
        }
        let logs = trainer.finish()?;
        tell(&mut listeners, &Event::EpochEnd { logs });
        Ok(Scores(logs.clone()))
    }
}
