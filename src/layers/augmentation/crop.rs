//! Windows cut out of images.

use super::{BoundingBoxes, BoxFormat, Draws, Frame, ImageOptions, Transform, Transformation};
use crate::{
    DType, Error, Index, Result, Tensor,
    layers::{Call, Layer},
    ops::Interpolation,
};

/// While training, a window of `height` and `width` is cut out of each batch of images, another one each time: `(N, H, W, C)` to
/// `(N, height, width, C)`. Images that are not larger than the window are cut to its shape in the middle, then resized. Outside of
/// training images stay as they are, as with Keras: what comes behind then sees their own size.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandomCrop::new(24, 24);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomCrop")]
pub struct RandomCrop {
    /// Rows of the result.
    #[layer(new)]
    height: usize,
    /// Columns of the result.
    #[layer(new)]
    width: usize,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandomCrop {
    /// Whether there is something to draw.
    fn is_drawn(&self, height: usize, width: usize) -> bool {
        height > self.height && width > self.width
    }

    /// The start and the length of what is cut out of images that are not larger, rows first.
    fn middle(&self, height: usize, width: usize) -> [(usize, usize); 2] {
        let part = |size: usize, other: usize, to: usize, other_to: usize| {
            let length = (other as f32 * to as f32 / other_to as f32) as usize;
            let start = (size - length.clamp(1, size)) / 2;
            (start, to.min(size - start))
        };
        [part(height, width, self.height, self.width), part(width, height, self.width, self.height)]
    }

    fn cropped(&self, x: &Tensor, drawn: &Transformation, interpolation: Interpolation) -> Result<Tensor> {
        let (height, width) = (x.shape()[1], x.shape()[2]);
        if self.is_drawn(height, width) {
            let places = |name: &str, length: usize| -> Result<Tensor> { Ok(x.numbers_to(length) + drawn.get(name)?) };
            return Ok(x.take(&places("h_start", self.height)?, 1).take(&places("w_start", self.width)?, 2));
        }
        let span = |(start, length): (usize, usize)| Index::from(start as isize..(start + length) as isize);
        let [rows, columns] = self.middle(height, width).map(span);
        let cut = x.at(&[crate::All, rows, columns]);
        if cut.shape()[1..3] == [self.height, self.width] {
            return Ok(cut);
        }
        Ok(cut.cast(DType::F32).resize([self.height, self.width], interpolation, false)?.cast(x.dtype()))
    }
}

impl Transform for RandomCrop {
    fn check(&self, frame: &Frame) -> Result<()> {
        if [self.height, self.width, frame.height, frame.width].contains(&0) {
            let (height, width, frame_height, frame_width) = (self.height, self.width, frame.height, frame.width);
            return Err(Error::shape(format!("a window of {height} x {width} does not fit images of {frame_height} x {frame_width}")));
        }
        Ok(())
    }

    fn acts(&self, call: &Call) -> bool {
        call.training() || call.is_inferring()
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let Frame { height, width, .. } = draws.frame;
        if !self.is_drawn(height, width) {
            return Ok(Transformation::default());
        }
        let start =
            |name: &str, free: usize| draws.uniform(name, [], [0.0, (free + 1) as f32]).clip(0.0, free as f32 + 0.5).cast(DType::I32);
        Ok(Transformation::new([("h_start", start("h_start", height - self.height)), ("w_start", start("w_start", width - self.width))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.cropped(images, drawn, Interpolation::Bilinear)
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.cropped(masks, drawn, Interpolation::Nearest)
    }

    fn boxes(&self, boxes: &BoundingBoxes, format: BoxFormat, frame: &Frame, drawn: &Transformation) -> Result<BoundingBoxes> {
        let to = Frame { height: self.height, width: self.width, ..*frame };
        if self.is_drawn(frame.height, frame.width) {
            let (top, left) = (drawn.get("h_start")?.cast(DType::F32), drawn.get("w_start")?.cast(DType::F32));
            return boxes.reframed(format, [frame, &to], |[x1, y1, x2, y2]| [x1 - &left, y1 - &top, x2 - &left, y2 - &top]);
        }
        let [rows, columns] = self.middle(frame.height, frame.width);
        let place = |x: Tensor, (start, length): (usize, usize), to: usize| (x - start as f32) * (to as f32 / length as f32);
        let (down, across) = (|y| place(y, rows, self.height), |x| place(x, columns, self.width));
        boxes.reframed(format, [frame, &to], |[x1, y1, x2, y2]| [across(x1), down(y1), across(x2), down(y2)])
    }
}
