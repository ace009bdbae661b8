//! Regularizers: what large weights or outputs add to the loss.

use crate::{
    Result, Tensor,
    config::{Config, kind},
};

pub use wgrad_derive::Regularizer;

/// A penalty on a tensor, added to the loss.
#[doc(alias = "keras.regularizers.Regularizer")]
pub trait Regularizer: Config {
    /// The penalty, a scalar.
    ///
    /// # Errors
    /// When its options or the shape cannot work.
    fn call(&self, x: &Tensor) -> Result<Tensor>;
}

kind!(Regularizer, "regularizer");

/// `l2 * sum(x²)`.
///
/// ```
/// use wgrad::{prelude::*, regularizers::L2};
/// let layer = Dense::new(10).kernel_regularizer(L2::new().l2(1e-4));
/// ```
#[derive(Regularizer, Clone, Debug)]
#[doc(alias = "keras.regularizers.L2")]
pub struct L2 {
    /// The factor, 0.01 if not set.
    #[regularizer(default = 0.01)]
    l2: f32,
}

impl Regularizer for L2 {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.square().sum(&[]) * self.l2)
    }
}
