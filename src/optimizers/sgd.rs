//! Gradient descent, with momentum and Nesterov's variant (Sutskever et al., 2013).

use super::{Formula, Optimizer, Rule, State, rate_alone};
use crate::{
    Result,
    device::cpu::simd::{step1, step2},
};

/// `p -= rate * g`; with momentum `v = momentum * v - rate * g` and `p += v`, or `p += momentum * v - rate * g` (Nesterov).
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = SGD::new(0.01).momentum(0.9).nesterov(true);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.SGD")]
pub struct SGD {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten, default = 0.01)]
    state: State,
    /// How much of the last step is taken again.
    momentum: f32,
    /// Whether to look ahead along the momentum.
    nesterov: bool,
}

const PLAIN: Rule = Rule {
    name: "sgd",
    slots: &[],
    scalars: &[],
    at_step: rate_alone,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    return p - now.x * g;
}",
    cpu: |_, [rate, ..], gradient, written| step1(written[0], gradient, |p, g| p - rate * g),
};

const MOMENTUM: Rule = Rule {
    name: "momentum",
    slots: &[&["momentum"]],
    scalars: &["momentum", "ahead"],
    at_step: rate_alone,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    let v = args.momentum * momentum[i] - now.x * g;
    momentum[i] = v;
    return p + select(v, args.momentum * v - now.x * g, args.ahead > 0.0);
}",
    cpu: |scalars, [rate, ..], gradient, written| {
        let (&[momentum, ahead], [p, v]) = (scalars, written) else { unreachable!("the rule has one slot") };
        // `ahead` is 1 for Nesterov: the step is momentum * v - rate * g instead of v.
        step2(p, v, gradient, |p, v, g| {
            let v = momentum * v - rate * g;
            (p + if ahead > 0.0 { momentum * v - rate * g } else { v }, v)
        });
    },
};

impl Optimizer for SGD {
    fn formula(&self) -> Result<Formula<'_>> {
        if self.momentum == 0.0 {
            return Ok(Formula::fused(PLAIN, &[]));
        }
        Ok(Formula::fused(MOMENTUM, &[self.momentum, self.nesterov.into()]))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
