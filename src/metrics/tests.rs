//! Metrics at ties, over several batches, found by name, and with shapes that do not fit.

use super::*;
use crate::{
    Device, Tensor,
    config::{self, Kind, Object},
};

/// The result after all of these batches.
fn result(metric: impl Metric, batches: &[(Tensor, Tensor)]) -> f32 {
    let mut meter = Meter::new(metric);
    batches.iter().try_for_each(|(targets, predictions)| meter.update((targets, predictions))).unwrap();
    meter.result().unwrap().item::<f32>().unwrap()
}

#[test]
fn samples_count_also_where_the_last_batch_is_smaller() {
    Device::cpu().scope(|| {
        let batch = |values: &[f32]| (Tensor::zeros([values.len()]), Tensor::from_slice(values, [values.len()]).unwrap());
        assert_eq!(result(Mean::new(), &[batch(&[1.0, 3.0]), batch(&[5.0])]), 3.0);
        assert_eq!(result(Mean::new(), &[]), 0.0);
        assert!(Meter::new(F1Score::new()).result().unwrap_err().to_string().contains("(N, K)"));
    });
}

#[test]
fn ties_and_numbers_that_are_not_finite() {
    Device::cpu().scope(|| {
        let equal = || Tensor::from([[0.5f32, 0.5, 0.5]]);
        let best = |label: i32, p: Tensor| result(SparseCategoricalAccuracy::new(), &[(Tensor::from([label]), p)]);
        let top = |k, label: i32, p: Tensor| result(SparseTopKCategoricalAccuracy::new().k(k), &[(Tensor::from([label]), p)]);
        // The first of equal ones is the largest; at the edge of the k largest all of them count.
        assert_eq!(best(0, equal()), 1.0);
        assert_eq!(best(1, equal()), 0.0);
        assert_eq!(top(1, 2, equal()), 1.0);
        assert_eq!(top(3, 2, Tensor::from([[0.5f32, f32::NAN, 0.5]])), 0.0);
    });
}

#[test]
fn weights_and_masks_that_sum_to_zero() {
    Device::cpu().scope(|| {
        let (t, p) = (Tensor::from([[0.0f32], [0.0]]), Tensor::from([[1.0f32], [3.0]]));
        let mut meter = Meter::new(MeanSquaredError::new());
        meter.update((&t, &p, &Tensor::from([1.0f32, -1.0]))).unwrap();
        assert_eq!(meter.result().unwrap().item::<f32>().unwrap(), 0.0);
        meter.reset();
        meter.update(Batch::new(&t, &p).mask(&Tensor::from([false, true]))).unwrap();
        assert_eq!(meter.result().unwrap().item::<f32>().unwrap(), 9.0);
    });
}

#[test]
fn accuracy_is_what_the_shapes_say() {
    let of = |targets: &[usize], predictions: &[usize]| {
        let metric = Metric::resolve(&Accuracy::new().name("acc"), &targets.into(), &predictions.into()).unwrap().unwrap();
        assert_eq!(metric.metric_name(), "acc");
        metric.class().name
    };
    assert_eq!(of(&[8, 1], &[8, 1]), "BinaryAccuracy");
    assert_eq!(of(&[8], &[8, 1]), "BinaryAccuracy");
    assert_eq!(of(&[8], &[8, 5]), "SparseCategoricalAccuracy");
    assert_eq!(of(&[8, 1], &[8, 5]), "SparseCategoricalAccuracy");
    assert_eq!(of(&[8, 5], &[8, 5]), "CategoricalAccuracy");
}

#[test]
fn strings_of_keras_name_classes() {
    let named = |name: &str| config::read(|reader| <dyn Metric as Kind>::from_json(&name.into(), reader)).unwrap();
    for (name, class, called) in [
        ("mse", "MeanSquaredError", "mean_squared_error"),
        ("MAE", "MeanAbsoluteError", "mean_absolute_error"),
        ("accuracy", "Accuracy", "accuracy"),
        ("acc", "Accuracy", "accuracy"),
        ("auc", "AUC", "auc"),
        ("log_cosh_error", "LogCoshError", "logcosh"),
        ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
    ] {
        assert_eq!((named(name).class().name, &*named(name).metric_name()), (class, called), "{name}");
    }
}

#[test]
fn shapes_that_do_not_fit() {
    Device::cpu().scope(|| {
        let text = |metric: Object<dyn Metric>, t: &[usize], p: &[usize]| {
            Meter::new(metric).update((&Tensor::zeros(t), &Tensor::zeros(p))).unwrap_err().to_string()
        };
        assert!(text(CategoricalAccuracy::new().into(), &[4], &[4, 3]).contains("for integer labels use the sparse metric"));
        assert!(text(SparseCategoricalAccuracy::new().into(), &[5], &[4, 3]).contains("labels of shape (4,) were expected"));
        assert!(text(BinaryAccuracy::new().into(), &[4, 2], &[4, 3]).contains("each prediction needs a target"));
        assert!(text(AUC::new().multi_label(true).into(), &[4], &[4]).contains("multi_label needs predictions (N, L)"));
        assert!(text(Recall::new().class_id(3usize).into(), &[4, 3], &[4, 3]).contains("class_id 3 needs predictions"));
        assert!(text(Recall::new().thresholds(1.5).into(), &[4], &[4]).contains("thresholds lie from 0 to 1, got 1.5"));
        assert!(text(IoU::new(2, [2]).into(), &[4], &[4]).contains("target class 2 is none of the 2 classes"));
        assert!(text(R2Score::new().into(), &[4], &[4]).contains("(N, D)"));
    });
}
