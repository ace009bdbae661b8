//! Metrics: what is shown beside the loss. Their states live on the device and are read late.

mod accuracy;
mod reduction;

pub use accuracy::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy,
};
pub use reduction::{Mean, MeanAbsoluteError, MeanSquaredError};

use crate::{Result, Shape, Tensor};
use std::fmt;

/// A metric of Keras: states that batches update, and a result made of them.
#[doc(alias = "keras.metrics.Metric")]
pub trait Metric: fmt::Debug + Send + Sync {
    /// Keras' name, under which logs and history show it.
    fn name(&self) -> &str;

    /// Shapes of the states, all float32, zero at the start of an epoch.
    fn states(&self) -> Vec<Shape> {
        vec![Shape::scalar(), Shape::scalar()]
    }

    /// The states after a batch.
    ///
    /// # Errors
    /// When shapes or dtypes do not fit.
    fn update(&self, states: &[Tensor], targets: &Tensor, predictions: &Tensor) -> Result<Vec<Tensor>>;

    /// The scalar to show.
    fn result(&self, states: &[Tensor]) -> Tensor {
        mean_result(states)
    }

    /// What this metric really is for these shapes: `Accuracy` becomes one of three, as in Keras.
    ///
    /// # Errors
    /// When it fits none.
    fn resolve(&self, _targets: &Shape, _predictions: &Shape) -> Result<Option<Box<dyn Metric>>> {
        Ok(None)
    }
}

/// States `(total, count)` after the values of another batch; values of more than one axis are averaged sample by sample, as in Keras.
pub(crate) fn add_values(states: &[Tensor], values: &Tensor) -> Vec<Tensor> {
    let samples = values.shape().first().copied().unwrap_or(1);
    let elements = (values.size() / samples.max(1)).max(1) as f32;
    let total = values.sum(&[]);
    let total = if elements == 1.0 { total } else { total / elements };
    vec![&states[0] + total, &states[1] + samples as f32]
}

/// `total / count`, zero where nothing was counted.
pub(crate) fn mean_result(states: &[Tensor]) -> Tensor {
    // A count is zero or at least one.
    let empty = states[1].equal(states[1].zeros_like()).cast(crate::DType::F32);
    &states[0] / (&states[1] + empty)
}

