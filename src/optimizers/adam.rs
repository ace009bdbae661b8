//! Adam (Kingma and Ba, 2014) and AdamW (Loshchilov and Hutter, 2019), with Keras' defaults.

use super::{Formula, Numbers, Optimizer, Rule, State};
use crate::{
    Result,
    device::cpu::simd::{step1, step2, step3},
    schedules::LearningRate,
};

/// `m += (g - m)(1 - b1)`, `v += (g² - v)(1 - b2)`, `p -= a m / (sqrt(v) + epsilon)` with
/// `a = rate * sqrt(1 - b2^t) / (1 - b1^t)`; AMSGrad (Reddi et al., 2018) takes the largest `v` so far.
///
/// ```
/// use wgrad::{prelude::*, schedules::CosineDecay};
/// let fixed = Adam::new(1e-3);
/// let falling = Adam::new(CosineDecay::new(1e-3, 10_000)).beta_2(0.98).clipnorm(1.0);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.Adam")]
pub struct Adam {
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
    /// Whether steps never grow again where gradients were large once.
    amsgrad: bool,
}

/// [`Adam`] with weight decay, of 0.004 if not set: before each step parameters lose `rate * decay` of themselves.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = AdamW::new(1e-3).weight_decay(0.01).exclude_from_weight_decay(&[], &["bias", "gamma"]);
/// ```
#[derive(Optimizer, Debug)]
#[optimizer(constructor = false)]
#[doc(alias = "keras.optimizers.AdamW")]
pub struct AdamW {
    #[optimizer(new = "learning_rate", flatten, default = State::default().with_weight_decay(0.004))]
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
    /// Whether steps never grow again where gradients were large once.
    amsgrad: bool,
}

impl AdamW {
    /// AdamW with this learning rate, a number or a schedule, and Keras' defaults beside.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        let state = State::from(learning_rate.into()).with_weight_decay(0.004);
        Self { state, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false }
    }
}

const SCALARS: &[&str] = &["beta_1", "beta_2", "keep_1", "keep_2", "epsilon"];

/// `a`, with `1 - b^t` in double precision.
fn at_step(scalars: &[f32], rate: f32, step: u64) -> Numbers {
    let bias = |beta: f32| 1.0 - f64::from(beta).powf(step as f64);
    [(f64::from(rate) * bias(scalars[1]).sqrt() / bias(scalars[0])) as f32; 4]
}

const ADAM: Rule = Rule {
    name: "adam",
    slots: &[&["momentum", "velocity"]],
    scalars: SCALARS,
    at_step,
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
    slots: &[&["momentum", "velocity"], &["velocity_hat"]],
    scalars: SCALARS,
    at_step,
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

fn formula(beta_1: f64, beta_2: f64, epsilon: f32, amsgrad: bool) -> Formula<'static> {
    let keep = |beta: f64| (1.0 - beta) as f32; // rounded once, as in Keras
    Formula::fused(if amsgrad { AMSGRAD } else { ADAM }, &[beta_1 as f32, beta_2 as f32, keep(beta_1), keep(beta_2), epsilon])
}

impl Optimizer for Adam {
    fn formula(&self) -> Result<Formula<'_>> {
        Ok(formula(self.beta_1, self.beta_2, self.epsilon, self.amsgrad))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Optimizer for AdamW {
    fn formula(&self) -> Result<Formula<'_>> {
        Ok(formula(self.beta_1, self.beta_2, self.epsilon, self.amsgrad))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
