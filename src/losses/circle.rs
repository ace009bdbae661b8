//! The circle loss: embeddings of one class should lie together, those of others apart.

use super::{
    Loss, LossOptions,
    targets::{check_labels, label_shape},
};
use crate::{DType, Result, Shape, Tensor, data::Array};

/// `softplus(logsumexp(near) + logsumexp(far))`, one number for each sample (Sun et al., 2020).
///
/// Predictions are embeddings `(N, D)` of length one, targets labels `(N)`. With the distance `d = max(1 - x · y, 0)` to each other
/// sample, `near` is `-gamma * (margin + d) * (margin - d)` to those of the same label, and `far` is
/// `gamma * max(1 + margin - d, 0) * (1 - margin - d)` to those of others. Samples whose loss is 0 do not count in the mean.
///
/// ```
/// use wgrad::prelude::*;
/// let (labels, same) = (Tensor::from([0, 0, 1]), Tensor::from([[1.0f32, 0.0], [1.0, 0.0], [-1.0, 0.0]]));
/// assert!(Circle::new().call(&labels, &same)?.item::<f32>()? < 1e-5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.Circle")]
pub struct Circle {
    #[loss(flatten)]
    options: LossOptions,
    /// How steep the loss is.
    #[loss(default = 80.0)]
    gamma: f32,
    /// How far distances should stay from 0 and from 1.
    #[loss(default = 0.4)]
    margin: f32,
    /// Whether a sample is left out of those of its own label.
    #[loss(default = true)]
    remove_diagonal: bool,
}

/// In place of -∞, whose gradient is none.
const NOWHERE: f32 = -1e30;

impl Loss for Circle {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let count = label_shape(targets.shape(), predictions.shape())?.size();
        let (labels, x) = (targets.cast(DType::I32).reshape([count, 1]), predictions.cast(DType::F32));
        let same = labels.equal(labels.transpose());
        let near = if self.remove_diagonal { same.logical_and(&Tensor::eye(count).equal(0.0)) } else { same.clone() };
        let distance = (1.0f32 - x.matmul(&x.transpose())).maximum(0.0);
        let (margin, gamma) = (self.margin, self.gamma);
        let near_parts = (&distance + margin) * (margin - &distance) * -gamma;
        let far_parts = (1.0 + margin - &distance).maximum(0.0) * (1.0 - margin - &distance) * gamma;
        let nowhere = distance.zeros_like() + NOWHERE;
        let near = Tensor::where_(&near, &near_parts, &nowhere).logsumexp(&[1]);
        let far = Tensor::where_(&same, &nowhere, &far_parts).logsumexp(&[1]);
        Ok((near + far).softplus())
    }

    fn mask(&self, _targets: &Tensor, values: &Tensor) -> Option<Tensor> {
        Some(values.greater(0.0))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        label_shape(targets.shape(), output)?;
        check_labels(targets, i32::MAX as usize)
    }
}
