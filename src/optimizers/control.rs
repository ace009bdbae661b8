//! What an optimizer's kernels are told at each step, and the few words that they keep on the device from step to step.

use super::clock::Table;
use bytemuck::{Pod, Zeroable};

/// The options as the kernels take them. Off is a value that changes nothing; the order is that of `Args` in the shaders.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Settings {
    /// What gradients are multiplied by first: one over `loss_scale_factor`.
    pub unscale: f32,
    pub decay: f32,
    /// The largest norm, of each variable where `clip_each` is 1, of all together where it is 0.
    pub clip_norm: f32,
    pub clip_each: u32,
    pub clip_value: f32,
    pub ema_momentum: f32,
    /// Parameters become their averages at each so many steps; 0 for never.
    pub ema_every: u32,
    /// Gradients of so many calls make a step.
    pub accumulate: u32,
    /// A dynamic loss scale doubles after so many good steps; 0 where there is none, and bad gradients stop all updates.
    pub growth: u32,
}

impl Settings {
    /// Words of it.
    pub const WORDS: usize = size_of::<Self>() / 4;

    /// Table, settings and scalars from the words of a run.
    pub fn split(params: &[u32]) -> (Table, Self, &[f32]) {
        let (table, rest) = params.split_at(Table::WORDS);
        let (settings, scalars) = rest.split_at(Self::WORDS);
        let table = bytemuck::pod_read_unaligned(bytemuck::cast_slice(table));
        let settings = bytemuck::pod_read_unaligned(bytemuck::cast_slice(settings));
        (table, settings, bytemuck::cast_slice(scalars))
    }
}

/// What is kept on the device from step to step.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct Control {
    /// 1 where the last step changed nothing because a number was not finite, else 0.
    pub skipped: f32,
    /// Calls that changed something: Keras' `_iterations`.
    pub iterations: u32,
    /// Keras' `dynamic_scale`; 1 without a dynamic loss scale.
    pub scale: f32,
    /// Keras' `step_counter`: good steps since the scale changed.
    pub good: u32,
}

impl Control {
    pub const WORDS: usize = size_of::<Self>() / 4;
    /// The word that a skipped step sets, and that of the scale.
    pub const SKIPPED: usize = 0;
    pub const SCALE: usize = 2;

    pub fn new(scale: f32) -> Self {
        Self { skipped: 0.0, iterations: 0, scale, good: 0 }
    }

    /// After a step. `growth` as in [`Settings`].
    pub fn next(self, bad: bool, growth: u32) -> Self {
        let dynamic = growth > 0;
        if bad {
            return Self { skipped: 1.0, scale: if dynamic { 0.5 * self.scale } else { self.scale }, good: 0, ..self };
        }
        let grown = dynamic && self.good + 1 == growth;
        Self {
            skipped: 0.0,
            iterations: self.iterations + 1,
            scale: if grown { 2.0 * self.scale } else { self.scale },
            good: if grown || !dynamic { 0 } else { self.good + 1 },
        }
    }
}

/// What a check of the gradients found in one chunk.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct Found {
    /// The largest exponent bits of a gradient: all set where one is infinite or NaN.
    pub exponent: u32,
    /// Sum of squares, unscaled.
    pub squares: f32,
}

impl Found {
    pub const WORDS: usize = size_of::<Self>() / 4;
}

/// A report's parts: what was kept before the step, and what was found in each chunk.
pub(super) fn report(words: &[u32]) -> (Control, &[Found]) {
    let (control, found) = words.split_at(Control::WORDS);
    (bytemuck::pod_read_unaligned(bytemuck::cast_slice(control)), bytemuck::cast_slice(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_follows_keras() {
        let mut control = Control::new(8.0);
        let mut seen = Vec::new();
        for bad in [false, false, true, false, false, false, true, true] {
            control = control.next(bad, 3);
            seen.push((control.skipped, control.iterations, control.scale, control.good));
        }
        let expected = [
            (0.0, 1, 8.0, 1),
            (0.0, 2, 8.0, 2),
            (1.0, 2, 4.0, 0),
            (0.0, 3, 4.0, 1),
            (0.0, 4, 4.0, 2),
            (0.0, 5, 8.0, 0),
            (1.0, 5, 4.0, 0),
            (1.0, 5, 2.0, 0),
        ];
        assert_eq!(seen, expected);
    }
}
