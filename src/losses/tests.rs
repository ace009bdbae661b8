//! Losses against numbers of Keras' documentation, and targets that do not fit.

use super::*;
use crate::Device;

fn values(loss: &dyn Loss, targets: &Tensor, predictions: &Tensor) -> Vec<f32> {
    let values = loss.values(targets, predictions).unwrap();
    let mean = loss.call(targets, predictions).unwrap().item::<f32>().unwrap();
    let values = values.to_vec::<f32>().unwrap();
    assert!((mean - values.iter().sum::<f32>() / values.len() as f32).abs() < 1e-6);
    values
}

#[track_caller]
fn close(found: &[f32], expected: &[f32]) {
    let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0));
    assert!(found.len() == expected.len() && near, "{found:?}, expected {expected:?}");
}

#[test]
fn values_are_keras_s() {
    Device::cpu().scope(|| {
        let (rows, classes) = (Tensor::from([[0.0f32, 1.0, 0.0], [0.0, 0.0, 1.0]]), Tensor::from([1, 2]));
        let p = Tensor::from([[0.05f32, 0.95, 0.0], [0.1, 0.8, 0.1]]);
        close(&values(&CategoricalCrossentropy::new(), &rows, &p), &[0.051_293_3, std::f32::consts::LN_10]);
        close(&values(&SparseCategoricalCrossentropy::new(), &classes, &p), &[0.051_293_3, std::f32::consts::LN_10]);
        close(&values(&SparseCategoricalCrossentropy::new(), &classes.reshape([2, 1]), &p), &[0.051_293_3, std::f32::consts::LN_10]);
        let logits = Tensor::from([[0.0f32, 0.0, 0.0], [1.0, 2.0, 3.0]]);
        close(&values(&SparseCategoricalCrossentropy::new().from_logits(true), &classes, &logits), &[1.098_612_3, 0.407_605_9]);
        let smooth = CategoricalCrossentropy::new().from_logits(true).label_smoothing(0.3);
        close(&values(&smooth, &rows, &logits), &[1.098_612_3, 0.707_605_9]);

        let (t, p) = (Tensor::from([[0.0f32, 1.0], [0.0, 0.0]]), Tensor::from([[0.6f32, 0.4], [0.4, 0.6]]));
        close(&values(&BinaryCrossentropy::new(), &t, &p), &[0.916_290_7, 0.713_558_2]);
        close(&values(&MeanSquaredError::new(), &t, &p), &[0.36, 0.26]);
        close(&values(&MeanAbsoluteError::new(), &t, &p), &[0.6, 0.5]);
        close(&values(&Huber::new(), &t, &p), &[0.18, 0.13]);
        close(&values(&Huber::new().delta(0.5), &t, &p), &[0.175, 0.127_5]);
        // An axis of size one that the targets do not have.
        close(&values(&MeanSquaredError::new(), &Tensor::from([1.0f32, 2.0]), &Tensor::from([[1.5f32], [4.0]])), &[0.25, 4.0]);
    });
}

#[test]
fn targets_that_do_not_fit() {
    let text = |loss: &dyn Loss, targets: &Array, output: &[usize]| loss.check(targets, &output.into()).unwrap_err().to_string();
    let (labels, rows) = (Array::from(vec![0, 1, 2]), Array::new(vec![0.0f32; 12], [3, 4]).unwrap());
    let sparse = SparseCategoricalCrossentropy::new();
    assert!(sparse.check(&labels, &[3, 4].into()).is_ok());
    assert!(text(&sparse, &rows, &[3, 4]).contains("use CategoricalCrossentropy for one-hot targets"));
    assert!(text(&sparse, &vec![0.0f32, 1.0, 2.0].into(), &[3, 4]).contains("labels are float32, but classes are numbered by integers"));
    assert!(text(&sparse, &labels, &[3, 5, 4]).contains("so labels of shape (3, 5) were expected"));
    let categorical = CategoricalCrossentropy::new();
    assert!(categorical.check(&rows, &[3, 4].into()).is_ok());
    assert!(text(&categorical, &labels, &[3, 4]).contains("for integer labels use SparseCategoricalCrossentropy"));
    assert!(text(&categorical.label_smoothing(2.0), &rows, &[3, 4]).contains("label_smoothing lies from 0 to 1, got 2"));
    assert!(text(&BinaryCrossentropy::new(), &labels, &[3, 4]).contains("each prediction needs a target"));
    assert!(text(&BinaryCrossentropy::new(), &labels, &[3, 1]).contains("target 2 is 2, but targets lie from 0 to 1"));
    assert!(text(&MeanSquaredError::new(), &rows, &[3, 1]).contains("targets have shape (3, 4), predictions (3, 1)"));
}
