//! Optimizers: Keras' classes as a few scalars and one fused kernel over flat arenas.

mod adam;
mod arena;
mod sgd;
mod update;

pub use adam::Adam;
pub(crate) use arena::Extras;
pub use arena::State;
pub use sgd::SGD;
pub use update::Rule;

use crate::{Result, Tensor, Variable, graph::Params};
use std::fmt;

/// Updates variables from gradients. Implementors give the rule; arenas, gating and bookkeeping are shared.
///
/// ```
/// use wgrad::prelude::*;
/// let w = Variable::new("w", Tensor::from([4.0f32]));
/// let optimizer = SGD::new(0.1);
/// for _ in 0..50 {
///     let tape = GradientTape::new();
///     let loss = (w.value() - 1.0).square().sum(&[]);
///     let gradients = tape.gradient(&loss, &[&w])?;
///     optimizer.apply(&gradients, &[w.clone()])?;
/// }
/// assert!((w.value().to_vec::<f32>()?[0] - 1.0).abs() < 1e-3);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.optimizers.Optimizer")]
pub trait Optimizer: fmt::Debug + Send + Sync {
    /// Keras' class name.
    fn class_name(&self) -> &'static str;

    /// The kernel, and which slots it keeps for each parameter.
    fn rule(&self) -> Rule;

    /// The kernel's scalars at `step`, which counts from 1.
    fn scalars(&self, learning_rate: f32, step: u64) -> Params;

    /// The optimizer's memory.
    fn state(&self) -> &State;

    /// Moves `variables` into the optimizer's arenas; the first [`apply`](Self::apply) does it too,
    /// but then the first step was recorded on the old places and is planned twice.
    ///
    /// # Errors
    /// When a variable is not float32, or the device has no room.
    fn build(&self, variables: &[Variable]) -> Result<()> {
        self.state().build(self.rule(), variables)
    }

    /// Updates `variables` with the gradients at the same places, and submits the step; never waits unless three are in flight.
    /// A variable without gradient stays as it is, and is named once in a warning.
    ///
    /// # Errors
    /// When the lists do not match the first call's, the device fails, or an earlier gradient was not finite:
    /// the variables are then those from before that step.
    fn apply(&self, gradients: &[Option<Tensor>], variables: &[Variable]) -> Result<()> {
        let step = self.state().step() + 1;
        let scalars = self.scalars(self.learning_rate(), step);
        self.state().apply(self.rule(), scalars, gradients.to_vec(), variables, Extras::default())
    }

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f32 {
        self.state().learning_rate()
    }

    /// Changes the learning rate; takes no new plan.
    fn set_learning_rate(&self, learning_rate: f32) {
        self.state().set_learning_rate(learning_rate);
    }

    /// Steps taken.
    fn iterations(&self) -> u64 {
        self.state().step()
    }
}
