//! Cross-entropies that look away from what is easy or noisy.

use super::{
    Loss, LossOptions,
    cross_entropy::{BINARY, check_rows, check_smoothing, smoothed},
    regression::EPSILON,
    targets::{check_elements, check_labels, check_numbers, check_probabilities, elements, label_shape},
};
use crate::{DType, Error, Result, Shape, Tensor, data::Array, ops::binary_crossentropy};

/// Binary cross-entropy times `(1 - p)^gamma`, with the probability `p` of what is right: easy samples count less (Lin et al., 2018).
///
/// Targets from 0 to 1 and predictions of one shape `(N, ...)`; the mean is taken along the last axis.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = BinaryFocalCrossentropy::new().call(&Tensor::from([[1.0f32]]), &Tensor::from([[0.5f32]]))?;
/// assert!((loss.item::<f32>()? - 0.25 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.BinaryFocalCrossentropy")]
pub struct BinaryFocalCrossentropy {
    #[loss(flatten)]
    options: LossOptions,
    /// Whether predictions are logits, as of a last layer without activation.
    from_logits: bool,
    /// How far targets are moved towards a half, from 0 to 1.
    label_smoothing: f32,
    /// The axis along which the mean is taken.
    #[loss(default = -1)]
    axis: isize,
    /// Whether a target of 1 counts `alpha`, one of 0 `1 - alpha`.
    apply_class_balancing: bool,
    /// How much targets of 1 count, from 0 to 1, if classes are balanced.
    #[loss(default = 0.25)]
    alpha: f32,
    /// How much less easy samples count; 0 is the plain cross-entropy.
    #[loss(default = 2.0)]
    gamma: f32,
}

impl Loss for BinaryFocalCrossentropy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let (targets, predictions) = elements(targets, predictions)?;
        let targets = smoothed(targets, self.label_smoothing, 2);
        let p = if self.from_logits { predictions.sigmoid() } else { predictions };
        let wrong = &targets * (1.0f32 - &p) + (1.0f32 - &targets) * &p;
        let mut focal = wrong.pow(self.gamma) * binary_crossentropy(&targets, &p, false);
        if self.apply_class_balancing {
            focal *= &targets * self.alpha + (1.0f32 - &targets) * (1.0 - self.alpha);
        }
        Ok(focal.mean(&[self.axis]))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        check_elements(targets.shape(), output, BINARY)?;
        check_smoothing(self.label_smoothing)?;
        check_numbers(targets)?;
        check_probabilities(targets)
    }
}

/// `-sum(alpha * (1 - p)^gamma * target * log p)` along an axis: easy samples count less (Lin et al., 2018).
///
/// Targets are one-hot rows or probabilities of the predictions' shape `(N, ..., K)`; predictions are divided by their sum and kept
/// 1e-7 away from 0 and 1.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = CategoricalFocalCrossentropy::new().alpha(1.0).call(&Tensor::from([[1.0f32, 0.0]]), &Tensor::from([[0.5f32, 0.5]]))?;
/// assert!((loss.item::<f32>()? - 0.25 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.CategoricalFocalCrossentropy")]
pub struct CategoricalFocalCrossentropy {
    #[loss(flatten)]
    options: LossOptions,
    /// Whether predictions are logits, as of a last layer without activation.
    from_logits: bool,
    /// How much of each target, from 0 to 1, is spread over all classes.
    label_smoothing: f32,
    /// The axis of classes.
    #[loss(default = -1)]
    axis: isize,
    /// How much the loss counts.
    #[loss(default = 0.25)]
    alpha: f32,
    /// How much less easy samples count; 0 is the plain cross-entropy.
    #[loss(default = 2.0)]
    gamma: f32,
}

impl Loss for CategoricalFocalCrossentropy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        check_rows(targets.shape(), predictions.shape())?;
        let (targets, predictions) = elements(targets, predictions)?;
        let axis = predictions.shape().axis(self.axis)? as isize;
        let targets = smoothed(targets, self.label_smoothing, predictions.shape()[predictions.rank() - 1]);
        let p = if self.from_logits { predictions.softmax(axis) } else { predictions };
        let p = (&p / p.sum(&[axis]).expand_dims(axis)).clip(EPSILON, 1.0 - EPSILON);
        Ok(-((1.0f32 - &p).pow(self.gamma) * self.alpha * targets * p.log()).sum(&[axis]))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        check_rows(targets.shape(), output)?;
        check_smoothing(self.label_smoothing)?;
        check_numbers(targets)
    }
}

/// `(1 - p^q) / q` with the probability `p` of the labelled class: wrong labels pull less (Zhang and Sabuncu, 2018).
///
/// Targets are integer labels `(N, ...)`, predictions probabilities `(N, ..., K)`.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = CategoricalGeneralizedCrossEntropy::new().call(&Tensor::from([1]), &Tensor::from([[0.75f32, 0.25]]))?;
/// assert!((loss.item::<f32>()? - 1.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.CategoricalGeneralizedCrossEntropy")]
pub struct CategoricalGeneralizedCrossEntropy {
    #[loss(flatten)]
    options: LossOptions,
    /// Between 0, where it is the cross-entropy, and 1, where it is the absolute error.
    #[loss(default = 0.5)]
    q: f32,
}

impl Loss for CategoricalGeneralizedCrossEntropy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        if !(self.q > 0.0 && self.q < 1.0) {
            return Err(Error::invalid(format!("q must lie between 0 and 1, got {}", self.q)));
        }
        let labels = targets.reshape(label_shape(targets.shape(), predictions.shape())?).cast(DType::I32);
        let p = predictions.cast(DType::F32).take_along_axis(&labels.expand_dims(-1), -1).reshape(labels.shape());
        Ok((1.0f32 - p.pow(self.q)) / self.q)
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        label_shape(targets.shape(), output)?;
        check_labels(targets, output[output.rank() - 1])
    }
}
