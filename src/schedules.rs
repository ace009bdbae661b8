//! Learning rate schedules: the learning rate as a function of the steps done.

use crate::{
    Error, Result,
    config::{Config, Json, Object, Reader, Value, kind},
};
use std::f32::consts::PI;

pub use wgrad_derive::Schedule;

/// The learning rate as a function of the steps done. An [optimizer](crate::optimizers::Optimizer) takes one in place of a number,
/// and asks it on the host before each step: no plan depends on it.
///
/// ```
/// use wgrad::{prelude::*, schedules::Schedule};
/// /// `rate / sqrt(step + 1)`.
/// #[derive(Schedule, Clone, Debug)]
/// #[schedule(package = "acme")]
/// struct RootDecay {
///     /// The first rate.
///     #[schedule(new)]
///     rate: f32,
/// }
/// impl Schedule for RootDecay {
///     fn call(&self, step: u64) -> f32 {
///         self.rate / (step as f32 + 1.0).sqrt()
///     }
/// }
/// assert_eq!(RootDecay::new(0.5).call(3), 0.25);
/// ```
#[doc(alias = "keras.optimizers.schedules.LearningRateSchedule")]
#[doc(alias = "LearningRateSchedule")]
pub trait Schedule: Config {
    /// The rate of the next step, after `step` steps.
    fn call(&self, step: u64) -> f32;

    /// That its options can work; the optimizer asks before its first step.
    ///
    /// # Errors
    /// When they cannot.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

kind!(Schedule, "learning rate schedule");

/// A learning rate: a number, or what follows from the steps done.
///
/// ```
/// use wgrad::schedules::{ExponentialDecay, LearningRate};
/// assert_eq!(LearningRate::from(0.1f32).at(1000), 0.1);
/// let halving = LearningRate::from(ExponentialDecay::new(0.1, 1000, 0.5));
/// assert!((halving.at(1000) - 0.05).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub enum LearningRate {
    /// The same at each step, until it is [set](crate::optimizers::Optimizer::set_learning_rate).
    Number(f32),
    /// A schedule.
    Schedule(Object<dyn Schedule>),
}

impl LearningRate {
    /// The rate of the next step, after `step` steps.
    pub fn at(&self, step: u64) -> f32 {
        match self {
            Self::Number(rate) => *rate,
            Self::Schedule(schedule) => schedule.call(step),
        }
    }
}

impl From<f32> for LearningRate {
    fn from(rate: f32) -> Self {
        Self::Number(rate)
    }
}

impl<S: Schedule> From<S> for LearningRate {
    fn from(schedule: S) -> Self {
        Self::Schedule(schedule.into())
    }
}

impl Value for LearningRate {
    fn to_json(&self) -> Json {
        match self {
            Self::Number(rate) => rate.to_json(),
            Self::Schedule(schedule) => schedule.to_json(),
        }
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_number() { f32::from_json(json, reader).map(Self::Number) } else { Object::from_json(json, reader).map(Self::Schedule) }
    }
}

fn check_steps(name: &str, steps: u64) -> Result<()> {
    if steps == 0 { Err(Error::invalid(format!("{name}: decay_steps must be above 0"))) } else { Ok(()) }
}

/// `initial * decay_rate^(step / decay_steps)`.
///
/// ```
/// use wgrad::{prelude::*, schedules::ExponentialDecay};
/// let optimizer = SGD::new(ExponentialDecay::new(0.1, 1000, 0.96).staircase(true));
/// ```
#[derive(Schedule, Clone, Debug)]
#[doc(alias = "keras.optimizers.schedules.ExponentialDecay")]
pub struct ExponentialDecay {
    /// The first rate.
    #[schedule(new)]
    initial_learning_rate: f32,
    /// After how many steps the rate has been multiplied by `decay_rate` once.
    #[schedule(new)]
    decay_steps: u64,
    /// The factor.
    #[schedule(new)]
    decay_rate: f32,
    /// Whether the rate changes at multiples of `decay_steps` only.
    staircase: bool,
    /// Its name in files.
    #[schedule(default = "ExponentialDecay")]
    name: String,
}

/// `step / decay_steps`, a whole number on stairs.
fn progress(step: u64, decay_steps: u64, staircase: bool) -> f32 {
    let progress = step as f32 / decay_steps as f32;
    if staircase { progress.floor() } else { progress }
}

