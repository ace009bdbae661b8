//! Initializers of fixed distributions: uniform, normal, and normal without its tails.

use super::Initializer;
use crate::{Result, Shape, random::RandomKey};

/// Normal around `mean` (0) with standard deviation `stddev` (0.05).
///
/// ```
/// use wgrad::initializers::RandomNormal;
/// let narrow = RandomNormal::new().stddev(0.01);
/// ```
#[derive(Initializer, Clone, Debug)]
#[initializer(alias("normal"))]
#[doc(alias = "keras.initializers.RandomNormal")]
pub struct RandomNormal {
    /// The middle of the distribution.
    mean: f32,
    /// The standard deviation.
    #[initializer(default = 0.05)]
    stddev: f32,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

/// As [`RandomNormal`], but numbers further than two standard deviations from the mean are drawn again.
///
/// ```
/// use wgrad::{prelude::*, random::RandomKey};
/// let values = TruncatedNormal::new().stddev(0.5).values(&[100].into(), &RandomKey::new(42, "kernel", 0))?;
/// assert!(values.iter().all(|value| value.abs() < 1.001));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Debug)]
#[doc(alias = "keras.initializers.TruncatedNormal")]
pub struct TruncatedNormal {
    /// The middle of the distribution.
    mean: f32,
    /// The standard deviation before the tails are cut.
    #[initializer(default = 0.05)]
    stddev: f32,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

/// Uniform from `minval` (-0.05) up to `maxval` (0.05).
///
/// ```
/// use wgrad::{prelude::*, random::RandomKey};
/// let values = RandomUniform::new().minval(0.0).maxval(1.0).values(&[100].into(), &RandomKey::new(42, "kernel", 0))?;
/// assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Debug)]
#[initializer(alias("uniform"))]
#[doc(alias = "keras.initializers.RandomUniform")]
pub struct RandomUniform {
    /// The lowest value.
    #[initializer(default = -0.05)]
    minval: f32,
    /// The value that all stay below.
    #[initializer(default = 0.05)]
    maxval: f32,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

impl Initializer for RandomNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        Ok(key.seeded(self.seed).normal(shape.size()).into_iter().map(|z| self.mean + self.stddev * z).collect())
    }
}

impl Initializer for TruncatedNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        Ok(key.seeded(self.seed).truncated_normal(shape.size()).into_iter().map(|z| self.mean + self.stddev * z).collect())
    }
}

impl Initializer for RandomUniform {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        let width = self.maxval - self.minval;
        Ok(key.seeded(self.seed).uniform(shape.size()).into_iter().map(|u| self.minval + u * width).collect())
    }
}
