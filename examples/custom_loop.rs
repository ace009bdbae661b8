//! A training loop by hand: `GradientTape`, an optimizer, and a model that is only called.

#[path = "support/args.rs"]
mod args;

use wgrad::{datasets, prelude::*, random::RandomKey};

pub fn model() -> Result<Model> {
    Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Rescaling::new(1.0 / 255.0))
        .add(Flatten::new())
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10))
        .build()
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--steps", "--device"]);
    if let Some(name) = args.text("--device") {
        name.parse::<Device>()?.set_default();
    }
    set_random_seed(7);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/fashion-mnist-small");
    let data = datasets::fashion_mnist().data_dir(shipped).download(false).load()?;
    let model = model()?;
    let (optimizer, loss_fn) = (SGD::new(0.1).momentum(0.9), SparseCategoricalCrossentropy::new().from_logits(true));
    let variables = model.trainable_variables();
    optimizer.build(&variables)?;

    let steps: usize = args.number("--steps", 300);
    for step in 0..steps {
        let picked = &RandomKey::new(7, "batches", step as u64).permutation(data.train.len())[..64];
        let (x, y) = data.train.batch(picked)?;
        let tape = GradientTape::new();
        let loss = loss_fn.call(&y, &model.call(&x, Training::Yes)?)?;
        let gradients = tape.gradient(&loss, &variables)?;
        optimizer.apply(&gradients, &variables)?;
        if step % 50 == 0 || step + 1 == steps {
            println!("step {step:3}: loss {:.4}", loss.item::<f32>()?);
        }
    }

    let all: Vec<usize> = (0..data.test.len()).collect();
    let (x, y) = data.test.batch(&all)?;
    let right = model.call(&x, Training::No)?.argmax(-1).equal(y.cast(DType::I32));
    println!("test accuracy: {:.4}", right.cast(DType::F32).mean(&[]).item::<f32>()?);
    Ok(())
}
