//! Initial weights, drawn on the host: equal on every device.

use crate::{Shape, random::RandomKey};
use std::fmt;

/// Where the values of a new weight come from.
#[doc(alias = "keras.initializers.Initializer")]
pub trait Initializer: fmt::Debug + Send + Sync {
    /// The values of a weight of `shape`, row-major.
    fn values(&self, shape: &Shape, key: &RandomKey) -> Vec<f32>;
}

/// All zeros.
#[derive(Clone, Copy, Debug)]
#[doc(alias = "keras.initializers.Zeros")]
pub struct Zeros;

impl Initializer for Zeros {
    fn values(&self, shape: &Shape, _key: &RandomKey) -> Vec<f32> {
        vec![0.0; shape.size()]
    }
}

/// Uniform in `±sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, 2010), the default of kernels.
#[derive(Clone, Copy, Debug)]
#[doc(alias = "keras.initializers.GlorotUniform")]
pub struct GlorotUniform;

impl Initializer for GlorotUniform {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Vec<f32> {
        let (fan_in, fan_out) = fans(shape);
        let limit = (6.0 / (fan_in + fan_out)).sqrt() as f32;
        key.uniform(shape.size()).into_iter().map(|u| (2.0 * u - 1.0) * limit).collect()
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
