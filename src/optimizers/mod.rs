//! Optimizers: Keras' classes as a few scalars and one fused kernel over flat arenas, or a formula over whole variables.

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod arena;
mod chunks;
mod clock;
mod control;
mod ftrl;
mod gate;
mod inspect;
mod lamb;
mod lion;
mod loss_scale;
mod multi;
mod muon;
mod nadam;
mod options;
mod per_variable;
mod rmsprop;
mod rule;
mod saved;
mod schedule_free_adamw;
mod sgd;
mod state;
mod step;
mod update;

pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use ftrl::Ftrl;
pub use lamb::Lamb;
pub use lion::Lion;
pub use loss_scale::LossScaleOptimizer;
pub use multi::MultiOptimizer;
pub use muon::Muon;
pub use nadam::Nadam;
pub use options::OptimizerExt;
pub use per_variable::{Moving, PerVariable};
pub use rmsprop::RMSprop;
pub use rule::{Formula, Numbers, Rule, Start, UpdateSlices, rate_alone};
pub use schedule_free_adamw::ScheduleFreeAdamW;
pub use sgd::SGD;
pub(crate) use state::Extras;
pub use state::State;
pub use wgrad_derive::Optimizer;

use crate::{
    Error, Result, Tensor, Variable,
    config::{Config, Json, Kind, Options, Reader, Value, Written, kind, snake_case},
    data::Array,
    schedules::LearningRate,
};
use control::Control;
use smallvec::SmallVec;

/// An optimizer's own numbers, such as Adam's decay rates.
type Scalars = SmallVec<[f32; 8]>;

/// Updates variables from gradients. Implementors give the formula; arenas, options, gating and bookkeeping are shared.
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
pub trait Optimizer: Config {
    /// The formula, and which slots it keeps for each parameter.
    ///
    /// # Errors
    /// When options cannot work.
    fn formula(&self) -> Result<Formula<'_>>;

    /// The optimizer's memory.
    fn state(&self) -> &State;

    /// The same, to set options.
    fn state_mut(&mut self) -> &mut State;

    /// The optimizers inside, if it is several.
    #[doc(hidden)]
    fn as_multi(&self) -> Option<&MultiOptimizer> {
        None
    }

    /// Moves `variables` into the optimizer's arenas; the first [`apply`](Self::apply) does it too,
    /// but then the first step was recorded on the old places and is planned twice.
    ///
    /// # Errors
    /// When options contradict each other, a variable is not float32, or the device has no room.
    fn build(&self, variables: &[Variable]) -> Result<()> {
        self.state().build(&self.formula()?, variables)
    }

    /// Updates `variables` with the gradients at the same places, and submits the step; never waits unless three are in flight.
    /// A variable without gradient stays as it is, and is named once in a warning.
    ///
    /// # Errors
    /// When the lists do not match the first call's, the device fails, or an earlier gradient was not finite:
    /// the variables are then those from before that step, and stay so until [`resume`](Self::resume).
    fn apply(&self, gradients: &[Option<Tensor>], variables: &[Variable]) -> Result<()> {
        self.state().apply(&self.formula()?, gradients.to_vec(), variables, Extras::default())
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

    /// Its name: that of its class if it was not given one.
    fn optimizer_name(&self) -> String {
        self.state().options.name.clone().unwrap_or_else(|| snake_case(self.class().name))
    }

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f32 {
        self.state().clock.next_rate()
    }

    /// Changes the learning rate; takes no new plan.
    ///
    /// # Errors
    /// When the learning rate is a schedule.
    fn set_learning_rate(&self, learning_rate: f32) -> Result<()> {
        let clock = &self.state().clock;
        if let LearningRate::Schedule(schedule) = clock.rate() {
            let text = format!("optimizer: its learning rate is the schedule {}, which cannot be set", schedule.class().name);
            return Err(Error::invalid(text));
        }
        clock.set_rate(learning_rate.into());
        Ok(())
    }

    /// Its state as Keras' files hold it, in Keras' order: step count, learning rate (unless that is a schedule), averages,
    /// accumulated gradients, slots; each with its path, such as `adam/dense_kernel_momentum`. Waits for the steps under way.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let variables = [Variable::new("dense/kernel", Tensor::from([1.0f32, 2.0]))];
    /// let (one, other) = (Adam::new(0.1), Adam::new(0.1));
    /// one.apply(&[Some(Tensor::from([1.0f32, -1.0]))], &variables)?;
    /// let saved = one.variables()?;
    /// assert_eq!(saved[2].0, "adam/dense_kernel_momentum");
    /// other.build(&variables)?;
    /// other.set_variables(&saved.into_iter().map(|(_, values)| values).collect::<Vec<_>>())?;
    /// assert_eq!(other.iterations()?, 1);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the device failed.
    #[doc(alias = "keras.optimizers.Optimizer.variables")]
    fn variables(&self) -> Result<Vec<(String, Array)>> {
        self.state().variables(&self.formula()?, &self.optimizer_name())
    }

    /// Takes in what [`variables`](Self::variables) gave, by order. To be [built](Self::build) before.
    ///
    /// # Errors
    /// When there are more or fewer, or shapes differ; nothing is changed then.
    fn set_variables(&self, values: &[Array]) -> Result<()> {
        self.state().set_variables(&self.formula()?, &self.optimizer_name(), values)
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

kind!(Optimizer, "optimizer");

impl Value for Box<dyn Optimizer> {
    fn to_json(&self) -> Json {
        let mut options = Options::new();
        self.options(&mut options);
        if let Some(name) = options.get_mut("name").filter(|name| name.is_null()) {
            *name = self.optimizer_name().into();
        }
        Written::json(self.class(), options)
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        <dyn Optimizer>::from_json(json, reader)
    }
}
