//! Constraints: where weights are brought back to after each step.

use crate::{
    Result, Tensor,
    config::{Config, kind},
};

pub use wgrad_derive::Constraint;

/// A projection of a weight, applied after each step.
#[doc(alias = "keras.constraints.Constraint")]
pub trait Constraint: Config {
    /// The weight nearest to `w` that is allowed, of the same shape.
    ///
    /// # Errors
    /// When its options or the shape cannot work.
    fn call(&self, w: &Tensor) -> Result<Tensor>;
}

kind!(Constraint, "constraint");

/// Negative weights become 0.
#[derive(Constraint, Clone, Debug)]
#[doc(alias = "keras.constraints.NonNeg")]
pub struct NonNeg;

impl Constraint for NonNeg {
    fn call(&self, w: &Tensor) -> Result<Tensor> {
        Ok(w.relu())
    }
}
