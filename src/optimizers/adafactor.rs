//! Adafactor (Shazeer and Stern, 2018): second moments of matrices as the product of a row and a column.

use super::{Formula, Moving, Numbers, Optimizer, PerVariable, Rule, State};
use crate::{Result, Shape, Tensor, Variable};

/// With `d = 1 - t^beta_2_decay` and squares `s = g² + epsilon_1`: `r` and `c` are running means of `s` over the last and the last
/// but one axis, `v = r c / mean(r)` (a vector's own running mean), `u = g / sqrt(v)`, and
/// `p -= max(epsilon_2, rms(p)) * min(rate, 1 / sqrt(t)) * u / max(1, rms(u) / clip_threshold)`. It takes a few kernels for each
/// variable.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = Adafactor::new(1e-2).clip_threshold(0.5);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.Adafactor")]
pub struct Adafactor {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten)]
    state: State,
    /// How fast the decay rate of second moments grows, -0.8 if not set.
    #[optimizer(default = -0.8)]
    beta_2_decay: f32,
    /// Keeps divisions away from zero; 1e-30 if not set.
    #[optimizer(default = 1e-30)]
    epsilon_1: f32,
    /// The smallest root mean square that parameters are thought to have, 0.001 if not set.
    #[optimizer(default = 1e-3)]
    epsilon_2: f32,
    /// The largest root mean square of a step, 1 if not set.
    #[optimizer(default = 1.0)]
    clip_threshold: f32,
    /// Whether the rate is at most `1 / sqrt(t)`. Keras' steps are so in any case.
    #[optimizer(default = true)]
    relative_step: bool,
}

/// `min(rate, 1 / sqrt(t))` and `d`.
fn at_step(scalars: &[f32], rate: f32, step: u64) -> Numbers {
    [rate.min(1.0 / (step as f32).sqrt()), 1.0 - (step as f32).powf(scalars[0]), 0.0, 0.0]
}

fn rms(x: &Tensor) -> Tensor {
    x.square().mean(&[]).sqrt()
}

impl PerVariable for Adafactor {
    fn slot_shape(&self, slot: usize, variable: &Variable) -> Option<Shape> {
        let shape = &variable.spec().shape;
        Some(match (slot, &shape[..]) {
            (2, _) => shape.clone(),
            (0, [outer @ .., rows, _]) => outer.iter().chain([rows]).copied().collect(),
            (1, [outer @ .., _, columns]) => outer.iter().chain([columns]).copied().collect(),
            _ => Shape::scalar(), // Keras keeps a 0 there
        })
    }

    fn step(&self, now: &Moving) -> Result<Vec<Tensor>> {
        let (p, g, keep) = (&now.parameter, &now.gradient, now.number(1));
        let [r, c, v] = &now.slots[..] else { unreachable!("each variable has three slots") };
        let squares = g.square() + self.epsilon_1;
        let running = |old: &Tensor, new: Tensor| old * &keep + new * (1.0 - &keep);
        let (r, c, v) = if p.shape().rank() >= 2 {
            let (r, c) = (running(r, squares.mean(&[-1])), running(c, squares.mean(&[-2])));
            let part = &r / r.mean(&[-1]).expand_dims(-1);
            let v = part.expand_dims(-1) * c.expand_dims(-2);
            (r, c, v)
        } else {
            (r.clone(), c.clone(), running(v, squares))
        };
        let u = g / v.sqrt();
        let u = &u / (rms(&u) / self.clip_threshold).maximum(1.0);
        let rate = rms(p).maximum(self.epsilon_2) * now.number(0);
        Ok(vec![p - u * rate, r, c, v])
    }
}

impl Optimizer for Adafactor {
    fn formula(&self) -> Result<Formula<'_>> {
        let rule = Rule { name: "adafactor", slots: &[&["", "", "velocity"]], at_step, ..Rule::EFFECTIVE };
        Ok(Formula::per_variable(rule, &[self.beta_2_decay], self))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
