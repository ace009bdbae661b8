//! Gradient descent, with momentum and Nesterov's variant (Sutskever et al., 2013).

use super::{AtStep, Optimizer, Rule, Scalars, State};
use crate::device::cpu::simd::{step1, step2};

/// `p -= rate * g`; with momentum `v = momentum * v - rate * g` and `p += v`, or `p += momentum * v - rate * g` (Nesterov).
#[derive(Debug)]
#[doc(alias = "keras.optimizers.SGD")]
pub struct SGD {
    momentum: f32,
    nesterov: bool,
    state: State,
}

impl SGD {
    /// Plain gradient descent with `learning_rate`.
    pub fn new(learning_rate: f32) -> Self {
        Self { momentum: 0.0, nesterov: false, state: State::new(learning_rate) }
    }

    /// How much of the last step is taken again.
    pub fn momentum(mut self, momentum: f32) -> Self {
        self.momentum = momentum;
        self
    }

    /// Whether to look ahead along the momentum.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }
}

const PLAIN: Rule = Rule {
    name: "sgd",
    slots: &[],
    scalars: &[],
    at_step: AtStep::RATE,
    wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    return p - now.x * g;
}",
    cpu: |_, [rate, ..], gradient, written| step1(written[0], gradient, |p, g| p - rate * g),
};

const MOMENTUM: Rule = Rule {
    name: "momentum",
    slots: &["momentum"],
    scalars: &["momentum", "ahead"],
    at_step: AtStep::RATE,
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
    fn class_name(&self) -> &'static str {
        "SGD"
    }

    fn rule(&self) -> Rule {
        if self.momentum == 0.0 { PLAIN } else { MOMENTUM }
    }

    fn scalars(&self) -> Scalars {
        if self.momentum == 0.0 { Scalars::new() } else { Scalars::from_slice(&[self.momentum, self.nesterov.into()]) }
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
