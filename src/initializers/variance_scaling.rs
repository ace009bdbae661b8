//! Initializers that keep the variance of what flows through a layer: scaled by the size of its kernel.

use super::{Initializer, RandomNormal, TruncatedNormal};
use crate::{Error, Result, Shape, config::Choice, random::RandomKey};

/// Which size of a kernel counts.
///
/// ```
/// use wgrad::{initializers::FanMode, prelude::*};
/// let layer = Conv2D::new(8, 3).kernel_initializer(VarianceScaling::new().scale(2.0).mode(FanMode::FanOut));
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
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
///
/// ```
/// use wgrad::{initializers::Distribution, prelude::*};
/// let layer = Dense::new(8).kernel_initializer(VarianceScaling::new().distribution(Distribution::Uniform));
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
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
///
/// ```
/// use wgrad::{initializers::Distribution, prelude::*, random::RandomKey};
/// let uniform = VarianceScaling::new().scale(3.0).distribution(Distribution::Uniform);
/// let kernel = uniform.values(&[9, 4].into(), &RandomKey::new(42, "kernel", 0))?;
/// assert!(kernel.iter().all(|value| value.abs() < 1.001)); // sqrt(3 * 3 / 9)
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Debug)]
#[doc(alias = "keras.initializers.VarianceScaling")]
pub struct VarianceScaling {
    /// The factor of the variance.
    #[initializer(default = 1.0)]
    scale: f64,
    /// Which size of the kernel counts.
    mode: FanMode,
    /// What is drawn from.
    distribution: Distribution,
    /// The axes that count as inputs; all but the last if not set.
    input_axes: Option<Vec<isize>>,
    /// The axes that count as outputs; the last if not set.
    output_axes: Option<Vec<isize>>,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

/// The standard deviation of a standard normal distribution cut at -2 and 2.
const CUT_STDDEV: f64 = 0.879_625_661_034_239_8;

impl Initializer for VarianceScaling {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        if self.scale.is_nan() || self.scale <= 0.0 {
            return Err(Error::invalid(format!("VarianceScaling needs a scale above 0, got {}", self.scale)));
        }
        draw(self.scale, self.mode, self.distribution, [&self.input_axes, &self.output_axes], shape, &key.seeded(self.seed))
    }
}

/// Values of variance `scale / fan`; `axes` are those of inputs and outputs, where not Keras' rule holds.
fn draw(
    scale: f64,
    mode: FanMode,
    distribution: Distribution,
    axes: [&Option<Vec<isize>>; 2],
    shape: &Shape,
    key: &RandomKey,
) -> Result<Vec<f32>> {
    let (fan_in, fan_out) = fans(shape, axes)?;
    let fan = match mode {
        FanMode::FanIn => fan_in,
        FanMode::FanOut => fan_out,
        FanMode::FanAvg => (fan_in + fan_out) / 2.0,
    };
    let variance = scale / fan.max(1.0);
    match distribution {
        Distribution::TruncatedNormal => TruncatedNormal::new().stddev((variance.sqrt() / CUT_STDDEV) as f32).values(shape, key),
        Distribution::UntruncatedNormal => RandomNormal::new().stddev(variance.sqrt() as f32).values(shape, key),
        Distribution::Uniform => {
            let limit = (3.0 * variance).sqrt() as f32;
            Ok(key.uniform(shape.size()).into_iter().map(|u| (2.0 * u - 1.0) * limit).collect())
        }
    }
}

/// How many inputs and outputs a unit of a kernel of `shape` has, as Keras counts them.
fn fans(shape: &Shape, [input_axes, output_axes]: [&Option<Vec<isize>>; 2]) -> Result<(f64, f64)> {
    let product = |axes: &[isize]| Ok::<_, Error>(shape.axes(axes)?.iter().map(|&axis| shape[axis]).product::<usize>() as f64);
    if let (Some(inputs), Some(outputs)) = (input_axes, output_axes) {
        let (inputs, outputs) = (product(inputs)?, product(outputs)?);
        let receptive = shape.size() as f64 / (inputs * outputs);
        return Ok((inputs * receptive, outputs * receptive));
    }
    Ok(match shape[..] {
        [] => (1.0, 1.0),
        [n] => (n as f64, n as f64),
        [.., input, output] => {
            let receptive: usize = shape[..shape.rank() - 2].iter().product();
            ((input * receptive) as f64, (output * receptive) as f64)
        }
    })
}

