//! The options that every optimizer has, under Keras' names and with its defaults.

use super::{Optimizer, control::Settings};
use crate::{
    Error, Result, Variable,
    config::{self, Fields, Value},
    graph::VariableId,
    schedules::LearningRate,
};

/// What the setters of [`OptimizerExt`] set.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub name: Option<String>,
    pub weight_decay: Option<f32>,
    clipnorm: Option<f32>,
    clipvalue: Option<f32>,
    global_clipnorm: Option<f32>,
    pub use_ema: bool,
    ema_momentum: f32,
    ema_overwrite_frequency: Option<u32>,
    gradient_accumulation_steps: Option<u32>,
    pub loss_scale_factor: Option<f32>,
    /// Without weight decay: these variables, and those whose names contain one of these.
    without_decay: (Vec<VariableId>, Vec<String>),
    /// A dynamic loss scale's first value, and after how many good steps it doubles.
    pub dynamic: Option<(f32, u32)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: None,
            weight_decay: None,
            clipnorm: None,
            clipvalue: None,
            global_clipnorm: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            gradient_accumulation_steps: None,
            loss_scale_factor: None,
            without_decay: Default::default(),
            dynamic: None,
        }
    }
}

impl Options {
    /// Whether nothing but name and loss scale is set.
    pub fn is_bare(&self) -> bool {
        let bare = Self { name: self.name.clone(), loss_scale_factor: self.loss_scale_factor, ..Self::default() };
        format!("{self:?}") == format!("{bare:?}")
    }

    /// Whether gradients of several calls make a step.
    pub fn accumulates(&self) -> bool {
        self.gradient_accumulation_steps.is_some()
    }

    /// Whether weight decay is for this variable too.
    pub fn decays(&self, variable: &Variable) -> bool {
        let (ids, names) = &self.without_decay;
        !ids.contains(&variable.id()) && !names.iter().any(|name| variable.name().contains(name.as_str()))
    }

    /// The scale with which a loss is multiplied at first.
    pub fn first_scale(&self) -> f32 {
        self.dynamic.map_or(1.0, |(initial, _)| initial)
    }

    /// For the kernels.
    pub fn settings(&self) -> Settings {
        let norm = self.clipnorm.filter(|&norm| norm > 0.0);
        Settings {
            unscale: 1.0 / self.loss_scale_factor.unwrap_or(1.0),
            decay: self.weight_decay.unwrap_or(0.0),
            clip_norm: norm.or(self.global_clipnorm).unwrap_or(0.0),
            clip_each: norm.is_some().into(),
            clip_value: self.clipvalue.filter(|&value| value > 0.0).unwrap_or(f32::MAX),
            ema_momentum: self.ema_momentum,
            ema_every: self.ema_overwrite_frequency.filter(|_| self.use_ema).unwrap_or(0),
            accumulate: self.gradient_accumulation_steps.unwrap_or(1),
            growth: self.dynamic.map_or(0, |(_, growth)| growth),
        }
    }

    /// Adds them to a config.
    pub fn write(&self, rate: &LearningRate, out: &mut config::Options) {
        let pairs = [
            ("name", self.name.to_json()),
            ("learning_rate", rate.to_json()),
            ("weight_decay", self.weight_decay.to_json()),
            ("clipnorm", self.clipnorm.to_json()),
            ("global_clipnorm", self.global_clipnorm.to_json()),
            ("clipvalue", self.clipvalue.to_json()),
            ("use_ema", self.use_ema.to_json()),
            ("ema_momentum", self.ema_momentum.to_json()),
            ("ema_overwrite_frequency", self.ema_overwrite_frequency.to_json()),
            ("loss_scale_factor", self.loss_scale_factor.to_json()),
            ("gradient_accumulation_steps", self.gradient_accumulation_steps.to_json()),
        ];
        out.extend(pairs.map(|(key, value)| (key.to_owned(), value)));
    }

    /// Takes those that are there from a config.
    pub fn read(&mut self, fields: &mut Fields<'_>) {
        fn set<T: Value>(option: &mut T, key: &str, fields: &mut Fields<'_>) {
            if let Some(value) = fields.take(key) {
                *option = value;
            }
        }
        set(&mut self.name, "name", fields);
        set(&mut self.weight_decay, "weight_decay", fields);
        set(&mut self.clipnorm, "clipnorm", fields);
        set(&mut self.global_clipnorm, "global_clipnorm", fields);
        set(&mut self.clipvalue, "clipvalue", fields);
        set(&mut self.use_ema, "use_ema", fields);
        set(&mut self.ema_momentum, "ema_momentum", fields);
        set(&mut self.ema_overwrite_frequency, "ema_overwrite_frequency", fields);
        set(&mut self.loss_scale_factor, "loss_scale_factor", fields);
        set(&mut self.gradient_accumulation_steps, "gradient_accumulation_steps", fields);
    }

