//! `fit`: epochs over data on the host, told to listeners.

use super::{
    History,
    events::{Event, Listener, Logs, tell},
    progress::ProgressBar,
    samples::{Arranged, Samples},
    trainer::Trainer,
};
use crate::{Error, Result, data::AsArrays, models::Model, random::RandomKey};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Keras' batch size where none is given.
const DEFAULT_BATCH: usize = 32;

/// How much a run says.
///
/// ```
/// use wgrad::prelude::*;
/// let mut model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build()?;
/// model.compile(SGD::new(0.1), MeanSquaredError::new()).finish()?;
/// model.fit((&Tensor::ones([4, 2]), &Tensor::zeros([4, 1]))).verbose(Verbose::Silent).run()?;
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbose {
    /// A progress bar on a terminal, a line for each epoch elsewhere.
    #[default]
    Auto,
    /// Nothing.
    Silent,
}

impl Verbose {
    pub(super) fn listeners<'a>(self) -> Vec<Box<dyn Listener + 'a>> {
        match self {
            Verbose::Auto => vec![Box::new(ProgressBar::stdout())],
            Verbose::Silent => Vec::new(),
        }
    }
}

/// A training about to run.
///
/// ```
/// use wgrad::prelude::*;
/// let mut model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build()?;
/// model.compile(SGD::new(0.1), MeanSquaredError::new()).finish()?;
/// let (x, y) = (Tensor::ones([8, 2]), Tensor::zeros([8, 1]));
/// let history = model.fit((&x, &y)).epochs(2).batch_size(4).validation_split(0.25).verbose(Verbose::Silent).run()?;
/// assert_eq!(history["val_loss"].len(), 2);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[must_use = "run() trains"]
pub struct Fit<'a> {
    model: &'a mut Model,
    samples: Samples<'a>,
    class_weight: Vec<(usize, f32)>,
    validation: Option<Samples<'a>>,
    validation_split: f64,
    epochs: usize,
    batch_size: Option<usize>,
    shuffle: bool,
    verbose: Verbose,
    stop: Option<Arc<AtomicBool>>,
}

impl Model {
    /// Trains on [`Samples`]: `model.fit((&x, &y)).epochs(5).run()?`. Defaults are Keras': one epoch, batches of 32, shuffled.
    #[doc(alias = "keras.Model.fit")]
    pub fn fit<'a>(&'a mut self, samples: impl Into<Samples<'a>>) -> Fit<'a> {
        Fit {
            model: self,
            samples: samples.into(),
            class_weight: Vec::new(),
            validation: None,
            validation_split: 0.0,
            epochs: 1,
            batch_size: None,
            shuffle: true,
            verbose: Verbose::Auto,
            stop: None,
        }
    }
}

