//! Cross-entropies as metrics.

use super::{MeanMetric, Metric, MetricOptions};
use crate::{
    Result, Tensor,
    losses::{self, Loss},
};

/// `-target * log p - (1 - target) * log(1 - p)`, as the [loss](losses::BinaryCrossentropy).
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::BinaryCrossentropy::new());
/// meter.update((&Tensor::from([[0.0f32], [1.0]]), &Tensor::from([[0.5f32], [0.5]])))?;
/// assert!((meter.result()?.item::<f32>()? - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[metric(alias("bce", "BCE"))]
#[doc(alias = "keras.metrics.BinaryCrossentropy")]
#[doc(alias = "bce")]
pub struct BinaryCrossentropy {
    #[metric(flatten)]
    options: MetricOptions,
    /// Whether predictions are logits, as of a last layer without activation.
    from_logits: bool,
    /// How far targets are moved towards a half, from 0 to 1.
    label_smoothing: f32,
}

impl MeanMetric for BinaryCrossentropy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let loss = losses::BinaryCrossentropy::new().from_logits(self.from_logits).label_smoothing(self.label_smoothing);
        loss.values(targets, predictions)
    }
}

/// `-sum(target * log p)` along an axis, as the [loss](losses::CategoricalCrossentropy).
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::CategoricalCrossentropy::new());
/// meter.update((&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[0.75f32, 0.25]])))?;
/// assert!((meter.result()?.item::<f32>()? - 4f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.CategoricalCrossentropy")]
pub struct CategoricalCrossentropy {
    #[metric(flatten)]
    options: MetricOptions,
    /// Whether predictions are logits, as of a last layer without activation.
    from_logits: bool,
    /// How much of each target, from 0 to 1, is spread over all classes.
    label_smoothing: f32,
    /// The axis of classes.
    #[metric(default = -1)]
    axis: isize,
}

impl MeanMetric for CategoricalCrossentropy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let loss = losses::CategoricalCrossentropy::new().from_logits(self.from_logits).axis(self.axis);
        loss.label_smoothing(self.label_smoothing).values(targets, predictions)
    }
}

/// `-log p[label]` for integer labels, as the [loss](losses::SparseCategoricalCrossentropy).
///
/// As in Keras, places with the ignored class count in the mean, with a value of 0.
///
/// ```
/// use wgrad::{metrics::{self, Meter}, prelude::*};
/// let mut meter = Meter::new(metrics::SparseCategoricalCrossentropy::new());
/// meter.update((&Tensor::from([1]), &Tensor::from([[0.75f32, 0.25]])))?;
/// assert!((meter.result()?.item::<f32>()? - 4f32.ln()).abs() < 1e-6);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Metric, Clone, Debug)]
#[doc(alias = "keras.metrics.SparseCategoricalCrossentropy")]
pub struct SparseCategoricalCrossentropy {
    #[metric(flatten)]
    options: MetricOptions,
    /// Whether predictions are logits, as of a last layer without activation.
    from_logits: bool,
    /// A label, such as -1 or 255, that says a place does not count.
    ignore_class: Option<i32>,
    /// The axis of classes.
    #[metric(default = -1)]
    axis: isize,
}

impl MeanMetric for SparseCategoricalCrossentropy {
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        let loss = losses::SparseCategoricalCrossentropy::new().from_logits(self.from_logits).axis(self.axis);
        let loss = match self.ignore_class {
            Some(class) => loss.ignore_class(class),
            None => loss,
        };
        loss.values(targets, predictions)
    }
}
