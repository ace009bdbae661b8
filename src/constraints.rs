//! Constraints: where weights are brought back to after each step.

use crate::{
    Result, Tensor,
    config::{Config, kind},
    layers::Axes,
};

pub use wgrad_derive::Constraint;

/// A projection of a weight. It belongs to the step of an [optimizer](crate::optimizers::Optimizer): no one sees a weight before it.
///
/// ```
/// use wgrad::{constraints::Constraint, prelude::*};
///
/// /// Weights stay between -1 and 1.
/// #[derive(Constraint, Clone, Debug)]
/// struct Clipped;
///
/// impl Constraint for Clipped {
///     fn call(&self, w: &Tensor) -> Result<Tensor> {
///         Ok(w.clip(-1.0, 1.0))
///     }
/// }
///
/// assert_eq!(Clipped.call(&Tensor::from([-3.0f32, 0.5]))?.to_vec::<f32>()?, [-1.0, 0.5]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.constraints.Constraint")]
pub trait Constraint: Config {
    /// The weight nearest to `w` that is allowed, of the same shape.
    ///
    /// # Errors
    /// When its options or the shape cannot work.
    fn call(&self, w: &Tensor) -> Result<Tensor>;
}

kind!(Constraint, "constraint");

/// Keeps divisions by a norm away from 0, as Keras' `epsilon()`.
const EPSILON: f32 = 1e-7;

/// Norms along `axis`, which stays with size 1.
fn norms(w: &Tensor, axis: &Axes) -> Result<Tensor> {
    let axes = axis.list();
    w.shape().axes(axes)?;
    Ok(w.square().sum(axes).keep_dims(w.shape(), axes).sqrt())
}

/// Negative weights become 0.
///
/// ```
/// use wgrad::{constraints::NonNeg, prelude::*};
/// let layer = Dense::new(10).kernel_constraint(NonNeg);
/// ```
#[derive(Constraint, Clone, Debug)]
#[doc(alias = "keras.constraints.NonNeg")]
pub struct NonNeg;

impl Constraint for NonNeg {
    fn call(&self, w: &Tensor) -> Result<Tensor> {
        Ok(w.relu())
    }
}

/// `w * min(|w|, max_value) / |w|`: norms along `axis` are at most `max_value`.
///
/// ```
/// use wgrad::{constraints::MaxNorm, prelude::*};
/// let dense = Dense::new(10).kernel_constraint(MaxNorm::new());
/// let conv = Conv2D::new(8, 3).kernel_constraint(MaxNorm::new().max_value(1.0).axis([0, 1, 2]));
/// ```
#[derive(Constraint, Clone, Debug)]
#[doc(alias = "keras.constraints.MaxNorm")]
pub struct MaxNorm {
    /// The largest norm, 2 if not set.
    #[constraint(default = 2.0)]
    max_value: f32,
    /// Along which axes; 0, the inputs of a dense layer's unit, if not set.
    #[constraint(default = 0)]
    axis: Axes,
}

impl Constraint for MaxNorm {
    fn call(&self, w: &Tensor) -> Result<Tensor> {
        let norms = norms(w, &self.axis)?;
        Ok(w * (norms.clip(0.0, self.max_value) / (norms + EPSILON)))
    }
}

/// `w / |w|`: norms along `axis` are 1.
///
/// ```
/// use wgrad::{constraints::UnitNorm, prelude::*};
/// let layer = Dense::new(10).kernel_constraint(UnitNorm::new());
/// ```
#[derive(Constraint, Clone, Debug)]
#[doc(alias = "keras.constraints.UnitNorm")]
pub struct UnitNorm {
    /// Along which axes; 0, the inputs of a dense layer's unit, if not set.
    #[constraint(default = 0)]
    axis: Axes,
}

impl Constraint for UnitNorm {
    fn call(&self, w: &Tensor) -> Result<Tensor> {
        Ok(w / (norms(w, &self.axis)? + EPSILON))
    }
}

/// Norms along `axis` come to `rate * clip(|w|, min_value, max_value) + (1 - rate) * |w|`.
///
/// ```
/// use wgrad::{constraints::MinMaxNorm, prelude::*};
/// let layer = Dense::new(10).kernel_constraint(MinMaxNorm::new().min_value(0.5).rate(0.1));
/// ```
#[derive(Constraint, Clone, Debug)]
#[doc(alias = "keras.constraints.MinMaxNorm")]
pub struct MinMaxNorm {
    /// The smallest norm, 0 if not set.
    min_value: f32,
    /// The largest norm, 1 if not set.
    #[constraint(default = 1.0)]
    max_value: f32,
    /// How much of the way is taken at once: all of it, 1, if not set.
    #[constraint(default = 1.0)]
    rate: f32,
    /// Along which axes; 0, the inputs of a dense layer's unit, if not set.
    #[constraint(default = 0)]
    axis: Axes,
}

impl Constraint for MinMaxNorm {
    fn call(&self, w: &Tensor) -> Result<Tensor> {
        let norms = norms(w, &self.axis)?;
        let desired = norms.clip(self.min_value, self.max_value) * self.rate + &norms * (1.0 - self.rate);
        Ok(w * (desired / (norms + EPSILON)))
    }
}
