//! Cross-entropies: losses of probabilities, for classes and for yes or no.

use super::{
    Loss,
    targets::{check_elements, check_labels, check_numbers, check_probabilities, label_shape, same_rank},
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    data::Array,
    ops::{binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy},
};

/// The logits behind predictions that `activation` made, as Keras takes them: exact also where a probability is tiny.
fn exact(predictions: &Tensor, from_logits: bool, activation: &str) -> (Tensor, bool) {
    match predictions.logits_behind(activation) {
        Some(logits) if !from_logits => (logits, true),
        _ => (predictions.clone(), from_logits),
    }
}

/// `-log p[label]` for integer labels `(N, ...)` or `(N, ..., 1)` and predictions `(N, ..., K)`.
///
/// Predictions are probabilities, which are divided by their sum and kept 1e-7 away from 0 and 1; or logits with
/// [`from_logits`](Self::from_logits). Where a softmax made them, its logits are taken, as in Keras.
///
/// ```
/// use wgrad::{losses::{Loss, SparseCategoricalCrossentropy}, prelude::*};
/// let (labels, logits) = (Tensor::from([1]), Tensor::from([[0.0f32, 0.0]]));
/// let loss = SparseCategoricalCrossentropy::new().from_logits(true).call(&labels, &logits)?;
/// assert_eq!(loss.item::<f32>()?, 2f32.ln());
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "keras.losses.SparseCategoricalCrossentropy")]
pub struct SparseCategoricalCrossentropy {
    from_logits: bool,
}

impl SparseCategoricalCrossentropy {
    /// For predictions that are probabilities, as after `Softmax`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether predictions are logits, as of a last layer without activation.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }
}

impl Loss for SparseCategoricalCrossentropy {
    fn name(&self) -> &'static str {
        "sparse_categorical_crossentropy"
    }

    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let shape = label_shape(targets.shape(), predictions.shape())?;
        if targets.dtype() == DType::F32 {
            return Err(Error::dtype("labels are float32, but classes are numbered by integers: `cast` them to int32"));
        }
        let (predictions, from_logits) = exact(predictions, self.from_logits, "softmax");
        Ok(sparse_categorical_crossentropy(&targets.cast(DType::I32).reshape(shape), &predictions, from_logits))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        // Floats of the right shape are told apart from one-hot rows by their dtype first.
        if targets.shape() != output && targets.integers().is_none() {
            check_labels(targets, 0)?;
        }
        label_shape(targets.shape(), output)?;
        check_labels(targets, output[output.rank() - 1])
    }
}

/// `-sum(target * log p)` along the last axis, for targets and predictions of one shape `(N, ..., K)`: one-hot rows or probabilities.
///
/// Predictions are probabilities, which are divided by their sum and kept 1e-7 away from 0 and 1; or logits with
/// [`from_logits`](Self::from_logits). Label smoothing `s` makes targets `target * (1 - s) + s / K`.
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "keras.losses.CategoricalCrossentropy")]
pub struct CategoricalCrossentropy {
    from_logits: bool,
    label_smoothing: f32,
}

impl CategoricalCrossentropy {
    /// For predictions that are probabilities, as after `Softmax`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether predictions are logits, as of a last layer without activation.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// How much of each target, from 0 to 1, is spread over all classes.
    pub fn label_smoothing(mut self, label_smoothing: f32) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }
}

const ONE_HOT: &str = "each sample needs one number for each class; for integer labels use SparseCategoricalCrossentropy";

impl Loss for CategoricalCrossentropy {
    fn name(&self) -> &'static str {
        "categorical_crossentropy"
    }

    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        if targets.shape() != predictions.shape() {
            return Err(one_hot_expected(targets.shape(), predictions.shape()));
        }
        let mut targets = targets.cast(DType::F32);
        if self.label_smoothing != 0.0 {
            let classes = targets.shape().last().copied().unwrap_or(1) as f32;
            targets = targets * (1.0 - self.label_smoothing) + self.label_smoothing / classes;
        }
        let (predictions, from_logits) = exact(predictions, self.from_logits, "softmax");
        Ok(categorical_crossentropy(&targets, &predictions, from_logits))
    }

    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        if targets.shape() != output {
            return Err(one_hot_expected(targets.shape(), output));
        }
        check_smoothing(self.label_smoothing)?;
        check_numbers(targets)
    }
}

fn one_hot_expected(targets: &Shape, output: &Shape) -> Error {
    Error::shape(format!("targets have shape {targets}, predictions {output}; {ONE_HOT}"))
}

fn check_smoothing(label_smoothing: f32) -> Result<()> {
    if (0.0..=1.0).contains(&label_smoothing) {
        return Ok(());
    }
    Err(Error::invalid(format!("label_smoothing lies from 0 to 1, got {label_smoothing}")))
}

/// `-target * log p - (1 - target) * log(1 - p)`, the mean along the last axis, for targets from 0 to 1 of the predictions' shape.
///
/// Predictions are probabilities, kept 1e-7 away from 0 and 1; or logits with [`from_logits`](Self::from_logits).
/// Label smoothing `s` makes targets `target * (1 - s) + s / 2`.
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "keras.losses.BinaryCrossentropy")]
pub struct BinaryCrossentropy {
    from_logits: bool,
    label_smoothing: f32,
}

impl BinaryCrossentropy {
    /// For predictions that are probabilities, as after `Sigmoid`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether predictions are logits, as of a last layer without activation.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// How far targets are moved towards a half, from 0 to 1.
    pub fn label_smoothing(mut self, label_smoothing: f32) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }
}

const BINARY: &str =
    "each prediction needs a target; one unit says yes or no, classes of which one is right need SparseCategoricalCrossentropy";

impl Loss for BinaryCrossentropy {
    fn name(&self) -> &'static str {
        "binary_crossentropy"
    }

    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        check_elements(targets.shape(), predictions.shape(), BINARY)?;
        let (predictions, from_logits) = exact(predictions, self.from_logits, "sigmoid");
        let (targets, predictions) = same_rank(&targets.cast(DType::F32), &predictions);
        let targets =
            if self.label_smoothing == 0.0 { targets } else { targets * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing };
        Ok(binary_crossentropy(&targets, &predictions, from_logits).mean(&[-1]))
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
