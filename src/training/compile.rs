//! `compile`: optimizer, loss and metrics of a model.

use crate::{
    Result,
    config::{Json, Object},
    losses::Loss,
    metrics::Metric,
    mixed_precision::Policy,
    models::Model,
    optimizers::{LossScaleOptimizer, Optimizer},
    plan,
};

/// What `compile` sets.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) optimizer: Box<dyn Optimizer>,
    pub(super) losses: Losses,
    /// By output; 1 where nothing is said.
    pub(super) loss_weights: Vec<(String, f32)>,
    pub(super) metrics: Vec<Chosen>,
    pub(super) run_eagerly: bool,
}

/// A metric as it was asked for.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The output that it measures, if the model has several.
    pub output: Option<String>,
    pub metric: Object<dyn Metric>,
    /// Whether sample weights reach it.
    pub weighted: bool,
}

/// The losses of a model: one for all outputs, made by `into()`, or one each.
///
/// ```
/// use wgrad::prelude::*;
/// let x = Input::new([4]).symbol();
/// let (age, income) = (Dense::new(1).name("age").apply(&x), Dense::new(1).activation(Sigmoid).name("income").apply(&x));
/// let mut model = Model::new(&x, [&age, &income])?;
/// let losses = Losses::new().add("age", MeanSquaredError::new()).add("income", BinaryCrossentropy::new());
/// model.compile(Adam::new(1e-3), losses).loss_weight("age", 0.1).metric_of("age", RootMeanSquaredError::new()).finish()?;
/// let (x, ages, incomes) = (Tensor::ones([8, 4]), Tensor::ones([8, 1]), Tensor::zeros([8, 1]));
/// let history = model.fit((&x, &Named::new().add("age", &ages).add("income", &incomes))).verbose(Verbose::Silent).run()?;
/// assert!((history["loss"][0] - 0.1 * history["age_loss"][0] - history["income_loss"][0]).abs() < 1e-5);
/// assert!(history["age_root_mean_squared_error"][0] > 0.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Losses {
    /// For outputs without one of their own.
    pub(super) all: Option<Object<dyn Loss>>,
    pub(super) named: Vec<(String, Object<dyn Loss>)>,
}

impl Losses {
    /// No loss for any output. An output without loss is not trained, and has no targets unless it has a metric.
    pub fn new() -> Self {
        Self::default()
    }

    /// The loss of an output.
    pub(super) fn of(&self, output: &str) -> Option<Object<dyn Loss>> {
        let own = self.named.iter().rfind(|(name, _)| name == output);
        own.map(|(_, loss)| loss.clone()).or_else(|| self.all.clone())
    }

    /// Gives the output called `output` a loss.
    #[must_use = "it returns all losses"]
    pub fn add(mut self, output: &str, loss: impl Into<Object<dyn Loss>>) -> Self {
        self.named.push((output.to_owned(), loss.into()));
        self
    }
}

impl<L: Into<Object<dyn Loss>>> From<L> for Losses {
    fn from(loss: L) -> Self {
        Self { all: Some(loss.into()), named: Vec::new() }
    }
}

impl Compiled {
    /// How much the loss of an output counts.
    pub(super) fn loss_weight(&self, output: &str) -> f32 {
        self.loss_weights.iter().rfind(|(name, _)| name == output).map_or(1.0, |(_, weight)| *weight)
    }

    /// Runs a step as it was compiled.
    pub(crate) fn run<R>(&self, step: impl FnOnce() -> R) -> R {
        if self.run_eagerly { plan::eagerly(step) } else { step() }
    }
}

/// A compilation about to be finished.
///
/// ```
/// use wgrad::prelude::*;
/// let mut model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build()?;
/// model.compile(Adam::new(1e-3), MeanSquaredError::new()).metric(RootMeanSquaredError::new()).run_eagerly(true).finish()?;
/// # Ok::<(), wgrad::Error>(())
/// ```
#[must_use = "finish() compiles the model"]
pub struct Compile<'a> {
    model: &'a mut Model,
    compiled: Compiled,
    auto_scale_loss: bool,
}

