//! Images mirrored, left to right or upside down.

use super::{BoundingBoxes, BoxFormat, Draws, Frame, ImageOptions, Transform, Transformation};
use crate::{Result, Tensor, config::Choice, layers::Layer};

/// Which way images are flipped.
///
/// ```
/// use wgrad::{layers::FlipMode, prelude::*};
/// let layer = RandomFlip::new().mode(FlipMode::Vertical);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlipMode {
    /// Left and right change places.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
    /// Both, or neither.
    #[default]
    HorizontalAndVertical,
}

/// While training, half of the images are flipped: `(N, H, W, C)` to the same shape.
///
/// ```
/// use wgrad::{layers::FlipMode, prelude::*};
/// let layer = RandomFlip::new().mode(FlipMode::Horizontal).seed(42);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomFlip")]
pub struct RandomFlip {
    /// Which way.
    mode: FlipMode,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandomFlip {
    fn flipped(&self, x: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        let axes: &[isize] = match self.mode {
            FlipMode::Horizontal => &[2],
            FlipMode::Vertical => &[1],
            FlipMode::HorizontalAndVertical => &[1, 2],
        };
        Ok(Tensor::where_(&drawn.of_images("flips")?, &x.flip(axes), x))
    }
}

impl Transform for RandomFlip {
    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        Ok(Transformation::new([("flips", draws.each("flips", [0.0, 1.0]).less_equal(0.5))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.flipped(images, drawn)
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.flipped(masks, drawn)
    }

    fn boxes(&self, boxes: &BoundingBoxes, format: BoxFormat, frame: &Frame, drawn: &Transformation) -> Result<BoundingBoxes> {
        let flips = drawn.get("flips")?;
        let flips = flips.reshape([flips.size(), 1, 1]);
        let (high, wide) = (frame.height as f32, frame.width as f32);
        // The far side of each box, from the other end, becomes its near one.
        let flipped = |near: Tensor, far: Tensor, size: f32| {
            let mirrored = |x: &Tensor| x.negate() + size;
            (Tensor::where_(&flips, &mirrored(&far), &near), Tensor::where_(&flips, &mirrored(&near), &far))
        };
        boxes.moved(format, frame, |[x1, y1, x2, y2]| {
            let (x1, x2) = if self.mode == FlipMode::Vertical { (x1, x2) } else { flipped(x1, x2, wide) };
            let (y1, y2) = if self.mode == FlipMode::Horizontal { (y1, y2) } else { flipped(y1, y2, high) };
            [x1, y1, x2, y2]
        })
    }
}
