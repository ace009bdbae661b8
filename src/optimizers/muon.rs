//! Muon (Jordan et al., 2024): steps of matrices with all directions equally long; AdamW for the rest.

use super::{Formula, Moving, Numbers, Optimizer, PerVariable, Rule, State};
use crate::{Result, Shape, Tensor, Variable, schedules::LearningRate};

/// For matrices `m = momentum * m + g`, `p -= rate * rms_rate * sqrt(max(n, m)) * orthogonal(g + momentum * m)` where `orthogonal`
/// are five Newton-Schulz iterations `X = a X + (b A + c A²) X`, `A = X Xᵀ`. All other variables, embeddings, and those whose names
/// contain one of `exclude_layers` are stepped by Adam. It takes some kernels for each variable.
///
/// ```
/// use wgrad::prelude::*;
/// let optimizer = Muon::new(2e-2).exclude_layers(vec!["probs".to_owned()]);
/// ```
#[derive(Optimizer, Debug)]
#[optimizer(constructor = false)]
#[doc(alias = "keras.optimizers.Muon")]
pub struct Muon {
    #[optimizer(new = "learning_rate", flatten, default = State::default().with_weight_decay(0.004))]
    state: State,
    /// Adam's decay rate of the first moment, 0.9 if not set.
    #[optimizer(default = 0.9)]
    adam_beta_1: f64,
    /// Adam's decay rate of the second moment, 0.999 if not set.
    #[optimizer(default = 0.999)]
    adam_beta_2: f64,
    /// Keeps Adam's division away from zero; 1e-7 if not set.
    #[optimizer(default = 1e-7)]
    epsilon: f32,
    /// Adam is for variables whose names contain one of these (parts of names, not the regular expressions of Keras).
    exclude_layers: Vec<String>,
    /// The iteration's factor of `X`, 3.4445 if not set.
    #[optimizer(default = 3.4445)]
    muon_a: f32,
    /// The iteration's factor of `A`, -4.775 if not set.
    #[optimizer(default = -4.775)]
    muon_b: f32,
    /// The iteration's factor of `A²`, 2.0315 if not set.
    #[optimizer(default = 2.0315)]
    muon_c: f32,
    /// Adam's learning rate as a multiple of the other, 1 if not set.
    #[optimizer(default = 1.0)]
    adam_lr_ratio: f32,
    /// How much of the last step is taken again, 0.95 if not set.
    #[optimizer(default = 0.95)]
    momentum: f32,
    /// How many iterations, 5 if not set.
    #[optimizer(default = 5)]
    ns_steps: usize,
    /// Whether to look ahead along the momentum, as it does if not set.
    #[optimizer(default = true)]
    nesterov: bool,
    /// Whether Adam is for variables whose names contain `embedding`, as it is if not set.
    #[optimizer(default = true)]
    exclude_embeddings: bool,
    /// Weight decay of Adam's variables, 0.004 if not set.
    #[optimizer(default = 0.004)]
    adam_weight_decay: Option<f32>,
    /// The root mean square of a step of rate 1, 0.2 if not set; steps are not scaled where it is none.
    #[optimizer(default = 0.2)]
    rms_rate: Option<f32>,
}

impl Muon {
    /// Muon with this learning rate, a number or a schedule, and Keras' defaults beside.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self {
            state: State::from(learning_rate.into()).with_weight_decay(0.004),
            adam_beta_1: 0.9,
            adam_beta_2: 0.999,
            epsilon: 1e-7,
            exclude_layers: Vec::new(),
            muon_a: 3.4445,
            muon_b: -4.775,
            muon_c: 2.0315,
            adam_lr_ratio: 1.0,
            momentum: 0.95,
            ns_steps: 5,
            nesterov: true,
            exclude_embeddings: true,
            adam_weight_decay: Some(0.004),
            rms_rate: Some(0.2),
        }
    }

    /// Whether a variable is stepped by Adam.
    fn is_adams(&self, variable: &Variable) -> bool {
        let name = variable.name();
        variable.spec().shape.rank() != 2
            || (self.exclude_embeddings && name.to_lowercase().contains("embedding"))
            || self.exclude_layers.iter().any(|part| name.contains(part.as_str()))
    }

    /// The matrix nearest to `x` whose singular values are all 1, about.
    fn orthogonal(&self, x: &Tensor) -> Tensor {
        let is_tall = x.shape()[0] > x.shape()[1];
        let mut x = if is_tall { x.transpose() } else { x.clone() };
        x = &x / (x.square().sum(&[]).sqrt() + 1e-7);
        for _ in 0..self.ns_steps {
            let a = x.matmul(&x.transpose());
            let b = &a * self.muon_b + (&a * self.muon_c).matmul(&a);
            x = &x * self.muon_a + b.matmul(&x);
        }
        if is_tall { x.transpose() } else { x }
    }
}

/// Adam's learning rate.
fn at_step(scalars: &[f32], rate: f32, step: u64) -> Numbers {
    let bias = |beta: f32| 1.0 - f64::from(beta).powf(step as f64);
    [(f64::from(rate * scalars[2]) * bias(scalars[1]).sqrt() / bias(scalars[0])) as f32; 4]
}

impl PerVariable for Muon {
    fn slot_shape(&self, slot: usize, variable: &Variable) -> Option<Shape> {
        (slot == 0 || self.is_adams(variable)).then(|| variable.spec().shape.clone())
    }

    fn decays_itself(&self) -> bool {
        true
    }

    fn step(&self, now: &Moving) -> Result<Vec<Tensor>> {
        let is_adams = self.is_adams(now.variable);
        let decay = if is_adams { self.adam_weight_decay } else { self.state.weight_decay() };
        let (g, m, mut p) = (&now.gradient, &now.slots[0], now.parameter.clone());
        if let Some(decay) = decay.filter(|_| now.decays) {
            p = &p - &p * (now.rate() * decay);
        }
        if is_adams {
            let v = &now.slots[1];
            let m = m + (g - m) * (1.0 - self.adam_beta_1) as f32;
            let v = v + (g.square() - v) * (1.0 - self.adam_beta_2) as f32;
            let step = &m * now.number(0) / (v.sqrt() + self.epsilon);
            return Ok(vec![p - step, m, v]);
        }
        let m = m * self.momentum + g;
        let step = if self.nesterov { self.orthogonal(&(g + &m * self.momentum)) } else { self.orthogonal(&m) };
        let longest = now.gradient.shape().iter().copied().max().unwrap_or(1) as f32;
        let scale = self.rms_rate.map_or(1.0, |rate| rate * longest.sqrt());
        Ok(vec![p - step * (now.rate() * scale), m])
    }
}

impl Optimizer for Muon {
    fn formula(&self) -> Result<Formula<'_>> {
        let rule = Rule { name: "muon", slots: &[&["momentum", "velocity"]], at_step, ..Rule::EFFECTIVE };
        Ok(Formula::per_variable(rule, &[self.adam_beta_1 as f32, self.adam_beta_2 as f32, self.adam_lr_ratio], self))
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
