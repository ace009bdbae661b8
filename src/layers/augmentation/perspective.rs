//! Images seen from elsewhere.

use super::{
    BoundingBoxes, BoxFormat, Draws, Factor, Frame, ImageOptions, Transform, Transformation, affine::check_sampling, boxes::extent,
    options::SHARE,
};
use crate::{
    Error, Result, Tensor,
    layers::Layer,
    ops::{
        Interpolation,
        image::{FillMode, homography, perspective_transform},
    },
};

/// While training, some images are seen from elsewhere: their corners move, each by itself.
///
/// ```
/// use wgrad::prelude::*;
/// let slight = RandomPerspective::new().scale(0.2).fill_value(255.0);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomPerspective")]
pub struct RandomPerspective {
    /// With which probability: at most, or from where to where.
    #[layer(default = Factor::One(1.0))]
    factor: Factor,
    /// How far corners move, from 0 to 1: up to half of the image.
    #[layer(default = 1.0)]
    scale: f32,
    /// Between pixels: nearest or bilinear.
    interpolation: Interpolation,
    /// What is around the image.
    fill_value: f32,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandomPerspective {
    fn seen(&self, x: &Tensor, drawn: &Transformation, interpolation: Interpolation) -> Result<Tensor> {
        let (start, end) = (drawn.get("start_points")?, drawn.get("end_points")?);
        let seen = perspective_transform(x, start, end, interpolation, self.fill_value)?;
        Ok(Tensor::where_(&drawn.of_images("apply_perspective")?, &seen, x))
    }
}

impl Transform for RandomPerspective {
    fn check(&self, _frame: &Frame) -> Result<()> {
        if !(0.0..=1.0).contains(&self.scale) {
            return Err(Error::invalid(format!("scale is a number from 0 to 1, got {}", self.scale)));
        }
        self.factor.over("factor", SHARE)?;
        check_sampling((self.interpolation, FillMode::Constant, self.fill_value))
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let Frame { batch, height, width, .. } = draws.frame;
        let (right, bottom) = (width as f32 - 1.0, height as f32 - 1.0);
        let corners = draws.constant(&[0.0, 0.0, right, 0.0, 0.0, bottom, right, bottom], [1, 4, 2])?.broadcast_to([batch, 4, 2]);
        let end = &corners * (draws.uniform("perspective_factor", [batch, 4, 2], [-0.5 * self.scale, 0.5 * self.scale]) + 1.0);
        let apply = draws.whether("apply", self.factor.over("factor", SHARE)?);
        Ok(Transformation::new([("apply_perspective", apply), ("start_points", corners), ("end_points", end)]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.seen(images, drawn, self.interpolation)
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.seen(masks, drawn, Interpolation::Nearest)
    }

    fn boxes(&self, boxes: &BoundingBoxes, format: BoxFormat, frame: &Frame, drawn: &Transformation) -> Result<BoundingBoxes> {
        let (start, end) = (drawn.get("start_points")?, drawn.get("end_points")?);
        // What lay at the start comes to lie at the end.
        let t: Vec<Tensor> = homography(end, start)?.expand_dims(1).split(8, -1);
        let apply = drawn.get("apply_perspective")?;
        let apply = apply.reshape([apply.size(), 1, 1]);
        boxes.moved(format, frame, |[x1, y1, x2, y2]| {
            let corner = |x: &Tensor, y: &Tensor| {
                let k = &t[6] * x + &t[7] * y + 1.0;
                [(&t[0] * x + &t[1] * y + &t[2]) / &k, (&t[3] * x + &t[4] * y + &t[5]) / &k]
            };
            let corners = [corner(&x1, &y1), corner(&x2, &y2), corner(&x1, &y2), corner(&x2, &y1)];
            let [(left, right), (top, bottom)] = [0, 1].map(|axis| extent(corners.each_ref().map(|corner| &corner[axis])));
            let or = |moved: &Tensor, own: &Tensor| Tensor::where_(&apply, moved, own);
            [or(&left, &x1), or(&top, &y1), or(&right, &x2), or(&bottom, &y2)]
        })
    }
}
