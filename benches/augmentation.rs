//! Augmentation of batches of photos on the CPU: milliseconds a batch, and how fast its pixels are read and written.
//!
//! `cargo bench --bench augmentation`; `benches/augmentation.py` measures Keras.

use std::time::Instant;
use wgrad::prelude::*;

fn layers() -> Vec<LayerRef> {
    vec![
        RandomFlip::new().shared(),
        RandomRotation::new(0.1).shared(),
        RandomTranslation::new(0.1, 0.1).shared(),
        RandomZoom::new(0.2).shared(),
        RandomCrop::new(24, 24).shared(),
        RandomContrast::new(0.5).shared(),
        RandomBrightness::new(0.3).shared(),
        RandomHue::new(0.5).shared(),
        RandomSharpness::new(0.8).shared(),
        RandomGaussianBlur::new().shared(),
        RandomErasing::new().fill_value(0.0).shared(),
        RandomPerspective::new().shared(),
        Equalization::new().shared(),
        MixUp::new().shared(),
        RandAugment::new().shared(),
    ]
}

fn main() -> Result<()> {
    Device::cpu().set_default();
    for (batch, size) in [(64usize, 32usize), (16, 224)] {
        let x = Tensor::arange(0.0, (batch * size * size * 3) as f32, 1.0).reshape([batch, size, size, 3]);
        let x = x.floor_mod(251.0);
        x.compute()?;
        println!("{batch} x {size} x {size} x 3");
        for layer in layers() {
            let mut times = Vec::new();
            for step in 0..12 {
                let start = Instant::now();
                layer.call(&mut Call::new(Training::Yes, 1, step), &x)?.compute()?;
                times.push(start.elapsed().as_secs_f64());
            }
            times.sort_by(f64::total_cmp);
            let (median, bytes) = (times[times.len() / 2], 8 * x.size());
            println!("{:24} {:8.3} ms {:7.2} GB/s", layer.class_name(), median * 1e3, bytes as f64 / median / 1e9);
        }
    }
    Ok(())
}
