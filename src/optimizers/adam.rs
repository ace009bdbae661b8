//! Adam (Kingma and Ba, 2014), with Keras' defaults.

use super::{Optimizer, Rule, Scalars, State};
use crate::device::cpu::simd::step3;

/// `m += (g - m)(1 - b1)`, `v += (g² - v)(1 - b2)`, `p -= a m / (sqrt(v) + epsilon)` with
/// `a = rate * sqrt(1 - b2^t) / (1 - b1^t)`.
#[derive(Debug)]
#[doc(alias = "keras.optimizers.Adam")]
pub struct Adam {
    beta_1: f64,
    beta_2: f64,
    epsilon: f32,
    state: State,
}

impl Adam {
    /// Adam with `learning_rate`, 0.9 and 0.999 as decay rates and 1e-7 as epsilon.
    pub fn new(learning_rate: f32) -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, state: State::new(learning_rate) }
    }

    /// Decay rate of the first moment.
    pub fn beta_1(mut self, beta: f64) -> Self {
        self.beta_1 = beta;
        self
    }

    /// Decay rate of the second moment.
    pub fn beta_2(mut self, beta: f64) -> Self {
        self.beta_2 = beta;
        self
    }

    /// Keeps the division away from zero.
    pub fn epsilon(mut self, epsilon: f32) -> Self {
        self.epsilon = epsilon;
        self
    }
}

const RULE: Rule = Rule {
    name: "adam",
    slots: &["momentum", "velocity"],
    scalars: &["beta_1", "beta_2", "keep_1", "keep_2", "epsilon"],
    wgsl: "
fn at_step(rate: f32, step: f32) -> vec4<f32> {
    // 1 - b^t without cancellation.
    let bias_1 = -expm1(step * log_accurate(args.beta_1));
    let bias_2 = -expm1(step * log_accurate(args.beta_2));
    return vec4(rate * sqrt(bias_2) / bias_1);
}

fn update(i: u32, p: f32, g: f32, now: vec4<f32>) -> f32 {
    let m = momentum[i] + (g - momentum[i]) * args.keep_1;
    let v = velocity[i] + (g * g - velocity[i]) * args.keep_2;
    momentum[i] = m;
    velocity[i] = v;
    return p - m * now.x / (sqrt(v) + args.epsilon);
}",
    at_step: |scalars, rate, step| {
        let bias = |beta: f32| 1.0 - f64::from(beta).powf(f64::from(step));
        [(f64::from(rate) * bias(scalars[1]).sqrt() / bias(scalars[0])) as f32; 4]
    },
    cpu: |scalars, [alpha, ..], gradient, written| {
        let ([_, _, keep_1, keep_2, epsilon], [p, m, v]) = (scalars, written) else { unreachable!("the rule has two slots") };
        step3(p, m, v, gradient, |p, m, v, g| {
            let m = m + (g - m) * keep_1;
            let v = v + (g * g - v) * keep_2;
            (p - m * alpha / (v.sqrt() + epsilon), m, v)
        });
    },
};

impl Optimizer for Adam {
    fn class_name(&self) -> &'static str {
        "Adam"
    }

    fn rule(&self) -> Rule {
        RULE
    }

    fn scalars(&self) -> Scalars {
        let keep = |beta: f64| (1.0 - beta) as f32; // rounded once, as in Keras
        Scalars::from_slice(&[self.beta_1 as f32, self.beta_2 as f32, keep(self.beta_1), keep(self.beta_2), self.epsilon])
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
