//! A metric in use outside of `fit`: it keeps the states.

use super::{Batch, Metric};
use crate::{DType, Result, Shape, Tensor, config::Object, shape::Spec};

/// A metric with its states: updated by batches, read when wanted.
///
/// ```
/// use wgrad::{metrics::Meter, prelude::*};
/// let mut recall = Meter::new(Recall::new());
/// recall.update((&Tensor::from([1, 0]), &Tensor::from([0.9f32, 0.2])))?;
/// recall.update((&Tensor::from([1, 1]), &Tensor::from([0.8f32, 0.3]), &Tensor::from([1.0f32, 2.0])))?; // with sample weights
/// assert_eq!(recall.result()?.item::<f32>()?, 0.5);
/// recall.reset();
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Meter {
    metric: Object<dyn Metric>,
    states: Option<Vec<Tensor>>,
}

impl Meter {
    /// Starts `metric`.
    pub fn new(metric: impl Into<Object<dyn Metric>>) -> Self {
        Self { metric: metric.into(), states: None }
    }

    /// Takes in a batch: `(&targets, &predictions)`, `(&targets, &predictions, &sample_weight)`, a [`Batch`], or values for
    /// [`Mean`](super::Mean) and [`Sum`](super::Sum).
    ///
    /// # Errors
    /// When shapes or dtypes do not fit.
    #[doc(alias = "update_state")]
    pub fn update(&mut self, batch: impl Into<Batch>) -> Result<()> {
        let batch = batch.into();
        let states = batch.predictions.device().scope(|| {
            let states = match &self.states {
                Some(states) => states.clone(),
                None => self.start(batch.targets.shape(), batch.predictions.shape())?,
            };
            self.metric.update(&states, &batch)
        })?;
        // Lets go of the batch.
        states.iter().try_for_each(Tensor::compute)?;
        self.states = Some(states);
        Ok(())
    }

    /// The metric of all batches so far: a scalar, or one number for each threshold or class.
    ///
    /// # Errors
    /// When nothing came yet and the metric does not know its shape without.
    pub fn result(&self) -> Result<Tensor> {
        match &self.states {
            Some(states) => Ok(states[0].device().scope(|| self.metric.result(states))),
            None => Ok(self.metric.result(&self.start(&Shape::scalar(), &Shape::scalar())?)),
        }
    }

    /// Forgets all batches.
    #[doc(alias = "reset_state")]
    pub fn reset(&mut self) {
        self.states = None;
    }

    /// What it keeps, in Keras' order; nothing before the first batch.
    pub fn states(&self) -> &[Tensor] {
        self.states.as_deref().unwrap_or_default()
    }

    fn start(&self, targets: &Shape, predictions: &Shape) -> Result<Vec<Tensor>> {
        let zeros = |spec: Spec| Tensor::zeros(spec.shape).cast(spec.dtype);
        Ok(self.metric.states(targets, predictions)?.into_iter().map(zeros).collect())
    }
}

/// A float32 state of such a shape.
pub(super) fn state(shape: impl Into<Shape>) -> Spec {
    Spec::new(DType::F32, shape)
}
