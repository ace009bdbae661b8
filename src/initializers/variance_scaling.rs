//! Initializers that keep the variance of what flows through a layer: scaled by the size of its kernel.

use super::{Initializer, RandomNormal, TruncatedNormal};
use crate::{Error, Result, Shape, random::RandomKey};

/// Which size of a kernel counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FanMode {
    /// The inputs of a unit.
    #[default]
    FanIn,
    /// The outputs of a unit.
    FanOut,
    /// The mean of both.
    FanAvg,
}

/// What a scaled initializer draws from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distribution {
    /// Normal without the tails beyond two standard deviations, widened so that the variance stays right.
    #[default]
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

/// Variance `scale / fan`: normal with standard deviation `sqrt(scale / fan)`, or uniform within `±sqrt(3 * scale / fan)`.
///
/// A kernel of shape `(…, C, K)` has `C` inputs and `K` outputs, both times the size of its window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.VarianceScaling")]
pub struct VarianceScaling {
    scale: f64,
    mode: FanMode,
    distribution: Distribution,
}

impl Default for VarianceScaling {
    fn default() -> Self {
        Self { scale: 1.0, mode: FanMode::default(), distribution: Distribution::default() }
    }
}

impl VarianceScaling {
    /// With Keras' defaults: scale 1, fan in, truncated normal.
    pub fn new() -> Self {
        Self::default()
    }

    /// The factor of the variance.
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }

    /// Which size of the kernel counts.
    pub fn mode(mut self, mode: FanMode) -> Self {
        self.mode = mode;
        self
    }

    /// What is drawn from.
    pub fn distribution(mut self, distribution: Distribution) -> Self {
        self.distribution = distribution;
        self
    }
}

/// The standard deviation of a standard normal distribution cut at -2 and 2.
const CUT_STDDEV: f64 = 0.879_625_661_034_239_8;

impl Initializer for VarianceScaling {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        if self.scale.is_nan() || self.scale <= 0.0 {
            return Err(Error::invalid(format!("VarianceScaling needs a scale above 0, got {}", self.scale)));
        }
        let (fan_in, fan_out) = fans(shape);
        let fan = match self.mode {
            FanMode::FanIn => fan_in,
            FanMode::FanOut => fan_out,
            FanMode::FanAvg => (fan_in + fan_out) / 2.0,
        };
        let variance = self.scale / fan.max(1.0);
        match self.distribution {
            Distribution::TruncatedNormal => TruncatedNormal::new().stddev((variance.sqrt() / CUT_STDDEV) as f32).values(shape, key),
            Distribution::UntruncatedNormal => RandomNormal::new().stddev(variance.sqrt() as f32).values(shape, key),
            Distribution::Uniform => {
                let limit = (3.0 * variance).sqrt() as f32;
                Ok(key.uniform(shape.size()).into_iter().map(|u| (2.0 * u - 1.0) * limit).collect())
            }
        }
    }
}

/// How many inputs and outputs a unit of a kernel of `shape` has, as Keras counts them.
fn fans(shape: &Shape) -> (f64, f64) {
    match shape[..] {
        [] => (1.0, 1.0),
        [n] => (n as f64, n as f64),
        [.., input, output] => {
            let receptive: usize = shape[..shape.rank() - 2].iter().product();
            ((input * receptive) as f64, (output * receptive) as f64)
        }
    }
}

fn scaled(scale: f64, mode: FanMode, distribution: Distribution) -> VarianceScaling {
    VarianceScaling { scale, mode, distribution }
}

/// Uniform in `±sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, 2010), the default of kernels.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.GlorotUniform")]
pub struct GlorotUniform;

impl Initializer for GlorotUniform {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        scaled(1.0, FanMode::FanAvg, Distribution::Uniform).values(shape, key)
    }
}

/// Truncated normal of variance `2 / (fan_in + fan_out)` (Glorot and Bengio, 2010).
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.GlorotNormal")]
pub struct GlorotNormal;

impl Initializer for GlorotNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        scaled(1.0, FanMode::FanAvg, Distribution::TruncatedNormal).values(shape, key)
    }
}

/// Uniform in `±sqrt(6 / fan_in)` (He et al., 2015), for layers with relu.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.HeUniform")]
pub struct HeUniform;

impl Initializer for HeUniform {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        scaled(2.0, FanMode::FanIn, Distribution::Uniform).values(shape, key)
    }
}

/// Truncated normal of variance `2 / fan_in` (He et al., 2015), for layers with relu.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.HeNormal")]
pub struct HeNormal;

impl Initializer for HeNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        scaled(2.0, FanMode::FanIn, Distribution::TruncatedNormal).values(shape, key)
    }
}

/// Uniform in `±sqrt(3 / fan_in)` (LeCun et al., 1998).
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.LecunUniform")]
pub struct LecunUniform;

impl Initializer for LecunUniform {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        scaled(1.0, FanMode::FanIn, Distribution::Uniform).values(shape, key)
    }
}

/// Truncated normal of variance `1 / fan_in` (LeCun et al., 1998), for layers with selu.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "keras.initializers.LecunNormal")]
pub struct LecunNormal;

impl Initializer for LecunNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        scaled(1.0, FanMode::FanIn, Distribution::TruncatedNormal).values(shape, key)
    }
}
