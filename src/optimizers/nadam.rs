//! Nadam, Adam that looks ahead along its momentum (Dozat, 2015).

use super::{Formula, Numbers, Optimizer, Rule, State};
use crate::{Result, device::cpu::simd::step3};

/// Adam's `m` and `v`; with `u(t) = b1 (1 - 0.96^t / 2)` and its product `U(t)` over all steps so far,
/// `p -= rate * (u(t+1) m / (1 - U(t+1)) + (1 - u(t)) g / (1 - U(t))) / (sqrt(v / (1 - b2^t)) + epsilon)`.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = Nadam::new(1e-3);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.Nadam")]
pub struct Nadam {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten)]
    state: State,
    /// Decay rate of the first moment, 0.9 if not set.
    #[optimizer(default = 0.9)]
    beta_1: f32,
    /// Decay rate of the second moment, 0.999 if not set.
    #[optimizer(default = 0.999)]
    beta_2: f32,
    /// Keeps the division away from zero; 1e-7 if not set.
    #[optimizer(default = 1e-7)]
    epsilon: f32,
}

/// `u(step)`.
fn momentum(beta_1: f32, step: u64) -> f64 {
    f64::from(beta_1) * (1.0 - 0.5 * 0.96f64.powf(step as f64))
}

/// `U(step)`, which is 0 soon.
fn product(beta_1: f32, steps: u64) -> f64 {
    let mut product = 1.0;
    for step in 1..=steps {
        product *= momentum(beta_1, step);
        if product < f64::from(f32::MIN_POSITIVE) {
            return 0.0;
        }
    }
    product
}

fn at_step(scalars: &[f32], rate: f32, step: u64) -> Numbers {
    let (beta_1, beta_2, rate) = (scalars[0], f64::from(scalars[1]), f64::from(rate));
    let (now, next, product) = (momentum(beta_1, step), momentum(beta_1, step + 1), product(beta_1, step));
    let of_momentum = rate * next / (1.0 - product * next);
    let of_gradient = rate * (1.0 - now) / (1.0 - product);
    [of_momentum as f32, of_gradient as f32, (1.0 / (1.0 - beta_2.powf(step as f64))) as f32, 0.0]
}

const NADAM: Rule = Rule {
    name: "nadam",
    slots: &[&["momentum", "velocity"]],
    scalars: &["beta_1", "beta_2", "epsilon"],
    at_step,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    momentum[i] += (g - momentum[i]) * (1.0 - args.beta_1);
    velocity[i] += (g * g - velocity[i]) * (1.0 - args.beta_2);
    return p - (now.x * momentum[i] + now.y * g) / (sqrt(velocity[i] * now.z) + args.epsilon);
}",
    cpu: |scalars, [of_momentum, of_gradient, unbias, _], gradient, written| {
        let (&[beta_1, beta_2, epsilon], [p, m, v]) = (scalars, written) else { unreachable!("the rule has two slots") };
        step3(p, m, v, gradient, |p, m, v, g| {
            let (m, v) = (m + (g - m) * (1.0 - beta_1), v + (g * g - v) * (1.0 - beta_2));
            (p - (of_momentum * m + of_gradient * g) / ((v * unbias).sqrt() + epsilon), m, v)
        });
    },
};

impl Optimizer for Nadam {
    fn formula(&self) -> Result<Formula<'_>> {
        let formula = Formula::fused(NADAM, &[self.beta_1, self.beta_2, self.epsilon]);
        Ok(formula.with_last("variable", |scalars, steps| product(scalars[0], steps) as f32))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
