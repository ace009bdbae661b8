//! Sharpness, blur and elastic deformation.

use super::{
    BoundingBoxes, BoxFormat, Draws, Factor, Frame, ImageOptions, Transform, Transformation,
    options::{SHARE, check_value_range},
};
use crate::{
    Error, Result, Tensor,
    layers::{Layer, Sizes},
    ops::{
        ConvOptions, Interpolation, Padding,
        image::{FillMode, gaussian_blur, moved},
    },
};

/// While training, images get sharper or smoother: they are blended with, or moved away from, what a smoothing filter makes of them.
///
/// ```
/// use wgrad::prelude::*;
/// let sharper = RandomSharpness::new([0.5, 1.0]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomSharpness")]
pub struct RandomSharpness {
    /// 0 is smooth, 0.5 as it is, 1 sharp: at most, or from where to where.
    #[layer(new)]
    factor: Factor,
    /// The smallest and the largest value of a pixel.
    #[layer(default = [0.0, 255.0])]
    value_range: [f32; 2],
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl Transform for RandomSharpness {
    fn check(&self, _frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        self.factor.over("factor", SHARE).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        Ok(Transformation::new([("factor", draws.each("factor", self.factor.over("factor", SHARE)?))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let (channels, [low, high]) = (Frame::of(images)?.channels, self.value_range);
        let mut filter = [1.0 / 13.0; 9];
        filter[4] = 5.0 / 13.0;
        let filter = Tensor::from_slice_on(images.device(), &filter, [3, 3, 1, 1])?.broadcast_to([3, 3, channels, 1]);
        let smooth = images.depthwise_conv(&filter, &ConvOptions { padding: Padding::Same, ..ConvOptions::default() })?;
        let share = drawn.of_images("factor")? * -2.0 + 1.0;
        Ok((images + share * (smooth - images)).clip(low, high))
    }
}

/// While training, some images are blurred.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandomGaussianBlur::new().kernel_size(5).sigma([0.2, 1.0]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomGaussianBlur")]
pub struct RandomGaussianBlur {
    /// With which probability: at most, or from where to where.
    #[layer(default = Factor::One(1.0))]
    factor: Factor,
    /// Rows and columns of the filter, odd numbers.
    #[layer(default = Sizes::from(3))]
    kernel_size: Sizes<2>,
    /// Its standard deviation, from 0 to 1: at most, or from where to where.
    #[layer(default = Factor::One(1.0))]
    sigma: Factor,
    /// The smallest and the largest value of a pixel.
    #[layer(default = [0.0, 255.0])]
    value_range: [f32; 2],
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl Transform for RandomGaussianBlur {
    fn check(&self, _frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        if self.kernel_size.iter().any(|size| size % 2 == 0) {
            return Err(Error::invalid(format!("kernel_size is odd, got {:?}", *self.kernel_size)));
        }
        self.factor.over("factor", SHARE)?;
        self.sigma.over("sigma", SHARE).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let blurred = draws.whether("blur", self.factor.over("factor", SHARE)?);
        let sigma = draws.uniform("sigma", [2], self.sigma.over("sigma", SHARE)?) + 1e-6;
        Ok(Transformation::new([("should_apply_blur", blurred), ("blur_factor", sigma)]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let [low, high] = self.value_range;
        let blurred = gaussian_blur(images, *self.kernel_size, drawn.get("blur_factor")?)?;
        Ok(Tensor::where_(&drawn.of_images("should_apply_blur")?, &blurred, images).clip(low, high))
    }
}

/// While training, some images are deformed: each pixel moves by smooth noise.
///
/// ```
/// use wgrad::prelude::*;
/// let half_of_the_images = RandomElasticTransform::new().factor([0.5, 0.5]).scale(0.4);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomElasticTransform")]
pub struct RandomElasticTransform {
    /// With which probability: at most, or from where to where.
    #[layer(default = Factor::One(1.0))]
    factor: Factor,
    /// How far and how smoothly, from 0 to 1: at most, or from where to where.
    #[layer(default = Factor::One(1.0))]
    scale: Factor,
    /// Between pixels: nearest or bilinear.
    interpolation: Interpolation,
    /// What is around the image.
    #[layer(default = FillMode::Reflect)]
    fill_mode: FillMode,
    /// What is around the image with a constant `fill_mode`.
    fill_value: f32,
    /// The smallest and the largest value of a pixel.
    #[layer(default = [0.0, 255.0])]
    value_range: [f32; 2],
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandomElasticTransform {
    fn deformed(&self, x: &Tensor, drawn: &Transformation, interpolation: Interpolation) -> Result<Tensor> {
        let (Frame { height, width, .. }, [low, high]) = (Frame::of(x)?, self.value_range);
        let least = height.min(width) as f32 * 0.05;
        let factor = drawn.get("distortion_factor")?;
        let (alpha, sigma) = (factor * (height.max(width) as f32 * 0.1), factor * least);
        let largest = self.scale.over("scale", SHARE)?[1] * least;
        let noise = [drawn.get("across")?.clone(), drawn.get("down")?.clone()];
        let deformed = moved(x, noise, &alpha, &sigma, largest, (interpolation, self.fill_mode, self.fill_value))?;
        Ok(Tensor::where_(&drawn.of_images("apply_transform")?, &deformed, x).clip(low, high))
    }
}

impl Transform for RandomElasticTransform {
    fn check(&self, _frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        if !matches!(self.interpolation, Interpolation::Nearest | Interpolation::Bilinear) {
            return Err(Error::invalid(format!("interpolation is nearest or bilinear, not {:?}", self.interpolation)));
        }
        self.factor.over("factor", SHARE)?;
        self.scale.over("scale", SHARE).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let Frame { batch, height, width, .. } = draws.frame;
        let [across, down] = ["across", "down"].map(|axis| draws.normal(axis, [batch, height, width, 1]));
        Ok(Transformation::new([
            ("apply_transform", draws.whether("apply", self.factor.over("factor", SHARE)?)),
            // Of a deviation of nothing there would be no curve.
            ("distortion_factor", draws.uniform("distortion", [], self.scale.over("scale", SHARE)?).maximum(1e-6)),
            ("across", across),
            ("down", down),
        ]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.deformed(images, drawn, self.interpolation)
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.deformed(masks, drawn, Interpolation::Nearest)
    }

    fn boxes(&self, _boxes: &BoundingBoxes, _format: BoxFormat, _frame: &Frame, _drawn: &Transformation) -> Result<BoundingBoxes> {
        Err(Error::invalid("a deformed box is no box: this layer cannot move bounding boxes, nor can Keras'"))
    }
}
