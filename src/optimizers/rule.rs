//! What an optimizer does to one parameter, once for the CPU and once for the GPU; all else is shared.

/// An optimizer's formula. A row of data: what surrounds it (clipping, decay, averages) is the same for every rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The kernel's name.
    pub name: &'static str,
    /// Names of what it keeps for each parameter, as in Keras' variables.
    pub slots: &'static [&'static str],
    /// Names of its scalars, in the order of [`Optimizer::scalars`](super::Optimizer::scalars).
    pub scalars: &'static [&'static str],
    /// What is calculated once a step.
    pub at_step: AtStep,
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

/// How the numbers of a step follow from learning rate and step, which counts from 1.
#[derive(Clone, Copy, Debug)]
pub struct AtStep {
    /// `fn at_step(rate: f32, step: f32) -> vec4<f32>`; scalars are fields of `args`.
    pub wgsl: &'static str,
    /// The same from scalars, learning rate and step.
    pub cpu: fn(&[f32], f32, f32) -> Numbers,
}

impl AtStep {
    /// The learning rate itself.
    pub const RATE: Self =
        Self { wgsl: "fn at_step(rate: f32, step: f32) -> vec4<f32> { return vec4(rate); }", cpu: |_, rate, _| [rate; 4] };
}
