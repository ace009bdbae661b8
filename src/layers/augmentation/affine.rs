//! Rotation, zoom and translation: a matrix for each image, and the sampler.

use super::{BoundingBoxes, BoxFormat, Draws, Factor, Frame, ImageOptions, Transform, Transformation, boxes::extent, options::BOTH};
use crate::{
    Error, Result, Tensor,
    layers::Layer,
    ops::{
        Interpolation,
        image::{FillMode, affine_transform},
    },
};

/// How images are sampled.
pub(super) type Sampling = (Interpolation, FillMode, f32);

pub(super) fn check_sampling((interpolation, fill_mode, _): Sampling) -> Result<()> {
    if !matches!(interpolation, Interpolation::Nearest | Interpolation::Bilinear) {
        return Err(Error::invalid(format!("interpolation is nearest or bilinear, not {interpolation:?}")));
    }
    if fill_mode == FillMode::Mirror {
        return Err(Error::invalid("fill_mode is constant, nearest, wrap or reflect, not mirror"));
    }
    Ok(())
}

/// Matrices (N, 8) of these numbers, (N) each; the elements that are left out are zero.
pub(super) fn matrices(elements: [&Tensor; 6]) -> Tensor {
    let zero = elements[0].zeros_like();
    let [a, b, c, d, e, f] = elements;
    Tensor::stack(&[a, b, c, d, e, f, &zero, &zero], -1)
}

pub(super) fn sampled(x: &Tensor, matrices: &Tensor, (interpolation, fill_mode, fill_value): Sampling) -> Result<Tensor> {
    affine_transform(x, matrices, interpolation, fill_mode, fill_value)
}

/// A number for each image as one for each of its boxes.
pub(super) fn of_boxes(x: &Tensor) -> Tensor {
    x.reshape([x.size(), 1, 1])
}

