//! Dynamic loss scaling: small gradients of half precision are lifted by a factor that finds its own size.

use super::{Formula, Optimizer, State, control::Control};
use crate::{
    Error, Result, Shape,
    config::{Class, Config, Entry, Options, Value, submit},
    data::Array,
};

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
    name: Option<String>,
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
        Self { name: None, inner }
    }

    /// Names it; the optimizer inside has a name of its own.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
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

const CLASS: Class = Class { module: "keras.optimizers", name: "LossScaleOptimizer", package: None };

impl Config for LossScaleOptimizer {
    fn class(&self) -> &'static Class {
        &CLASS
    }

    fn options(&self, out: &mut Options) {
        let (scale, steps) = self.state().options.dynamic.expect("new() sets it");
        out.insert("name".into(), self.name.to_json());
        out.insert("inner_optimizer".into(), self.inner.to_json());
        out.insert("initial_scale".into(), scale.to_json());
        out.insert("dynamic_growth_steps".into(), steps.to_json());
    }

    fn constructor(&self) -> &'static [&'static str] {
        &["inner_optimizer"]
    }
}

submit! {
    Entry::<dyn Optimizer> {
        class: &CLASS,
        aliases: &[],
        read: |fields| {
            let (name, inner) = (fields.take("name"), fields.required("inner_optimizer"));
            let (scale, steps) = (fields.take("initial_scale"), fields.take("dynamic_growth_steps"));
            let mut made = LossScaleOptimizer::of(inner?);
            let (own_scale, own_steps) = *made.dynamic();
            *made.dynamic() = (scale.unwrap_or(own_scale), steps.unwrap_or(own_steps));
            Some(Box::new(LossScaleOptimizer { name, ..made }))
        },
    }
}

impl Optimizer for LossScaleOptimizer {
    fn formula(&self) -> Result<Formula<'_>> {
        self.inner.formula()
    }

    fn state(&self) -> &State {
        self.inner.state()
    }

    fn state_mut(&mut self) -> &mut State {
        self.inner.state_mut()
    }

    fn optimizer_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| "loss_scale_optimizer".into())
    }

    /// Keras' own count and learning rate, which stay 0, step counter and scale; then those of the optimizer inside.
    fn variables(&self) -> Result<Vec<(String, Array)>> {
        let (name, scalar) = (self.optimizer_name(), Shape::scalar());
        let mut all = vec![
            (format!("{name}/iteration"), Array::new([0i64], scalar.clone())?),
            (format!("{name}/learning_rate"), Array::new([0f32], scalar.clone())?),
            (format!("{name}/step_counter"), Array::new([i64::from(self.step_counter()?)], scalar.clone())?),
            (format!("{name}/dynamic_scale"), Array::new([self.dynamic_scale()?], scalar)?),
        ];
        all.extend(self.inner.variables()?);
        Ok(all)
    }

    fn set_variables(&self, values: &[Array]) -> Result<()> {
        let [_, _, good, scale, rest @ ..] = values else {
            return Err(Error::data(format!("{}: {} variables are too few", self.optimizer_name(), values.len())));
        };
        let number = |array: &Array| match array.floats().as_deref() {
            Some(&[number]) => Ok(number),
            _ => Err(Error::data(format!(
                "{}: a number was expected, got {} of shape {}",
                self.optimizer_name(),
                array.dtype(),
                array.shape()
            ))),
        };
        let (good, scale) = (number(good)? as u32, number(scale)?);
        self.inner.set_variables(rest)?;
        self.state().with(|arenas| arenas.set_control(Control { good, scale, ..arenas.control()? })).map(|_| ())
    }
}
