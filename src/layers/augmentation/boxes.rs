//! Bounding boxes: how their four numbers are meant, and what is done to them.

use super::Frame;
use crate::{Error, Result, Tensor, config::Choice};

/// How the four numbers of a bounding box are meant. `rel` counts in widths and heights of the image instead of pixels.
///
/// ```
/// use wgrad::{layers::BoxFormat, prelude::*};
/// let layer = RandomFlip::new().bounding_box_format(BoxFormat::CenterXywh);
/// ```
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxFormat {
    /// Left, top, right, bottom.
    Xyxy,
    /// Top, left, bottom, right.
    Yxyx,
    /// Left, top, width, height.
    Xywh,
    /// The centre's place, width, height.
    CenterXywh,
    /// The centre's place, row first, height, width.
    CenterYxhw,
    /// As `Xyxy`, relative.
    RelXyxy,
    /// As `Yxyx`, relative.
    RelYxyx,
    /// As `Xywh`, relative.
    RelXywh,
    /// As `CenterXywh`, relative.
    RelCenterXywh,
}

use BoxFormat::*;

/// Boxes (N, B, 4) and their classes (N, B) of a batch of images; -1 is the class of a box that is none.
///
/// ```
/// use wgrad::{layers::{BoundingBoxes, BoxFormat, convert_format}, prelude::*};
/// let found = BoundingBoxes { boxes: Tensor::from([[1.0f32, 2.0, 3.0, 4.0]]).expand_dims(0), labels: Tensor::from([[7]]) };
/// let corners = convert_format(&found.boxes, BoxFormat::Xywh, BoxFormat::Xyxy, [8, 8])?;
/// assert_eq!(corners.to_vec::<f32>()?, [1.0, 2.0, 4.0, 6.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BoundingBoxes {
    /// Four numbers each, (N, B, 4).
    pub boxes: Tensor,
    /// Classes, (N, B).
    pub labels: Tensor,
}

/// The four numbers of each box, (N, B, 1).
pub(super) fn numbers(boxes: &Tensor) -> [Tensor; 4] {
    boxes.split(4, -1).try_into().expect("there are four")
}

/// Boxes of these four numbers.
pub(super) fn joined(numbers: &[Tensor; 4]) -> Tensor {
    Tensor::concat(&numbers.each_ref(), -1)
}

/// The least and the largest of four.
pub(super) fn extent([a, b, c, d]: [&Tensor; 4]) -> (Tensor, Tensor) {
    (a.minimum(b).minimum(c.minimum(d)), a.maximum(b).maximum(c.maximum(d)))
}

/// The boxes (…, 4) in another format, for images of a height and a width.
///
/// ```
/// use wgrad::{layers::{BoxFormat, convert_format}, prelude::*};
/// let boxes = convert_format(&Tensor::from([[16.0f32, 8.0, 48.0, 24.0]]), BoxFormat::Xyxy, BoxFormat::RelXywh, [64, 128])?;
/// assert_eq!(boxes.to_vec::<f32>()?, [0.125, 0.125, 0.25, 0.25]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// When the last axis has not four numbers.
#[doc(alias = "keras.utils.bounding_boxes.convert_format")]
pub fn convert_format(boxes: &Tensor, source: BoxFormat, target: BoxFormat, [height, width]: [usize; 2]) -> Result<Tensor> {
    if boxes.shape().last() != Some(&4) {
        return Err(Error::shape(format!("expected boxes of four numbers, (..., 4), got {}", boxes.shape())));
    }
    if source == target {
        return Ok(boxes.clone());
    }
    let (height, width) = (height as f32, width as f32);
    let [a, b, c, d] = numbers(boxes);
    let [x1, y1, x2, y2] = match source {
        Xyxy | RelXyxy => [a, b, c, d],
        Yxyx | RelYxyx => [b, a, d, c],
        Xywh | RelXywh => [a.clone(), b.clone(), a + c, b + d],
        CenterXywh | RelCenterXywh => [&a - &c / 2.0, &b - &d / 2.0, &a + &c / 2.0, &b + &d / 2.0],
        CenterYxhw => [&b - &d / 2.0, &a - &c / 2.0, &b + &d / 2.0, &a + &c / 2.0],
    };
    let (from, to) = (source.is_relative(), target.is_relative());
    let scaled = |x: Tensor, size: f32| match (from, to) {
        (true, false) => x * size,
        (false, true) => x / size,
        _ => x,
    };
    let [x1, y1, x2, y2] = [scaled(x1, width), scaled(y1, height), scaled(x2, width), scaled(y2, height)];
    let (wide, high) = (&x2 - &x1, &y2 - &y1);
    Ok(joined(&match target {
        Xyxy | RelXyxy => [x1, y1, x2, y2],
        Yxyx | RelYxyx => [y1, x1, y2, x2],
        Xywh | RelXywh => [x1, y1, wide, high],
        CenterXywh | RelCenterXywh => [x1 + &wide / 2.0, y1 + &high / 2.0, wide, high],
        CenterYxhw => [y1 + &high / 2.0, x1 + &wide / 2.0, high, wide],
    }))
}

impl BoxFormat {
    fn is_relative(self) -> bool {
        matches!(self, RelXyxy | RelYxyx | RelXywh | RelCenterXywh)
    }
}

impl BoundingBoxes {
    /// The same with `change` applied to the boxes as left, top, right and bottom in pixels, cut at the edges of the image. Boxes of
    /// which nothing is left get class -1.
    pub(super) fn moved(&self, format: BoxFormat, frame: &Frame, change: impl FnOnce([Tensor; 4]) -> [Tensor; 4]) -> Result<Self> {
        self.reframed(format, [frame, frame], change)
    }

    /// The same where the images get another size.
    pub(super) fn reframed(
        &self,
        format: BoxFormat,
        [from, to]: [&Frame; 2],
        change: impl FnOnce([Tensor; 4]) -> [Tensor; 4],
    ) -> Result<Self> {
        let boxes = change(numbers(&convert_format(&self.boxes, format, Xyxy, [from.height, from.width])?));
        let (wide, high) = (to.width as f32, to.height as f32);
        let [x1, y1, x2, y2] = boxes;
        let [x1, y1, x2, y2] = [x1.clip(0.0, wide), y1.clip(0.0, high), x2.clip(0.0, wide), y2.clip(0.0, high)];
        let area = ((&x2 - &x1) * (&y2 - &y1)).squeeze(&[-1]);
        let labels = Tensor::where_(&area.greater(0.0), &self.labels, &(self.labels.zeros_like() - 1));
        Ok(Self { boxes: convert_format(&joined(&[x1, y1, x2, y2]), Xyxy, format, [to.height, to.width])?, labels })
    }

    /// That boxes and classes fit `frame`.
    pub(super) fn check(&self, frame: &Frame) -> Result<()> {
        let (boxes, labels) = (self.boxes.shape(), self.labels.shape());
        let fits = boxes.rank() == 3 && boxes[2] == 4 && boxes[0] == frame.batch && labels[..] == boxes[..2];
        if fits && self.boxes.dtype().is_float() {
            return Ok(());
        }
        let n = frame.batch;
        Err(Error::shape(format!("expected float boxes ({n}, B, 4) and labels ({n}, B), got {} {boxes} and {labels}", self.boxes.dtype())))
    }
}
