//! Rows of the table for augmentations.

use super::Row;
use wgrad::{layers::DataFormat::ChannelsFirst, ops::image::FillMode, prelude::*};

/// Adds a little of what a layer without a gradient gives.
#[derive(Layer, Clone, Debug)]
#[layer(package = "tests")]
struct Beside {
    /// The layer.
    #[layer(new)]
    inner: LayerRef,
}

impl SimpleLayer for Beside {
    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        Ok(x + self.inner.call(call, x)? * 1e-3)
    }
}

fn beside(layer: impl Into<LayerRef>) -> LayerRef {
    Beside::new(layer).shared()
}

pub fn rows() -> Vec<Row> {
    const RANGE: [f32; 2] = [-2.0, 2.0];
    let row = |name, layer| Row { name, layer, input: &[4, 6, 5, 3], output: &[4, 6, 5, 3], parameters: (0, 0) };
    let first: fn() -> LayerRef = || RandomRotation::new(0.2).data_format(ChannelsFirst).shared();
    let crop: fn() -> LayerRef = || RandomCrop::new(5, 6).shared();
    vec![
        row("RandomFlip", || RandomFlip::new().shared()),
        row("RandomRotation", || RandomRotation::new(0.2).shared()),
        Row { input: &[2, 3, 6, 5], output: &[2, 3, 6, 5], ..row("RandomRotation of first channels", first) },
        row("RandomZoom", || RandomZoom::new([-0.4, 0.3]).fill_mode(FillMode::Wrap).shared()),
        row("RandomTranslation", || RandomTranslation::new(0.3, 0.3).fill_mode(FillMode::Nearest).shared()),
        row("RandomShear", || RandomShear::new().x_factor(0.4).fill_mode(FillMode::Constant).shared()),
        row("RandomPerspective", || RandomPerspective::new().scale(0.5).shared()),
        row("RandomElasticTransform", || RandomElasticTransform::new().value_range(RANGE).shared()),
        Row { input: &[2, 5, 6, 3], output: &[2, 5, 6, 3], ..row("RandomCrop", crop) },
        row("RandomContrast", || RandomContrast::new(0.5).value_range(RANGE).shared()),
        row("RandomBrightness", || RandomBrightness::new(0.1).value_range(RANGE).shared()),
        row("RandomHue", || RandomHue::new(0.5).value_range([-1.1, 1.1]).shared()),
        row("RandomSaturation", || {
            Pipeline::new([Rescaling::new(0.4).offset(0.5).shared(), RandomSaturation::new([0.3, 0.6]).shared()]).shared()
        }),
        row("RandomSharpness", || RandomSharpness::new(1.0).value_range(RANGE).shared()),
        row("RandomGrayscale", || RandomGrayscale::new().shared()),
        row("RandomErasing", || RandomErasing::new().value_range(RANGE).shared()),
        row("RandomColorDegeneration", || RandomColorDegeneration::new(0.5).value_range(RANGE).shared()),
        row("RandomGaussianBlur", || RandomGaussianBlur::new().value_range(RANGE).shared()),
        row("RandomColorJitter", || RandomColorJitter::new().brightness_factor(0.1).contrast_factor(0.2).value_range(RANGE).shared()),
        row("RandomInvert", || RandomInvert::new().value_range(RANGE).shared()),
        row("RandomPosterization", || beside(RandomPosterization::new(5.0).value_range(RANGE))),
        row("Solarization", || beside(Solarization::new().threshold_factor(0.5).value_range(RANGE))),
        row("AutoContrast", || AutoContrast::new().value_range(RANGE).shared()),
        row("Equalization", || beside(Equalization::new().value_range(RANGE))),
        row("ContrastLimitedAdaptiveHistogramEqualization", || {
            beside(ContrastLimitedAdaptiveHistogramEqualization::new().value_range(RANGE).tile_grid_size(2))
        }),
        row("MixUp", || MixUp::new().shared()),
        row("CutMix", || CutMix::new().shared()),
        row("RandAugment", || beside(RandAugment::new().value_range(RANGE))),
        row("AugMix", || beside(AugMix::new().value_range(RANGE))),
        row("MaxNumBoundingBoxes", || MaxNumBoundingBoxes::new(4).shared()),
        row("Pipeline", || Pipeline::new([RandomFlip::new().shared(), RandomTranslation::new(0.2, 0.2).shared()]).shared()),
    ]
}

/// Layers with inputs or options that are wrong, and what they say.
pub fn wrong_inputs() -> Vec<(LayerRef, &'static [usize], &'static str)> {
    vec![
        (RandomFlip::new().shared(), &[8, 8], "expected (N, H, W, C), got (None, 8, 8)"),
        (RandomFlip::new().data_format(ChannelsFirst).shared(), &[8, 8], "expected (N, C, H, W), got (None, 8, 8)"),
        (RandomRotation::new(2.0).shared(), &[8, 8, 3], "factor is a number, or two, from -1 to 1, got 2"),
        (RandomRotation::new(0.1).interpolation(Interpolation::Bicubic).shared(), &[8, 8, 3], "interpolation is nearest or bilinear"),
        (RandomTranslation::new(0.1, 0.1).fill_mode(FillMode::Mirror).shared(), &[8, 8, 3], "not mirror"),
        (RandomTranslation::new([0.1, 1.5], 0.1).shared(), &[8, 8, 3], "height_factor is a number, or two, from -1 to 1, got [0.1,1.5]"),
        (RandomZoom::new([-1.0, 0.1]).shared(), &[8, 8, 3], "height_factor is above -1"),
        (RandomCrop::new(0, 4).shared(), &[8, 8, 3], "a window of 0 x 4 does not fit images of 8 x 8"),
        (RandomHue::new(0.5).shared(), &[8, 8, 4], "expected images of three channels, red, green and blue, got 4"),
        (RandomContrast::new(0.5).value_range([1.0, 1.0]).shared(), &[8, 8, 3], "value_range names the smallest and the largest value"),
        (RandomGaussianBlur::new().kernel_size(4).shared(), &[8, 8, 3], "kernel_size is odd, got [4, 4]"),
        (RandomErasing::new().fill_value([1.0, 2.0]).shared(), &[8, 8, 3], "2 fill values for 3 channels"),
        (Equalization::new().bins(1).shared(), &[8, 8, 3], "bins is at least 2, got 1"),
        (MixUp::new().alpha(0.0).shared(), &[8, 8, 3], "alpha is a positive number, got 0"),
    ]
}
