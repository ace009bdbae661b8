//! A classifier of photos that sees each one flipped, moved, turned, in other light and with a part erased: the layers that do so are part
//! of the model. Writes a picture of what they make of the first photos.
//!
//! `cargo run --release --example augmentation -- --data DIR --epochs 10 --batch 64 --device cpu --picture augmented.bmp`

#[path = "support/args.rs"]
mod args;
#[path = "support/ctrl_c.rs"]
mod ctrl_c;
#[path = "support/picture.rs"]
mod picture;

use wgrad::{data::Values, datasets, layers::FlipMode, ops::image::FillMode, prelude::*};

fn augmentation() -> LayerRef {
    Pipeline::new([
        RandomFlip::new().mode(FlipMode::Horizontal).shared(),
        RandomTranslation::new(0.1, 0.1).shared(),
        RandomRotation::new(0.03).fill_mode(FillMode::Nearest).shared(),
        RandomColorJitter::new().brightness_factor(0.15).contrast_factor(0.3).hue_factor(0.05).shared(),
        RandomErasing::new().factor(0.5).scale([0.02, 0.1]).shared(),
    ])
    .name("augmentation")
}

pub fn model() -> Result<Model> {
    let block = |model: Sequential, filters: usize| {
        model
            .add(Conv2D::new(filters, 3).padding(Same).use_bias(false))
            .add(BatchNormalization::new())
            .add(Activation::new(Relu))
            .add(MaxPooling2D::new(2))
    };
    let input = Sequential::new().add(Input::new([32, 32, 3])).add(augmentation()).add(Rescaling::new(1.0 / 127.5).offset(-1.0));
    block(block(block(input, 32), 64), 128).add(GlobalAveragePooling2D::new()).add(Dropout::new(0.2)).add(Dense::new(10)).build()
}

/// Eight photos as they are, and below each seven times as the layers change it.
fn picture(photos: &Tensor) -> Result<Vec<u8>> {
    let layer = augmentation();
    let change = |step| layer.call(&mut Call::new(Training::Yes, 1, step), photos);
    let rows: Vec<Tensor> = (0..7).map(change).collect::<Result<_>>()?;
    let rows: Vec<&Tensor> = std::iter::once(photos).chain(&rows).collect();
    // (rows, photos, H, W, C) to lines of all photos of a row.
    let sheet = Tensor::stack(&rows, 0).permute(&[0, 2, 1, 3, 4]);
    Ok(picture::bitmap(&sheet.to_vec::<f32>()?, photos.shape()[0] * photos.shape()[2]))
}

fn main() -> Result<()> {
    let args = args::Args::parse(&["--data", "--epochs", "--batch", "--device", "--seed", "--samples", "--picture"]);
    match args.text("--device") {
        Some(name) => name.parse::<Device>()?.set_default(),
        None => Device::best()?.set_default(),
    }
    set_random_seed(args.number("--seed", 1));
    println!("device: {}", Device::current()?);

    let loader = datasets::cifar10();
    let data = args.text("--data").map_or(loader.clone(), |folder| loader.data_dir(folder)).load()?;
    let samples = args.number("--samples", data.train.len()).min(data.train.len());
    let ((x, y), (x_test, y_test)) = (data.train.slice(0..samples).arrays(), data.test.arrays());

    let path = args.text("--picture").unwrap_or("augmented.bmp");
    let (photos, _) = data.train.slice(0..8.min(samples)).arrays();
    let Values::U8(bytes) = photos.values() else { return Err(Error::new(ErrorKind::Data, "photos are bytes")) };
    let photos = Tensor::from_slice(&bytes.iter().map(|&x| f32::from(x)).collect::<Vec<_>>(), photos.shape().clone())?;
    std::fs::write(path, picture(&photos)?).map_err(|error| Error::from(error).at(path))?;
    println!("photos and what becomes of them: {path}");

    let mut model = model()?;
    model.summary();
    model.compile(Adam::new(2e-3), SparseCategoricalCrossentropy::new().from_logits(true)).metric(Accuracy::new()).finish()?;
    let history = model
        .fit((&x, &y))
        .epochs(args.number("--epochs", 10))
        .batch_size(args.number("--batch", 64))
        .validation_data((&x_test, &y_test))
        .stop_flag(ctrl_c::stop_flag())
        .run()?;
    println!("best test accuracy: {:.4}", history.get("val_accuracy").unwrap_or(&[]).iter().copied().fold(0.0, f64::max));
    Ok(())
}
