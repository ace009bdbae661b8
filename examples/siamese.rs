//! A siamese network (Bromley et al., 1993): one tower for both pictures of a pair says whether they show the same sort of clothing:
//! `cargo run --release --example siamese`. Pictures come with the sources; `--data DIR` takes all of Fashion-MNIST.

#[path = "support/args.rs"]
mod args;

use wgrad::{
    datasets::{self, Images},
    prelude::*,
    random::RandomKey,
};

pub fn model() -> Result<Model> {
    let tower = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Rescaling::new(1.0 / 255.0))
        .add(Conv2D::new(16, 3).activation(Relu))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(32, 3).activation(Relu))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dense::new(64))
        .name("tower")
        .build()?
        .as_layer()?;
    let (one, other) = (Input::new([28, 28, 1]).name("one").symbol(), Input::new([28, 28, 1]).name("other").symbol());
    // Called twice, built once: both pictures see the same weights.
    let difference = (tower.clone().apply(&one) - tower.apply(&other)).abs();
    let same = Dense::new(1).activation(Sigmoid).name("same").apply(&BatchNormalization::new().apply(&difference));
    Model::new([&one, &other], &same)
}

/// Each picture with another one, by turns of the same sort and of another; and 1 where it is the same.
fn pairs(images: &Images, count: usize) -> Result<([Array; 2], Array)> {
    let order = RandomKey::new(3, "pairs", 0).permutation(images.len());
    let partner = |at: usize| {
        let mut others = (1..images.len()).map(|step| order[(at + step) % images.len()]);
        let fits = |other: &usize| (images.labels[*other] == images.labels[order[at]]) == at.is_multiple_of(2);
        others.find(fits).unwrap_or(order[at])
    };
    let count = count.min(images.len());
    let [_, height, width, channels] = images.shape;
    let array = |indices: &mut dyn Iterator<Item = usize>| {
        let bytes: Vec<u8> = indices.flat_map(|index| images.image(index).iter().copied()).collect();
        Array::new(bytes, [count, height, width, channels])
    };
    let both = [array(&mut order[..count].iter().copied())?, array(&mut (0..count).map(partner))?];
    let same = (0..count).map(|at| f32::from(images.labels[order[at]] == images.labels[partner(at)])).collect::<Vec<_>>();
    Ok((both, Array::new(same, [count, 1])?))
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--data", "--epochs", "--samples", "--device"]);
    args.text("--device").map_or_else(Device::best, str::parse)?.set_default();
    set_random_seed(5);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/fashion-mnist-small");
    let data = datasets::fashion_mnist().data_dir(args.text("--data").unwrap_or(shipped)).download(false).load()?;
    let samples = args.number("--samples", usize::MAX);
    let ((x, same), (x_test, same_test)) = (pairs(&data.train, samples)?, pairs(&data.test, samples)?);

    let mut model = model()?;
    model.summary();
    model.compile(Adam::new(1e-3), BinaryCrossentropy::new()).metric(BinaryAccuracy::new()).finish()?;
    model.fit((&x[..], &same)).epochs(args.number("--epochs", 8)).batch_size(64).run()?;
    let scores = model.evaluate((&x_test[..], &same_test)).batch_size(250).run()?;
    println!("pairs of held-out pictures told right: {:.1}%", 100.0 * scores["binary_accuracy"]);
    Ok(())
}
