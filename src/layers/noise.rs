//! Noise while training: added, or multiplied.

use super::{Build, Call, Layer, SimpleLayer, dropout::check_rate};
use crate::{Error, Result, Shape, Tensor};

/// While training, normal noise of mean 0 and standard deviation `stddev` is added; the shape stays.
///
/// ```
/// use wgrad::prelude::*;
/// let (noise, x) = (GaussianNoise::new(0.5).shared(), Tensor::ones([2, 3]));
/// assert_eq!(noise.call(&mut Call::new(Training::No, 1, 0), &x)?.to_vec::<f32>()?, [1.0; 6]);
/// assert_ne!(noise.call(&mut Call::new(Training::Yes, 1, 0), &x)?.to_vec::<f32>()?, [1.0; 6]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.GaussianNoise")]
pub struct GaussianNoise {
    /// The noise's standard deviation, from 0 to 1.
    #[layer(new)]
    stddev: f32,
    /// What decides the noise with the layer's name and the step; the model's seed if not set.
    seed: Option<u64>,
}

impl SimpleLayer for GaussianNoise {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, _build: &mut Build, _input: &Shape) -> Result<()> {
        if (0.0..=1.0).contains(&self.stddev) {
            return Ok(());
        }
        Err(Error::invalid(format!("stddev is a number from 0 to 1, got {}", self.stddev)))
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        if !call.training() || self.stddev == 0.0 {
            return Ok(x.clone());
        }
        Ok(x + x.normal_like(&call.random().seeded(self.seed), 0.0, self.stddev))
    }
}

/// While training, each element is multiplied by a normal number of mean 1 and variance `rate / (1 - rate)`; the shape stays
/// (Srivastava et al., 2014).
///
/// ```
/// use wgrad::prelude::*;
/// let (noise, x) = (GaussianDropout::new(0.2).shared(), Tensor::zeros([2, 3]));
/// assert_eq!(noise.call(&mut Call::new(Training::Yes, 1, 0), &x)?.to_vec::<f32>()?, [0.0; 6]); // zeros stay zeros
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.GaussianDropout")]
pub struct GaussianDropout {
    /// The share that dropout of as much noise would drop, from 0 to below 1.
    #[layer(new)]
    rate: f32,
    /// What decides the noise with the layer's name and the step; the model's seed if not set.
    seed: Option<u64>,
}

impl SimpleLayer for GaussianDropout {
    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, _build: &mut Build, _input: &Shape) -> Result<()> {
        if self.rate == 1.0 {
            return Err(Error::invalid("rate 1 asks for noise without end; use one below 1"));
        }
        check_rate(self.rate)
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        if !call.training() || self.rate == 0.0 {
            return Ok(x.clone());
        }
        let deviation = (self.rate / (1.0 - self.rate)).sqrt();
        Ok(x * x.normal_like(&call.random().seeded(self.seed), 1.0, deviation))
    }
}