/// While training, images are rotated by angles between the bounds `factor`, in whole turns: `(N, H, W, C)` to the same shape.
///
/// ```
/// use wgrad::{ops::image::FillMode, prelude::*};
/// let up_to_36_degrees = RandomRotation::new(0.1).fill_mode(FillMode::Constant);
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomRotation")]
pub struct RandomRotation {
    /// How far, in whole turns: at most in both directions, or from where to where. Positive is counter-clockwise.
    #[layer(new)]
    factor: Factor,
    /// What is around the image.
    #[layer(default = FillMode::Reflect)]
    fill_mode: FillMode,
    /// Between pixels: nearest or bilinear.
    interpolation: Interpolation,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    /// What is around the image with a constant `fill_mode`.
    fill_value: f32,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl Transform for RandomRotation {
    fn check(&self, _frame: &Frame) -> Result<()> {
        self.factor.over("factor", BOTH)?;
        check_sampling((self.interpolation, self.fill_mode, self.fill_value))
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let turns = self.factor.over("factor", BOTH)?;
        let angle = draws.each("angle", turns.map(|turn| turn * 360.0));
        let Frame { height, width, .. } = draws.frame;
        let (x, y) = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
        let radians = &angle * (std::f32::consts::PI / 180.0);
        let (cos, sin) = (radians.cos(), radians.sin());
        let (across, down) = (&cos * -x + &sin * y + x, &sin * -x - &cos * y + y);
        let matrix = matrices([&cos, &sin.negate(), &across, &sin, &cos, &down]);
        Ok(Transformation::new([("angle", angle), ("rotation_matrix", matrix)]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        sampled(images, drawn.get("rotation_matrix")?, (self.interpolation, self.fill_mode, self.fill_value))
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        sampled(masks, drawn.get("rotation_matrix")?, (Interpolation::Nearest, self.fill_mode, self.fill_value))
    }

    fn boxes(&self, boxes: &BoundingBoxes, format: BoxFormat, frame: &Frame, drawn: &Transformation) -> Result<BoundingBoxes> {
        let radians = of_boxes(drawn.get("angle")?) * (std::f32::consts::PI / 180.0);
        let (cos, sin) = (radians.cos(), radians.sin());
        let (x, y) = ((frame.width as f32 - 1.0) / 2.0, (frame.height as f32 - 1.0) / 2.0);
        boxes.moved(format, frame, |[x1, y1, x2, y2]| {
            let corners = [(&x1, &y1), (&x2, &y1), (&x2, &y2), (&x1, &y2)];
            let (left, right) = extent(corners.map(|(px, py)| &cos * (px - x) + &sin * (py - y) + x).each_ref());
            let (top, bottom) = extent(corners.map(|(px, py)| &cos * (py - y) - &sin * (px - x) + y).each_ref());
            [left, top, right, bottom]
        })
    }
}

/// While training, images are zoomed: `(N, H, W, C)` to the same shape. Positive factors make what is seen smaller, negative ones larger.
///
/// ```
/// use wgrad::{ops::image::FillMode, prelude::*};
/// let closer = RandomZoom::new([-0.3, -0.2]).fill_mode(FillMode::Constant);
/// assert_eq!(closer.shared().call(&mut Call::new(Training::Yes, 42, 0), &Tensor::ones([2, 8, 8, 3]))?.shape()[..], [2, 8, 8, 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomZoom")]
pub struct RandomZoom {
    /// How much of the height: `0.2` or `[-0.3, -0.2]`.
    #[layer(new)]
    height_factor: Factor,
    /// How much of the width; as the height where it is not set.
    width_factor: Option<Factor>,
    /// What is around the image.
    #[layer(default = FillMode::Reflect)]
    fill_mode: FillMode,
    /// Between pixels: nearest or bilinear.
    interpolation: Interpolation,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    /// What is around the image with a constant `fill_mode`.
    fill_value: f32,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandomZoom {
    /// The zooms and the places of the first pixel, across and down.
    fn parts([high, wide]: [usize; 2], drawn: &Transformation) -> Result<[[Tensor; 2]; 2]> {
        let part = |name: &str, size: usize| -> Result<[Tensor; 2]> {
            let zoom = drawn.get(name)?;
            let zoom = zoom.reshape([zoom.size()]);
            let start = (zoom.negate() + 1.0) * ((size as f32 - 1.0) / 2.0);
            Ok([zoom, start])
        };
        Ok([part("width_zoom", wide)?, part("height_zoom", high)?])
    }

    fn zoomed(&self, x: &Tensor, drawn: &Transformation, interpolation: Interpolation) -> Result<Tensor> {
        let [[across, left], [down, top]] = Self::parts([x.shape()[1], x.shape()[2]], drawn)?;
        let zero = across.zeros_like();
        sampled(x, &matrices([&across, &zero, &left, &zero, &down, &top]), (interpolation, self.fill_mode, self.fill_value))
    }

    fn bounds(&self) -> Result<[[f32; 2]; 2]> {
        let bounds = |factor: Factor, name: &str| {
            let bounds = factor.around_zero(name, BOTH)?;
            let factors = if let Factor::One(factor) = factor { [factor; 2] } else { bounds };
            if factors.contains(&-1.0) {
                return Err(Error::invalid(format!("{name} is above -1, which would leave nothing of the image")));
            }
            Ok(bounds)
        };
        let width = self.width_factor.unwrap_or(self.height_factor);
        Ok([bounds(self.height_factor, "height_factor")?, bounds(width, "width_factor")?])
    }
}

impl Transform for RandomZoom {
    fn check(&self, _frame: &Frame) -> Result<()> {
        self.bounds()?;
        check_sampling((self.interpolation, self.fill_mode, self.fill_value))
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let [height, width] = self.bounds()?;
        let high = draws.each("height_zoom", height.map(|bound| 1.0 + bound));
        let wide = if self.width_factor.is_some() { draws.each("width_zoom", width.map(|bound| 1.0 + bound)) } else { high.clone() };
        Ok(Transformation::new([("height_zoom", high), ("width_zoom", wide)]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.zoomed(images, drawn, self.interpolation)
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.zoomed(masks, drawn, Interpolation::Nearest)
    }

    fn boxes(&self, boxes: &BoundingBoxes, format: BoxFormat, frame: &Frame, drawn: &Transformation) -> Result<BoundingBoxes> {
        let [[across, left], [down, top]] = Self::parts([frame.height, frame.width], drawn)?.map(|part| part.map(|x| of_boxes(&x)));
        // What was seen at the start of the image, and as much as there is behind.
        let place = |x: Tensor, zoom: &Tensor, start: &Tensor| (x - start) / zoom;
        boxes.moved(format, frame, |[x1, y1, x2, y2]| {
            [place(x1, &across, &left), place(y1, &down, &top), place(x2, &across, &left), place(y2, &down, &top)]
        })
    }
}

/// While training, images are moved: `(N, H, W, C)` to the same shape.
///
/// ```
/// use wgrad::{ops::image::FillMode, prelude::*};
/// let down = RandomTranslation::new([0.5, 0.5], 0.0).fill_mode(FillMode::Constant).shared();
/// let image = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 4, 1, 1])?;
/// assert_eq!(down.call(&mut Call::new(Training::Yes, 42, 0), &image)?.to_vec::<f32>()?, [0.0, 0.0, 1.0, 2.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.RandomTranslation")]
pub struct RandomTranslation {
    /// How far down, in heights of the image: at most in both directions, or from where to where.
    #[layer(new)]
    height_factor: Factor,
    /// How far to the right, in widths.
    #[layer(new)]
    width_factor: Factor,
    /// What is around the image.
    #[layer(default = FillMode::Reflect)]
    fill_mode: FillMode,
    /// Between pixels: nearest or bilinear.
    interpolation: Interpolation,
    /// What decides with the layer's name and the step; the model's seed if not set.
    pub(super) seed: Option<u64>,
    /// What is around the image with a constant `fill_mode`.
    fill_value: f32,
    #[layer(flatten)]
    pub(super) options: ImageOptions,
}

impl RandomTranslation {
    fn moved(&self, x: &Tensor, drawn: &Transformation, interpolation: Interpolation) -> Result<Tensor> {
        let [across, down] = across_and_down(drawn.get("translations")?);
        let (zero, one) = (across.zeros_like(), across.ones_like());
        let matrices = matrices([&one, &zero, &across.negate(), &zero, &one, &down.negate()]);
        sampled(x, &matrices, (interpolation, self.fill_mode, self.fill_value))
    }
}

/// The two columns of (N, 2).
pub(super) fn across_and_down(x: &Tensor) -> [Tensor; 2] {
    let columns = x.unstack(-1);
    columns.try_into().expect("there are two")
}

impl Transform for RandomTranslation {
    fn check(&self, _frame: &Frame) -> Result<()> {
        self.height_factor.around_zero("height_factor", BOTH)?;
        self.width_factor.around_zero("width_factor", BOTH)?;
        check_sampling((self.interpolation, self.fill_mode, self.fill_value))
    }

    fn draw(&self, draws: &Draws) -> Result<Transformation> {
        let Frame { height, width, .. } = draws.frame;
        let down = draws.each("height", self.height_factor.around_zero("height_factor", BOTH)?.map(|part| part * height as f32));
        let across = draws.each("width", self.width_factor.around_zero("width_factor", BOTH)?.map(|part| part * width as f32));
        Ok(Transformation::new([("translations", Tensor::stack(&[&across, &down], -1))]))
    }

    fn images(&self, images: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.moved(images, drawn, self.interpolation)
    }

    fn masks(&self, masks: &Tensor, drawn: &Transformation) -> Result<Tensor> {
        self.moved(masks, drawn, Interpolation::Nearest)
    }

    fn boxes(&self, boxes: &BoundingBoxes, format: BoxFormat, frame: &Frame, drawn: &Transformation) -> Result<BoundingBoxes> {
        let [across, down] = across_and_down(drawn.get("translations")?).map(|x| of_boxes(&x));
        boxes.moved(format, frame, |[x1, y1, x2, y2]| [x1 + &across, y1 + &down, x2 + &across, y2 + &down])
    }
}
