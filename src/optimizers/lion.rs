//! Lion (Chen et al., 2023).

use super::{Formula, Optimizer, Rule, State, rate_alone};
use crate::{Error, Result, device::cpu::simd::step2};

/// `p -= rate * sign(b1 m + (1 - b1) g)`, `m = b2 m + (1 - b2) g`: each parameter moves as far. Rates are 3 to 10 times smaller
/// than Adam's, weight decays as much larger.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = Lion::new(1e-4).weight_decay(0.1);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.Lion")]
pub struct Lion {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten)]
    state: State,
    /// How much of the mean gradient is in a step, 0.9 if not set.
    #[optimizer(default = 0.9)]
    beta_1: f32,
    /// Decay rate of the mean gradient, 0.99 if not set.
    #[optimizer(default = 0.99)]
    beta_2: f32,
}

const LION: Rule = Rule {
    name: "lion",
    slots: &[&["momentum"]],
    scalars: &["beta_1", "beta_2"],
    at_step: rate_alone,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    let m = momentum[i];
    momentum[i] = m * args.beta_2 + g * (1.0 - args.beta_2);
    return p - now.x * sign(m * args.beta_1 + g * (1.0 - args.beta_1));
}",
    cpu: |scalars, [rate, ..], gradient, written| {
        let (&[beta_1, beta_2], [p, m]) = (scalars, written) else { unreachable!("the rule has one slot") };
        step2(p, m, gradient, |p, m, g| {
            let mean = m * beta_1 + g * (1.0 - beta_1);
            let sign = f32::from(u8::from(mean > 0.0)) - f32::from(u8::from(mean < 0.0));
            (p - rate * sign, m * beta_2 + g * (1.0 - beta_2))
        });
    },
};

impl Optimizer for Lion {
    fn formula(&self) -> Result<Formula<'_>> {
        if self.beta_1 <= 0.0 || self.beta_1 > 1.0 {
            return Err(Error::invalid(format!("Lion: beta_1 must be above 0 and at most 1, got {}", self.beta_1)));
        }
        Ok(Formula::fused(LION, &[self.beta_1, self.beta_2]))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
