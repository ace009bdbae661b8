//! Colours that change from image to image: hue, saturation and grey.

use super::{
    Draws, Factor, Frame, ImageOptions, Transform, Transformation,
    options::{BOTH, SHARE, check_value_range},
};
use crate::{
    Error, Result, Tensor,
    layers::Layer,
    ops::image::{hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv},
};

/// `x` from one range of values to another.
pub(super) fn rescaled(x: &Tensor, [low, high]: [f32; 2], [to_low, to_high]: [f32; 2]) -> Tensor {
    if [low, high] == [to_low, to_high] { x.clone() } else { (x - low) / (high - low) * (to_high - to_low) + to_low }
}

/// That images have red, green and blue.
fn check_rgb(frame: &Frame) -> Result<()> {
    if frame.channels == 3 {
        return Ok(());
    }
    Err(Error::shape(format!("expected images of three channels, red, green and blue, got {}", frame.channels)))
}

/// One of hue, saturation and value, which is 1 in the result; the others are 0.
fn mask_of(x: &Tensor, channel: i32) -> Tensor {
    x.numbers_to(3).equal(channel)
}

/// While training, the hue of each image turns, in either direction: `(N, H, W, 3)` to the same shape.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandomHue::new([0.0, 0.1]).value_range([0.0, 1.0]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomHue")]
pub struct RandomHue {
    /// How far, from 0 to 1, which is half of the wheel of colours: at most, or from where to where.
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

impl Transform for RandomHue {
    fn check(&self, frame: &Frame) -> Result<()> {
        check_rgb(frame)?;
        check_value_range(self.value_range)?;
        self.factor.over("factor", SHARE).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let factor = draws.each("factor", self.factor.over("factor", SHARE)?) * 0.5;
        Ok(Transformation::new([("factor", draws.sign("invert") * factor)]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let hsv = rgb_to_hsv(&rescaled(images, self.value_range, SHARE))?;
        let is_hue = mask_of(&hsv, 0);
        let hue = &hsv + drawn.of_images("factor")?;
        let hue = Tensor::where_(&hue.greater(1.0), &(&hue - 1.0), &hue);
        let hue = Tensor::where_(&hue.less(0.0), &(&hue + 1.0), &hue);
        let rgb = hsv_to_rgb(&Tensor::where_(&is_hue, &hue, &hsv))?;
        Ok(rescaled(&rgb.clip(0.0, 1.0), SHARE, self.value_range))
    }
}

/// While training, the saturation of each image is multiplied by `f / (1 - f)`: `(N, H, W, 3)` to the same shape.
///
/// ```
/// use wgrad::prelude::*;
/// let as_it_is_or_more = RandomSaturation::new([0.5, 0.75]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomSaturation")]
pub struct RandomSaturation {
    /// f: 0 is grey, 0.5 as it is, 1 full colour; at most, or from where to where.
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

impl Transform for RandomSaturation {
    fn check(&self, frame: &Frame) -> Result<()> {
        check_rgb(frame)?;
        check_value_range(self.value_range)?;
        self.factor.over("factor", BOTH).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let factor = draws.each("factor", self.factor.over("factor", BOTH)?);
        let rest = factor.negate() + (1.0 + 1e-7);
        Ok(Transformation::new([("factor", factor / rest)]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let ([low, high], hsv) = (self.value_range, rgb_to_hsv(images)?);
        let saturation = (&hsv * drawn.of_images("factor")?).clip(low, high);
        hsv_to_rgb(&Tensor::where_(&mask_of(&hsv, 1), &saturation, &hsv))
    }
}

/// While training, some images become grey: `(N, H, W, 3)` to the same shape.
///
/// ```
/// use wgrad::prelude::*;
/// let all = RandomGrayscale::new().factor(1.0).shared();
/// let red = Tensor::from_slice(&[1.0f32, 0.0, 0.0], [1, 1, 1, 3])?;
/// assert_eq!(all.call(&mut Call::new(Training::Yes, 42, 0), &red)?.to_vec::<f32>()?, [0.2989; 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomGrayscale")]
pub struct RandomGrayscale {
    /// How many, from 0 to 1.
    #[layer(default = 0.5)]
    factor: f32,
    /// What decides with the layer's name and the step; the model's seed if not set.
    #[layer(skip)]
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandomGrayscale {
    /// What decides with the layer's name and the step; the model's seed if not set. Keras' files do not hold it.
    #[must_use = "a setter returns the changed options"]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl Transform for RandomGrayscale {
    fn check(&self, frame: &Frame) -> Result<()> {
        check_rgb(frame)?;
        Factor::One(self.factor).over("factor", SHARE).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        Ok(Transformation::new([("should_apply", draws.each("should_apply", SHARE).less(self.factor))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        Ok(Tensor::where_(&drawn.of_images("should_apply")?, &rgb_to_grayscale(images)?, images))
    }
}

/// While training, each image loses some of its colour: `(N, H, W, 3)` to the same shape.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandomColorDegeneration::new([0.2, 0.6]).seed(42);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomColorDegeneration")]
pub struct RandomColorDegeneration {
    /// How much: 0 is nothing, 1 all of it; at most, or from where to where.
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

impl Transform for RandomColorDegeneration {
    fn check(&self, frame: &Frame) -> Result<()> {
        check_rgb(frame)?;
        check_value_range(self.value_range)?;
        self.factor.over("factor", BOTH).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        Ok(Transformation::new([("factor", draws.each("factor", self.factor.over("factor", BOTH)?))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let [low, high] = self.value_range;
        Ok((images + drawn.of_images("factor")? * (rgb_to_grayscale(images)? - images)).clip(low, high))
    }
}
