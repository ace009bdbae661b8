//! Losses: what training makes small. Each is its Keras config plus the value for every sample.

mod batch;
mod circle;
mod cross_entropy;
mod ctc;
mod divergence;
mod focal;
mod hinge;
mod options;
mod regression;
mod segmentation;
pub(crate) mod targets;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub(crate) use batch::spread;
pub use circle::Circle;
pub use cross_entropy::{BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy};
pub use ctc::{CTC, ctc_loss};
pub use divergence::{KLDivergence, Poisson, kl_divergence, poisson};
pub use focal::{BinaryFocalCrossentropy, CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy};
pub use hinge::{CategoricalHinge, Hinge, SquaredHinge, categorical_hinge, hinge, squared_hinge};
pub use options::{LossExt, LossOptions, Reduction};
pub use regression::{
    CosineSimilarity, Huber, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError,
    cosine_similarity, log_cosh, mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error,
};
pub use segmentation::{Dice, Tversky};
pub use wgrad_derive::Loss;

use crate::{
    Result, Shape, Tensor,
    config::{Config, Shares, kind},
    data::Array,
};
use targets::{ELEMENTS, check_elements, check_numbers};

/// A loss of Keras: a value for each sample, and what becomes of these.
///
/// ```
/// use wgrad::{losses::{Loss, LossOptions}, prelude::*};
///
/// /// The largest error of each sample.
/// #[derive(Loss, Clone, Debug)]
/// struct LargestError {
///     #[loss(flatten)]
///     options: LossOptions,
/// }
///
/// impl Loss for LargestError {
///     fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
///         Ok((predictions - targets).abs().max(&[-1]))
///     }
/// }
///
/// let loss = LargestError::new().call(&Tensor::from([[0.0f32, 1.0]]), &Tensor::from([[0.5f32, 3.0]]))?;
/// assert_eq!(loss.item::<f32>()?, 2.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.losses.Loss")]
pub trait Loss: Config + Shares<LossOptions> {
    /// The loss of each sample, in float32: for most losses of the predictions' shape without its last axis.
    ///
    /// # Errors
    /// When shapes or dtypes do not fit.
    fn values(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor>;

    /// Which of `values` count, where some do not.
    fn mask(&self, _targets: &Tensor, _values: &Tensor) -> Option<Tensor> {
        None
    }

    /// Looks at all targets on the host before training: dtype, shape and range.
    ///
    /// # Errors
    /// A text that names the first target that does not fit predictions of shape `output`.
    fn check(&self, targets: &Array, output: &Shape) -> Result<()> {
        check_elements(targets.shape(), output, ELEMENTS)?;
        check_numbers(targets)
    }

    /// Its name, as `mean_squared_error`.
    fn loss_name(&self) -> String {
        self.shared().name(self.class())
    }

    /// The loss of a batch: the mean over all samples, unless its reduction says otherwise.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    fn call(&self, targets: &Tensor, predictions: &Tensor) -> Result<Tensor> {
        self.call_with(&Batch::new(targets, predictions))
    }

    /// The same with weights or a mask.
    ///
    /// # Errors
    /// As [`values`](Self::values), or when weights do not fit.
    fn call_with(&self, batch: &Batch) -> Result<Tensor> {
        let options = self.shared();
        batch.predictions.device().scope(|| {
            let values = self.values(&batch.targets, &batch.predictions)?;
            let mask = match (&batch.mask, self.mask(&batch.targets, &values)) {
                (Some(given), Some(own)) => Some(given.logical_and(&own)),
                (given, own) => own.or_else(|| given.clone()),
            };
            let weight = Batch { mask, ..batch.clone() }.weight(options.reduction())?;
            Ok(batch::reduce(&values, weight.as_ref(), options.reduction())?.cast(options.dtype()))
        })
    }
}

kind!(Loss, "loss");
