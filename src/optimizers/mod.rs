//! Optimizers: Keras' classes as a few scalars and one fused kernel over flat arenas.

mod adam;
mod arena;
mod chunks;
mod control;
mod gate;
mod inspect;
mod loss_scale;
mod options;
mod rule;
mod sgd;
mod state;
mod update;

pub use adam::Adam;
pub use loss_scale::LossScaleOptimizer;
pub use options::OptimizerExt;
pub use rule::{AtStep, Numbers, Rule, UpdateSlices};
pub use sgd::SGD;
pub(crate) use state::Extras;
pub use state::State;

use crate::{Result, Tensor, Variable};
use control::Control;
use smallvec::SmallVec;
use std::fmt;

/// An optimizer's own numbers, such as Adam's decay rates.
pub type Scalars = SmallVec<[f32; 8]>;

/// Updates variables from gradients. Implementors give the rule; arenas, options, gating and bookkeeping are shared.
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

    /// The formula, and which slots it keeps for each parameter.
    fn rule(&self) -> Rule;

    /// The rule's scalars.
    fn scalars(&self) -> Scalars;

    /// The optimizer's memory.
    fn state(&self) -> &State;

    /// The same, to set options.
    fn state_mut(&mut self) -> &mut State;

    /// Moves `variables` into the optimizer's arenas; the first [`apply`](Self::apply) does it too,
    /// but then the first step was recorded on the old places and is planned twice.
    ///
    /// # Errors
    /// When options contradict each other, a variable is not float32, or the device has no room.
    fn build(&self, variables: &[Variable]) -> Result<()> {
        self.state().build(self.rule(), variables)
    }

    /// Updates `variables` with the gradients at the same places, and submits the step; never waits unless three are in flight.
    /// A variable without gradient stays as it is, and is named once in a warning.
    ///
    /// # Errors
    /// When the lists do not match the first call's, the device fails, or an earlier gradient was not finite:
    /// the variables are then those from before that step, and stay so until [`resume`](Self::resume).
    fn apply(&self, gradients: &[Option<Tensor>], variables: &[Variable]) -> Result<()> {
        self.state().apply(self.rule(), self.scalars(), gradients.to_vec(), variables, Extras::default())
    }

    /// Lets updates through again after a gradient that was not finite.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let w = Variable::new("w", Tensor::from([4.0f32]));
    /// let (optimizer, variables) = (SGD::new(1.0), [w.clone()]);
    /// let step = |gradient: f32| optimizer.apply(&[Some(Tensor::from([gradient]))], &variables);
    /// step(f32::NAN)?;
    /// let told = (0..4).find_map(|_| step(1.0).err()); // up to three steps late on a GPU
    /// assert_eq!(told.map(|error| error.kind()), Some(ErrorKind::NonFinite));
    /// optimizer.resume()?;
    /// step(1.0)?;
    /// assert_eq!((w.value().item::<f32>()?, optimizer.iterations()?), (3.0, 1));
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the device fails.
    fn resume(&self) -> Result<()> {
        self.state().with(|arenas| arenas.set_control(Control { skipped: 0.0, ..arenas.control()? })).map(|_| ())
    }

    /// The loss to take gradients of: multiplied by the scale, if there is one.
    fn scale_loss(&self, loss: &Tensor) -> Tensor {
        self.state().scale_loss(loss)
    }

    /// Gives the variables their moving averages, with `use_ema`; else does nothing. `fit` calls it at its end.
    ///
    /// # Errors
    /// When the device fails.
    fn finalize_variable_values(&self) -> Result<()> {
        let state = self.state();
        state.with(|arenas| arenas.finalize(&state.options)).map(|_| ())
    }

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f32 {
        self.state().learning_rate()
    }

    /// Changes the learning rate; takes no new plan.
    fn set_learning_rate(&self, learning_rate: f32) {
        self.state().set_learning_rate(learning_rate);
    }

    /// Steps taken: skipped ones do not count, and with `gradient_accumulation_steps` so many calls are one.
    /// The device counts, so this waits for the steps under way.
    ///
    /// # Errors
    /// When the device failed.
    fn iterations(&self) -> Result<u64> {
        let state = self.state();
        let calls = state.with(|arenas| arenas.control())?.map_or(0, |control| control.iterations);
        Ok(u64::from(calls / state.options.settings().accumulate.max(1)))
    }
}
