//! Features of mean 0 and variance 1.

use super::learned::{Adapt, Learned, not_empty};
use crate::{
    DType, Error, Result, Shape, Tensor,
    config::Numbers,
    data::Array,
    initializers::{ConstantList, Ones, Zeros},
    layers::{Axes, Build, Call, Layer, SimpleLayer, Weight},
    shape::Spec,
};

/// `(x - mean) / max(sqrt(variance), 1e-7)`, with a mean and a variance for each place on `axis`; those of all numbers with `axis([])`.
/// They are given, or learned by [`adapt`](Adapt::adapt) before or after the layer is part of a model.
///
/// ```
/// use wgrad::{layers::Adapt, prelude::*};
/// let layer = Normalization::new();
/// layer.adapt(&Tensor::from([[0.0f32, 7.0], [2.0, 9.0]]))?;
/// assert_eq!(layer.apply(&Tensor::from([[1.0f32, 9.0]])).to_vec::<f32>()?, [0.0, 1.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Layer, Clone, Debug)]
#[doc(alias = "keras.layers.Normalization")]
pub struct Normalization {
    /// The axis, or the axes, whose places have a mean and a variance of their own.
    #[layer(default = -1)]
    axis: Option<Axes>,
    /// Whether it goes the other way: `mean + x * max(sqrt(variance), 1e-7)`.
    invert: bool,
    /// The mean, one or one for each place; learned if not given.
    mean: Option<Numbers>,
    /// The variance, likewise.
    variance: Option<Numbers>,
    #[layer(skip)]
    learned: Learned<Statistics>,
    #[layer(weight)]
    learned_mean: Weight,
    #[layer(weight)]
    learned_variance: Weight,
}

/// Means and variances of the kept axes' places, row-major.
#[derive(Debug)]
struct Statistics {
    shape: Shape,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

const EPSILON: f32 = 1e-7;

impl Normalization {
    /// The axes that are not averaged over, in order.
    fn kept(&self, input: &Shape) -> Result<Vec<usize>> {
        let axes = self.axis.as_ref().map_or(&[][..], Axes::list);
        let mut kept = axes.iter().map(|&axis| input.axis(axis)).collect::<Result<Vec<_>>>()?;
        kept.sort_unstable();
        kept.dedup();
        Ok(kept)
    }

    /// Given numbers for inputs of shape `input`: their axes are the last ones of those that are kept.
    fn given(&self, numbers: &Numbers, input: &Shape) -> Result<Tensor> {
        let (kept, own) = (self.kept(input)?, numbers.shape());
        let mut shape = vec![1; input.rank()];
        for (&axis, &size) in kept.iter().rev().zip(own.iter().rev()) {
            shape[axis] = size;
            if size != input[axis] && size != 1 {
                return Err(Error::shape(format!("mean and variance of shape {own} do not fit axis {axis} of input {input}")));
            }
        }
        Tensor::from_slice(numbers.values(), shape)
    }
}

impl SimpleLayer for Normalization {
    fn supports_masking(&self) -> bool {
        true
    }

    fn as_adapt(&self) -> Option<&dyn Adapt> {
        Some(self)
    }

    fn build(&mut self, build: &mut Build, input: &Shape) -> Result<()> {
        let kept = self.kept(input)?;
        match (&self.mean, &self.variance) {
            (Some(mean), Some(variance)) if mean.shape() == variance.shape() && mean.shape().rank() <= kept.len() => return Ok(()),
            (None, None) => {}
            (Some(mean), Some(variance)) => {
                let (mean, variance, axes) = (mean.shape(), variance.shape(), kept.len());
                return Err(Error::shape(format!("mean {mean} and variance {variance} have one shape, of at most the {axes} axes kept")));
            }
            _ => return Err(Error::invalid("mean and variance are given both, or learned both")),
        }
        let shape: Shape = kept.iter().map(|&axis| input[axis]).collect();
        let learned = self.learned.get();
        if let Some(learned) = learned.as_ref().filter(|learned| learned.shape != shape) {
            return Err(Error::shape(format!("adapt learned {} for the axes kept, the input {input} has {shape}", learned.shape)));
        }
        let (mean, variance) = (build.weight("mean", &shape).frozen(), learned.as_ref());
        let list = |values: &[f64]| ConstantList::new(&shape, values.iter().map(|&x| x as f32).collect::<Vec<_>>());
        self.learned_mean = match variance {
            Some(known) => mean.initializer(list(&known.mean)),
            None => mean.initializer(Zeros),
        }
        .add()?;
        let weight = build.weight("variance", &shape).frozen();
        self.learned_variance = match variance {
            Some(known) => weight.initializer(list(&known.variance)),
            None => weight.initializer(Ones),
        }
        .add()?;
        // Files of Keras have it.
        build.weight("count", []).frozen().dtype(DType::I32).initializer(Zeros).add().map(drop)
    }

