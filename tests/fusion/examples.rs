//! The models of the examples, and a step of training for each.

#![allow(clippy::duplicate_mod, reason = "examples share the files of their support folder")]

#[allow(dead_code, reason = "only the model is wanted")]
#[path = "../../examples/cifar10.rs"]
mod cifar10;
#[allow(dead_code, reason = "only the model is wanted")]
#[path = "../../examples/custom_loop.rs"]
mod custom_loop;
#[allow(dead_code, reason = "only the model is wanted")]
#[path = "../../examples/linear_regression.rs"]
mod linear_regression;
#[allow(dead_code, reason = "only the model is wanted")]
#[path = "../../examples/quickstart.rs"]
mod quickstart;

use wgrad::prelude::*;

/// An example: its model, the shape of a sample, and how many classes it tells apart (one: it predicts a number).
pub struct Example {
    pub name: &'static str,
    model: fn() -> Result<Model>,
    sample: &'static [usize],
    classes: usize,
}

pub static EXAMPLES: [Example; 4] = [
    Example { name: "cifar10", model: cifar10::model, sample: &[32, 32, 3], classes: 10 },
    Example { name: "custom_loop", model: custom_loop::model, sample: &[28, 28, 1], classes: 10 },
    Example { name: "linear_regression", model: linear_regression::model, sample: &[1], classes: 1 },
    Example { name: "quickstart", model: quickstart::model, sample: &[28, 28, 1], classes: 10 },
];

impl Example {
    /// The model after so many epochs of one batch. Plain descent: Adam takes whole steps where a gradient is rounding noise.
    pub fn train(&self, epochs: usize) -> Result<Model> {
        const BATCH: usize = 8;
        Seed(3).scope(|| {
            let mut model = (self.model)()?;
            let shape = [&[BATCH], self.sample].concat();
            let noise = (0..shape.iter().product()).map(|i: usize| (i as u64 * 2_654_435_761 % 256) as f32).collect::<Vec<f32>>();
            let x = Array::new(noise, shape)?;
            let y = Array::from((0..BATCH as i32).collect::<Vec<i32>>());
            match self.classes {
                1 => model.compile(SGD::new(1e-4), MeanSquaredError::new()).finish()?,
                _ => model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::new().from_logits(true)).finish()?,
            }
            if epochs > 0 {
                model.fit((&x, &y)).epochs(epochs).batch_size(BATCH).verbose(Verbose::Silent).run()?;
            }
            Ok(model)
        })
    }
}
