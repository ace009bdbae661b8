//! Adamax, Adam with the largest gradient in place of the mean square (Kingma and Ba, 2014).

use super::{Formula, Optimizer, Rule, State};
use crate::{Result, device::cpu::simd::step3};

/// `m += (g - m)(1 - b1)`, `u = max(b2 u, |g|)`, `p -= rate / (1 - b1^t) * m / (u + epsilon)`.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = Adamax::new(1e-3);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.Adamax")]
pub struct Adamax {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten)]
    state: State,
    /// Decay rate of the mean gradient, 0.9 if not set.
    #[optimizer(default = 0.9)]
    beta_1: f64,
    /// Decay rate of the largest gradient, 0.999 if not set.
    #[optimizer(default = 0.999)]
    beta_2: f32,
    /// Keeps the division away from zero; 1e-7 if not set.
    #[optimizer(default = 1e-7)]
    epsilon: f32,
}

const ADAMAX: Rule = Rule {
    name: "adamax",
    slots: &[&["momentum", "norm"]],
    scalars: &["beta_1", "keep", "beta_2", "epsilon"],
    at_step: |scalars, rate, step| [(f64::from(rate) / (1.0 - f64::from(scalars[0]).powf(step as f64))) as f32; 4],
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    momentum[i] += (g - momentum[i]) * args.keep;
    norm[i] = max(args.beta_2 * norm[i], abs(g));
    return p - now.x * momentum[i] / (norm[i] + args.epsilon);
}",
    cpu: |scalars, [rate, ..], gradient, written| {
        let (&[_, keep, beta_2, epsilon], [p, m, u]) = (scalars, written) else { unreachable!("the rule has two slots") };
        step3(p, m, u, gradient, |p, m, u, g| {
            let (m, u) = (m + (g - m) * keep, f32::max(beta_2 * u, g.abs()));
            (p - rate * m / (u + epsilon), m, u)
        });
    },
};

impl Optimizer for Adamax {
    fn formula(&self) -> Result<Formula<'_>> {
        Ok(Formula::fused(ADAMAX, &[self.beta_1 as f32, (1.0 - self.beta_1) as f32, self.beta_2, self.epsilon]))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
