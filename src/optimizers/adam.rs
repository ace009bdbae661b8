//! Adam (Kingma and Ba, 2014), with Keras' defaults.

use super::{AtStep, Optimizer, Rule, Scalars, State};
use crate::device::cpu::simd::{step1, step2, step3};

/// `m += (g - m)(1 - b1)`, `v += (g² - v)(1 - b2)`, `p -= a m / (sqrt(v) + epsilon)` with
/// `a = rate * sqrt(1 - b2^t) / (1 - b1^t)`; AMSGrad (Reddi et al., 2018) takes the largest `v` so far.
#[derive(Debug)]
#[doc(alias = "keras.optimizers.Adam")]
pub struct Adam {
    beta_1: f64,
    beta_2: f64,
    epsilon: f32,
    amsgrad: bool,
    state: State,
}

impl Adam {
    /// Adam with `learning_rate`, 0.9 and 0.999 as decay rates and 1e-7 as epsilon.
    pub fn new(learning_rate: f32) -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false, state: State::new(learning_rate) }
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

    /// Whether steps never grow again where gradients were large once.
    pub fn amsgrad(mut self, amsgrad: bool) -> Self {
        self.amsgrad = amsgrad;
        self
    }
}

const SCALARS: &[&str] = &["beta_1", "beta_2", "keep_1", "keep_2", "epsilon"];

/// `a`; `1 - b^t` without cancellation.
const AT_STEP: AtStep = AtStep {
    wgsl: "
fn at_step(rate: f32, step: f32) -> vec4<f32> {
    let bias_1 = -expm1(step * log_accurate(args.beta_1));
    let bias_2 = -expm1(step * log_accurate(args.beta_2));
    return vec4(rate * sqrt(bias_2) / bias_1);
}",
    cpu: |scalars, rate, step| {
        let bias = |beta: f32| 1.0 - f64::from(beta).powf(f64::from(step));
        [(f64::from(rate) * bias(scalars[1]).sqrt() / bias(scalars[0])) as f32; 4]
    },
};

const ADAM: Rule = Rule {
    name: "adam",
    slots: &["momentum", "velocity"],
    scalars: SCALARS,
    at_step: AT_STEP,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    let m = momentum[i] + (g - momentum[i]) * args.keep_1;
    let v = velocity[i] + (g * g - velocity[i]) * args.keep_2;
    momentum[i] = m;
    velocity[i] = v;
    return p - m * now.x / (sqrt(v) + args.epsilon);
}",
    cpu: |scalars, [alpha, ..], gradient, written| {
        let ([_, _, keep_1, keep_2, epsilon], [p, m, v]) = (scalars, written) else { unreachable!("the rule has two slots") };
        step3(p, m, v, gradient, |p, m, v, g| {
            let m = m + (g - m) * keep_1;
            let v = v + (g * g - v) * keep_2;
            (p - m * alpha / (v.sqrt() + epsilon), m, v)
        });
    },
};

const AMSGRAD: Rule = Rule {
    name: "amsgrad",
    slots: &["momentum", "velocity", "velocity_hat"],
    scalars: SCALARS,
    at_step: AT_STEP,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    let m = momentum[i] + (g - momentum[i]) * args.keep_1;
    let v = velocity[i] + (g * g - velocity[i]) * args.keep_2;
    let largest = max(velocity_hat[i], v);
    momentum[i] = m;
    velocity[i] = v;
    velocity_hat[i] = largest;
    return p - m * now.x / (sqrt(largest) + args.epsilon);
}",
    cpu: |scalars, [alpha, ..], gradient, written| {
        let ([_, _, keep_1, keep_2, epsilon], [p, m, v, largest]) = (scalars, written) else { unreachable!("the rule has three slots") };
        step2(m, v, gradient, |m, v, g| (m + (g - m) * keep_1, v + (g * g - v) * keep_2));
        step1(largest, v, f32::max);
        step2(p, m, largest, |p, m, largest| (p - m * alpha / (largest.sqrt() + epsilon), m));
    },
};

impl Optimizer for Adam {
    fn class_name(&self) -> &'static str {
        "Adam"
    }

    fn rule(&self) -> Rule {
        if self.amsgrad { AMSGRAD } else { ADAM }
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
