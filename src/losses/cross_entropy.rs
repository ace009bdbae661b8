//! Cross-entropies: losses of probabilities, for classes and for yes or no.

use super::{
    Loss, LossOptions,
    targets::{check_elements, check_labels_but, check_numbers, check_probabilities, elements, label_shape},
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    data::Array,
    ops::{binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy},
};

/// The logits behind predictions that `activation` made, as Keras takes them: exact also where a probability is tiny.
fn exact(predictions: &Tensor, from_logits: bool, activation: &str) -> (Tensor, bool) {
    match predictions.logits_behind(activation) {
        Some(logits) if !from_logits => (logits.cast(DType::F32), true),
        _ => (predictions.cast(DType::F32), from_logits),
    }
}

/// `x` with `axis` moved behind all others.
fn to_last(x: &Tensor, axis: isize) -> Result<Tensor> {
    let axis = x.shape().axis(axis)?;
    let others = (0..x.rank()).filter(|&at| at != axis);
    let order: Vec<isize> = others.chain([axis]).map(|at| at as isize).collect();
    Ok(if axis + 1 == x.rank() { x.clone() } else { x.permute(&order) })
}

/// Targets a part of which is spread over `classes`.
pub(super) fn smoothed(targets: Tensor, smoothing: f32, classes: usize) -> Tensor {
    if smoothing == 0.0 { targets } else { targets * (1.0 - smoothing) + smoothing / classes as f32 }
}

pub(super) fn check_smoothing(label_smoothing: f32) -> Result<()> {
    if (0.0..=1.0).contains(&label_smoothing) {
        return Ok(());
    }
    Err(Error::invalid(format!("label_smoothing lies from 0 to 1, got {label_smoothing}")))
}

/// `-log p[label]` for integer labels `(N, ...)` or `(N, ..., 1)` and predictions `(N, ..., K)`.
///
/// Predictions are probabilities, which are divided by their sum and kept 1e-7 away from 0 and 1; or logits with
/// [`from_logits`](Self::from_logits). Where a softmax made them, its logits are taken, as in Keras.
///
/// ```
/// use wgrad::prelude::*;
/// let (labels, logits) = (Tensor::from([1]), Tensor::from([[0.0f32, 0.0]]));
/// let loss = SparseCategoricalCrossentropy::new().from_logits(true).call(&labels, &logits)?;
/// assert_eq!(loss.item::<f32>()?, 2f32.ln());
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.SparseCategoricalCrossentropy")]
pub struct SparseCategoricalCrossentropy {
    #[loss(flatten)]
    options: LossOptions,
    /// Whether predictions are logits, as of a last layer without activation.
    from_logits: bool,
    /// A label, such as -1 or 255, that says a place does not count; neither does it in the mean.
    ignore_class: Option<i32>,
    /// The axis of classes.
    #[loss(default = -1)]
    axis: isize,
}

impl SparseCategoricalCrossentropy {
    /// Labels as int32, in the shape of predictions `output` without their axis of classes.
    fn labels(&self, targets: &Tensor, output: &Shape) -> Result<Tensor> {
        let axis = output.axis(self.axis)?;
        let extra = targets.rank() == output.rank() && targets.shape()[axis] == 1;
        let labels = if extra { targets.squeeze(&[axis as isize]) } else { targets.clone() };
        let shape = label_shape(labels.shape(), &moved(output, axis))?;
        if targets.dtype() == DType::F32 {
            return Err(Error::dtype("labels are float32, but classes are numbered by integers: `cast` them to int32"));
        }
        Ok(labels.cast(DType::I32).reshape(shape))
    }
}

/// The shape of a tensor whose `axis` was moved behind all others.
fn moved(shape: &Shape, axis: usize) -> Shape {
    shape[..axis].iter().chain(&shape[axis + 1..]).chain([&shape[axis]]).copied().collect()
}

impl Loss for SparseCategoricalCrossentropy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let labels = self.labels(targets, predictions.shape())?;
        let (predictions, from_logits) = exact(predictions, self.from_logits, "softmax");
        let values = |labels: &Tensor| -> Result<Tensor> {
            Ok(sparse_categorical_crossentropy(labels, &to_last(&predictions, self.axis)?, from_logits))
        };
        let Some(ignored) = self.ignore_class else { return values(&labels) };
        let counts = labels.not_equal(ignored);
        let values = values(&Tensor::where_(&counts, &labels, &labels.zeros_like()))?;
        Ok(Tensor::where_(&counts, &values, &values.zeros_like()))
    }

    fn mask(&self, targets: &Tensor, values: &Tensor) -> Option<Tensor> {
        self.ignore_class.map(|ignored| targets.cast(DType::I32).not_equal(ignored).reshape(values.shape()))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        // Floats of the right shape are told apart from one-hot rows by their dtype first.
        if targets.shape() != output && targets.integers().is_none() {
            check_labels_but(targets, 0, None)?;
        }
        let axis = output.axis(self.axis)?;
        label_shape(targets.shape(), &moved(output, axis))?;
        check_labels_but(targets, output[axis], self.ignore_class)
    }
}

