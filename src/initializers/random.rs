//! Initializers of fixed distributions: uniform, normal, and normal without its tails.

use super::Initializer;
use crate::{Result, Shape, random::RandomKey};

/// Normal around `mean` (0) with standard deviation `stddev` (0.05).
///
/// ```
/// use wgrad::initializers::RandomNormal;
/// let narrow = RandomNormal::new().stddev(0.01);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.RandomNormal")]
pub struct RandomNormal {
    mean: f32,
    stddev: f32,
}

/// As [`RandomNormal`], but numbers further than two standard deviations from the mean are drawn again.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.TruncatedNormal")]
pub struct TruncatedNormal {
    mean: f32,
    stddev: f32,
}

/// Uniform from `minval` (-0.05) up to `maxval` (0.05).
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.RandomUniform")]
pub struct RandomUniform {
    minval: f32,
    maxval: f32,
}

impl Default for RandomNormal {
    fn default() -> Self {
        Self { mean: 0.0, stddev: 0.05 }
    }
}

impl Default for TruncatedNormal {
    fn default() -> Self {
        Self { mean: 0.0, stddev: 0.05 }
    }
}

impl Default for RandomUniform {
    fn default() -> Self {
        Self { minval: -0.05, maxval: 0.05 }
    }
}

impl RandomNormal {
    /// With Keras' defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The middle of the distribution.
    pub fn mean(mut self, mean: f32) -> Self {
        self.mean = mean;
        self
    }

    /// The standard deviation.
    pub fn stddev(mut self, stddev: f32) -> Self {
        self.stddev = stddev;
        self
    }
}

impl TruncatedNormal {
    /// With Keras' defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The middle of the distribution.
    pub fn mean(mut self, mean: f32) -> Self {
        self.mean = mean;
        self
    }

    /// The standard deviation before the tails are cut.
    pub fn stddev(mut self, stddev: f32) -> Self {
        self.stddev = stddev;
        self
    }
}

impl RandomUniform {
    /// With Keras' defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lowest value.
    pub fn minval(mut self, minval: f32) -> Self {
        self.minval = minval;
        self
    }

    /// The value that all stay below.
    pub fn maxval(mut self, maxval: f32) -> Self {
        self.maxval = maxval;
        self
    }
}

impl Initializer for RandomNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        Ok(key.normal(shape.size()).into_iter().map(|z| self.mean + self.stddev * z).collect())
    }
}

impl Initializer for TruncatedNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        Ok(key.truncated_normal(shape.size()).into_iter().map(|z| self.mean + self.stddev * z).collect())
    }
}

impl Initializer for RandomUniform {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        let width = self.maxval - self.minval;
        Ok(key.uniform(shape.size()).into_iter().map(|u| self.minval + u * width).collect())
    }
}
