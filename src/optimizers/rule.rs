//! What an optimizer does to one parameter, once for the CPU and once for the GPU; all else is shared.

use super::{PerVariable, Scalars};
use smallvec::SmallVec;

/// An optimizer's formula. A row of data: what surrounds it (clipping, decay, averages) is the same for every rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The kernel's name.
    pub name: &'static str,
    /// Names of what it keeps for each parameter, as in Keras' variables. Files hold one group after another, and in each group
    /// one variable after another. An empty name stands for that of the parameter.
    pub slots: &'static [&'static [&'static str]],
    /// Names of its scalars, in the order of `Formula::scalars`.
    pub scalars: &'static [&'static str],
    /// The numbers of a step from scalars, learning rate, and the step, which counts from 1: calculated on the host.
    pub at_step: fn(&[f32], f32, u64) -> Numbers,
    /// `fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats`: the new values of four parameters from the old
    /// ones, their gradients and the numbers of the step. Slots are arrays (their place is `i`) and scalars fields of `args`,
    /// both under their names.
    pub wgsl: &'static str,
    /// The same over slices: scalars, numbers of the step, gradients; then parameters and slots, which it changes.
    pub cpu: UpdateSlices,
}

/// A rule over slices.
pub type UpdateSlices = fn(&[f32], Numbers, &[f32], &mut [&mut [f32]]);

/// Numbers that are the same for all parameters of a step, such as Adam's corrected learning rate.
pub type Numbers = [f32; 4];

/// For rules that need the learning rate alone.
pub fn rate_alone(_scalars: &[f32], rate: f32, _step: u64) -> Numbers {
    [rate; 4]
}

impl Rule {
    /// The gradient as a formula over whole variables takes it, laid into an arena.
    pub(super) const EFFECTIVE: Rule = Rule {
        name: "effective",
        slots: &[&["effective"]],
        scalars: &[],
        at_step: rate_alone,
        wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    effective[i] = g;
    return p;
}",
        cpu: |_, _, gradient, written| written[1].copy_from_slice(gradient),
    };

    /// The new parameter in the gradient's place.
    pub(super) const ASSIGN: Rule = Rule {
        name: "assign",
        slots: &[],
        scalars: &[],
        at_step: rate_alone,
        wgsl: "
fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    return g;
}",
        cpu: |_, _, new, written| written[0].copy_from_slice(new),
    };

    /// All slots.
    pub fn slots(&self) -> impl Iterator<Item = &'static str> {
        self.slots.iter().copied().flatten().copied()
    }
}

/// How a slot starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// With one number everywhere.
    Value(f32),
    /// As the parameters.
    Parameters,
}

impl From<f32> for Start {
    fn from(value: f32) -> Self {
        Self::Value(value)
    }
}

/// A number that follows from scalars and steps done.
type LastNumber = fn(&[f32], u64) -> f32;

/// A rule with its numbers, as an optimizer's options say.
#[derive(Debug)]
pub struct Formula<'a> {
    pub(super) rule: Rule,
    pub(super) scalars: Scalars,
    pub(super) starts: SmallVec<[Start; 2]>,
    pub(super) per_variable: Option<&'a dyn PerVariable>,
    pub(super) last: Option<(&'static str, LastNumber)>,
}

impl<'a> Formula<'a> {
    /// One fused kernel over all parameters. Slots start with zeros.
    pub fn fused(rule: Rule, scalars: &[f32]) -> Self {
        Self { rule, scalars: Scalars::from_slice(scalars), starts: SmallVec::new(), per_variable: None, last: None }
    }

    /// A formula over whole variables, in tensor ops; of the rule names, slots, scalars and `at_step` count.
    pub fn per_variable(rule: Rule, scalars: &[f32], steps: &'a dyn PerVariable) -> Self {
        Self { per_variable: Some(steps), ..Self::fused(rule, scalars) }
    }

    /// How slots start, in their order; those that are missing with zeros.
    pub fn starting<S: Copy + Into<Start>>(self, starts: &[S]) -> Self {
        Self { starts: starts.iter().map(|&start| start.into()).collect(), ..self }
    }

    /// A number that Keras keeps behind all slots: it follows from scalars and steps done.
    pub fn with_last(self, name: &'static str, number: LastNumber) -> Self {
        Self { last: Some((name, number)), ..self }
    }

    /// How slot `slot` starts.
    pub(super) fn start(&self, slot: usize) -> Start {
        self.starts.get(slot).copied().unwrap_or(Start::Value(0.0))
    }
}
