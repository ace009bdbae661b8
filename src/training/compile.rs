//! `compile`: optimizer, loss and metrics of a model.

use crate::{
    Result,
    config::Object,
    losses::{Loss, Reduction},
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
    pub(crate) loss: Object<dyn Loss>,
    pub(crate) metrics: Vec<Object<dyn Metric>>,
    /// Those that sample weights reach.
    pub(crate) weighted_metrics: Vec<Object<dyn Metric>>,
    run_eagerly: bool,
}

impl Compiled {
    /// Runs a step as it was compiled.
    pub(crate) fn run<R>(&self, step: impl FnOnce() -> R) -> R {
        if self.run_eagerly { plan::eagerly(step) } else { step() }
    }
}

/// A compilation about to be finished.
#[must_use = "finish() compiles the model"]
pub struct Compile<'a> {
    model: &'a mut Model,
    compiled: Compiled,
    auto_scale_loss: bool,
}

impl Model {
    /// Chooses how to train: `model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::new()).metric(Accuracy::new()).finish()?`.
    #[doc(alias = "keras.Model.compile")]
    pub fn compile(&mut self, optimizer: impl Optimizer + 'static, loss: impl Into<Object<dyn Loss>>) -> Compile<'_> {
        let (optimizer, loss) = (Box::new(optimizer), loss.into());
        let compiled = Compiled { optimizer, loss, metrics: Vec::new(), weighted_metrics: Vec::new(), run_eagerly: false };
        Compile { model: self, compiled, auto_scale_loss: true }
    }
}

impl Compile<'_> {
    /// Shows `metric` beside the loss.
    pub fn metric(mut self, metric: impl Into<Object<dyn Metric>>) -> Self {
        self.compiled.metrics.push(metric.into());
        self
    }

    /// Shows `metric` beside the loss, with the sample weights that `fit` and `evaluate` get.
    pub fn weighted_metric(mut self, metric: impl Into<Object<dyn Metric>>) -> Self {
        self.compiled.weighted_metrics.push(metric.into());
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

    /// Compiles the model. Variables move into the optimizer's arenas if they exist already.
    ///
    /// # Errors
    /// When two metrics have one name, the loss has no reduction, or a variable cannot be trained.
    pub fn finish(mut self) -> Result<()> {
        let metrics = self.compiled.metrics.iter().chain(&self.compiled.weighted_metrics);
        let mut names: Vec<String> = metrics.map(|metric| metric.metric_name()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(crate::Error::invalid(format!("compile: two metrics are called {}", pair[0])));
        }
        if self.compiled.loss.shared().reduction() == Reduction::None {
            return Err(crate::Error::invalid("compile: a loss that reduction `none` leaves as many numbers cannot be made small"));
        }
        let is_scaled = self.compiled.optimizer.class().name == "LossScaleOptimizer";
        if self.auto_scale_loss && self.model.policy() == Policy::MixedFloat16 && !is_scaled {
            self.compiled.optimizer = Box::new(LossScaleOptimizer::of(self.compiled.optimizer));
        }
        self.model.compiled = Some(self.compiled);
        Ok(())
    }
}
