//! Batch normalization: each channel is normalized over the batch.

use super::{Build, Call, Layer, SimpleLayer, Weight, options::fits};
use crate::{
    DType, Error, Result, Shape, Tensor,
    config::{Fields, Json, Object, Reader, Value},
    initializers::{Initializer, Ones, Zeros},
    random::RandomKey,
};

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta` for each place along `axis`; the shape stays (Ioffe and Szegedy, 2015).
///
/// While training, mean and variance are the batch's, over all other axes, and move the moving ones:
/// `moving = momentum * moving + (1 - momentum) * batch`. Else they are the moving ones. Weights, each of the axis' size: `gamma`, `beta`,
/// and, not trained, `moving_mean` and `moving_variance`. A frozen layer (`trainable(false)`) uses and keeps the moving ones, as in Keras.
/// Masked steps (N, T) do not count in mean and variance.
///
/// With `renorm` a batch is also corrected by what moving statistics say of it (Ioffe, 2017), which are three more weights, not
/// trained: `moving_stddev`, `renorm_mean` and `renorm_stddev`.
///
/// ```
/// use wgrad::prelude::*;
/// let model = Sequential::new().add(Input::new([1])).add(BatchNormalization::new().epsilon(0.0)).build()?;
/// let x = Tensor::from([[1.0f32], [3.0]]);
/// assert_eq!(model.call(&x, Training::No)?.to_vec::<f32>()?, [1.0, 3.0]); // by the moving statistics, 0 and 1 at first
/// assert_eq!(model.call(&x, Training::Yes)?.to_vec::<f32>()?, [-1.0, 1.0]); // by the batch
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.BatchNormalization")]
pub struct BatchNormalization {
    /// The axis whose places are normalized each by itself, the channels.
    #[layer(default = -1)]
    axis: isize,
    /// How much of the moving mean and variance stays at each step.
    #[layer(default = 0.99)]
    momentum: f32,
    /// What is added to the variance.
    #[layer(default = 1e-3)]
    epsilon: f32,
    /// Whether `beta` is added.
    #[layer(default = true)]
    center: bool,
    /// Whether the result is multiplied by `gamma`.
    #[layer(default = true)]
    scale: bool,
    /// How the moving mean starts.
    #[layer(default = Zeros)]
    moving_mean_initializer: Object<dyn Initializer>,
    /// How the moving variance starts.
    #[layer(default = Ones)]
    moving_variance_initializer: Object<dyn Initializer>,
    /// Whether batches are corrected while training.
    renorm: bool,
    /// How far they are corrected at most.
    renorm_clipping: Option<RenormClipping>,
    /// How much of the statistics for the correction stays at each step.
    #[layer(default = 0.99)]
    renorm_momentum: f32,
    /// Keras' flag for several devices; here there is one, and it changes nothing.
    synchronized: bool,
    #[layer(start = Ones)]
    gamma: Weight,
    #[layer(start = Zeros)]
    beta: Weight,
    #[layer(weight)]
    moving_mean: Weight,
    #[layer(weight)]
    moving_variance: Weight,
    #[layer(weight)]
    moving_stddev: Weight,
    #[layer(weight)]
    renorm_mean: Weight,
    #[layer(weight)]
    renorm_stddev: Weight,
}

/// The square root of what another initializer gives: standard deviations start as variances do.
#[derive(Initializer, Clone, Debug)]
#[initializer(package = "wgrad")]
struct Root {
    /// The initializer of variances.
    #[initializer(new)]
    of: Object<dyn Initializer>,
}

impl Initializer for Root {
    fn values(&self, shape: &Shape, key: &RandomKey) -> Result<Vec<f32>> {
        Ok(self.of.values(shape, key)?.into_iter().map(f32::sqrt).collect())
    }
}

/// Limits of the correction `x * r + d` of batch renormalization; without limit where not set.
///
/// ```
/// use wgrad::{layers::RenormClipping, prelude::*};
/// let layer = BatchNormalization::new().renorm(true).renorm_clipping(RenormClipping { rmax: Some(3.0), ..Default::default() });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RenormClipping {
    /// The smallest `r`.
    pub rmin: Option<f32>,
    /// The largest `r`.
    pub rmax: Option<f32>,
    /// The largest distance of `d` from zero.
    pub dmax: Option<f32>,
}

impl Value for RenormClipping {
    fn to_json(&self) -> Json {
        let limits = [("rmin", self.rmin), ("rmax", self.rmax), ("dmax", self.dmax)];
        Json::Object(limits.into_iter().filter_map(|(key, limit)| Some((key.to_owned(), limit?.to_json()))).collect())
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        let Some(limits) = json.as_object() else { return reader.expected("limits of a correction", json) };
        Fields::read(limits.clone(), reader, |fields| {
            Some(Self { rmin: fields.take("rmin"), rmax: fields.take("rmax"), dmax: fields.take("dmax") })
        })
    }
}

