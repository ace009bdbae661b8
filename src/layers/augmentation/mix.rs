//! Images mixed with others of their batch, and with noise: MixUp, CutMix and erasing.

use super::{
    BoundingBoxes, BoxFormat, Draws, Factor, Frame, ImageOptions, Transform, Transformation,
    options::{SHARE, check_value_range},
};
use crate::{
    DType, Error, Result, Tensor,
    config::{Json, Reader, Value},
    layers::Layer,
};

/// One-hot labels (N, K) mixed with those of other images.
fn mixed(labels: &Tensor, drawn: &Transformation) -> Result<Tensor> {
    if labels.rank() != 2 {
        return Err(Error::shape(format!("expected labels (N, K), one-hot, which can be mixed, got {}", labels.shape())));
    }
    let (weight, labels) = (drawn.get("mix_weight")?, labels.cast(DType::F32));
    let weight = weight.reshape([weight.size(), 1]);
    Ok(&weight * &labels + (weight.negate() + 1.0) * labels.take(drawn.get("permutation_order")?, 0))
}

/// While training, each image is blended with another one of its batch, and so are one-hot labels (Zhang et al., 2017).
///
/// ```
/// use wgrad::{layers::Samples, prelude::*};
/// let samples = Samples::new(&Tensor::ones([4, 8, 8, 3])).labels(&Tensor::eye(4));
/// let mixed = samples.through(&MixUp::new().shared(), &mut Call::new(Training::Yes, 42, 0))?;
/// assert_eq!(mixed.labels.expect("they went in").shape()[..], [4, 4]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.MixUp")]
pub struct MixUp {
    /// Weights are distributed by Beta(alpha, alpha): small ones leave most images nearly as they are.
    #[layer(default = 0.2)]
    alpha: f32,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl MixUp {
    fn blended(x: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let (weight, x) = (drawn.of_images("mix_weight")?, x.cast(DType::F32));
        Ok(&weight * &x + (weight.negate() + 1.0) * x.take(drawn.get("permutation_order")?, 0))
    }
}

impl Transform for MixUp {
    fn check(&self, _frame: &Frame) -> Result<()> {
        if self.alpha > 0.0 {
            return Ok(());
        }
        Err(Error::invalid(format!("alpha is a positive number, got {}", self.alpha)))
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let weight = draws.beta("mix_weight", [draws.frame.batch], &draws.constant(&[self.alpha], [])?);
        Ok(Transformation::new([("mix_weight", weight), ("permutation_order", draws.order("permutation_order"))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        Self::blended(images, drawn)
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        Self::blended(masks, drawn)
    }

    fn labels(&self, labels: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        mixed(labels, drawn)
    }

    fn boxes(&self, boxes: &BoundingBoxes, _format: BoxFormat, _frame: &Frame, drawn: &Transformation) -> Result<BoundingBoxes> {
        let order = drawn.get("permutation_order")?;
        let both = |x: &Tensor| Tensor::concat(&[x, &x.take(order, 0)], 1);
        Ok(BoundingBoxes { boxes: both(&boxes.boxes), labels: both(&boxes.labels) })
    }
}

/// Windows of images that are so large, each side a share `(N,)` of the image's: where they lie, (N, H, W, 1), and their areas as shares, (N,).
fn windows(draws: &Draws, across: &Tensor, down: &Tensor) -> (Tensor, Tensor) {
    let Frame { height, width, .. } = draws.frame;
    let span = |what: &str, share: &Tensor, length: usize, shape: [usize; 3]| {
        let size = share * length as f32;
        let start = draws.each(what, SHARE) * (size.negate() + length as f32);
        let wide = |x: &Tensor| x.reshape([x.size(), 1, 1, 1]);
        let places = size.numbers_to(length).cast(DType::F32).reshape(shape);
        let (start, end) = (wide(&start), wide(&(&start + &size)));
        (places.greater_equal(&start).logical_and(&places.less(&end)), size)
    };
    let (columns, wide) = span("across", across, width, [1, width, 1]);
    let (rows, high) = span("down", down, height, [height, 1, 1]);
    (columns.logical_and(&rows), wide * high / (width * height) as f32)
}

/// While training, a window of each image shows another image of its batch, and one-hot labels are mixed by its area (Yun et al., 2019).
///
/// ```
/// use wgrad::{layers::Samples, prelude::*};
/// let samples = Samples::new(&Tensor::ones([4, 8, 8, 3])).labels(&Tensor::eye(4));
/// let mixed = samples.through(&CutMix::new().shared(), &mut Call::new(Training::Yes, 42, 0))?;
/// assert_eq!(mixed.images.to_vec::<f32>()?, [1.0; 4 * 8 * 8 * 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.CutMix")]
pub struct CutMix {
    /// Areas are distributed by Beta(a, a); a is at most so much, or from where to where, from 0 to 1.
    #[layer(default = Factor::One(1.0))]
    factor: Factor,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl CutMix {
    fn cut(x: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        Ok(Tensor::where_(drawn.get("batch_masks")?, &x.take(drawn.get("permutation_order")?, 0), x))
    }
}

impl Transform for CutMix {
    fn check(&self, _frame: &Frame) -> Result<()> {
        self.factor.over("factor", SHARE).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let alpha = draws.uniform("alpha", [], self.factor.over("factor", SHARE)?) + 1e-6;
        let side = (draws.beta("mix_weight", [draws.frame.batch], &alpha).negate() + 1.0).sqrt();
        let (masks, area) = windows(draws, &side, &side);
        Ok(Transformation::new([
            ("batch_masks", masks),
            ("mix_weight", area.negate() + 1.0),
            ("permutation_order", draws.order("permutation_order")),
        ]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        Self::cut(images, drawn)
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        Self::cut(masks, drawn)
    }

    fn labels(&self, labels: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        mixed(labels, drawn)
    }

    fn boxes(&self, _boxes: &BoundingBoxes, _format: BoxFormat, _frame: &Frame, _drawn: &Transformation) -> Result<BoundingBoxes> {
        Err(Error::invalid("boxes of cut images are not known: this layer cannot move bounding boxes, nor can Keras'"))
    }
}

/// One value for all channels, or one for each.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandomErasing::new().fill_value([124.0, 116.0, 104.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum FillValue {
    /// The same.
    One(f32),
    /// Each its own.
    Channels(Vec<f32>),
}

impl From<f32> for FillValue {
    fn from(value: f32) -> Self {
        Self::One(value)
    }
}

impl<const N: usize> From<[f32; N]> for FillValue {
    fn from(values: [f32; N]) -> Self {
        Self::Channels(values.to_vec())
    }
}

impl Value for FillValue {
    fn to_json(&self) -> Json {
        match self {
            Self::One(value) => value.to_json(),
            Self::Channels(values) => values.to_json(),
        }
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_array() { Value::from_json(json, reader).map(Self::Channels) } else { Value::from_json(json, reader).map(Self::One) }
    }
}

/// While training, a window of some images is filled with noise, or with one colour (Zhong et al., 2017).
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandomErasing::new().scale([0.1, 0.2]).fill_value(0.0);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomErasing")]
pub struct RandomErasing {
    /// With which probability: at most, or from where to where.
    #[layer(default = Factor::One(1.0))]
    factor: Factor,
    /// How much of the image, from 0 to 1: at most, or from where to where.
    #[layer(default = Factor::Two([0.02, 0.33]))]
    scale: Factor,
    /// What the window is filled with; noise if not set.
    fill_value: Option<FillValue>,
    /// The smallest and the largest value of a pixel.
    #[layer(default = [0.0, 255.0])]
    value_range: [f32; 2],
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl Transform for RandomErasing {
    fn check(&self, frame: &Frame) -> Result<()> {
        check_value_range(self.value_range)?;
        if let Some(FillValue::Channels(values)) = &self.fill_value
            && values.len() != frame.channels
        {
            return Err(Error::invalid(format!("{} fill values for {} channels", values.len(), frame.channels)));
        }
        self.factor.over("factor", SHARE)?;
        self.scale.over("scale", SHARE).map(drop)
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let Frame { batch, height, width, channels } = draws.frame;
        let scale = self.scale.over("scale", SHARE)?;
        let [across, down] = ["wide", "high"].map(|side| draws.each(side, scale).sqrt());
        let (masks, _) = windows(draws, &across, &down);
        let [low, high] = self.value_range;
        let fill = match &self.fill_value {
            None => draws.normal("fill_value", [batch, height, width, channels]) * high,
            Some(FillValue::One(value)) => draws.constant(&[*value], [1, 1, 1, 1])?,
            Some(FillValue::Channels(values)) => draws.constant(values, [1, 1, 1, values.len()])?,
        };
        let apply = draws.whether("erase", self.factor.over("factor", SHARE)?);
        Ok(Transformation::new([("apply_erasing", apply), ("batch_masks", masks), ("fill_value", fill.clip(low, high))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let erased = drawn.get("batch_masks")?.logical_and(&drawn.of_images("apply_erasing")?);
        Ok(Tensor::where_(&erased, drawn.get("fill_value")?, images))
    }
}
