//! Adam without a schedule (Defazio et al., 2024): averaging in place of a falling learning rate.

use super::{Formula, Numbers, Optimizer, Rule, Start, State};
use crate::{Result, device::cpu::simd::step3};

/// Parameters are `y = (1 - b1) z + b1 x` between the fast `z` and its mean `x`: `v += (g² - v)(1 - b2)`,
/// `z -= rate * g / (sqrt(v / (1 - b2^t)) + epsilon)`, `x += (z - x) / t`. The rate rises in `warmup_steps` steps.
/// Slots are `z` (Keras' `momentum`) and `v`. As with Keras on TensorFlow, `x` is found from `y` and the new `z`; the paper takes the
/// old one.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = ScheduleFreeAdamW::new(2.5e-3).warmup_steps(1000).weight_decay(0.01);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.ScheduleFreeAdamW")]
pub struct ScheduleFreeAdamW {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten, default = 0.0025)]
    state: State,
    /// How much of the mean is in the parameters, 0.9 if not set.
    #[optimizer(default = 0.9)]
    beta_1: f32,
    /// Decay rate of the second moment, 0.999 if not set.
    #[optimizer(default = 0.999)]
    beta_2: f32,
    /// Keeps the division away from zero; 1e-8 if not set.
    #[optimizer(default = 1e-8)]
    epsilon: f32,
    /// In how many steps the learning rate rises from 0.
    warmup_steps: u32,
}

/// Learning rate, `1 / (1 - b2^t)` and `1 / t`.
fn at_step(scalars: &[f32], rate: f32, step: u64) -> Numbers {
    let (beta_2, warmup) = (f64::from(scalars[1]), scalars[3]);
    let rise = if warmup > 0.0 { (step as f32 / warmup).min(1.0) } else { 1.0 };
    [rate * rise, (1.0 / (1.0 - beta_2.powf(step as f64))) as f32, 1.0 / step as f32, 0.0]
}

const SCHEDULE_FREE: Rule = Rule {
    name: "schedule_free_adamw",
    slots: &[&["momentum", "velocity"]],
    scalars: &["beta_1", "beta_2", "epsilon", "warmup"],
    at_step,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    let before = momentum[i];
    let v = velocity[i] + (g * g - velocity[i]) * (1.0 - args.beta_2);
    let z = before - now.x * g / (sqrt(v * now.y) + args.epsilon);
    let x = (p - (1.0 - args.beta_1) * z) / args.beta_1;
    momentum[i] = z;
    velocity[i] = v;
    return (1.0 - args.beta_1) * z + args.beta_1 * ((1.0 - now.z) * x + now.z * z);
}",
    cpu: |scalars, [rate, unbias, part, _], gradient, written| {
        let (&[beta_1, beta_2, epsilon, _], [p, z, v]) = (scalars, written) else { unreachable!("the rule has two slots") };
        step3(p, z, v, gradient, |p, before, v, g| {
            let v = v + (g * g - v) * (1.0 - beta_2);
            let z = before - rate * g / ((v * unbias).sqrt() + epsilon);
            let x = (p - (1.0 - beta_1) * z) / beta_1;
            ((1.0 - beta_1) * z + beta_1 * ((1.0 - part) * x + part * z), z, v)
        });
    },
};

impl Optimizer for ScheduleFreeAdamW {
    fn formula(&self) -> Result<Formula<'_>> {
        let scalars = [self.beta_1, self.beta_2, self.epsilon, self.warmup_steps as f32];
        Ok(Formula::fused(SCHEDULE_FREE, &scalars).starting(&[Start::Parameters]))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
