//! Accuracies: how often predictions are right.

use super::{Metric, add_values, setters};
use crate::{
    DType, Error, Result, Shape, Tensor,
    losses::targets::{check_elements, label_shape, same_rank},
};

/// How often predictions are right. In `compile` it becomes, as Keras' `"accuracy"`, [`BinaryAccuracy`] for one unit,
/// [`SparseCategoricalAccuracy`] for integer labels and [`CategoricalAccuracy`] for one-hot rows. By itself it counts
/// predictions that equal their targets.
#[derive(Clone, Debug)]
#[doc(alias = "keras.metrics.Accuracy")]
pub struct Accuracy {
    name: String,
}

setters!(Accuracy, "accuracy");

impl Metric for Accuracy {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>> {
        check_elements(targets.shape(), predictions.shape(), ELEMENTS)?;
        let (targets, predictions) = same_rank(&targets.cast(DType::F32), &predictions.cast(DType::F32));
        Ok(add_values(states, &targets.equal(&predictions).cast(DType::F32)))
    }

    fn resolve(&self, targets: &Shape, predictions: &Shape) -> Result<Option<Box<dyn Metric>>> {
        let (Some(&target), Some(&prediction)) = (targets.last(), predictions.last()) else {
            return Err(Error::shape(format!("targets of shape {targets} and predictions of shape {predictions} have no axis to compare")));
        };
        let name = &self.name;
        Ok(Some(if prediction == 1 {
            Box::new(BinaryAccuracy::new().name(name))
        } else if targets.rank() < predictions.rank() || target == 1 {
            Box::new(SparseCategoricalAccuracy::new().name(name))
        } else {
            Box::new(CategoricalAccuracy::new().name(name))
        }))
    }
}

const ELEMENTS: &str = "each prediction needs a target";
const ROWS: &str = "each sample needs one number for each class; for integer labels use the sparse metric";

/// How often a prediction lies on its target's side of `threshold`: `(prediction > threshold) == target`.
#[derive(Clone, Debug)]
#[doc(alias = "keras.metrics.BinaryAccuracy")]
pub struct BinaryAccuracy {
    name: String,
    threshold: f32,
}

setters!(BinaryAccuracy, "binary_accuracy", threshold: f32 = 0.5, "Predictions above it say yes; 0.5 if not set.");

impl Metric for BinaryAccuracy {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>> {
        check_elements(targets.shape(), predictions.shape(), ELEMENTS)?;
        let (targets, predictions) = same_rank(&targets.cast(DType::F32), predictions);
        let yes = predictions.greater(self.threshold).cast(DType::F32);
        Ok(add_values(states, &yes.equal(&targets).cast(DType::F32)))
    }
}

/// How often the largest prediction is the class that the one-hot target names: `argmax(prediction) == argmax(target)`.
#[derive(Clone, Debug)]
#[doc(alias = "keras.metrics.CategoricalAccuracy")]
pub struct CategoricalAccuracy {
    name: String,
}

setters!(CategoricalAccuracy, "categorical_accuracy");

impl Metric for CategoricalAccuracy {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>> {
        let labels = labels_of_rows(targets, predictions)?;
        Ok(add_values(states, &predictions.argmax(-1).equal(&labels).cast(DType::F32)))
    }
}

/// How often the largest prediction is the labelled class: `argmax(prediction) == label`.
#[derive(Clone, Debug)]
#[doc(alias = "keras.metrics.SparseCategoricalAccuracy")]
pub struct SparseCategoricalAccuracy {
    name: String,
}

setters!(SparseCategoricalAccuracy, "sparse_categorical_accuracy");

impl Metric for SparseCategoricalAccuracy {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>> {
        let labels = targets.reshape(label_shape(targets.shape(), predictions.shape())?);
        // Labels may be floats in metrics; class numbers are exact in float32.
        let right = predictions.argmax(-1).cast(DType::F32).equal(labels.cast(DType::F32));
        Ok(add_values(states, &right.cast(DType::F32)))
    }
}

/// How often the class that the one-hot target names is among the `k` largest predictions.
#[derive(Clone, Debug)]
#[doc(alias = "keras.metrics.TopKCategoricalAccuracy")]
pub struct TopKCategoricalAccuracy {
    name: String,
    k: usize,
}

setters!(TopKCategoricalAccuracy, "top_k_categorical_accuracy", k: usize = 5, "How many predictions count; 5 if not set.");

impl Metric for TopKCategoricalAccuracy {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>> {
        Ok(add_values(states, &in_top_k(&labels_of_rows(targets, predictions)?, predictions, self.k)))
    }
}

/// How often the labelled class is among the `k` largest predictions.
#[derive(Clone, Debug)]
#[doc(alias = "keras.metrics.SparseTopKCategoricalAccuracy")]
pub struct SparseTopKCategoricalAccuracy {
    name: String,
    k: usize,
}

setters!(SparseTopKCategoricalAccuracy, "sparse_top_k_categorical_accuracy", k: usize = 5, "How many predictions count; 5 if not set.");

impl Metric for SparseTopKCategoricalAccuracy {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>> {
        let labels = targets.reshape(label_shape(targets.shape(), predictions.shape())?).cast(DType::I32);
        Ok(add_values(states, &in_top_k(&labels, predictions, self.k)))
    }
}

/// The class of each one-hot row.
fn labels_of_rows(targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
    if targets.shape() != predictions.shape() || targets.rank() == 0 {
        return Err(Error::shape(format!("targets have shape {}, predictions {}; {ROWS}", targets.shape(), predictions.shape())));
    }
    Ok(targets.cast(DType::F32).argmax(-1))
}

/// 1 where fewer than `k` predictions are larger than the label's, so that all of several equal ones at the edge count;
/// 0 in rows that are not finite.
fn in_top_k(labels: &Tensor, predictions: &Tensor, k: usize) -> Tensor {
    let chosen = predictions.take_along_axis(&labels.expand_dims(-1), -1);
    let larger = predictions.greater(&chosen).cast(DType::F32).sum(&[-1]);
    let bad = predictions.is_finite().logical_not().cast(DType::F32).sum(&[-1]);
    larger.less(k as f32).logical_and(&bad.equal(0.0)).cast(DType::F32)
}
