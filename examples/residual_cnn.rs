//! A small residual network (He et al., 2015) as a functional model: `cargo run --release --example residual_cnn`.
//!
//! Pictures of clothing that come with the sources; with `--svg FILE` a picture of the model.

#[path = "support/args.rs"]
mod args;

use wgrad::{datasets, models::plot_model, prelude::*};

/// Two convolutions beside a shortcut, which halves the picture where `strides` is 2.
fn block(x: &Tensor, filters: usize, strides: usize) -> Tensor {
    let convolution = |strides| Conv2D::new(filters, 3).strides(strides).padding(Same).use_bias(false);
    let h = BatchNormalization::new().momentum(0.9).apply(&convolution(strides).apply(x)).relu();
    let h = BatchNormalization::new().momentum(0.9).apply(&convolution(1).apply(&h));
    let shortcut = if strides == 1 { x.clone() } else { Conv2D::new(filters, 1).strides(strides).apply(x) };
    (h + shortcut).relu()
}

pub fn model() -> Result<Model> {
    let pictures = Input::new([28, 28, 1]).name("pictures").symbol();
    let mut h = Conv2D::new(16, 3).padding(Same).activation(Relu).apply(&(&pictures * (1.0 / 255.0)));
    for (filters, strides) in [(16, 1), (32, 2), (64, 2)] {
        h = block(&h, filters, strides);
    }
    let classes = Dense::new(10).name("classes").apply(&GlobalAveragePooling2D::new().apply(&h));
    Model::new(&pictures, &classes)
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--epochs", "--batch", "--samples", "--device", "--svg"]);
    args.text("--device").map_or_else(Device::best, str::parse)?.set_default();
    set_random_seed(1);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/fashion-mnist-small");
    let data = datasets::fashion_mnist().data_dir(shipped).download(false).load()?;
    let samples = args.number("--samples", data.train.len()).min(data.train.len());
    let ((x, y), (x_test, y_test)) = (data.train.slice(0..samples).arrays(), data.test.arrays());

    let mut model = model()?;
    model.summary();
    if let Some(path) = args.text("--svg") {
        plot_model(&model, path)?;
    }
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::new().from_logits(true)).metric(Accuracy::new()).finish()?;
    model.fit((&x, &y)).epochs(args.number("--epochs", 5)).batch_size(args.number("--batch", 64)).run()?;
    println!("test accuracy: {:.4}", model.evaluate((&x_test, &y_test)).batch_size(250).run()?["accuracy"]);
    Ok(())
}