/// `new` and setters of a metric: every one has a name, some have one option.
macro_rules! setters {
    ($class:ident, $name:literal $(, $field:ident: $type:ty = $default:literal, $doc:literal)?) => {
        impl Default for $class {
            fn default() -> Self {
                Self { name: $name.to_owned() $(, $field: $default)? }
            }
        }

        impl $class {
            #[doc = concat!("The metric, called `", $name, "`.")]
            pub fn new() -> Self {
                Self::default()
            }

            /// The name under which logs and history show it.
            pub fn name(mut self, name: &str) -> Self {
                self.name = name.to_owned();
                self
            }
            $(
                #[doc = $doc]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )?
        }
    };
}
pub(crate) use setters;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    /// The result after all of these batches.
    fn result(metric: &dyn Metric, batches: &[(Tensor, Tensor)]) -> f32 {
        let mut states: Vec<Tensor> = metric.states().into_iter().map(Tensor::zeros).collect();
        for (targets, predictions) in batches {
            states = metric.update(&states, targets, predictions).unwrap();
        }
        metric.result(&states).item::<f32>().unwrap()
    }

    #[test]
    fn results_are_keras_s() {
        Device::cpu().scope(|| {
            let one = |metric: &dyn Metric, targets: Tensor, predictions: Tensor| result(metric, &[(targets, predictions)]);
            let p = || Tensor::from([[0.1f32, 0.9, 0.8], [0.05, 0.95, 0.0]]);
            let rows = || Tensor::from([[0.0f32, 0.0, 1.0], [0.0, 1.0, 0.0]]);
            assert_eq!(
                one(&BinaryAccuracy::new(), Tensor::from([[1.0f32], [1.0], [0.0], [0.0]]), Tensor::from([[0.98f32], [1.0], [0.0], [0.6]])),
                0.75
            );
            assert_eq!(one(&BinaryAccuracy::new().threshold(0.7), Tensor::from([1, 0]), Tensor::from([[0.6f32], [0.6]])), 0.5);
            assert_eq!(one(&CategoricalAccuracy::new(), rows(), p()), 0.5);
            assert_eq!(one(&SparseCategoricalAccuracy::new(), Tensor::from([2, 1]), p()), 0.5);
            assert_eq!(one(&SparseCategoricalAccuracy::new(), Tensor::from([[2.0f32], [1.0]]), p()), 0.5);
            assert_eq!(one(&TopKCategoricalAccuracy::new().k(1), rows(), p()), 0.5);
            assert_eq!(one(&SparseTopKCategoricalAccuracy::new().k(2), Tensor::from([2, 1]), p()), 1.0);
            assert_eq!(one(&Accuracy::new(), Tensor::from([1.0f32, 2.0, 3.0, 4.0]), Tensor::from([0.0f32, 2.0, 3.0, 4.0])), 0.75);
            assert_eq!(one(&MeanSquaredError::new(), Tensor::from([[0.0f32, 1.0]]), Tensor::from([[1.0f32, 3.0]])), 2.5);
            assert_eq!(one(&MeanAbsoluteError::new(), Tensor::from([[0.0f32, 1.0]]), Tensor::from([[1.0f32, 3.0]])), 1.5);
            // Samples count, also where the last batch is smaller.
            let batch = |values: &[f32]| (Tensor::zeros([values.len()]), Tensor::from_slice(values, [values.len()]).unwrap());
            assert_eq!(result(&Mean::new(), &[batch(&[1.0, 3.0]), batch(&[5.0])]), 3.0);
            assert_eq!(result(&Mean::new(), &[]), 0.0);
        });
    }

    #[test]
    fn ties_and_numbers_that_are_not_finite() {
        Device::cpu().scope(|| {
            let equal = || Tensor::from([[0.5f32, 0.5, 0.5]]);
            let right = |metric: &dyn Metric, label: i32, p: Tensor| result(metric, &[(Tensor::from([label]), p)]);
            // The first of equal ones is the largest; at the edge of the k largest all of them count.
            assert_eq!(right(&SparseCategoricalAccuracy::new(), 0, equal()), 1.0);
            assert_eq!(right(&SparseCategoricalAccuracy::new(), 1, equal()), 0.0);
            assert_eq!(right(&SparseTopKCategoricalAccuracy::new().k(1), 2, equal()), 1.0);
            assert_eq!(right(&SparseTopKCategoricalAccuracy::new().k(3), 2, Tensor::from([[0.5f32, f32::NAN, 0.5]])), 0.0);
        });
    }

    #[test]
    fn accuracy_is_what_the_shapes_say() {
        let of = |targets: &[usize], predictions: &[usize]| {
            let metric = Accuracy::new().name("acc").resolve(&targets.into(), &predictions.into()).unwrap().unwrap();
            assert_eq!(metric.name(), "acc");
            format!("{metric:?}").split(' ').next().unwrap_or_default().to_owned()
        };
        assert_eq!(of(&[8, 1], &[8, 1]), "BinaryAccuracy");
        assert_eq!(of(&[8], &[8, 1]), "BinaryAccuracy");
        assert_eq!(of(&[8], &[8, 5]), "SparseCategoricalAccuracy");
        assert_eq!(of(&[8, 1], &[8, 5]), "SparseCategoricalAccuracy");
        assert_eq!(of(&[8, 5], &[8, 5]), "CategoricalAccuracy");
    }

    #[test]
    fn shapes_that_do_not_fit() {
        let states = [Tensor::zeros([]), Tensor::zeros([])];
        let text = |metric: &dyn Metric, t: &[usize], p: &[usize]| {
            metric.update(&states, &Tensor::zeros(t), &Tensor::zeros(p)).unwrap_err().to_string()
        };
        assert!(text(&CategoricalAccuracy::new(), &[4], &[4, 3]).contains("for integer labels use the sparse metric"));
        assert!(text(&SparseCategoricalAccuracy::new(), &[5], &[4, 3]).contains("labels of shape (4,) were expected"));
        assert!(text(&BinaryAccuracy::new(), &[4, 2], &[4, 3]).contains("each prediction needs a target"));
    }
}
