//! Brightness and contrast, and both with colours.

use super::{
    Draws, Factor, Frame, ImageOptions, RandomHue, RandomSaturation, Transform, Transformation,
    options::{BOTH, SHARE, check_value_range},
};
use crate::{Result, Tensor, layers::Layer};

/// While training, each image gets brighter or darker: a share of the range of values is added to all of its pixels.
///
/// ```
/// use wgrad::prelude::*;
/// let brighter = RandomBrightness::new([0.5, 0.5]).shared();
/// let image = Tensor::full([1, 1, 1, 3], 100.0f32);
/// assert_eq!(brighter.call(&mut Call::new(Training::Yes, 42, 0), &image)?.to_vec::<f32>()?, [227.5; 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomBrightness")]
pub struct RandomBrightness {
    /// The share, from -1 to 1: at most in both directions, or from where to where.
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

impl Transform for RandomBrightness {
    fn check(&self, _frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        self.factor.over("factor", BOTH).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let [low, high] = self.value_range;
        let bounds = self.factor.over("factor", BOTH)?.map(|share| share * (high - low));
        Ok(Transformation::new([("rgb_delta", draws.each("rgb_delta", bounds))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let [low, high] = self.value_range;
        Ok((images + drawn.of_images("rgb_delta")?).clip(low, high))
    }
}

/// While training, the distance of each pixel from its image's mean, channel by channel, is multiplied by a number of the image.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandomContrast::new([0.2, 0.4]).value_range([0.0, 1.0]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomContrast")]
pub struct RandomContrast {
    /// By how much less and more than one, from 0 to 1: as two numbers; one alone is by how much more.
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

impl Transform for RandomContrast {
    fn check(&self, _frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        self.factor.over("factor", SHARE).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let [less, more] = self.factor.over("factor", SHARE)?;
        Ok(Transformation::new([("contrast_factor", draws.each("contrast_factor", [1.0 - less, 1.0 + more]))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let [low, high] = self.value_range;
        let mean = images.mean(&[1, 2]).keep_dims(images.shape(), &[1, 2]);
        Ok(((images - &mean) * drawn.of_images("contrast_factor")? + mean).clip(low, high))
    }
}

/// While training, brightness, contrast, saturation and hue of each image change, as by the layers of these names: `(N, H, W, 3)` to the
/// same shape. Those without a factor stay.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandomColorJitter::new().brightness_factor(0.2).hue_factor([0.1, 0.3]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomColorJitter")]
pub struct RandomColorJitter {
    /// The smallest and the largest value of a pixel.
    #[layer(default = [0.0, 255.0])]
    value_range: [f32; 2],
    /// As of [`RandomBrightness`].
    brightness_factor: Option<Factor>,
    /// As of [`RandomContrast`].
    contrast_factor: Option<Factor>,
    /// As of [`RandomSaturation`].
    saturation_factor: Option<Factor>,
    /// As of [`RandomHue`].
    hue_factor: Option<Factor>,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandomColorJitter {
    /// What it is made of, in order.
    fn parts(&self) -> Vec<(&'static str, Box<dyn Transform>)> {
        let range = self.value_range;
        let mut parts: Vec<(&'static str, Box<dyn Transform>)> = Vec::new();
        if let Some(factor) = self.brightness_factor {
            parts.push(("random_brightness", Box::new(RandomBrightness::new(factor).value_range(range))));
        }
        if let Some(factor) = self.contrast_factor {
            parts.push(("random_contrast", Box::new(RandomContrast::new(factor).value_range(range))));
        }
        if let Some(factor) = self.saturation_factor {
            parts.push(("random_saturation", Box::new(RandomSaturation::new(factor).value_range(range))));
        }
        if let Some(factor) = self.hue_factor {
            parts.push(("random_hue", Box::new(RandomHue::new(factor).value_range(range))));
        }
        parts
    }
}

impl Transform for RandomColorJitter {
    fn check(&self, frame: &Frame) -> Result<()> {
        self.parts().iter().try_for_each(|(_, part)| part.check(frame))
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let with = |drawn: Transformation, (name, part): &(&'static str, Box<dyn Transform>)| {
            Ok(drawn.with(name, part.draw(&draws.inside(name))?))
        };
        self.parts().iter().try_fold(Transformation::default(), with)
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let parts = self.parts();
        parts.iter().try_fold(images.clone(), |x, (name, part)| part.images(&x, drawn.part(name)))
    }
}
