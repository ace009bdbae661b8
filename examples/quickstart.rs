//! Trains a small CNN on real pictures of clothing: `cargo run --release --example quickstart`.
//!
//! With `--full` on all of Fashion-MNIST, from `--data DIR`, `WGRAD_DATA`, the cache, or downloaded.

#[path = "support/args.rs"]
mod args;
#[path = "support/ctrl_c.rs"]
mod ctrl_c;

use wgrad::{datasets, prelude::*};

pub fn model() -> Result<Model> {
    Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Rescaling::new(1.0 / 255.0))
        .add(Conv2D::new(32, 3).padding(Same).activation(Relu))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).padding(Same).activation(Relu))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dense::new(128).activation(Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(10))
        .build()
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--full", "--data", "--epochs", "--batch", "--device", "--seed"]);
    match args.text("--device") {
        Some(name) => name.parse::<Device>()?.set_default(),
        None => Device::best()?.set_default(),
    }
    set_random_seed(args.number("--seed", 42));
    println!("device: {}", Device::current()?);

    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/fashion-mnist-small");
    let data = match (args.text("--data"), args.flag("--full")) {
        (Some(folder), _) => datasets::fashion_mnist().data_dir(folder).load()?,
        (None, true) => datasets::fashion_mnist().load()?,
        (None, false) => datasets::fashion_mnist().data_dir(shipped).download(false).load()?,
    };
    let ((x, y), (x_test, y_test)) = (data.train.arrays(), data.test.arrays());

    let mut model = model()?;
    model.summary();

    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::new().from_logits(true)).metric(Accuracy::new()).finish()?;
    model.fit((&x, &y)).epochs(args.number("--epochs", 5)).batch_size(args.number("--batch", 64)).stop_flag(ctrl_c::stop_flag()).run()?;

    let scores = model.evaluate((&x_test, &y_test)).batch_size(250).run()?;
    println!("test accuracy: {:.4}", scores["accuracy"]);
    let probabilities = model.predict(&data.test.slice(0..1).arrays().0).run()?.softmax(-1);
    let best = probabilities.argmax(-1).item::<i32>()? as usize;
    println!("the first test picture shows: {} (it is: {})", data.test.classes[best], data.test.class(0));
    Ok(())
}
