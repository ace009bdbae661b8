//! Initializers that draw nothing: constants and the identity matrix.

use super::Initializer;
use crate::{
    Error, Result, Shape,
    config::{Class, Config, Entry, Numbers, Options, Value, submit},
    random::RandomKey,
};

/// All zeros, the default of biases.
///
/// ```
/// use wgrad::{prelude::*, random::RandomKey};
/// assert_eq!(Zeros.values(&[2].into(), &RandomKey::new(42, "bias", 0))?, [0.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Copy, Debug, PartialEq)]
#[initializer(alias("zero"))]
#[doc(alias = "keras.initializers.Zeros")]
pub struct Zeros;

impl Initializer for Zeros {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        Ok(vec![0.0; shape.size()])
    }
}

/// All ones, the default of scales.
///
/// ```
/// use wgrad::{prelude::*, random::RandomKey};
/// assert_eq!(Ones.values(&[2].into(), &RandomKey::new(42, "scale", 0))?, [1.0, 1.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Copy, Debug, PartialEq)]
#[initializer(alias("one"))]
#[doc(alias = "keras.initializers.Ones")]
pub struct Ones;

impl Initializer for Ones {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        Ok(vec![1.0; shape.size()])
    }
}

/// This value everywhere; [`ConstantList`] takes several.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Dense::new(10).bias_initializer(Constant(0.1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.Constant")]
pub struct Constant(pub f32);

/// These values, broadcast to the weight's shape: Keras' `Constant` of a list.
///
/// ```
/// use wgrad::{initializers::ConstantList, prelude::*};
/// let layer = Dense::new(2).bias_initializer(ConstantList::new([2], [0.5, -0.5]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConstantList(Numbers);

impl ConstantList {
    /// Values of `shape`, row-major.
    ///
    /// # Panics
    /// When there are more or fewer values than the shape holds.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>, values: impl Into<Vec<f32>>) -> Self {
        Self(Numbers::new(shape, values))
    }
}

/// Keras has one class for both.
const CONSTANT: Class = Class { module: "keras.initializers", name: "Constant", package: None };

impl Config for Constant {
    fn class(&self) -> &'static Class {
        &CONSTANT
    }

    fn options(&self, out: &mut Options) {
        out.insert("value".into(), self.0.to_json());
    }
}

impl Config for ConstantList {
    fn class(&self) -> &'static Class {
        &CONSTANT
    }

    fn options(&self, out: &mut Options) {
        out.insert("value".into(), self.0.to_json());
    }
}

submit! {
    Entry::<dyn Initializer> {
        class: &CONSTANT,
        aliases: &[],
        read: |fields| {
            let value = fields.take("value").unwrap_or(Numbers::from(0.0));
            Some(value.one().map_or_else(|| Box::new(ConstantList(value)) as Box<dyn Initializer>, |one| Box::new(Constant(one))))
        },
    }
}

impl Initializer for Constant {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        Ok(vec![self.0; shape.size()])
    }
}

impl Initializer for ConstantList {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        let given = self.0.shape();
        let missing = shape.rank().checked_sub(given.rank());
        let own = |axis: usize| missing.and_then(|missing| axis.checked_sub(missing)).map_or(1, |axis| given[axis]);
        if missing.is_none() || (0..shape.rank()).any(|axis| own(axis) != 1 && own(axis) != shape[axis]) {
            return Err(Error::shape(format!("Constant holds values of shape {}, which do not broadcast to {shape}", given)));
        }
        let place = |mut at: usize| {
            let (mut place, mut step) = (0, 1);
            for axis in (0..shape.rank()).rev() {
                place += if own(axis) == 1 { 0 } else { at % shape[axis] * step };
                (at, step) = (at / shape[axis], step * own(axis));
            }
            self.0.values()[place]
        };
        Ok((0..shape.size()).map(place).collect())
    }
}

/// `gain` on the diagonal of a matrix, zeros elsewhere.
///
/// ```
/// use wgrad::{initializers::{Identity, Initializer}, random::RandomKey};
/// let values = Identity::new().gain(2.0).values(&[2, 3].into(), &RandomKey::new(42, "kernel", 0))?;
/// assert_eq!(values, [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Debug)]
#[initializer(alias("IdentityInitializer"))]
#[doc(alias = "keras.initializers.Identity")]
pub struct Identity {
    /// What stands on the diagonal.
    #[initializer(default = 1.0)]
    gain: f32,
}

impl Initializer for Identity {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        let [rows, columns] = shape[..] else { return Err(Error::shape(format!("Identity makes matrices only, not shape {shape}"))) };
        Ok((0..rows * columns).map(|at| if at / columns == at % columns { self.gain } else { 0.0 }).collect())
    }
}
