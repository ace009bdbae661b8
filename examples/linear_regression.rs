//! The ten-line start: finds the line behind noisy points.

use wgrad::prelude::*;

pub fn model() -> Result<Model> {
    Sequential::new().add(Input::new([1])).add(Dense::new(1)).build()
}

fn main() -> Result<()> {
    set_random_seed(1);
    let x: Vec<f32> = (0..200).map(|i| i as f32 / 100.0 - 1.0).collect();
    let y: Vec<f32> = x.iter().enumerate().map(|(i, x)| 3.0 * x - 2.0 + 0.1 * (i as f32 * 12.9898).sin()).collect();
    let (x, y) = (Array::new(x, [200, 1])?, Array::new(y, [200, 1])?);

    let mut model = model()?;
    model.compile(SGD::new(0.1), MeanSquaredError::new()).finish()?;
    let history = model.fit((&x, &y)).epochs(20).verbose(Verbose::Silent).run()?;

    let [slope, offset] = [0, 1].map(|at| model.variables()[at].value());
    println!("y = {:.2} x + {:.2}, loss {:.4}", slope.item::<f32>()?, offset.item::<f32>()?, history["loss"][19]);
    Ok(())
}
