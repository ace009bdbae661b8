//! Values at places between elements, in plain ops: indices and weights of the elements around, and their weighted sum.

use super::FillMode;
use crate::{DType, Error, Result, Tensor, ops::Interpolation};

/// Whether values are taken from the nearest element alone, for the two interpolations that there are.
pub(super) fn is_nearest(interpolation: Interpolation, what: &str) -> Result<bool> {
    match interpolation {
        Interpolation::Nearest => Ok(true),
        Interpolation::Bilinear => Ok(false),
        other => Err(Error::invalid(format!("{what}: interpolation is nearest or bilinear, not {other:?}"))),
    }
}

/// One of the elements around places along an axis: its number (float32), its weight and whether it exists; `None` for one and always.
#[derive(Clone)]
struct Around {
    index: Tensor,
    weight: Option<Tensor>,
    exists: Option<Tensor>,
}

/// Elements around places, along the axes that were looked at.
pub(super) struct Surroundings(Vec<Around>);

impl Surroundings {
    /// Elements that places on other axes name: `index` is int32.
    pub fn new(index: Tensor) -> Self {
        Self(vec![Around { index, weight: None, exists: None }])
    }

    /// Adds places on the next axis, of `length`, which lie inside but where `fill` is constant.
    pub fn along(self, at: &Tensor, length: usize, nearest: bool) -> Self {
        self.extended(length, pixels(at, nearest), |index| (index.clone(), exists(index, length)))
    }

    /// Adds places on the next axis, of `length`, any of them: `fill` says which elements stand in for those outside. Places in the
    /// middle of two are nearest to the even one.
    pub fn folded(self, at: &Tensor, length: usize, nearest: bool, fill: FillMode) -> Self {
        let elements = if nearest { vec![(at.stop_gradient().round(), None)] } else { pixels(at, false) };
        let (size, last) = (length as f32, length as f32 - 1.0);
        self.extended(length, elements, |index| match fill {
            FillMode::Constant => (index.clone(), exists(index, length)),
            FillMode::Nearest => (index.clip(0.0, last), None),
            FillMode::Wrap => (index.floor_mod(size), None),
            FillMode::Mirror | FillMode::Reflect => {
                // TensorFlow's Keras: what lies before the first element is mirrored at that element's centre.
                let at = index.abs().floor_mod(2.0 * size);
                let behind = if fill == FillMode::Reflect { 2.0 * size - 1.0 } else { 2.0 * size };
                (Tensor::where_(&at.less(size), &at, &(at.negate() + behind)).clip(0.0, last), None)
            }
        })
    }

    fn extended(self, length: usize, elements: Vec<(Tensor, Option<Tensor>)>, place: impl Fn(&Tensor) -> (Tensor, Option<Tensor>)) -> Self {
        let both = |one: &Option<Tensor>, other: &Option<Tensor>, join: fn(&Tensor, &Tensor) -> Tensor| match (one, other) {
            (Some(one), Some(other)) => Some(join(one, other)),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        let mut around = Vec::new();
        for known in &self.0 {
            for (index, weight) in &elements {
                let (index, exists) = place(index);
                around.push(Around {
                    index: &known.index * length as i32 + index.clip(0.0, length as f64 - 1.0).cast(DType::I32),
                    weight: both(&known.weight, weight, |a, b| a * b),
                    exists: both(&known.exists, &exists, Tensor::logical_and),
                });
            }
        }
        Self(around)
    }

    /// The weighted sum of the elements of `flat`, whose first axis is numbered; `value` stands in for those that do not exist.
    pub fn of(&self, flat: &Tensor, value: f32) -> Tensor {
        let wide = |x: &Tensor| if flat.rank() == 2 { x.expand_dims(-1) } else { x.clone() };
        let term = |around: &Around| {
            let mut found = flat.take(&around.index, 0);
            if let Some(exists) = &around.exists {
                found = Tensor::where_(&wide(exists), &found, &found.number_like(value.into()));
            }
            if let Some(weight) = &around.weight { found * wide(weight) } else { found }
        };
        self.0.iter().map(term).reduce(|sum, term| sum + term).expect("there is an element")
    }
}

/// The elements beside places, and their weights; the nearest one alone, away from zero where two are as near.
fn pixels(at: &Tensor, nearest: bool) -> Vec<(Tensor, Option<Tensor>)> {
    let fixed = at.stop_gradient();
    if nearest {
        return vec![((fixed.abs() + 0.5).floor() * fixed.sign(), None)];
    }
    let lower = fixed.floor();
    let upper = &lower + 1.0;
    let weights = (&upper - at, at - &lower);
    vec![(lower, Some(weights.0)), (upper, Some(weights.1))]
}

fn exists(index: &Tensor, length: usize) -> Option<Tensor> {
    Some(index.greater_equal(0.0).logical_and(&index.less(length as f64)))
}

/// The elements of `x` at `coordinates`, (rank of x, ...): one number along each axis; their shape is (...). `Nearest` takes single
/// elements, `Bilinear` weighs those around.
///
/// ```
/// use wgrad::{ops::image::{self, FillMode}, prelude::*};
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// let y = image::map_coordinates(&x, &Tensor::from([[0.5f32], [1.0]]), Interpolation::Bilinear, FillMode::Constant, 0.0)?;
/// assert_eq!(y.to_vec::<f32>()?, [3.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// Coordinates that do not fit, another interpolation.
#[doc(alias = "keras.ops.image.map_coordinates")]
pub fn map_coordinates(
    x: &Tensor,
    coordinates: &Tensor,
    interpolation: Interpolation,
    fill_mode: FillMode,
    fill_value: f32,
) -> Result<Tensor> {
    let nearest = is_nearest(interpolation, "map_coordinates")?;
    if coordinates.rank() < 2 || coordinates.shape()[0] != x.rank() || x.size() == 0 {
        let (rank, found) = (x.rank(), coordinates.shape());
        return Err(Error::shape(format!("map_coordinates: expected coordinates ({rank}, ...) for {}, got {found}", x.shape())));
    }
    let coordinates = coordinates.cast(DType::F32);
    let start = coordinates.numbers_to(1).broadcast_to(&coordinates.shape()[1..]);
    let axes = coordinates.unstack(0).into_iter().zip(x.shape().iter());
    let around = axes.fold(Surroundings::new(start), |known, (at, &length)| known.folded(&at, length, nearest, fill_mode));
    let result = around.of(&x.cast(DType::F32).reshape([x.size()]), fill_value);
    Ok(if x.dtype().is_float() { result } else { result.round() }.cast(x.dtype()))
}
