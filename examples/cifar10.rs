//! The usual CNN on CIFAR-10: two blocks of Conv-BN-Conv-BN-MaxPool-Dropout, then Dense 512. Writes learning curves as SVG.
//!
//! `cargo run --release --example cifar10 -- --data DIR --epochs 15 --batch 64 --device cpu --seed 1 --policy mixed_float16`

#[path = "support/args.rs"]
mod args;
#[path = "support/ctrl_c.rs"]
mod ctrl_c;
#[path = "support/curves.rs"]
mod curves;

use wgrad::{datasets, prelude::*};

fn block(model: Sequential, filters: usize) -> Sequential {
    model
        .add(Conv2D::new(filters, 3).padding(Same).activation(Relu))
        .add(BatchNormalization::new())
        .add(Conv2D::new(filters, 3).padding(Same).activation(Relu))
        .add(BatchNormalization::new())
        .add(MaxPooling2D::new(2))
        .add(Dropout::new(0.25))
}

pub fn model() -> Result<Model> {
    let input = Sequential::new().add(Input::new([32, 32, 3])).add(Rescaling::new(1.0 / 255.0));
    block(block(input, 32), 64)
        .add(Flatten::new())
        .add(Dense::new(512).activation(Relu))
        .add(BatchNormalization::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(10))
        .build()
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--data", "--epochs", "--batch", "--device", "--seed", "--policy", "--samples", "--svg"]);
    match args.text("--device") {
        Some(name) => name.parse::<Device>()?.set_default(),
        None => Device::best()?.set_default(),
    }
    set_random_seed(args.number("--seed", 1));
    set_dtype_policy(args.text("--policy").map_or(Ok(Policy::Float32), str::parse)?);
    println!("device: {}, policy: {}", Device::current()?, Policy::current());

    let loader = datasets::cifar10();
    let data = args.text("--data").map_or(loader.clone(), |folder| loader.data_dir(folder)).load()?;
    let samples = args.number("--samples", data.train.len()).min(data.train.len());
    let ((x, y), (x_test, y_test)) = (data.train.slice(0..samples).arrays(), data.test.arrays());

    let mut model = model()?;
    model.summary();
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::new().from_logits(true)).metric(Accuracy::new()).finish()?;
    let history = model
        .fit((&x, &y))
        .epochs(args.number("--epochs", 15))
        .batch_size(args.number("--batch", 64))
        .validation_data((&x_test, &y_test))
        .stop_flag(ctrl_c::stop_flag())
        .run()?;

    let best = history.get("val_accuracy").unwrap_or(&[]).iter().copied().fold(0.0, f64::max);
    println!("best test accuracy: {best:.4}");
    let series = |name: &'static str| history.get(name).unwrap_or(&[]);
    let loss = curves::Curves { title: "loss", train: series("loss"), validation: series("val_loss") };
    let accuracy = curves::Curves { title: "accuracy", train: series("accuracy"), validation: series("val_accuracy") };
    let path = args.text("--svg").unwrap_or("cifar10.svg");
    std::fs::write(path, curves::svg("CIFAR-10", &loss, &accuracy)).map_err(|error| Error::from(error).at(path))?;
    println!("learning curves: {path}");
    Ok(())
}
