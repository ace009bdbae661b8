//! A row of layers, mostly augmentations, as one; and a fixed number of boxes.

use super::{BoundingBoxes, BoxFormat, Draws, Frame, ImageOptions, Samples, Transform, Transformation, samples};
use crate::{
    Error, Result, Tensor,
    config::{Fields, Flatten, Options},
    layers::{Call, Inputs, Layer, LayerRef, Outputs},
};

/// Layers one after another. Where all are augmentations, labels, boxes and masks go through them too.
///
/// ```
/// use wgrad::prelude::*;
/// let augment = Pipeline::new([RandomFlip::new().shared(), RandomRotation::new(0.1).shared()]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Pipeline")]
pub struct Pipeline {
    /// The layers, in order.
    #[layer(new)]
    layers: Vec<LayerRef>,
    #[layer(flatten)]
    bare: Bare,
}

/// Keras' Pipeline takes its layers and a name, and refuses what other layers have.
#[derive(Clone, Copy, Debug, Default)]
struct Bare;

impl Flatten for Bare {
    fn write(&self, out: &mut Options) {
        out.shift_remove("trainable");
    }

    fn read(_fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

impl Layer for Pipeline {
    fn autocast(&self) -> bool {
        false
    }

    fn arguments(&self) -> &'static [&'static str] {
        &[samples::LABELS, samples::BOXES, samples::MASKS]
    }

    fn call(&self, call: &mut Call, inputs: &Inputs) -> Result<Outputs> {
        let samples = Samples::of(inputs)?;
        if inputs.arguments().is_empty() {
            let mut outputs = Outputs::from(samples.images).with_mask(inputs.mask(0).cloned());
            for layer in &self.layers {
                outputs = layer.call_all(call, &Inputs::from(outputs))?;
            }
            return Ok(outputs);
        }
        Ok(self.layers.iter().try_fold(samples, |samples, layer| samples.through(layer, call))?.tensors())
    }
}

/// Each image gets as many boxes: those beyond are dropped, missing ones are filled up. Images stay.
///
/// ```
/// use wgrad::{layers::{BoxFormat, Samples}, prelude::*};
/// let boxes = Tensor::from([[0.0f32, 0.0, 2.0, 1.0]]).expand_dims(0);
/// let samples = Samples::new(&Tensor::ones([1, 4, 4, 3])).bounding_boxes(&boxes, &Tensor::from([[3]]));
/// let layer = MaxNumBoundingBoxes::new(3).bounding_box_format(BoxFormat::Xyxy).shared();
/// let filled = samples.through(&layer, &mut Call::new(Training::No, 42, 0))?;
/// assert_eq!(filled.bounding_boxes.expect("they went in").labels.to_vec::<i32>()?, [3, -1, -1]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.MaxNumBoundingBoxes")]
pub struct MaxNumBoundingBoxes {
    /// How many boxes.
    #[layer(new)]
    max_number: usize,
    /// The numbers and the class of boxes that fill up; Keras' files do not hold it.
    #[layer(skip, default = -1)]
    fill_value: i32,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl MaxNumBoundingBoxes {
    /// The numbers and the class of boxes that fill up, -1 if not set. Keras' files do not hold it.
    #[must_use = "a setter returns the changed options"]
    pub fn fill_value(mut self, fill_value: i32) -> Self {
        self.fill_value = fill_value;
        self
    }
}

impl Transform for MaxNumBoundingBoxes {
    fn check(&self, _frame: &Frame) -> Result<()> {
        if self.max_number > 0 {
            return Ok(());
        }
        Err(Error::invalid("max_number is at least 1"))
    }

    fn acts(&self, _call: &Call) -> bool {
        true
    }

    fn draw(&self, _draws: &Draws) -> Result<Transformation> {
        Ok(Transformation::default())
    }

    fn images(&self, images: &Tensor, _drawn: &Transformation) -> Result<Tensor> {
        Ok(images.clone())
    }

    fn boxes(&self, boxes: &BoundingBoxes, _format: BoxFormat, _frame: &Frame, _drawn: &Transformation) -> Result<BoundingBoxes> {
        let filled = |x: &Tensor| {
            let x = x.at(&[crate::All, (..self.max_number as isize).into()]);
            let mut width = vec![(0, 0); x.rank()];
            width[1].1 = self.max_number - x.shape()[1];
            x.pad(&width, f64::from(self.fill_value))
        };
        Ok(BoundingBoxes { boxes: filled(&boxes.boxes), labels: filled(&boxes.labels) })
    }
}