impl Schedule for ExponentialDecay {
    fn call(&self, step: u64) -> f32 {
        self.initial_learning_rate * self.decay_rate.powf(progress(step, self.decay_steps, self.staircase))
    }

    fn check(&self) -> Result<()> {
        check_steps("ExponentialDecay", self.decay_steps)
    }
}

/// `initial / (1 + decay_rate * step / decay_steps)`.
///
/// ```
/// use wgrad::{prelude::*, schedules::InverseTimeDecay};
/// let optimizer = SGD::new(InverseTimeDecay::new(0.1, 1000, 0.5));
/// ```
#[derive(Schedule, Clone, Debug)]
#[doc(alias = "keras.optimizers.schedules.InverseTimeDecay")]
pub struct InverseTimeDecay {
    /// The first rate.
    #[schedule(new)]
    initial_learning_rate: f32,
    /// How often decay is applied.
    #[schedule(new)]
    decay_steps: u64,
    /// How much the divisor grows each time.
    #[schedule(new)]
    decay_rate: f32,
    /// Whether the rate changes at multiples of `decay_steps` only.
    staircase: bool,
    /// Its name in files.
    #[schedule(default = "InverseTimeDecay")]
    name: String,
}

impl Schedule for InverseTimeDecay {
    fn call(&self, step: u64) -> f32 {
        self.initial_learning_rate / (1.0 + self.decay_rate * progress(step, self.decay_steps, self.staircase))
    }

    fn check(&self) -> Result<()> {
        check_steps("InverseTimeDecay", self.decay_steps)
    }
}

/// `values[i]` up to and with step `boundaries[i]`, the last value behind all boundaries.
///
/// ```
/// use wgrad::schedules::{PiecewiseConstantDecay, Schedule};
/// let schedule = PiecewiseConstantDecay::new([100, 200], [1.0, 0.5, 0.1]);
/// assert_eq!([schedule.call(100), schedule.call(101), schedule.call(1000)], [1.0, 0.5, 0.1]);
/// ```
#[derive(Schedule, Clone, Debug)]
#[doc(alias = "keras.optimizers.schedules.PiecewiseConstantDecay")]
pub struct PiecewiseConstantDecay {
    /// The last step of each value but the last, in rising order.
    #[schedule(new)]
    boundaries: Vec<u64>,
    /// The rates, one more than there are boundaries.
    #[schedule(new)]
    values: Vec<f32>,
    /// Its name in files.
    #[schedule(default = "PiecewiseConstant")]
    name: String,
}

impl Schedule for PiecewiseConstantDecay {
    fn call(&self, step: u64) -> f32 {
        let at = self.boundaries.iter().position(|&last| step <= last).unwrap_or(self.boundaries.len());
        self.values.get(at).copied().unwrap_or(f32::NAN)
    }

    fn check(&self) -> Result<()> {
        let (boundaries, values) = (self.boundaries.len(), self.values.len());
        if values == boundaries + 1 {
            return Ok(());
        }
        Err(Error::invalid(format!("PiecewiseConstantDecay: {values} values for {boundaries} boundaries; there must be one more")))
    }
}

/// `(initial - end) * (1 - step / decay_steps)^power + end`, and `end` afterwards; or, with `cycle`, over the next multiple of
/// `decay_steps`.
///
/// ```
/// use wgrad::{prelude::*, schedules::PolynomialDecay};
/// let optimizer = SGD::new(PolynomialDecay::new(0.1, 10_000).end_learning_rate(0.01).power(0.5));
/// ```
#[derive(Schedule, Clone, Debug)]
#[doc(alias = "keras.optimizers.schedules.PolynomialDecay")]
pub struct PolynomialDecay {
    /// The first rate.
    #[schedule(new)]
    initial_learning_rate: f32,
    /// When the end is reached.
    #[schedule(new)]
    decay_steps: u64,
    /// The last rate.
    #[schedule(default = 0.0001)]
    end_learning_rate: f32,
    /// The exponent; 1 is a straight line.
    #[schedule(default = 1.0)]
    power: f32,
    /// Whether the rate jumps up again behind `decay_steps`, over a longer and longer way.
    cycle: bool,
    /// Its name in files.
    #[schedule(default = "PolynomialDecay")]
    name: String,
}