impl<'a> Fit<'a> {
    /// How often to go through the data.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Samples of a step, 32 where nothing is said and there are as many; the last batch of an epoch may be smaller.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = Some(batch_size);
        self
    }

    /// Whether each epoch has its own order, by the seed.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// How much each sample, or each of its targets, counts in the loss and in weighted metrics; one array for all outputs or one each.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let mut model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build()?;
    /// model.compile(SGD::new(0.1), MeanSquaredError::new()).finish()?;
    /// let (x, y) = (Tensor::from([[1.0f32, 0.0], [0.0, 1.0]]), Tensor::from([[1.0f32], [0.0]]));
    /// model.fit((&x, &y)).sample_weight(&vec![1.0f32, 0.5]).run()?;
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn sample_weight(self, weight: &'a (impl AsArrays + ?Sized)) -> Self {
        Self { samples: self.samples.weighted(weight), ..self }
    }

    /// How much the samples of each class count, by the class that their integer label or one-hot row names: `[(0, 1.0), (1, 5.0)]`;
    /// 1 for others.
    pub fn class_weight(mut self, weights: impl IntoIterator<Item = (usize, f32)>) -> Self {
        self.class_weight = weights.into_iter().collect();
        self
    }

    /// Data to evaluate after each epoch.
    pub fn validation_data(self, samples: impl Into<Samples<'a>>) -> Self {
        Self { validation: Some(samples.into()), ..self }
    }

    /// The share of the data, from its end and before shuffling, that is not trained on but evaluated after each epoch.
    pub fn validation_split(mut self, share: f64) -> Self {
        self.validation_split = share;
        self
    }

    /// What is shown.
    pub fn verbose(mut self, verbose: Verbose) -> Self {
        self.verbose = verbose;
        self
    }

    /// A flag that ends training after the current step; the history so far is returned. Connect it to Ctrl-C.
    pub fn stop_flag(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Trains.
    ///
    /// # Errors
    /// When the model is not compiled, data does not fit, a loss is not finite, or the device fails. The weights are
    /// then those after the last good step.
    pub fn run(self) -> Result<History> {
        let Fit { model, samples, class_weight, validation, validation_split, epochs, batch_size, shuffle, verbose, stop } = self;
        if let Some(first) = samples.first_input() {
            model.build_for_data(first)?;
        }
        let model = &*model;
        let compiled = model.compiled()?;
        let heads = compiled.heads(model)?;
        let mut samples = samples.arranged(model, &heads.heads)?;
        if !class_weight.is_empty() {
            samples = samples.weighted_by_class(&class_weight)?;
        }
        let validation = validation.map(|samples| samples.arranged(model, &heads.heads).map_err(|error| error.at("validation data")));
        let mut validation = validation.transpose()?;
        if validation.is_none() && validation_split != 0.0 {
            let training = split(samples.len(), validation_split)?;
            validation = Some(samples.slice(training..samples.len()));
            samples = samples.slice(0..training);
        }
        let batch_size = match batch_size {
            Some(size) if size == 0 || size > samples.len() => {
                let samples = samples.len();
                return Err(Error::invalid(format!(
                    "fit: a batch size of {size} for {samples} samples to train on; choose 1 to {samples}"
                )));
            }
            Some(size) => size,
            None => DEFAULT_BATCH.min(samples.len()),
        };
        compiled.optimizer.build(&model.trainable_variables())?;
        let mut trainer = Trainer::new(model, compiled, &heads, &samples)?;
        let mut tester = validation.as_ref().map(|samples| Trainer::new(model, compiled, &heads, samples)).transpose()?;
        let mut listeners = verbose.listeners();
        let mut history = History::default();
        let stopped = || stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
        for epoch in 0..epochs {
            tell(&mut listeners, &Event::EpochBegin { epoch, epochs });
            trainer.reset()?;
            let order = order(model, samples.len(), shuffle, epoch)?;
            let steps = order.len().div_ceil(batch_size);
            for (at, indices) in order.chunks(batch_size).enumerate() {
                let logs = trainer.train(&samples, indices)?;
                tell(&mut listeners, &Event::BatchEnd { step: at + 1, steps, logs });
                if stopped() {
                    break;
                }
            }
            let mut logs = trainer.finish()?.clone();
            if let (Some(tester), Some(samples), false) = (&mut tester, &validation, stopped()) {
                logs.extend(validate(tester, samples, batch_size)?);
            }
            history.add(&logs);
            tell(&mut listeners, &Event::EpochEnd { logs: &logs });
            if stopped() {
                tell(&mut listeners, &Event::Note("stopped; the weights are those after the last step"));
                break;
            }
        }
        compiled.optimizer.finalize_variable_values()?;
        Ok(history)
    }
}

/// The order of an epoch's samples.
fn order(model: &Model, samples: usize, shuffle: bool, epoch: usize) -> Result<Vec<usize>> {
    Ok(if shuffle { RandomKey::new(model.seed()?, "shuffle", epoch as u64).permutation(samples) } else { (0..samples).collect() })
}

/// How many samples are trained on.
fn split(samples: usize, share: f64) -> Result<usize> {
    let training = (samples as f64 * (1.0 - share)) as usize;
    if !(0.0..1.0).contains(&share) || training == 0 || training == samples {
        return Err(Error::invalid(format!(
            "fit: validation_split {share} of {samples} samples leaves {training} to train on; both parts need some"
        )));
    }
    Ok(training)
}

fn validate(tester: &mut Trainer, samples: &Arranged, batch_size: usize) -> Result<Logs> {
    tester.reset()?;
    let all: Vec<usize> = (0..samples.len()).collect();
    for indices in all.chunks(batch_size) {
        tester.test(samples, indices)?;
    }
    Ok(tester.finish()?.iter().map(|(name, value)| (format!("val_{name}"), *value)).collect())
}
