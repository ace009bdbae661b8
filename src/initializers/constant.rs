//! Initializers that draw nothing: constants and the identity matrix.

use super::Initializer;
use crate::{Error, Result, Shape, random::RandomKey};

/// All zeros, the default of biases.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.Zeros")]
pub struct Zeros;

impl Initializer for Zeros {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        Ok(vec![0.0; shape.size()])
    }
}

/// All ones, the default of scales.
#[derive(Clone, Copy, Debug, PartialEq)]
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

impl Initializer for Constant {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        Ok(vec![self.0; shape.size()])
    }
}

/// `gain` on the diagonal of a matrix, zeros elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.Identity")]
pub struct Identity {
    gain: f32,
}

impl Default for Identity {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Identity {
    /// The identity matrix.
    pub fn new() -> Self {
        Self::default()
    }

    /// What stands on the diagonal, 1 if not set.
    pub fn gain(mut self, gain: f32) -> Self {
        self.gain = gain;
        self
    }
}

impl Initializer for Identity {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Result<Vec<f32>> {
        let [rows, columns] = shape[..] else { return Err(Error::shape(format!("Identity makes matrices only, not shape {shape}"))) };
        Ok((0..rows * columns).map(|at| if at / columns == at % columns { self.gain } else { 0.0 }).collect())
    }
}
