//! RMSprop (Hinton, 2012).

use super::{Formula, Numbers, Optimizer, Rule, State, rate_alone, update::BLOCK};
use crate::{
    Result,
    device::cpu::simd::{map2, map3, step1, step2},
};

/// `v = rho v + (1 - rho) g²`, `p -= rate * g / sqrt(v + epsilon)`; centered, the square of the mean gradient is taken off `v`;
/// with momentum, `m = momentum * m + step` and `p -= m`.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = RMSprop::new(1e-3).momentum(0.9).centered(true);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.RMSprop")]
pub struct RMSprop {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten)]
    state: State,
    /// How much of the mean square stays at each step, 0.9 if not set.
    #[optimizer(default = 0.9)]
    rho: f64,
    /// How much of the last step is taken again.
    momentum: f32,
    /// Keeps the division away from zero; 1e-7 if not set.
    #[optimizer(default = 1e-7)]
    epsilon: f32,
    /// Whether squares are taken around the mean gradient.
    centered: bool,
}

const PLAIN: Rule = Rule {
    name: "rmsprop",
    slots: &[&["velocity"]],
    scalars: &["rho", "keep", "epsilon", "mass"],
    at_step: rate_alone,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    velocity[i] = args.rho * velocity[i] + args.keep * g * g;
    return p - now.x * g / sqrt(velocity[i] + args.epsilon);
}",
    cpu: |scalars, numbers, gradient, written| on_cpu(scalars, numbers, gradient, written, false, false),
};

const MOMENTUM: Rule = Rule {
    name: "rmsprop_momentum",
    slots: &[&["velocity"], &["momentum"]],
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    velocity[i] = args.rho * velocity[i] + args.keep * g * g;
    momentum[i] = args.mass * momentum[i] + now.x * g / sqrt(velocity[i] + args.epsilon);
    return p - momentum[i];
}",
    cpu: |scalars, numbers, gradient, written| on_cpu(scalars, numbers, gradient, written, true, false),
    ..PLAIN
};

const CENTERED: Rule = Rule {
    name: "rmsprop_centered",
    slots: &[&["velocity"], &["average_gradient"]],
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    velocity[i] = args.rho * velocity[i] + args.keep * g * g;
    average_gradient[i] = args.rho * average_gradient[i] + args.keep * g;
    return p - now.x * g / sqrt(velocity[i] - average_gradient[i] * average_gradient[i] + args.epsilon);
}",
    cpu: |scalars, numbers, gradient, written| on_cpu(scalars, numbers, gradient, written, false, true),
    ..PLAIN
};

const BOTH: Rule = Rule {
    name: "rmsprop_centered_momentum",
    slots: &[&["velocity"], &["momentum"], &["average_gradient"]],
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    velocity[i] = args.rho * velocity[i] + args.keep * g * g;
    average_gradient[i] = args.rho * average_gradient[i] + args.keep * g;
    let variance = velocity[i] - average_gradient[i] * average_gradient[i];
    momentum[i] = args.mass * momentum[i] + now.x * g / sqrt(variance + args.epsilon);
    return p - momentum[i];
}",
    cpu: |scalars, numbers, gradient, written| on_cpu(scalars, numbers, gradient, written, true, true),
    ..PLAIN
};

fn on_cpu(scalars: &[f32], [rate, ..]: Numbers, gradient: &[f32], written: &mut [&mut [f32]], has_momentum: bool, is_centered: bool) {
    let (&[rho, keep, epsilon, mass], [p, velocity, rest @ ..]) = (scalars, written) else { unreachable!("the rule has slots") };
    let mut step = [0f32; BLOCK];
    let step = &mut step[..gradient.len()];
    step1(velocity, gradient, |v, g| rho * v + keep * g * g);
    if let (true, [.., average]) = (is_centered, &mut *rest) {
        step1(average, gradient, |mean, g| rho * mean + keep * g);
        map3(gradient, velocity, average, step, |g: f32, v: f32, mean: f32| rate * g / (v - mean * mean + epsilon).sqrt());
    } else {
        map2(gradient, velocity, step, |g: f32, v: f32| rate * g / (v + epsilon).sqrt());
    }
    if let (true, [momentum, ..]) = (has_momentum, rest) {
        step2(p, momentum, step, |p, m, step| (p - (mass * m + step), mass * m + step));
    } else {
        step1(p, step, |p, step| p - step);
    }
}

impl Optimizer for RMSprop {
    fn formula(&self) -> Result<Formula<'_>> {
        let rule = match (self.momentum > 0.0, self.centered) {
            (false, false) => PLAIN,
            (true, false) => MOMENTUM,
            (false, true) => CENTERED,
            (true, true) => BOTH,
        };
        Ok(Formula::fused(rule, &[self.rho as f32, (1.0 - self.rho) as f32, self.epsilon, self.momentum]))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
