//! `compile`: optimizer, loss and metrics of a model.

use std::sync::Arc;

use crate::{Result, losses::Loss, metrics::Metric, models::Model, optimizers::Optimizer};

/// What `compile` sets.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) optimizer: Box<dyn Optimizer>,
    pub(crate) loss: Box<dyn Loss>,
    pub(crate) metrics: Vec<Arc<dyn Metric>>,
}

/// A compilation about to be finished.
#[must_use = "finish() compiles the model"]
pub struct Compile<'a> {
    model: &'a mut Model,
    compiled: Compiled,
}

impl Model {
    /// Chooses how to train: `model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::new()).metric(Accuracy::new()).finish()?`.
    #[doc(alias = "keras.Model.compile")]
    pub fn compile(&mut self, optimizer: impl Optimizer + 'static, loss: impl Loss + 'static) -> Compile<'_> {
        let compiled = Compiled { optimizer: Box::new(optimizer), loss: Box::new(loss), metrics: Vec::new() };
        Compile { model: self, compiled }
    }
}

impl Compile<'_> {
    /// Shows `metric` beside the loss.
    pub fn metric(mut self, metric: impl Metric + 'static) -> Self {
        self.compiled.metrics.push(Arc::new(metric));
        self
    }

    /// Compiles the model. Variables move into the optimizer's arenas if they exist already.
    ///
    /// # Errors
    /// When two metrics have one name, or a variable cannot be trained.
    pub fn finish(self) -> Result<()> {
        let mut names: Vec<&str> = self.compiled.metrics.iter().map(|metric| metric.name()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(crate::Error::invalid(format!("compile: two metrics are called {}", pair[0])));
        }
        self.model.compiled = Some(self.compiled);
        Ok(())
    }
}