impl Schedule for PolynomialDecay {
    fn call(&self, step: u64) -> f32 {
        let (step, decay_steps) = (step as f32, self.decay_steps as f32);
        let progress =
            if self.cycle { step / (decay_steps * (step / decay_steps).ceil().max(1.0)) } else { step.min(decay_steps) / decay_steps };
        (self.initial_learning_rate - self.end_learning_rate) * (1.0 - progress).powf(self.power) + self.end_learning_rate
    }

    fn check(&self) -> Result<()> {
        check_steps("PolynomialDecay", self.decay_steps)
    }
}

/// `initial * ((1 - alpha) * (1 + cos(π step / decay_steps)) / 2 + alpha)` (Loshchilov and Hutter, 2016), and the last of it
/// afterwards. With `warmup_target` the rate first rises to it in `warmup_steps` steps (Goyal et al., 2017), and falls from there.
///
/// ```
/// use wgrad::{prelude::*, schedules::CosineDecay};
/// let optimizer = Adam::new(CosineDecay::new(0.0, 10_000).warmup_target(1e-3).warmup_steps(500));
/// ```
#[derive(Schedule, Clone, Debug)]
#[doc(alias = "keras.optimizers.schedules.CosineDecay")]
pub struct CosineDecay {
    /// The first rate.
    #[schedule(new)]
    initial_learning_rate: f32,
    /// How long it falls.
    #[schedule(new)]
    decay_steps: u64,
    /// The last rate, as a part of the largest.
    alpha: f32,
    /// Its name in files.
    #[schedule(default = "CosineDecay")]
    name: String,
    /// To where the rate rises first; it does not if not set.
    warmup_target: Option<f32>,
    /// How long it rises.
    warmup_steps: u64,
}

/// Half a wave from 1 to `alpha`.
fn cosine(progress: f32, alpha: f32, factor: f32) -> f32 {
    (1.0 - alpha) * (0.5 * factor * (1.0 + (PI * progress).cos())) + alpha
}

impl Schedule for CosineDecay {
    fn call(&self, step: u64) -> f32 {
        let (from, warmup_steps) = self.warmup_target.map_or((self.initial_learning_rate, 0), |target| (target, self.warmup_steps));
        if step < warmup_steps {
            return (from - self.initial_learning_rate) * (step as f32 / warmup_steps as f32) + self.initial_learning_rate;
        }
        let step = (step - warmup_steps).min(self.decay_steps);
        from * cosine(step as f32 / self.decay_steps as f32, self.alpha, 1.0)
    }

    fn check(&self) -> Result<()> {
        check_steps("CosineDecay", self.decay_steps)
    }
}

/// Cosine decay that starts anew (Loshchilov and Hutter, 2016): after `first_decay_steps` steps, and each time after `t_mul` times
/// as many more, from `m_mul` times the rate.
///
/// ```
/// use wgrad::{prelude::*, schedules::CosineDecayRestarts};
/// let optimizer = Adam::new(CosineDecayRestarts::new(1e-3, 1000).m_mul(0.9));
/// ```
#[derive(Schedule, Clone, Debug)]
#[doc(alias = "keras.optimizers.schedules.CosineDecayRestarts")]
pub struct CosineDecayRestarts {
    /// The first rate.
    #[schedule(new)]
    initial_learning_rate: f32,
    /// Length of the first period.
    #[schedule(new)]
    first_decay_steps: u64,
    /// How many times longer each period is than the one before.
    #[schedule(default = 2.0)]
    t_mul: f32,
    /// The first rate of each period, as a part of that of the one before.
    #[schedule(default = 1.0)]
    m_mul: f32,
    /// The last rate, as a part of the first.
    alpha: f32,
    /// Its name in files.
    #[schedule(default = "SGDRDecay")]
    name: String,
}

impl Schedule for CosineDecayRestarts {
    fn call(&self, step: u64) -> f32 {
        let (done, longer) = (step as f32 / self.first_decay_steps as f32, self.t_mul);
        let (restarts, progress) = if longer == 1.0 {
            (done.floor(), done - done.floor())
        } else {
            let restarts = ((1.0 - done * (1.0 - longer)).ln() / longer.ln()).floor();
            let before = (1.0 - longer.powf(restarts)) / (1.0 - longer);
            (restarts, (done - before) / longer.powf(restarts))
        };
        self.initial_learning_rate * cosine(progress, self.alpha, self.m_mul.powf(restarts))
    }

    fn check(&self) -> Result<()> {
        check_steps("CosineDecayRestarts", self.first_decay_steps)
    }
}
