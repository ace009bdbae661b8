//! Adagrad (Duchi et al., 2011).

use super::{Formula, Optimizer, Rule, State, rate_alone};
use crate::{Result, device::cpu::simd::step2};

/// `a += g²`, `p -= rate * g / sqrt(a + epsilon)`: parameters that get large gradients take small steps.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = Adagrad::new(0.01).initial_accumulator_value(0.5);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.Adagrad")]
pub struct Adagrad {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten)]
    state: State,
    /// How `a` starts, with 0.1 if not set.
    #[optimizer(default = 0.1)]
    initial_accumulator_value: f32,
    /// Keeps the division away from zero; 1e-7 if not set.
    #[optimizer(default = 1e-7)]
    epsilon: f32,
}

const ADAGRAD: Rule = Rule {
    name: "adagrad",
    slots: &[&["accumulator"]],
    scalars: &["epsilon"],
    at_step: rate_alone,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    accumulator[i] += g * g;
    return p - now.x * g / sqrt(accumulator[i] + args.epsilon);
}",
    cpu: |scalars, [rate, ..], gradient, written| {
        let (&[epsilon], [p, a]) = (scalars, written) else { unreachable!("the rule has one slot") };
        step2(p, a, gradient, |p, a, g| (p - rate * g / (a + g * g + epsilon).sqrt(), a + g * g));
    },
};

impl Optimizer for Adagrad {
    fn formula(&self) -> Result<Formula<'_>> {
        Ok(Formula::fused(ADAGRAD, &[self.epsilon]).starting(&[self.initial_accumulator_value]))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
