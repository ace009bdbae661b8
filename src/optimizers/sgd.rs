//! Gradient descent, with momentum and Nesterov's variant (Sutskever et al., 2013).

use super::{Optimizer, Rule, State};
use crate::{
    device::cpu::simd::{step1, step2},
    dtype::Element,
    graph::Params,
};

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
    shader: include_str!("../../shaders/sgd.wgsl"),
    cpu: |scalars, gradient, written| {
        let (rate, [p]) = (scalars[0], written) else { unreachable!("the rule has no slots") };
        step1(p, gradient, |p, g| p - rate * g);
    },
};

const MOMENTUM: Rule = Rule {
    name: "momentum",
    slots: &["momentum"],
    shader: include_str!("../../shaders/momentum.wgsl"),
    cpu: |scalars, gradient, written| {
        let [rate, momentum, ahead] = scalars.try_into().expect("as many as scalars() gives");
        let [p, v] = written else { unreachable!("the rule has one slot") };
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

    fn scalars(&self, learning_rate: f32, _step: u64) -> Params {
        let all = [learning_rate, self.momentum, f32::from(u8::from(self.nesterov))];
        all.into_iter().take(if self.momentum == 0.0 { 1 } else { 3 }).map(f32::to_word).collect()
    }

    fn state(&self) -> &State {
        &self.state
    }
}