impl Model {
    /// Chooses how to train: `model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::new()).metric(Accuracy::new()).finish()?`.
    /// One loss is that of every output; [`Losses`] gives each its own.
    #[doc(alias = "keras.Model.compile")]
    pub fn compile(&mut self, optimizer: impl Optimizer + 'static, losses: impl Into<Losses>) -> Compile<'_> {
        let (optimizer, losses) = (Box::new(optimizer), losses.into());
        let compiled = Compiled { optimizer, losses, loss_weights: Vec::new(), metrics: Vec::new(), run_eagerly: false };
        Compile { model: self, compiled, auto_scale_loss: true }
    }
}

impl Model {
    /// Compiles as a file says: its `compile_config`, or null. A model whose config cannot be used keeps the reason, and predicts.
    pub(crate) fn compile_from(&mut self, json: &Json) -> Result<()> {
        if json.as_object().is_none_or(|config| config.is_empty()) {
            return Ok(());
        }
        let read = Compiled::from_json(json, self.output_names()?);
        let finish = |compiled| Compile { model: self, compiled, auto_scale_loss: true }.finish();
        if let Err(error) = read.and_then(finish) {
            self.compiled = Err(format!("its file's compile_config cannot be used, call compile(optimizer, loss):\n{error}"));
        }
        Ok(())
    }
}

impl Compile<'_> {
    /// Shows `metric` beside the loss, for a model of one output.
    pub fn metric(self, metric: impl Into<Object<dyn Metric>>) -> Self {
        self.choose(None, metric.into(), false)
    }

    /// Shows `metric` of one of several outputs, as `age_root_mean_squared_error`.
    pub fn metric_of(self, output: &str, metric: impl Into<Object<dyn Metric>>) -> Self {
        self.choose(Some(output), metric.into(), false)
    }

    /// Shows `metric` beside the loss, with the sample weights that `fit` and `evaluate` get, for a model of one output.
    pub fn weighted_metric(self, metric: impl Into<Object<dyn Metric>>) -> Self {
        self.choose(None, metric.into(), true)
    }

    /// Shows `metric` of one of several outputs, with the sample weights that `fit` and `evaluate` get.
    pub fn weighted_metric_of(self, output: &str, metric: impl Into<Object<dyn Metric>>) -> Self {
        self.choose(Some(output), metric.into(), true)
    }

    fn choose(mut self, output: Option<&str>, metric: Object<dyn Metric>, weighted: bool) -> Self {
        self.compiled.metrics.push(Chosen { output: output.map(str::to_owned), metric, weighted });
        self
    }

    /// How much the loss of an output counts in the whole, 1 where nothing is said.
    pub fn loss_weight(mut self, output: &str, weight: f32) -> Self {
        self.compiled.loss_weights.push((output.to_owned(), weight));
        self
    }

    /// Whether the loss of a model under [`Policy::MixedFloat16`] is scaled by a [`LossScaleOptimizer`], as it is by default.
    pub fn auto_scale_loss(mut self, auto_scale_loss: bool) -> Self {
        self.auto_scale_loss = auto_scale_loss;
        self
    }

    /// Computes each op of `fit` and `evaluate` as soon as it is recorded, and replays nothing: slower, and easier to debug.
    pub fn run_eagerly(mut self, run_eagerly: bool) -> Self {
        self.compiled.run_eagerly = run_eagerly;
        self
    }

    /// Compiles the model. Variables move into the optimizer's arenas at the first `fit`.
    ///
    /// # Errors
    /// When an output does not exist or a metric does not say of which it is, and for a loss without reduction. A model that is not
    /// built yet tells so at its first `fit`.
    pub fn finish(mut self) -> Result<()> {
        let is_scaled = self.compiled.optimizer.class().name == "LossScaleOptimizer";
        if self.auto_scale_loss && self.model.policy() == Policy::MixedFloat16 && !is_scaled {
            self.compiled.optimizer = Box::new(LossScaleOptimizer::of(self.compiled.optimizer));
        }
        if self.model.inputs().is_ok() {
            self.compiled.heads(self.model)?;
        }
        self.model.compiled = Ok(self.compiled);
        Ok(())
    }
}
