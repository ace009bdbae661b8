//! Intersection over union: how well predicted regions cover the true ones.

use super::{Batch, Metric, MetricOptions};
use crate::{
    DType, Error, Result, Shape, Tensor,
    losses::{Reduction, spread},
    shape::Spec,
};

/// What all metrics of this kind count: how often class `row` was predicted as class `column`.
struct Counting<'a> {
    classes: usize,
    ignored: Option<i32>,
    /// The axis of classes in targets and predictions that are scores of classes; labels where there is none.
    axes: [Option<isize>; 2],
    options: &'a MetricOptions,
}

impl Counting<'_> {
    /// Integers, unless the metric's type is a float.
    fn dtype(&self) -> DType {
        if self.options.dtype().is_float() { DType::F32 } else { DType::I32 }
    }

    fn states(&self) -> Vec<Spec> {
        vec![Spec::new(self.dtype(), [self.classes; 2])]
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        let labels = |t: &Tensor, axis: Option<isize>| match axis {
            Some(axis) => t.argmax(axis),
            None => t.cast(DType::I32),
        };
        let flat = |t: Tensor| t.reshape([t.size()]);
        let shape = labels(&batch.targets, self.axes[0]).shape().clone();
        let targets = flat(labels(&batch.targets, self.axes[0]));
        let predictions = flat(labels(&batch.predictions, self.axes[1]));
        if targets.shape() != predictions.shape() {
            let (t, p) = (batch.targets.shape(), batch.predictions.shape());
            return Err(Error::shape(format!("each prediction needs a target: targets have shape {t}, predictions {p}")));
        }
        let weight = match batch.weight(Reduction::Sum)? {
            Some(weight) => flat(spread(&weight, &shape)?).cast(self.dtype()),
            None => targets.ones_like().cast(self.dtype()),
        };
        let classes = self.classes as i32;
        let inside = |t: &Tensor| t.greater_equal(0).logical_and(&t.less(classes));
        let mut counts = inside(&targets).logical_and(&inside(&predictions));
        if let Some(ignored) = self.ignored {
            counts = counts.logical_and(&targets.not_equal(ignored));
        }
        let none = targets.zeros_like();
        let place = Tensor::where_(&counts, &(targets * classes + predictions), &none);
        let weight = Tensor::where_(&counts, &weight, &weight.zeros_like());
        let cells = states[0].reshape([self.classes * self.classes]);
        Ok(vec![cells.scatter_add(&place, &weight, 0).reshape(states[0].shape())])
    }
}

/// The mean of `intersection / union` over `classes`, all where none are named; those that never occur are left out.
fn result(states: &[Tensor], classes: Option<&[usize]>) -> Tensor {
    const EPSILON: f32 = 1e-7;
    let matrix = states[0].cast(DType::F32);
    let hits = matrix.diagonal(0);
    let union = matrix.sum(&[0]) + matrix.sum(&[1]) - &hits;
    let named = |t: &Tensor| match classes {
        Some(classes) => {
            let rows: Vec<Tensor> = classes.iter().map(|&class| t.at(&[class.into()])).collect();
            Tensor::stack(&rows.iter().collect::<Vec<_>>(), 0)
        }
        None => t.clone(),
    };
    let (hits, union) = (named(&hits), named(&union));
    let occurs = union.greater(1e-9).cast(DType::F32);
    (hits / (union + EPSILON) * &occurs).sum(&[]) / (occurs.sum(&[]) + EPSILON)
}

fn check_classes(targets: &[usize], classes: usize) -> Result<()> {
    match targets.iter().find(|&&class| class >= classes) {
        Some(class) => Err(Error::invalid(format!("target class {class} is none of the {classes} classes"))),
        None => Ok(()),
    }
}

/// `true positives / (true positives + false positives + false negatives)`, the mean over the classes that are named.
///
/// Targets and predictions are labels of any shape; those outside of `0..num_classes` do not count. Weights are cut to integers, unless
/// [`dtype`](super::MetricExt::dtype) is a float.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(IoU::new(2, [0]));
/// meter.update((&Tensor::from([0, 0, 1, 1]), &Tensor::from([0, 1, 0, 1])))?;
/// assert!((meter.result()?.item::<f32>()? - 1.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.IoU")]
pub struct IoU {
    #[metric(flatten, default = MetricOptions::of(DType::I64))]
    options: MetricOptions,
    /// How many classes there are.
    #[metric(new)]
    num_classes: usize,
    /// The classes whose mean is taken.
    #[metric(new)]
    target_class_ids: Vec<usize>,
    /// A label that does not count, such as 255 for borders.
    ignore_class: Option<i32>,
    /// Whether targets are labels; else they have an axis of classes.
    #[metric(default = true)]
    sparse_y_true: bool,
    /// Whether predictions are labels; else they have an axis of classes.
    #[metric(default = true)]
    sparse_y_pred: bool,
    /// The axis of classes.
    #[metric(default = -1)]
    axis: isize,
}

impl IoU {
    fn counting(&self) -> Counting<'_> {
        Counting {
            classes: self.num_classes,
            ignored: self.ignore_class,
            axes: [(!self.sparse_y_true).then_some(self.axis), (!self.sparse_y_pred).then_some(self.axis)],
            options: &self.options,
        }
    }
}

impl Metric for IoU {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        check_classes(&self.target_class_ids, self.num_classes)?;
        Ok(self.counting().states())
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        self.counting().update(states, batch)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        result(states, Some(&self.target_class_ids))
    }
}