    fn call(&self, _call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let x = if x.dtype().is_float() { x.clone() } else { x.cast(DType::F32) };
        let (mean, variance) = match (&self.mean, &self.variance) {
            (Some(mean), Some(variance)) => (self.given(mean, x.shape())?, self.given(variance, x.shape())?),
            _ => {
                let kept = self.kept(x.shape())?;
                let shape: Shape = (0..x.rank()).map(|axis| if kept.contains(&axis) { x.shape()[axis] } else { 1 }).collect();
                (self.learned_mean.value().reshape(&shape[..]), self.learned_variance.value().reshape(&shape[..]))
            }
        };
        let (mean, deviation) = (mean.cast(x.dtype()), variance.sqrt().maximum(EPSILON).cast(x.dtype()));
        Ok(if self.invert { mean + x * deviation } else { (x - mean) / deviation })
    }
}

impl Adapt for Normalization {
    fn adapt_batches(&self, batches: &mut dyn Iterator<Item = Result<Array>>) -> Result<()> {
        if self.mean.is_some() {
            return Err(Error::invalid("adapt: mean and variance were given, there is nothing to learn"));
        }
        let mut all: Option<(Statistics, f64)> = None;
        for batch in batches {
            let batch = batch?;
            let new = self.statistics(&batch)?;
            let count = (batch.values().len() / new.mean.len().max(1)) as f64;
            if count == 0.0 {
                continue;
            }
            all = Some(match all {
                None => (new, count),
                Some((old, _)) if old.shape != new.shape => {
                    return Err(Error::shape(format!("adapt: a batch has {} on the axes kept, those before {}", new.shape, old.shape)));
                }
                Some((old, before)) => (old.merged(&new, count / (before + count)), before + count),
            });
        }
        not_empty(all.is_some())?;
        let (found, _) = all.expect("it was there just now");
        if self.learned_mean.is_built() {
            for (weight, values) in [(&self.learned_mean, &found.mean), (&self.learned_variance, &found.variance)] {
                let variable = weight.variable();
                let Spec { dtype, shape } = variable.spec();
                if *shape != found.shape {
                    return Err(Error::shape(format!("adapt: the layer was built for {shape} on the axes kept, got {}", found.shape)));
                }
                let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
                variable.assign(&Tensor::from_slice_on(variable.device(), &values, shape)?.cast(*dtype))?;
            }
        }
        self.learned.set(Some(found));
        Ok(())
    }
}

impl Normalization {
    /// Of one batch.
    fn statistics(&self, batch: &Array) -> Result<Statistics> {
        let input = batch.shape();
        let kept = self.kept(input)?;
        let shape: Shape = kept.iter().map(|&axis| input[axis]).collect();
        let numbers: Vec<f64> = batch.numbers().ok_or_else(|| Error::dtype("adapt: Normalization takes numbers, not text"))?.collect();
        // Where an element belongs: its place on the axes that are kept.
        let mut steps = vec![0; input.rank()];
        kept.iter().rev().fold(1, |step, &axis| {
            steps[axis] = step;
            step * input[axis]
        });
        let mut place = vec![0; input.rank()];
        let (mut target, mut targets) = (0, Vec::with_capacity(numbers.len()));
        for _ in &numbers {
            targets.push(target);
            for axis in (0..input.rank()).rev() {
                place[axis] += 1;
                target += steps[axis];
                if place[axis] < input[axis] {
                    break;
                }
                target -= steps[axis] * input[axis];
                place[axis] = 0;
            }
        }
        let count = (numbers.len() / shape.size().max(1)).max(1) as f64;
        let mean_of = |value: &dyn Fn(f64, usize) -> f64| {
            let mut sums = vec![0.0; shape.size()];
            numbers.iter().zip(&targets).for_each(|(&x, &at)| sums[at] += value(x, at));
            sums.iter_mut().for_each(|sum| *sum /= count);
            sums
        };
        let mean = mean_of(&|x, _| x);
        let variance = mean_of(&|x, at| (x - mean[at]).powi(2));
        Ok(Statistics { shape, mean, variance })
    }
}

impl Statistics {
    /// Those of both together, where the others make up `share` of all.
    fn merged(mut self, other: &Self, share: f64) -> Self {
        for (at, (mean, variance)) in self.mean.iter_mut().zip(&mut self.variance).enumerate() {
            let distance = other.mean[at] - *mean;
            *variance = (1.0 - share) * *variance + share * other.variance[at] + share * (1.0 - share) * distance.powi(2);
            *mean += share * distance;
        }
        self
    }
}
