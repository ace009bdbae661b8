//! Curves of values: inversion, posterization, solarization, automatic contrast.

use super::{
    Draws, Factor, Frame, ImageOptions, Transform, Transformation,
    colour::rescaled,
    options::{SHARE, check_value_range},
};
use crate::{
    DType, Error, Result, Tensor,
    layers::{Call, Layer},
};

/// The values of a byte.
pub(super) const BYTES: [f32; 2] = [0.0, 255.0];

/// While training, some images are inverted: the largest value less each pixel.
///
/// ```
/// use wgrad::prelude::*;
/// let all = RandomInvert::new().factor([1.0, 1.0]).shared();
/// let image = Tensor::full([1, 1, 1, 3], 55.0f32);
/// assert_eq!(all.call(&mut Call::new(Training::Yes, 42, 0), &image)?.to_vec::<f32>()?, [200.0; 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomInvert")]
pub struct RandomInvert {
    /// With which probability: at most, or from where to where.
    #[layer(default = Factor::One(1.0))]
    factor: Factor,
    /// The smallest and the largest value of a pixel.
    #[layer(default = BYTES)]
    value_range: [f32; 2],
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl Transform for RandomInvert {
    fn check(&self, _frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        self.factor.over("factor", SHARE).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        Ok(Transformation::new([("apply_inversion", draws.whether("invert", self.factor.over("factor", SHARE)?))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        Ok(Tensor::where_(&drawn.of_images("apply_inversion")?, &(images.negate() + self.value_range[1]), images))
    }
}

/// While training, values of images keep so many of their 8 bits only.
///
/// ```
/// use wgrad::prelude::*;
/// let four_bits = RandomPosterization::new([4.0, 5.0]).shared();
/// let image = Tensor::full([1, 1, 1, 3], 100.0f32);
/// assert_eq!(four_bits.call(&mut Call::new(Training::Yes, 42, 0), &image)?.to_vec::<f32>()?, [96.0; 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomPosterization")]
pub struct RandomPosterization {
    /// How many bits, from 1 to 8: less than so many, or from how many to less than how many.
    #[layer(new)]
    factor: Factor,
    /// The smallest and the largest value of a pixel.
    #[layer(default = BYTES)]
    value_range: [f32; 2],
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl Transform for RandomPosterization {
    fn check(&self, _frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        self.factor.over("factor", [1.0, 8.0]).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let [from, to] = self.factor.over("factor", [1.0, 8.0])?;
        let bits = draws.each("factor", [from, to]).floor().clip(from, (to - 1.0).max(from));
        Ok(Transformation::new([("shift_factor", bits.negate() + 8.0)]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let shift = drawn.of_images("shift_factor")?.cast(DType::I32);
        let step = shift.ones_like().left_shift(&shift).cast(DType::F32);
        let bytes = (rescaled(images, self.value_range, BYTES).floor() / &step).floor() * step;
        Ok(rescaled(&bytes, BYTES, self.value_range))
    }
}

/// While training, something is added to the values of each image, then those from a threshold on are inverted.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Solarization::new().addition_factor(0.2).threshold_factor([0.4, 0.6]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Solarization")]
pub struct Solarization {
    /// How much is added, a share of the range of values: at most, or from where to where.
    #[layer(default = Factor::One(0.0))]
    addition_factor: Factor,
    /// Where the threshold lies.
    #[layer(default = Factor::One(0.0))]
    threshold_factor: Factor,
    /// The smallest and the largest value of a pixel.
    #[layer(default = BYTES)]
    value_range: [f32; 2],
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl Solarization {
    /// Additions and thresholds as bytes; Keras takes the lower bound as it is.
    fn bounds(&self) -> Result<[[f32; 2]; 2]> {
        let bounds = |factor: Factor, name: &str| factor.over(name, SHARE).map(|[low, high]| [low, high * 255.0]);
        Ok([bounds(self.addition_factor, "addition_factor")?, bounds(self.threshold_factor, "threshold_factor")?])
    }
}

impl Transform for Solarization {
    fn check(&self, _frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        self.bounds().map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let [additions, thresholds] = self.bounds()?;
        Ok(Transformation::new([("additions", draws.each("additions", additions)), ("thresholds", draws.each("thresholds", thresholds))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let x = (rescaled(images, self.value_range, BYTES) + drawn.of_images("additions")?).clip(0.0, 255.0);
        let solar = Tensor::where_(&x.less(drawn.of_images("thresholds")?), &x, &(x.negate() + 255.0));
        Ok(rescaled(&solar, BYTES, self.value_range))
    }
}

/// The values of each channel of each image are stretched over the whole range, in training and outside of it.
///
/// ```
/// use wgrad::prelude::*;
/// let image = Tensor::from_slice(&[10.0f32, 11.0, 11.0, 10.0], [1, 2, 2, 1])?;
/// assert_eq!(AutoContrast::new().apply(&image).to_vec::<f32>()?, [0.0, 255.0, 255.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.AutoContrast")]
pub struct AutoContrast {
    /// The smallest and the largest value of a pixel.
    #[layer(default = BYTES)]
    value_range: [f32; 2],
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl Transform for AutoContrast {
    fn check(&self, _frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)
    }

    fn acts(&self, _call: &Call) -> bool {
        true
    }

    fn draw(&self, _draws: &Draws) -> Result<Transformation> {
        Ok(Transformation::default())
    }

    fn images(&self, images: &Tensor, _drawn: &Transformation) -> Result<Tensor> {
        let (axes, x) = ([1, 2], rescaled(images, self.value_range, BYTES));
        let (low, high) = (x.min(&axes).keep_dims(x.shape(), &axes), x.max(&axes).keep_dims(x.shape(), &axes));
        let differ = high.greater(&low);
        let scale = Tensor::where_(&differ, &(&high - &low), &high.ones_like()).reciprocal() * 255.0;
        let stretched = (x * &scale - low * scale).clip(0.0, 255.0);
        // Where all values are equal there is nothing to stretch.
        Ok(Tensor::where_(&differ, &rescaled(&stretched, BYTES, self.value_range), images))
    }
}

/// That images have pixels.
pub(super) fn check_pixels(frame: &Frame) -> Result<()> {
    if frame.height > 0 && frame.width > 0 {
        return Ok(());
    }
    Err(Error::shape(format!("images of {} x {} have no pixels", frame.height, frame.width)))
}
