//! Lamb, Adam whose steps are as long as the parameters allow (You et al., 2019).

use super::{Formula, Moving, Numbers, Optimizer, PerVariable, Rule, State};
use crate::{Result, Tensor};

/// Adam's `m` and `v`, `u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon)`, `p -= rate * |p| / |u| * u` with the norms of whole
/// variables: for large batches. It takes a few kernels for each variable.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = Lamb::new(1e-3).weight_decay(0.01);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.Lamb")]
pub struct Lamb {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten)]
    state: State,
    /// Decay rate of the first moment, 0.9 if not set.
    #[optimizer(default = 0.9)]
    beta_1: f64,
    /// Decay rate of the second moment, 0.999 if not set.
    #[optimizer(default = 0.999)]
    beta_2: f64,
    /// Keeps the division away from zero; 1e-7 if not set.
    #[optimizer(default = 1e-7)]
    epsilon: f32,
}

/// `1 / (1 - b1^t)` and `1 / (1 - b2^t)`.
fn at_step(scalars: &[f32], _rate: f32, step: u64) -> Numbers {
    let unbias = |beta: f32| (1.0 / (1.0 - f64::from(beta).powf(step as f64))) as f32;
    [unbias(scalars[0]), unbias(scalars[1]), 0.0, 0.0]
}

impl PerVariable for Lamb {
    fn step(&self, now: &Moving) -> Result<Vec<Tensor>> {
        let (p, g, m, v) = (&now.parameter, &now.gradient, &now.slots[0], &now.slots[1]);
        let m = m + (g - m) * (1.0 - self.beta_1) as f32;
        let v = v + (g.square() - v) * (1.0 - self.beta_2) as f32;
        let u = &m * now.number(0) / ((&v * now.number(1)).sqrt() + self.epsilon);
        let (length, step) = (p.square().sum(&[]).sqrt(), u.square().sum(&[]).sqrt());
        let moves = length.greater(0.0).logical_and(&step.greater(0.0));
        let ratio = Tensor::where_(&moves, &(&length / &step), &length.ones_like());
        Ok(vec![p - u * (ratio * now.rate()), m, v])
    }
}

impl Optimizer for Lamb {
    fn formula(&self) -> Result<Formula<'_>> {
        let rule = Rule { name: "lamb", slots: &[&["momentum", "velocity"]], at_step, ..Rule::EFFECTIVE };
        Ok(Formula::per_variable(rule, &[self.beta_1 as f32, self.beta_2 as f32], self))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
