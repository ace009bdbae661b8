//! Training that begins here, goes on in Python, and comes back, optimizer and all:
//!
//! ```sh
//! cargo run --release --example there_and_back -- --folder DIR    # trains, and saves DIR/there.keras
//! python examples/there_and_back.py DIR                           # trains on with Keras, and saves DIR/back.keras
//! cargo run --release --example there_and_back -- --folder DIR    # compares predictions, and trains on
//! ```

#[path = "support/args.rs"]
mod args;

use wgrad::{data::Values, datasets, formats::npy, models::load_model, prelude::*};

fn model() -> Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Rescaling::new(1.0 / 255.0))
        .add(Conv2D::new(16, 3).activation(Relu))
        .add(BatchNormalization::new())
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dense::new(10).activation(Softmax))
        .build()?;
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::new()).metric(Accuracy::new()).finish()?;
    Ok(model)
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--folder", "--samples"]);
    let folder = std::path::PathBuf::from(args.text("--folder").unwrap_or("target/there_and_back"));
    std::fs::create_dir_all(&folder)?;
    Device::best()?.set_default();
    set_random_seed(9);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/fashion-mnist-small");
    let pictures = datasets::fashion_mnist().data_dir(shipped).download(false).load()?.train;
    let (x, y) = pictures.slice(0..args.number("--samples", pictures.len())).arrays();

    let back = folder.join("back.keras");
    if !back.exists() {
        let mut model = model()?;
        model.fit((&x, &y)).batch_size(64).run()?;
        model.save(folder.join("there.keras"))?;
        npy::save_npz(folder.join("data.npz"), &[("x", &x), ("y", &y)])?;
        println!("saved {}; now: python examples/there_and_back.py {}", folder.join("there.keras").display(), folder.display());
        return Ok(());
    }
    let mut model = load_model(&back)?;
    let ours: Vec<f32> = model.predict(&x).batch_size(64).run()?.to_vec()?;
    let theirs = npy::open(folder.join("predictions.npy"))?;
    let Values::F32(theirs) = theirs.values() else { return Err(Error::new(ErrorKind::Data, "predictions.npy holds no float32")) };
    let difference = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max);
    println!("predictions differ from those in Python by at most {difference:e}");
    model.fit((&x, &y)).batch_size(64).run()?;
    Ok(())
}
