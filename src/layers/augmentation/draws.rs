//! What an augmentation draws: tensors by name, from counter-based random numbers, so that a seed and a step give the same everywhere.

use super::Frame;
use crate::{Error, Result, Shape, Tensor, layers::Call, random::RandomKey};

/// What an augmentation drew for a batch, under Keras' names. The same can be applied to images, masks, labels and boxes, and again.
///
/// ```
/// use wgrad::{layers::Transformation, prelude::*};
/// let drawn = Transformation::new([("angle", Tensor::from([30.0f32, -10.0]))]);
/// assert_eq!(drawn.get("angle")?.to_vec::<f32>()?, [30.0, -10.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Transformation {
    values: Vec<(String, Tensor)>,
    inside: Vec<(String, Transformation)>,
}

impl Transformation {
    /// Of these values.
    pub fn new<'a>(values: impl IntoIterator<Item = (&'a str, Tensor)>) -> Self {
        Self { values: values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), inside: Vec::new() }
    }

    /// The same and the transformation of an augmentation inside.
    #[must_use]
    pub fn with(mut self, name: &str, inside: Transformation) -> Self {
        self.inside.push((name.to_owned(), inside));
        self
    }

    /// All values of its own, in order.
    pub fn values(&self) -> &[(String, Tensor)] {
        &self.values
    }

    /// Value `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        let found = self.values.iter().find(|(other, _)| other == name).map(|(_, value)| value);
        found.ok_or_else(|| Error::invalid(format!("the transformation has no value {name:?}")))
    }

    /// Value `name`, of each image, beside images.
    pub(super) fn of_images(&self, name: &str) -> Result<Tensor> {
        let value = self.get(name)?;
        Ok(value.reshape([value.size(), 1, 1, 1]))
    }

    /// The transformation of the augmentation inside of this name; an empty one where it draws nothing.
    pub fn part(&self, name: &str) -> &Transformation {
        static EMPTY: Transformation = Transformation { values: Vec::new(), inside: Vec::new() };
        self.inside.iter().find(|(other, _)| other == name).map_or(&EMPTY, |(_, inside)| inside)
    }

    /// The augmentations inside, in order.
    pub fn inside(&self) -> &[(String, Transformation)] {
        &self.inside
    }
}

/// Draws for one call of an augmentation, for images of some frame.
pub struct Draws<'a> {
    call: &'a Call,
    seed: Option<u64>,
    /// The names of augmentations inside, outermost first.
    path: String,
    images: &'a Tensor,
    /// The sizes of the images.
    pub frame: Frame,
}

impl<'a> Draws<'a> {
    /// For images (N, H, W, C).
    pub(super) fn new(call: &'a Call, seed: Option<u64>, images: &'a Tensor) -> Result<Self> {
        Ok(Self { call, seed, path: String::new(), images, frame: Frame::of(images)? })
    }

    /// For an augmentation inside.
    pub(super) fn inside(&self, name: &str) -> Draws<'a> {
        Draws { path: format!("{}{name}/", self.path), frame: self.frame, ..*self }
    }

    /// The random numbers for `what`.
    pub fn key(&self, what: &str) -> RandomKey {
        self.call.random_for(&format!("{}{what}", self.path)).seeded(self.seed)
    }

    /// Numbers (float32) from `low` to `high`.
    pub fn uniform(&self, what: &str, shape: impl Into<Shape>, [low, high]: [f32; 2]) -> Tensor {
        self.images.uniform_like(shape, &self.key(what)) * (high - low) + low
    }

    /// The same, one for each image.
    pub fn each(&self, what: &str, bounds: [f32; 2]) -> Tensor {
        self.uniform(what, [self.frame.batch], bounds)
    }

    /// Whether, for each image: with a probability that is drawn between the bounds first.
    pub fn whether(&self, what: &str, probability: [f32; 2]) -> Tensor {
        self.each(&format!("{what} or not"), [0.0, 1.0]).less(self.each(&format!("{what} how often"), probability))
    }

    /// 1 or -1, for each image.
    pub fn sign(&self, what: &str) -> Tensor {
        let unit = self.each(what, [0.0, 1.0]);
        Tensor::where_(&unit.greater(0.5), &(unit.zeros_like() - 1.0), &unit.ones_like())
    }

    /// Normal numbers of mean 0 and deviation 1.
    pub fn normal(&self, what: &str, shape: impl Into<Shape>) -> Tensor {
        self.images.normals(shape, &self.key(what))
    }

    /// The numbers of the images in random order (int32).
    pub fn order(&self, what: &str) -> Tensor {
        self.each(what, [0.0, 1.0]).argsort(0)
    }

    /// Logarithms of numbers that are distributed by Gamma(alpha, 1), for a positive scalar `alpha` (Marsaglia and Tsang, 2000). Of so many
    /// candidates each, at least 95% of which are good, the first good one counts: no loop, no state.
    fn log_gamma(&self, what: &str, shape: &Shape, alpha: &Tensor) -> Tensor {
        const CANDIDATES: usize = 8;
        let candidates: Shape = shape.iter().copied().chain([CANDIDATES]).collect();
        let d = alpha + (1.0 - 1.0 / 3.0);
        let normal = self.normal(&format!("{what} normal"), candidates.clone());
        let v = &normal / (&d * 9.0).sqrt() + 1.0;
        let v = &v * &v * &v;
        let is_positive = v.greater(0.0);
        let log_v = Tensor::where_(&is_positive, &v, &v.ones_like()).log();
        let threshold = self.uniform(&format!("{what} threshold"), candidates, [0.0, 1.0]).log();
        let good = threshold.less(normal.square() * 0.5 + &d - &d * &v + &d * &log_v).logical_and(&is_positive);
        let first = good.cast(crate::DType::F32).argmax(-1).expand_dims(-1);
        let chosen = log_v.take_along_axis(&first, -1).squeeze(&[-1]) + d.log();
        // What was drawn so far is distributed by alpha + 1.
        let power = self.uniform(&format!("{what} power"), shape.clone(), [0.0, 1.0]);
        chosen + power.maximum(f32::MIN_POSITIVE).log() / alpha
    }

    /// Numbers from 0 to 1 that are distributed by Beta(alpha, alpha), for a positive scalar `alpha`.
    pub fn beta(&self, what: &str, shape: impl Into<Shape>, alpha: &Tensor) -> Tensor {
        let shape = shape.into();
        let [one, other] = ["one", "other"].map(|part| self.log_gamma(&format!("{what} {part}"), &shape, alpha));
        (one - other).sigmoid()
    }

    /// Numbers of sum 1 that are distributed by Dirichlet(alpha, ..., alpha).
    pub fn dirichlet(&self, what: &str, count: usize, alpha: &Tensor) -> Tensor {
        self.log_gamma(what, &Shape::from([count]), alpha).softmax(-1)
    }

    /// A tensor where the images are.
    ///
    /// # Errors
    /// When the shape does not fit.
    pub fn constant(&self, values: &[f32], shape: impl Into<Shape>) -> Result<Tensor> {
        Tensor::from_slice_on(self.images.device(), values, shape)
    }
}