    /// # Errors
    /// Where Keras' constructors raise.
    pub fn check(&self) -> Result<()> {
        let fail = |text: String| Err(Error::invalid(format!("optimizer: {text}")));
        let clips = [self.clipnorm, self.clipvalue, self.global_clipnorm];
        if clips.iter().flatten().count() > 1 {
            let [each, value, all] = clips;
            return fail(format!(
                "only one of clipnorm, clipvalue and global_clipnorm can be set; they are {each:?}, {value:?} and {all:?}"
            ));
        }
        if self.gradient_accumulation_steps.is_some_and(|steps| steps < 2) {
            return fail(format!("gradient_accumulation_steps is {:?}; it must be 2 or more", self.gradient_accumulation_steps));
        }
        if self.use_ema && !(0.0..=1.0).contains(&self.ema_momentum) {
            return fail(format!("ema_momentum is {}; it must lie in [0, 1]", self.ema_momentum));
        }
        if self.use_ema && self.ema_overwrite_frequency == Some(0) {
            return fail("ema_overwrite_frequency is 0; it must be 1 or more".into());
        }
        if self.loss_scale_factor.is_some_and(|factor| !(factor.is_finite() && factor > 0.0)) {
            return fail(format!("loss_scale_factor is {:?}; it must be finite and above 0", self.loss_scale_factor));
        }
        match self.dynamic {
            Some((initial, growth)) if !(initial.is_finite() && initial > 0.0) || growth == 0 => {
                fail(format!("initial_scale is {initial} and dynamic_growth_steps {growth}; both must be finite and above 0"))
            }
            _ => Ok(()),
        }
    }
}

/// The options that every optimizer has, set before its first step.
///
/// ```
/// use wgrad::prelude::*;
/// let w = Variable::new("w", Tensor::from([3.0f32, 4.0]));
/// let optimizer = SGD::new(1.0).global_clipnorm(1.0);
/// optimizer.apply(&[Some(Tensor::from([30.0f32, 40.0]))], &[w.clone()])?;
/// assert_eq!(w.value().to_vec::<f32>()?, [2.4, 3.2]);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub trait OptimizerExt: Optimizer + Sized {
    /// Names it, and with it its variables in files; else it is called as its class.
    fn name(mut self, name: &str) -> Self {
        self.state_mut().options.name = Some(name.to_owned());
        self
    }

    /// Before each step parameters lose `rate * decay` of themselves; off where not set.
    fn weight_decay(mut self, decay: f32) -> Self {
        self.state_mut().options.weight_decay = Some(decay);
        self
    }

    /// Weight decay leaves out these variables, and those whose names contain one of `names`, such as `"bias"`.
    fn exclude_from_weight_decay(mut self, variables: &[Variable], names: &[&str]) -> Self {
        let ids = variables.iter().map(Variable::id).collect();
        self.state_mut().options.without_decay = (ids, names.iter().map(|&name| name.to_owned()).collect());
        self
    }

    /// Each variable's gradient is scaled down to this norm where it is larger; off where not set.
    fn clipnorm(mut self, norm: f32) -> Self {
        self.state_mut().options.clipnorm = Some(norm);
        self
    }

    /// Gradients are cut to `[-value, value]`; off where not set.
    fn clipvalue(mut self, value: f32) -> Self {
        self.state_mut().options.clipvalue = Some(value);
        self
    }

    /// All gradients are scaled down so that their common norm is at most this; off where not set.
    fn global_clipnorm(mut self, norm: f32) -> Self {
        self.state_mut().options.global_clipnorm = Some(norm);
        self
    }

    /// Keeps a moving average of the parameters, which they become at the end of
    /// [`fit`](crate::models::Model::fit) or by [`finalize_variable_values`](Optimizer::finalize_variable_values).
    fn use_ema(mut self, use_ema: bool) -> Self {
        self.state_mut().options.use_ema = use_ema;
        self
    }

    /// How much of the average stays at each step: 0.99 where not set.
    fn ema_momentum(mut self, momentum: f32) -> Self {
        self.state_mut().options.ema_momentum = momentum;
        self
    }

    /// Parameters become their average at each so many steps too.
    fn ema_overwrite_frequency(mut self, steps: u32) -> Self {
        self.state_mut().options.ema_overwrite_frequency = Some(steps);
        self
    }

    /// A step is made of the mean gradient of so many calls of [`apply`](Optimizer::apply).
    fn gradient_accumulation_steps(mut self, steps: u32) -> Self {
        self.state_mut().options.gradient_accumulation_steps = Some(steps);
        self
    }

    /// [`scale_loss`](Optimizer::scale_loss) multiplies by this, and gradients are divided by it.
    fn loss_scale_factor(mut self, factor: f32) -> Self {
        self.state_mut().options.loss_scale_factor = Some(factor);
        self
    }
}

impl<O: Optimizer> OptimizerExt for O {}