/// [`IoU`] of all classes.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(MeanIoU::new(2));
/// meter.update((&Tensor::from([0, 0, 1, 1]), &Tensor::from([0, 1, 0, 1])))?;
/// assert!((meter.result()?.item::<f32>()? - 1.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.MeanIoU")]
pub struct MeanIoU {
    #[metric(flatten, default = MetricOptions::of(DType::I64))]
    options: MetricOptions,
    /// How many classes there are.
    #[metric(new)]
    num_classes: usize,
    /// A label that does not count, such as 255 for borders.
    ignore_class: Option<i32>,
    /// Whether targets are labels; else they have an axis of classes.
    #[metric(default = true)]
    sparse_y_true: bool,
    /// Whether predictions are labels; else they have an axis of classes.
    #[metric(default = true)]
    sparse_y_pred: bool,
    /// The axis of classes.
    #[metric(default = -1)]
    axis: isize,
}

impl MeanIoU {
    fn counting(&self) -> Counting<'_> {
        Counting {
            classes: self.num_classes,
            ignored: self.ignore_class,
            axes: [(!self.sparse_y_true).then_some(self.axis), (!self.sparse_y_pred).then_some(self.axis)],
            options: &self.options,
        }
    }
}

impl Metric for MeanIoU {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(self.counting().states())
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        self.counting().update(states, batch)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        result(states, None)
    }
}

/// [`IoU`] of targets that are one-hot rows and predictions that are scores of classes.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(OneHotIoU::new(2, [0]));
/// meter.update((&Tensor::from([[1, 0], [1, 0], [0, 1], [0, 1]]), &Tensor::from([[0.9f32, 0.1], [0.2, 0.8], [0.7, 0.3], [0.1, 0.9]])))?;
/// assert!((meter.result()?.item::<f32>()? - 1.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.OneHotIoU")]
pub struct OneHotIoU {
    #[metric(flatten, default = MetricOptions::of(DType::I64))]
    options: MetricOptions,
    /// How many classes there are.
    #[metric(new)]
    num_classes: usize,
    /// The classes whose mean is taken.
    #[metric(new)]
    target_class_ids: Vec<usize>,
    /// A label that does not count, such as 255 for borders.
    ignore_class: Option<i32>,
    /// Whether predictions are labels; else they have an axis of classes.
    sparse_y_pred: bool,
    /// The axis of classes.
    #[metric(default = -1)]
    axis: isize,
}

impl OneHotIoU {
    fn counting(&self) -> Counting<'_> {
        Counting {
            classes: self.num_classes,
            ignored: self.ignore_class,
            axes: [Some(self.axis), (!self.sparse_y_pred).then_some(self.axis)],
            options: &self.options,
        }
    }
}

impl Metric for OneHotIoU {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        check_classes(&self.target_class_ids, self.num_classes)?;
        Ok(self.counting().states())
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        self.counting().update(states, batch)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        result(states, Some(&self.target_class_ids))
    }
}

/// [`OneHotIoU`] of all classes.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(OneHotMeanIoU::new(2));
/// meter.update((&Tensor::from([[1, 0], [1, 0], [0, 1], [0, 1]]), &Tensor::from([[0.9f32, 0.1], [0.2, 0.8], [0.7, 0.3], [0.1, 0.9]])))?;
/// assert!((meter.result()?.item::<f32>()? - 1.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.OneHotMeanIoU")]
pub struct OneHotMeanIoU {
    #[metric(flatten, default = MetricOptions::of(DType::I64))]
    options: MetricOptions,
    /// How many classes there are.
    #[metric(new)]
    num_classes: usize,
    /// A label that does not count, such as 255 for borders.
    ignore_class: Option<i32>,
    /// Whether predictions are labels; else they have an axis of classes.
    sparse_y_pred: bool,
    /// The axis of classes.
    #[metric(default = -1)]
    axis: isize,
}

impl OneHotMeanIoU {
    fn counting(&self) -> Counting<'_> {
        Counting {
            classes: self.num_classes,
            ignored: self.ignore_class,
            axes: [Some(self.axis), (!self.sparse_y_pred).then_some(self.axis)],
            options: &self.options,
        }
    }
}

impl Metric for OneHotMeanIoU {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        Ok(self.counting().states())
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        self.counting().update(states, batch)
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        result(states, None)
    }
}

/// [`IoU`] of two classes: predictions from `threshold` on are 1, others 0.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut meter = Meter::new(BinaryIoU::new().threshold(0.3));
/// meter.update((&Tensor::from([0, 1, 0, 1]), &Tensor::from([0.1f32, 0.2, 0.4, 0.7])))?;
/// assert!((meter.result()?.item::<f32>()? - 1.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.BinaryIoU")]
pub struct BinaryIoU {
    #[metric(flatten, default = MetricOptions::of(DType::I64))]
    options: MetricOptions,
    /// The classes whose mean is taken: 0, 1, or both.
    #[metric(default = [0, 1])]
    target_class_ids: Vec<usize>,
    /// Predictions from it on are 1.
    #[metric(default = 0.5)]
    threshold: f32,
}

impl BinaryIoU {
    fn counting(&self) -> Counting<'_> {
        Counting { classes: 2, ignored: None, axes: [None, None], options: &self.options }
    }
}

impl Metric for BinaryIoU {
    fn states(&self, _targets: &Shape, _predictions: &Shape) -> Result<Vec<Spec>> {
        check_classes(&self.target_class_ids, 2)?;
        Ok(self.counting().states())
    }

    fn update(&self, states: &[Tensor], batch: &Batch) -> Result<Vec<Tensor>> {
        let predictions = batch.predictions.cast(DType::F32).greater_equal(self.threshold);
        self.counting().update(states, &Batch { predictions, ..batch.clone() })
    }

    fn result(&self, states: &[Tensor]) -> Tensor {
        result(states, Some(&self.target_class_ids))
    }
}
