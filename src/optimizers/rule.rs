//! What an optimizer does to one parameter, once for the CPU and once for the GPU; all else is shared.

/// Numbers that are the same for all parameters of a step, such as Adam's corrected learning rate.
pub type AtStep = [f32; 4];

/// An optimizer's formula. A row of data: what surrounds it (clipping, decay, averages) is the same for every rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The kernel's name.
    pub name: &'static str,
    /// Names of what it keeps for each parameter, as in Keras' variables.
    pub slots: &'static [&'static str],
    /// Names of its scalars, in the order of [`Optimizer::scalars`](super::Optimizer::scalars).
    pub scalars: &'static [&'static str],
    /// Two functions: `at_step(rate: f32, step: f32) -> vec4<f32>`, and `update(i: u32, p: f32, g: f32, now: vec4<f32>) -> f32`,
    /// the new value of parameter `i`. Slots are arrays, scalars fields of `args`, both under their names.
    pub wgsl: &'static str,
    /// Scalars, learning rate and step (from 1) to the numbers of a step.
    pub at_step: fn(&[f32], f32, f32) -> AtStep,
    /// Scalars, numbers of the step, gradients; then parameters and slots, which it changes.
    pub cpu: fn(&[f32], AtStep, &[f32], &mut [&mut [f32]]),
}
