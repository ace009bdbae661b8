//! Adadelta (Zeiler, 2012).

use super::{Formula, Optimizer, Rule, State, rate_alone};
use crate::{Result, device::cpu::simd::step3};

/// `a = rho a + (1 - rho) g²`, `d = -g sqrt(b + epsilon) / sqrt(a + epsilon)`, `b = rho b + (1 - rho) d²`, `p += rate * d`.
/// The paper's own learning rate is 1.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = Adadelta::new(1.0).rho(0.9);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.Adadelta")]
pub struct Adadelta {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten)]
    state: State,
    /// How much of the mean squares stays at each step, 0.95 if not set.
    #[optimizer(default = 0.95)]
    rho: f64,
    /// Keeps the divisions away from zero; 1e-7 if not set.
    #[optimizer(default = 1e-7)]
    epsilon: f32,
}

const ADADELTA: Rule = Rule {
    name: "adadelta",
    slots: &[&["accumulated_grad", "accumulated_delta_var"]],
    scalars: &["rho", "keep", "epsilon"],
    at_step: rate_alone,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    let a = args.rho * accumulated_grad[i] + args.keep * g * g;
    let b = accumulated_delta_var[i];
    let delta = -(sqrt(b + args.epsilon) * g / sqrt(a + args.epsilon));
    accumulated_grad[i] = a;
    accumulated_delta_var[i] = args.rho * b + args.keep * delta * delta;
    return p + now.x * delta;
}",
    cpu: |scalars, [rate, ..], gradient, written| {
        let (&[rho, keep, epsilon], [p, a, b]) = (scalars, written) else { unreachable!("the rule has two slots") };
        step3(p, a, b, gradient, |p, a, b, g| {
            let a = rho * a + keep * g * g;
            let delta = -((b + epsilon).sqrt() * g / (a + epsilon).sqrt());
            (p + rate * delta, a, rho * b + keep * delta * delta)
        });
    },
};

impl Optimizer for Adadelta {
    fn formula(&self) -> Result<Formula<'_>> {
        Ok(Formula::fused(ADADELTA, &[self.rho as f32, (1.0 - self.rho) as f32, self.epsilon]))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
