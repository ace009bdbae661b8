//! Images whose rows and columns lean.

use super::{
    BoundingBoxes, BoxFormat, Draws, Factor, Frame, ImageOptions, Transform, Transformation,
    affine::{across_and_down, check_sampling, matrices, of_boxes, sampled},
    options::{BOTH, SHARE},
};
use crate::{
    Result, Tensor,
    layers::Layer,
    ops::{Interpolation, image::FillMode},
};

/// While training, images are sheared, towards both sides equally often: `(N, H, W, C)` to the same shape.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = RandomShear::new().x_factor(0.2).y_factor([0.0, 0.1]);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomShear")]
pub struct RandomShear {
    /// How far rows move for each row below, from 0 to 1: at most, or from where to where.
    #[layer(default = Factor::One(0.0))]
    x_factor: Factor,
    /// How far columns move for each column to the right.
    #[layer(default = Factor::One(0.0))]
    y_factor: Factor,
    /// Between pixels: nearest or bilinear.
    interpolation: Interpolation,
    /// What is around the image.
    #[layer(default = FillMode::Reflect)]
    fill_mode: FillMode,
    /// What is around the image with a constant `fill_mode`.
    fill_value: f32,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandomShear {
    fn sheared(&self, x: &Tensor, drawn: &Transformation, interpolation: Interpolation) -> Result<Tensor> {
        let [across, down] = across_and_down(drawn.get("shear_factor")?);
        let (zero, one) = (across.zeros_like(), across.ones_like());
        sampled(x, &matrices([&one, &across, &zero, &down, &one, &zero]), (interpolation, self.fill_mode, self.fill_value))
    }

    fn bounds(&self) -> Result<[[f32; 2]; 2]> {
        let bounds = |factor: Factor, name: &str| match factor {
            // Keras' files have both bounds where one was given.
            Factor::Two(_) => factor.around_zero(name, BOTH),
            Factor::One(upper) => factor.around_zero(name, SHARE).map(|_| [-upper, upper]),
        };
        Ok([bounds(self.x_factor, "x_factor")?, bounds(self.y_factor, "y_factor")?])
    }
}

impl Transform for RandomShear {
    fn check(&self, _frame: &Frame) -> Result<()> {
        self.bounds()?;
        check_sampling((self.interpolation, self.fill_mode, self.fill_value))
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let ([x, y], sign) = (self.bounds()?, draws.sign("invert"));
        let (across, down) = (draws.each("shear_x", x) * &sign, draws.each("shear_y", y) * &sign);
        Ok(Transformation::new([("shear_factor", Tensor::stack(&[&across, &down], -1))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.sheared(images, drawn, self.interpolation)
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.sheared(masks, drawn, Interpolation::Nearest)
    }

    fn boxes(&self, boxes: &BoundingBoxes, format: BoxFormat, frame: &Frame, drawn: &Transformation) -> Result<BoundingBoxes> {
        let [across, down] = across_and_down(drawn.get("shear_factor")?).map(|x| of_boxes(&x));
        let aspect = frame.height as f32 / frame.width as f32;
        // As Keras does it: in widths and heights of the image, rows first.
        let (across, down) = (across / aspect, down * aspect);
        boxes.moved(format, frame, |[x1, y1, x2, y2]| {
            let moved = |x: &Tensor, by: &Tensor, y: &Tensor| x - by * y;
            let (left, right) = (across.less(0.0), down.greater(0.0));
            let new_x1 = Tensor::where_(&left, &moved(&x1, &across, &y1), &moved(&x1, &across, &y2));
            let new_x2 = Tensor::where_(&left, &moved(&x2, &across, &y2), &moved(&x2, &across, &y1));
            let new_y1 = Tensor::where_(&right, &moved(&y1, &down, &new_x2), &moved(&y1, &down, &new_x1));
            let new_y2 = Tensor::where_(&right, &moved(&y2, &down, &new_x1), &moved(&y2, &down, &new_x2));
            [new_x1, new_y1, new_x2, new_y2]
        })
    }
}
