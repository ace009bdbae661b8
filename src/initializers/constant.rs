//! Initializers that draw nothing: constants and the identity matrix.

use super::Initializer;
use crate::{
    Error, Result, Shape,
    config::{Class, Config, Entry, Fields, FromConfig, Options, Value, submit},
    random::RandomKey,
};

/// All zeros, the default of biases.
#[derive(Initializer, Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.Zeros")]
pub struct Zeros;

impl Initializer for Zeros {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        Ok(vec![0.0; shape.size()])
    }
}

/// All ones, the default of scales.
#[derive(Initializer, Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.Ones")]
pub struct Ones;

impl Initializer for Ones {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        Ok(vec![1.0; shape.size()])
    }
}

/// This value everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.Constant")]
pub struct Constant(pub f32);

impl FromConfig for Constant {
    const CLASS: Class = Class { module: "keras.initializers", name: "Constant", package: None };

    fn from_options(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self(fields.take("value").unwrap_or(0.0)))
    }
}

impl Config for Constant {
    fn class(&self) -> &'static Class {
        &Self::CLASS
    }

    fn options(&self, out: &mut Options) {
        out.insert("value".into(), self.0.to_json());
    }
}

submit! {
    Entry::<dyn Initializer> {
        class: &Constant::CLASS,
        aliases: &[],
        read: |fields| Constant::from_options(fields).map(|made| Box::new(made) as Box<dyn Initializer>),
    }
}

impl Initializer for Constant {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        Ok(vec![self.0; shape.size()])
    }
}

/// `gain` on the diagonal of a matrix, zeros elsewhere.
#[derive(Initializer, Clone, Debug)]
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
