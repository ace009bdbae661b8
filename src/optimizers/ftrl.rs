//! Follow the regularized leader (McMahan et al., 2013).

use super::{Formula, Optimizer, Rule, State};
use crate::{Error, Result, device::cpu::simd::step3};

/// `n' = n + g²`, `z += g + 2 shrinkage p - (n'^k - n^k) / rate * p`, `n = n'`, and
/// `p = (clip(z, -l1, l1) - z) / (n^k / rate + 2 l2 + beta / rate)`; `k` is minus `learning_rate_power`.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = Ftrl::new(0.05).l1_regularization_strength(0.01);
/// ```
#[derive(Optimizer, Debug)]
#[doc(alias = "keras.optimizers.Ftrl")]
pub struct Ftrl {
    /// Learning rate: a number or a schedule.
    #[optimizer(new = "learning_rate", flatten)]
    state: State,
    /// How the rate falls with `n`; 0 for not at all, -0.5 if not set.
    #[optimizer(default = -0.5)]
    learning_rate_power: f32,
    /// How `n` starts, with 0.1 if not set.
    #[optimizer(default = 0.1)]
    initial_accumulator_value: f32,
    /// Below which `|z|` parameters are 0.
    l1_regularization_strength: f32,
    /// How strongly parameters are pulled to 0.
    l2_regularization_strength: f32,
    /// As that, but by the gradient.
    l2_shrinkage_regularization_strength: f32,
    /// The paper's `beta`.
    beta: f32,
}

const FTRL: Rule = Rule {
    name: "ftrl",
    slots: &[&["accumulator", "linear"]],
    scalars: &["power", "l1", "l2", "shrinkage", "beta"],
    // Learning rate, and what the divisor has beside the power.
    at_step: |scalars, rate, _| [rate, 2.0 * scalars[2] + scalars[4] / rate, 0.0, 0.0],
    wgsl: "
fn powered(x: Floats) -> Floats {
    if args.power == 0.5 {
        return sqrt(x);
    }
    return pow(x, Floats(args.power));
}

fn update(i: u32, p: Floats, g: Floats, now: vec4<f32>) -> Floats {
    let shrunk = g + 2.0 * args.shrinkage * p;
    let n = accumulator[i] + g * g;
    let z = linear[i] + shrunk - (powered(n) - powered(accumulator[i])) / now.x * p;
    accumulator[i] = n;
    linear[i] = z;
    return (clamp(z, Floats(-args.l1), Floats(args.l1)) - z) / (powered(n) / now.x + now.y);
}",
    cpu: |scalars, [rate, more, ..], gradient, written| {
        let (&[power, l1, _, shrinkage, _], [p, n, z]) = (scalars, written) else { unreachable!("the rule has two slots") };
        let powered = |x: f32| if power == 0.5 { x.sqrt() } else { x.powf(power) };
        step3(p, n, z, gradient, |p, old, z, g| {
            let n = old + g * g;
            let z = z + (g + 2.0 * shrinkage * p) - (powered(n) - powered(old)) / rate * p;
            ((z.clamp(-l1, l1) - z) / (powered(n) / rate + more), n, z)
        });
    },
};

impl Optimizer for Ftrl {
    fn formula(&self) -> Result<Formula<'_>> {
        let not_negative = [
            ("initial_accumulator_value", self.initial_accumulator_value),
            ("l1_regularization_strength", self.l1_regularization_strength),
            ("l2_regularization_strength", self.l2_regularization_strength),
            ("l2_shrinkage_regularization_strength", self.l2_shrinkage_regularization_strength),
            ("-learning_rate_power", -self.learning_rate_power),
        ];
        if let Some((name, value)) = not_negative.iter().find(|(_, value)| *value < 0.0) {
            return Err(Error::invalid(format!("Ftrl: {name} needs to be positive or zero, got {value}")));
        }
        let [_, l1, l2, shrinkage, power] = not_negative.map(|(_, value)| value);
        Ok(Formula::fused(FTRL, &[power, l1, l2, shrinkage, self.beta]).starting(&[self.initial_accumulator_value]))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
