//! Cross-entropies as Keras' ops define them, one number a sample; losses reduce them.

use super::{
    Case,
    case::{Reference, Smooth},
    softmax::log_softmax,
};
use crate::{DType, Tensor};

/// Keras' epsilon keeps probabilities away from 0 and 1, where logarithms end.
fn clip(x: &Tensor) -> Tensor {
    x.clip(1e-7, 1.0 - 1e-7)
}

/// Probabilities whose sum along the last axis is 1, clipped.
fn normalized(output: &Tensor) -> Tensor {
    clip(&(output / output.sum(&[-1]).expand_dims(-1)))
}

#[track_caller]
fn same_shape(name: &str, target: &Tensor, output: &Tensor) {
    assert!(
        target.shape() == output.shape() && output.rank() > 0,
        "{name}: targets of shape {} and outputs of shape {}: shapes must be equal, with at least one axis",
        target.shape(),
        output.shape()
    );
}

/// `-log p[label]` for labels of shape `(N...)`, int32, and logits or probabilities `output` of shape `(N..., K)`; gives `(N...)`.
/// Probabilities are divided by their sum and clipped to `[1e-7, 1 - 1e-7]`. Labels outside `0..K` are clamped into it:
/// check them on the host.
///
/// # Panics
/// When shapes do not fit or labels are no int32.
#[doc(alias = "keras.ops.sparse_categorical_crossentropy")]
#[track_caller]
pub fn sparse_categorical_crossentropy(target: &Tensor, output: &Tensor, from_logits: bool) -> Tensor {
    assert!(
        output.rank() > 0 && output.shape()[..output.rank() - 1] == target.shape()[..],
        "sparse_categorical_crossentropy: labels of shape {} and outputs of shape {}: the outputs have one more axis, the classes",
        target.shape(),
        output.shape()
    );
    let hit = |x: Tensor| x.take_along_axis(&target.expand_dims(-1), -1).reshape(target.shape());
    if from_logits { -hit(output.log_softmax(-1)) } else { -hit(normalized(output)).log() }
}

/// `-sum(target * log p)` along the last axis, for target probabilities and logits or probabilities `output` of one shape `(N..., K)`;
/// gives `(N...)`. Probabilities are divided by their sum and clipped to `[1e-7, 1 - 1e-7]`.
///
/// # Panics
/// When the shapes differ.
#[doc(alias = "keras.ops.categorical_crossentropy")]
#[track_caller]
pub fn categorical_crossentropy(target: &Tensor, output: &Tensor, from_logits: bool) -> Tensor {
    same_shape("categorical_crossentropy", target, output);
    let log = if from_logits { output.log_softmax(-1) } else { normalized(output).log() };
    -(target * log).sum(&[-1])
}

/// `-target * log p - (1 - target) * log(1 - p)` for each element, with logits or probabilities `output` of the targets' shape.
/// Probabilities are clipped to `[1e-7, 1 - 1e-7]`.
///
/// # Panics
/// When the shapes differ.
#[doc(alias = "keras.ops.binary_crossentropy")]
#[track_caller]
pub fn binary_crossentropy(target: &Tensor, output: &Tensor, from_logits: bool) -> Tensor {
    assert!(
        target.shape() == output.shape(),
        "binary_crossentropy: targets of shape {} and outputs of shape {} differ",
        target.shape(),
        output.shape()
    );
    if from_logits {
        // Neither term cancels where the other one is large.
        return target * (-output).softplus() + (1.0f32 - target) * output.softplus();
    }
    let p = clip(output);
    -(target * p.log() + (1.0f32 - target) * (1.0f32 - &p).log())
}

pub(super) fn cases() -> Vec<Case> {
    fn rows(log: &Reference, weight: impl Fn(&[usize], usize) -> f64) -> Reference {
        let (shape, classes) = log.shape().split_at(log.ndim() - 1);
        Reference::from_shape_fn(shape.to_vec(), |at| {
            use ndarray::Dimension;
            let at = at.as_array_view().to_vec();
            -(0..classes[0]).map(|class| log[&[&at[..], &[class]].concat()[..]] * weight(&at, class)).sum::<f64>()
        })
    }
    fn probabilities(x: &Reference) -> Reference {
        let sum = x.sum_axis(ndarray::Axis(x.ndim() - 1)).insert_axis(ndarray::Axis(x.ndim() - 1));
        (x / &sum).mapv(|p| p.clamp(1e-7, 1.0 - 1e-7).ln())
    }
    let mut out = Vec::new();
    for from_logits in [true, false] {
        let log = move |x: &Reference| if from_logits { log_softmax(x, x.ndim() - 1) } else { probabilities(x) };
        let (low, high) = if from_logits { (-4.0, 4.0) } else { (0.05, 1.0) };
        let named = |name: &str, shape: &[usize]| format!("{name} {shape:?}{}", if from_logits { " from_logits" } else { "" });
        let finish = |case: Case| case.smooth(Smooth::Twice).tolerance(1e-5, 5e-5);
        for shape in [&[4, 5][..], &[2, 3, 7], &[3], &[0, 4]] {
            let (labels, classes) = (&shape[..shape.len() - 1], shape[shape.len() - 1] as f64);
            out.push(finish(
                Case::new(
                    named("sparse_categorical_crossentropy", shape),
                    &[labels, shape],
                    move |x| sparse_categorical_crossentropy(&x[0], &x[1], from_logits),
                    move |x| rows(&log(&x[1]), |at, class| f64::from(x[0][at] == class as f64)),
                )
                .range(low, high)
                .input(0, DType::I32, 0.0, classes - 1.0),
            ));
            out.push(finish(
                Case::new(
                    named("categorical_crossentropy", shape),
                    &[shape, shape],
                    move |x| categorical_crossentropy(&x[0], &x[1], from_logits),
                    move |x| rows(&log(&x[1]), |at, class| x[0][&[at, &[class]].concat()[..]]),
                )
                .range(low, high)
                .input(0, DType::F32, 0.0, 1.0),
            ));
            let (low, high) = if from_logits { (-9.0, 9.0) } else { (0.05, 0.95) };
            out.push(finish(
                Case::new(
                    named("binary_crossentropy", shape),
                    &[shape, shape],
                    move |x| binary_crossentropy(&x[0], &x[1], from_logits),
                    move |x| {
                        ndarray::Zip::from(&x[0]).and(&x[1]).map_collect(|t, &x| {
                            let p = if from_logits { 1.0 / (1.0 + (-x).exp()) } else { x };
                            -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
                        })
                    },
                )
                .range(low, high)
                .input(0, DType::F32, 0.0, 1.0),
            ));
        }
    }
    let beyond = |x: &Reference| x.mapv(|p| -p.clamp(1e-7, 1.0 - 1e-7).ln());
    out.push(
        Case::new("binary_crossentropy clips", &[&[9]], |x| binary_crossentropy(&x[0].ones_like(), &x[0], false), move |x| beyond(&x[0]))
            .range(-0.5, 1.5)
            .smooth(Smooth::No)
            .tolerance(1e-5, 5e-5),
    );
    out
}
