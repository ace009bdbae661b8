//! Images and what belongs to them: labels, bounding boxes and segmentation masks, which augmentations change alike.

use super::BoundingBoxes;
use crate::{
    DType, Error, Result, Tensor,
    layers::{Argument, Call, Inputs, LayerRef, Outputs},
};

pub(super) const LABELS: &str = "labels";
pub(super) const BOXES: &str = "bounding_boxes";
pub(super) const MASKS: &str = "segmentation_masks";

/// A batch of images, and what belongs to them. In Keras it is a dictionary.
///
/// ```
/// use wgrad::{layers::{BoxFormat, ImageSetters, Samples}, prelude::*};
/// let images = Tensor::arange(0.0, 12.0, 1.0).reshape([1, 2, 6, 1]);
/// let boxes = Tensor::from([[0.0f32, 0.0, 2.0, 1.0]]).expand_dims(0);
/// let samples = Samples::new(&images).bounding_boxes(&boxes, &Tensor::from([[3]]));
/// let layer = RandomFlip::new().bounding_box_format(BoxFormat::Xyxy).shared();
/// let flipped = samples.through(&layer, &mut Call::new(Training::Yes, 42, 0))?;
/// assert_eq!(flipped.images.shape()[..], [1, 2, 6, 1]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Samples {
    /// (N, H, W, C), or (N, C, H, W) for layers whose channels come first.
    pub images: Tensor,
    /// Of each image: (N, K).
    pub labels: Option<Tensor>,
    /// Boxes in the images.
    pub bounding_boxes: Option<BoundingBoxes>,
    /// Images of classes, (N, H, W, K).
    pub segmentation_masks: Option<Tensor>,
}

impl Samples {
    /// Images alone.
    pub fn new(images: &Tensor) -> Self {
        Self { images: images.clone(), labels: None, bounding_boxes: None, segmentation_masks: None }
    }

    /// Labels of the images.
    #[must_use]
    pub fn labels(self, labels: &Tensor) -> Self {
        Self { labels: Some(labels.clone()), ..self }
    }

    /// Boxes (N, B, 4) in the images, and their classes (N, B).
    #[must_use]
    pub fn bounding_boxes(self, boxes: &Tensor, labels: &Tensor) -> Self {
        Self { bounding_boxes: Some(BoundingBoxes { boxes: boxes.clone(), labels: labels.clone() }), ..self }
    }

    /// Images of classes.
    #[must_use]
    pub fn segmentation_masks(self, masks: &Tensor) -> Self {
        Self { segmentation_masks: Some(masks.clone()), ..self }
    }

    /// What `layer` makes of them: one transformation for all.
    ///
    /// # Errors
    /// When something does not fit the layer, or each other.
    pub fn through(&self, layer: &LayerRef, call: &mut Call) -> Result<Samples> {
        self.with(layer.call_all(call, &Inputs::from(self))?.tensors())
    }

    /// The inputs of a call.
    pub(super) fn of(inputs: &Inputs) -> Result<Self> {
        let bounding_boxes = match inputs.list(BOXES)? {
            [] => None,
            [boxes, labels] => Some(BoundingBoxes { boxes: boxes.clone(), labels: labels.clone() }),
            found => return Err(Error::invalid(format!("{BOXES} are two tensors, boxes and labels, got {}", found.len()))),
        };
        let (labels, segmentation_masks) = (inputs.tensor(LABELS)?.cloned(), inputs.tensor(MASKS)?.cloned());
        Ok(Self { images: inputs.one()?.clone(), labels, bounding_boxes, segmentation_masks })
    }

    /// Images of bytes as float32.
    pub(super) fn in_floats(mut self) -> Self {
        if !self.images.dtype().is_float() {
            self.images = self.images.cast(DType::F32);
        }
        self
    }

    /// All tensors, in the order in which a call gives them.
    pub(super) fn tensors(self) -> Outputs {
        let boxes = self.bounding_boxes.map(|BoundingBoxes { boxes, labels }| [boxes, labels]);
        Outputs::new([self.images].into_iter().chain(self.labels).chain(boxes.into_iter().flatten()).chain(self.segmentation_masks))
    }

    /// The same with other tensors, in that order.
    pub(super) fn with(&self, tensors: &[Tensor]) -> Result<Self> {
        let mut tensors = tensors.iter().cloned();
        let mut next = || tensors.next().ok_or_else(|| Error::invalid("the layer gave fewer tensors than it took"));
        let images = next()?;
        let labels = self.labels.as_ref().map(|_| next()).transpose()?;
        let bounding_boxes = match &self.bounding_boxes {
            Some(_) => Some(BoundingBoxes { boxes: next()?, labels: next()? }),
            None => None,
        };
        let segmentation_masks = self.segmentation_masks.as_ref().map(|_| next()).transpose()?;
        Ok(Self { images, labels, bounding_boxes, segmentation_masks })
    }
}

impl From<&Samples> for Inputs {
    fn from(samples: &Samples) -> Self {
        let mut inputs = Inputs::from(&samples.images);
        if let Some(labels) = &samples.labels {
            inputs = inputs.with(LABELS, Argument::Tensor(labels.clone()));
        }
        if let Some(BoundingBoxes { boxes, labels }) = &samples.bounding_boxes {
            inputs = inputs.with(BOXES, Argument::Tensors(vec![boxes.clone(), labels.clone()]));
        }
        if let Some(masks) = &samples.segmentation_masks {
            inputs = inputs.with(MASKS, Argument::Tensor(masks.clone()));
        }
        inputs
    }
}