/// Uniform in `±sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, 2010), the default of kernels.
///
/// ```
/// use wgrad::{prelude::*, random::RandomKey};
/// let kernel = GlorotUniform::new().values(&[2, 4].into(), &RandomKey::new(42, "kernel", 0))?;
/// assert!(kernel.iter().all(|value| value.abs() < 1.001)); // sqrt(6 / (2 + 4))
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Debug)]
#[doc(alias = "keras.initializers.GlorotUniform")]
pub struct GlorotUniform {
    /// The axes that count as inputs; all but the last if not set.
    input_axes: Option<Vec<isize>>,
    /// The axes that count as outputs; the last if not set.
    output_axes: Option<Vec<isize>>,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

impl Initializer for GlorotUniform {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        draw(1.0, FanMode::FanAvg, Distribution::Uniform, [&self.input_axes, &self.output_axes], shape, &key.seeded(self.seed))
    }
}

/// Truncated normal of variance `2 / (fan_in + fan_out)` (Glorot and Bengio, 2010).
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Dense::new(8).kernel_initializer(GlorotNormal::new().seed(42));
/// ```
#[derive(Initializer, Clone, Debug)]
#[doc(alias = "keras.initializers.GlorotNormal")]
pub struct GlorotNormal {
    /// The axes that count as inputs; all but the last if not set.
    input_axes: Option<Vec<isize>>,
    /// The axes that count as outputs; the last if not set.
    output_axes: Option<Vec<isize>>,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

impl Initializer for GlorotNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        draw(1.0, FanMode::FanAvg, Distribution::TruncatedNormal, [&self.input_axes, &self.output_axes], shape, &key.seeded(self.seed))
    }
}

/// Uniform in `±sqrt(6 / fan_in)` (He et al., 2015), for layers with relu.
///
/// ```
/// use wgrad::{prelude::*, random::RandomKey};
/// let kernel = HeUniform::new().values(&[6, 4].into(), &RandomKey::new(42, "kernel", 0))?;
/// assert!(kernel.iter().all(|value| value.abs() < 1.001)); // sqrt(6 / 6)
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Debug)]
#[doc(alias = "keras.initializers.HeUniform")]
pub struct HeUniform {
    /// The axes that count as inputs; all but the last if not set.
    input_axes: Option<Vec<isize>>,
    /// The axes that count as outputs; the last if not set.
    output_axes: Option<Vec<isize>>,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

impl Initializer for HeUniform {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        draw(2.0, FanMode::FanIn, Distribution::Uniform, [&self.input_axes, &self.output_axes], shape, &key.seeded(self.seed))
    }
}

/// Truncated normal of variance `2 / fan_in` (He et al., 2015), for layers with relu.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Conv2D::new(32, 3).activation(Relu).kernel_initializer(HeNormal::new());
/// ```
#[derive(Initializer, Clone, Debug)]
#[doc(alias = "keras.initializers.HeNormal")]
pub struct HeNormal {
    /// The axes that count as inputs; all but the last if not set.
    input_axes: Option<Vec<isize>>,
    /// The axes that count as outputs; the last if not set.
    output_axes: Option<Vec<isize>>,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

impl Initializer for HeNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        draw(2.0, FanMode::FanIn, Distribution::TruncatedNormal, [&self.input_axes, &self.output_axes], shape, &key.seeded(self.seed))
    }
}

/// Uniform in `±sqrt(3 / fan_in)` (LeCun et al., 1998).
///
/// ```
/// use wgrad::{prelude::*, random::RandomKey};
/// let kernel = LecunUniform::new().values(&[3, 4].into(), &RandomKey::new(42, "kernel", 0))?;
/// assert!(kernel.iter().all(|value| value.abs() < 1.001)); // sqrt(3 / 3)
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Initializer, Clone, Debug)]
#[doc(alias = "keras.initializers.LecunUniform")]
pub struct LecunUniform {
    /// The axes that count as inputs; all but the last if not set.
    input_axes: Option<Vec<isize>>,
    /// The axes that count as outputs; the last if not set.
    output_axes: Option<Vec<isize>>,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

impl Initializer for LecunUniform {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        draw(1.0, FanMode::FanIn, Distribution::Uniform, [&self.input_axes, &self.output_axes], shape, &key.seeded(self.seed))
    }
}

/// Truncated normal of variance `1 / fan_in` (LeCun et al., 1998), for layers with selu.
///
/// ```
/// use wgrad::prelude::*;
/// let layer = Dense::new(8).activation(Selu).kernel_initializer(LecunNormal::new());
/// ```
#[derive(Initializer, Clone, Debug)]
#[doc(alias = "keras.initializers.LecunNormal")]
pub struct LecunNormal {
    /// The axes that count as inputs; all but the last if not set.
    input_axes: Option<Vec<isize>>,
    /// The axes that count as outputs; the last if not set.
    output_axes: Option<Vec<isize>>,
    /// What decides what is drawn; the model's seed and the weight's path if not set.
    seed: Option<u64>,
}

impl Initializer for LecunNormal {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        draw(1.0, FanMode::FanIn, Distribution::TruncatedNormal, [&self.input_axes, &self.output_axes], shape, &key.seeded(self.seed))
    }
}
