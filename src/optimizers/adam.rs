//! Adam (Kingma and Ba, 2014), with Keras' defaults.

use super::{Optimizer, Rule, State};
use crate::{device::cpu::simd::step3, dtype::Element, graph::Params};

/// `m += (g - m)(1 - b1)`, `v += (g² - v)(1 - b2)`, `p -= a m / (sqrt(v) + epsilon)` with
/// `a = rate * sqrt(1 - b2^t) / (1 - b1^t)`.
#[derive(Debug)]
#[doc(alias = "keras.optimizers.Adam")]
pub struct Adam {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    state: State,
}

impl Adam {
    /// Adam with `learning_rate`, 0.9 and 0.999 as decay rates and 1e-7 as epsilon.
    pub fn new(learning_rate: f32) -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, state: State::new(learning_rate) }
    }

    /// Decay rate of the first moment.
    pub fn beta_1(mut self, beta: f32) -> Self {
        self.beta_1 = beta;
        self
    }

    /// Decay rate of the second moment.
    pub fn beta_2(mut self, beta: f32) -> Self {
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
    shader: include_str!("../../shaders/adam.wgsl"),
    cpu: |scalars, gradient, written| {
        let [alpha, keep_1, keep_2, epsilon] = scalars.try_into().expect("as many as scalars() gives");
        let [p, m, v] = written else { unreachable!("the rule has two slots") };
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

    fn scalars(&self, learning_rate: f32, step: u64) -> Params {
        let bias = |beta: f32| 1.0 - f64::from(beta).powi(step.min(i32::MAX as u64) as i32);
        let alpha = (f64::from(learning_rate) * bias(self.beta_2).sqrt() / bias(self.beta_1)) as f32;
        [alpha, 1.0 - self.beta_1, 1.0 - self.beta_2, self.epsilon].into_iter().map(f32::to_word).collect()
    }

    fn state(&self) -> &State {
        &self.state
    }
}
