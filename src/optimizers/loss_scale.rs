//! Dynamic loss scaling: small gradients of half precision are lifted by a factor that finds its own size.

use super::{Optimizer, Rule, Scalars, State};
use crate::Result;

/// Multiplies the loss by a scale, divides gradients by it, skips steps whose gradients are not finite (the scale is
/// halved), and doubles the scale after [`dynamic_growth_steps`](Self::dynamic_growth_steps) good steps in a row. All of it
/// happens on the device: no step waits.
///
/// ```
/// use wgrad::prelude::*;
/// let w = Variable::new("w", Tensor::from([1.0f32]));
/// let optimizer = LossScaleOptimizer::new(SGD::new(0.5));
/// optimizer.apply(&[Some(Tensor::from([f32::INFINITY]))], &[w.clone()])?;
/// assert_eq!((w.value().item::<f32>()?, optimizer.dynamic_scale()?, optimizer.iterations()?), (1.0, 16384.0, 0));
/// let loss = optimizer.scale_loss(&w.value().square().sum(&[]));
/// optimizer.apply(&gradient(&loss, &[&w])?, &[w.clone()])?;
/// assert_eq!((w.value().item::<f32>()?, optimizer.iterations()?), (0.0, 1));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "keras.optimizers.LossScaleOptimizer")]
pub struct LossScaleOptimizer {
    inner: Box<dyn Optimizer>,
}

impl LossScaleOptimizer {
    /// Scales for `inner`, from 2^15 on, doubling after 2000 good steps. `inner`'s own `loss_scale_factor` is set off.
    pub fn new(inner: impl Optimizer + 'static) -> Self {
        Self::of(Box::new(inner))
    }

    pub(crate) fn of(mut inner: Box<dyn Optimizer>) -> Self {
        let options = &mut inner.state_mut().options;
        (options.dynamic, options.loss_scale_factor) = (Some((32768.0, 2000)), None);
        Self { inner }
    }

    /// The first scale.
    pub fn initial_scale(mut self, scale: f32) -> Self {
        self.dynamic().0 = scale;
        self
    }

    /// After how many good steps in a row the scale doubles.
    pub fn dynamic_growth_steps(mut self, steps: u32) -> Self {
        self.dynamic().1 = steps;
        self
    }

    fn dynamic(&mut self) -> &mut (f32, u32) {
        self.inner.state_mut().options.dynamic.as_mut().expect("new() sets it")
    }

    /// The optimizer inside.
    pub fn inner_optimizer(&self) -> &dyn Optimizer {
        &*self.inner
    }

    /// The scale now; waits for the steps under way.
    ///
    /// # Errors
    /// When the device failed.
    pub fn dynamic_scale(&self) -> Result<f32> {
        let state = self.state();
        Ok(state.with(|arenas| arenas.control())?.map_or(state.options.first_scale(), |control| control.scale))
    }

    /// Good steps since the scale changed; waits for the steps under way.
    ///
    /// # Errors
    /// When the device failed.
    pub fn step_counter(&self) -> Result<u32> {
        Ok(self.state().with(|arenas| arenas.control())?.map_or(0, |control| control.good))
    }
}

impl Optimizer for LossScaleOptimizer {
    fn class_name(&self) -> &'static str {
        "LossScaleOptimizer"
    }

    fn rule(&self) -> Rule {
        self.inner.rule()
    }

    fn scalars(&self) -> Scalars {
        self.inner.scalars()
    }

    fn state(&self) -> &State {
        self.inner.state()
    }

    fn state_mut(&mut self) -> &mut State {
        self.inner.state_mut()
    }
}