/// `-sum(target * log p)` along an axis, for targets and predictions of one shape `(N, ..., K)`: one-hot rows or probabilities.
///
/// Predictions are probabilities, which are divided by their sum and kept 1e-7 away from 0 and 1; or logits with
/// [`from_logits`](Self::from_logits). Label smoothing `s` makes targets `target * (1 - s) + s / K`.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = CategoricalCrossentropy::new().call(&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[0.75f32, 0.25]]))?;
/// assert!((loss.item::<f32>()? - 4f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[doc(alias = "keras.losses.CategoricalCrossentropy")]
pub struct CategoricalCrossentropy {
    #[loss(flatten)]
    options: LossOptions,
    /// Whether predictions are logits, as of a last layer without activation.
    from_logits: bool,
    /// How much of each target, from 0 to 1, is spread over all classes.
    label_smoothing: f32,
    /// The axis of classes.
    #[loss(default = -1)]
    axis: isize,
}

impl Loss for CategoricalCrossentropy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        check_rows(targets.shape(), predictions.shape())?;
        let classes = targets.shape()[targets.rank() - 1];
        let targets = smoothed(targets.cast(DType::F32), self.label_smoothing, classes);
        let (predictions, from_logits) = exact(predictions, self.from_logits, "softmax");
        Ok(categorical_crossentropy(&to_last(&targets, self.axis)?, &to_last(&predictions, self.axis)?, from_logits))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        check_rows(targets.shape(), output)?;
        check_smoothing(self.label_smoothing)?;
        check_numbers(targets)
    }
}

/// That targets are one-hot rows, or probabilities, of the predictions' shape.
pub(super) fn check_rows(targets: &Shape, output: &Shape) -> Result<()> {
    if targets == output && output.rank() > 0 {
        return Ok(());
    }
    let hint = "each sample needs one number for each class; for integer labels use SparseCategoricalCrossentropy";
    Err(Error::shape(format!("targets have shape {targets}, predictions {output}; {hint}")))
}

/// `-target * log p - (1 - target) * log(1 - p)`, the mean along an axis, for targets from 0 to 1 of the predictions' shape.
///
/// Predictions are probabilities, kept 1e-7 away from 0 and 1; or logits with [`from_logits`](Self::from_logits).
/// Label smoothing `s` makes targets `target * (1 - s) + s / 2`.
///
/// ```
/// use wgrad::prelude::*;
/// let loss = BinaryCrossentropy::new().call(&Tensor::from([[0.0f32], [1.0]]), &Tensor::from([[0.5f32], [0.5]]))?;
/// assert!((loss.item::<f32>()? - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Loss, Clone, Debug)]
#[loss(alias("bce", "BCE"))]
#[doc(alias = "keras.losses.BinaryCrossentropy")]
#[doc(alias = "bce")]
pub struct BinaryCrossentropy {
    #[loss(flatten)]
    options: LossOptions,
    /// Whether predictions are logits, as of a last layer without activation.
    from_logits: bool,
    /// How far targets are moved towards a half, from 0 to 1.
    label_smoothing: f32,
    /// The axis along which the mean is taken.
    #[loss(default = -1)]
    axis: isize,
}

pub(super) const BINARY: &str =
    "each prediction needs a target; one unit says yes or no, classes of which one is right need SparseCategoricalCrossentropy";

impl Loss for BinaryCrossentropy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        check_elements(targets.shape(), predictions.shape(), BINARY)?;
        let (predictions, from_logits) = exact(predictions, self.from_logits, "sigmoid");
        let (targets, predictions) = elements(targets, &predictions)?;
        let targets = smoothed(targets, self.label_smoothing, 2);
        Ok(binary_crossentropy(&targets, &predictions, from_logits).mean(&[self.axis]))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        check_elements(targets.shape(), output, BINARY)?;
        check_smoothing(self.label_smoothing)?;
        check_numbers(targets)?;
        check_probabilities(targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Device, gradient};

    #[test]
    fn softmax_and_sigmoid_do_not_stall_where_the_probability_is_tiny() {
        Device::cpu().scope(|| {
            let slope = |loss: &dyn Loss, target: &Tensor, activation: fn(&Tensor) -> Tensor| {
                let logits = Tensor::from([[40.0f32, 0.0]]);
                let value = loss.call(target, &activation(&logits)).expect("shapes fit");
                let slope = gradient(&value, &[&logits]).expect("every op has a gradient")[0].clone().expect("depends on it");
                (value.item::<f32>().expect("a scalar"), slope.to_vec::<f32>().expect("floats"))
            };
            let softmax = |x: &Tensor| x.softmax(-1);
            assert_eq!(slope(&SparseCategoricalCrossentropy::new(), &Tensor::from([1]), softmax), (40.0, vec![1.0, -1.0]));
            assert_eq!(slope(&CategoricalCrossentropy::new(), &Tensor::from([[0.0f32, 1.0]]), softmax), (40.0, vec![1.0, -1.0]));
            let (value, slope) = slope(&BinaryCrossentropy::new(), &Tensor::from([[0.0f32, 0.0]]), Tensor::sigmoid);
            assert!((value - (40.0 + 2f32.ln()) / 2.0).abs() < 1e-4 && slope == [0.5, 0.25], "{value} {slope:?}");
        });
    }
}