impl SimpleLayer for BatchNormalization {
    fn is_exact(&self) -> bool {
        true
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        if input.rank() < 2 {
            return Err(Error::shape(format!("expected (N, ..., C), got {input}; add an axis for the channels")));
        }
        let size = [input[input.axis(self.axis)?]];
        if self.scale {
            self.gamma = build.weight("gamma", size).options(&self.gamma).add()?;
        }
        if self.center {
            self.beta = build.weight("beta", size).options(&self.beta).add()?;
        }
        self.moving_mean = build.weight("moving_mean", size).frozen().initializer(&self.moving_mean_initializer).add()?;
        self.moving_variance = build.weight("moving_variance", size).frozen().initializer(&self.moving_variance_initializer).add()?;
        if self.renorm {
            let root: Object<dyn Initializer> = Root::new(&self.moving_variance_initializer).into();
            self.moving_stddev = build.weight("moving_stddev", size).frozen().initializer(&root).add()?;
            self.renorm_mean = build.weight("renorm_mean", size).frozen().initializer(&self.moving_mean_initializer).add()?;
            self.renorm_stddev = build.weight("renorm_stddev", size).frozen().initializer(&root).add()?;
        }
        Ok(())
    }

    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let (moving_mean, moving_variance) = (self.moving_mean.value(), self.moving_variance.value());
        fits(x, self.axis, moving_mean.size(), "channels")?;
        let gamma = self.scale.then(|| self.gamma.value());
        let beta = self.center.then(|| self.beta.value());
        let axis = x.shape().axis(self.axis)?;
        if !call.training() || call.frozen() {
            // One multiplication and one addition for each element.
            let along = |v: Tensor| v.reshape((0..x.rank()).map(|at| if at == axis { v.size() } else { 1 }).collect::<Shape>());
            let deviation = (moving_variance + self.epsilon).sqrt();
            let scale = gamma.unwrap_or_else(|| deviation.ones_like()) / deviation;
            let offset = beta.unwrap_or_else(|| scale.zeros_like()) - moving_mean * &scale;
            return Ok(x * along(scale) + along(offset));
        }
        if self.renorm || call.mask().is_some() {
            let others: Vec<isize> = (0..x.rank()).filter(|&at| at != axis).map(|at| at as isize).collect();
            let (mean, variance) = match call.mask() {
                Some(mask) => masked_moments(x, mask, &others)?,
                None => x.moments(&others),
            };
            let (gamma, beta) = if self.renorm {
                self.corrected(call, &mean, &variance, gamma, beta)
            } else {
                self.mix(call, &self.moving_mean, &mean, self.momentum);
                self.mix(call, &self.moving_variance, &variance, self.momentum);
                (gamma, beta)
            };
            return Ok(x.batch_normalization(&mean, &variance, self.axis, gamma.as_ref(), beta.as_ref(), self.epsilon));
        }
        let (weights, moving) = ([gamma.as_ref(), beta.as_ref()], [&moving_mean, &moving_variance]);
        let [y, mean, variance] = x.normalize_batch(self.axis, weights, moving, self.momentum, self.epsilon)?;
        call.update(&self.moving_mean, mean);
        call.update(&self.moving_variance, variance);
        Ok(y)
    }
}

impl BatchNormalization {
    /// Lets a moving statistic go on towards `batch`; gives where it arrives.
    fn mix(&self, call: &mut Call, moving: &Weight, batch: &Tensor, momentum: f32) -> Tensor {
        let value = moving.value() * momentum + batch * (1.0 - momentum);
        call.update(moving, value.clone());
        value
    }

    /// Gamma and beta with the correction of a batch in them: `(x * r + d) * gamma + beta`, where
    /// `r = stddev / renorm_stddev` and `d = (mean - renorm_mean) / renorm_stddev`, through which no gradient flows.
    fn corrected(
        &self,
        call: &mut Call,
        mean: &Tensor,
        variance: &Tensor,
        gamma: Option<Tensor>,
        beta: Option<Tensor>,
    ) -> (Option<Tensor>, Option<Tensor>) {
        let RenormClipping { rmin, rmax, dmax } = self.renorm_clipping.unwrap_or_default();
        let stddev = (variance + self.epsilon).sqrt();
        let known = self.renorm_stddev.value().maximum(self.epsilon.sqrt());
        let r = (&stddev / &known).clip(rmin.unwrap_or(f32::NEG_INFINITY), rmax.unwrap_or(f32::INFINITY)).stop_gradient();
        let most = dmax.unwrap_or(f32::INFINITY);
        let d = ((mean - self.renorm_mean.value()) / known).clip(-most, most).stop_gradient();

        self.mix(call, &self.renorm_mean, mean, self.renorm_momentum);
        self.mix(call, &self.renorm_stddev, &stddev, self.renorm_momentum);
        self.mix(call, &self.moving_mean, mean, self.momentum);
        let moving = self.mix(call, &self.moving_stddev, &stddev, self.momentum);
        call.update(&self.moving_variance, (moving.square() - self.epsilon).relu());
        match gamma {
            None => (Some(r), Some(beta.map_or(d.clone(), |beta| d + beta))),
            Some(gamma) => {
                let moved = d * &gamma;
                (Some(r * gamma), Some(beta.map_or(moved.clone(), |beta| moved + beta)))
            }
        }
    }
}

/// Mean and variance over `axes` of what a mask keeps.
fn masked_moments(x: &Tensor, mask: &Tensor, axes: &[isize]) -> Result<(Tensor, Tensor)> {
    if mask.rank() + 1 != x.rank() || mask.expand_dims(-1).shape().broadcast(x.shape()).as_ref() != Ok(x.shape()) {
        return Err(Error::shape(format!("expected a mask of all axes of {} but the last, got {}", x.shape(), mask.shape())));
    }
    let mask = mask.expand_dims(-1).broadcast_to(x.shape());
    let count = mask.cast(DType::F32).sum(axes) + 1e-7;
    let mean = Tensor::where_(&mask, x, &x.zeros_like()).sum(axes) / &count;
    let distance = x - mean.keep_dims(x.shape(), axes);
    Ok((mean, Tensor::where_(&mask, &distance, &x.zeros_like()).square().sum(axes) / count))
}
