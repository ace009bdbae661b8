//! Regularizers: what large weights or outputs add to the loss.

use crate::{
    Error, Result, Tensor,
    config::{Choice, Config, kind},
};

pub use wgrad_derive::Regularizer;

/// A penalty on a tensor, added to the loss.
///
/// ```
/// use wgrad::{prelude::*, regularizers::Regularizer};
///
/// /// `max(|x|) / 2`.
/// #[derive(Regularizer, Clone, Debug)]
/// struct Largest;
///
/// impl Regularizer for Largest {
///     fn call(&self, x: &Tensor) -> Result<Tensor> {
///         Ok(x.abs().max(&[]) * 0.5)
///     }
/// }
///
/// assert_eq!(Largest.call(&Tensor::from([-3.0f32, 2.0]))?.item::<f32>()?, 1.5);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.regularizers.Regularizer")]
pub trait Regularizer: Config {
    /// The penalty, a scalar.
    ///
    /// # Errors
    /// When its options or the shape cannot work.
    fn call(&self, x: &Tensor) -> Result<Tensor>;
}

kind!(Regularizer, "regularizer");

/// `l1 * sum(|x|)`: weights that matter little become 0.
///
/// ```
/// use wgrad::{prelude::*, regularizers::L1};
/// let layer = Dense::new(10).kernel_regularizer(L1::new().l1(1e-4));
/// ```
#[derive(Regularizer, Clone, Debug)]
#[doc(alias = "keras.regularizers.L1")]
pub struct L1 {
    /// The factor, 0.01 if not set.
    #[regularizer(default = 0.01)]
    l1: f32,
}

impl Regularizer for L1 {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.abs().sum(&[]) * self.l1)
    }
}

/// `l2 * sum(x²)`: weights stay small.
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

/// `l1 * sum(|x|) + l2 * sum(x²)` (Zou and Hastie, 2005).
///
/// ```
/// use wgrad::{prelude::*, regularizers::L1L2};
/// let layer = Dense::new(10).kernel_regularizer(L1L2::new().l1(1e-5).l2(1e-4));
/// ```
#[derive(Regularizer, Clone, Debug)]
#[regularizer(alias("l1_l2"))]
#[doc(alias = "keras.regularizers.L1L2")]
pub struct L1L2 {
    /// The factor of the absolute values, 0 if not set.
    l1: f32,
    /// The factor of the squares, 0 if not set.
    l2: f32,
}

impl Regularizer for L1L2 {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.abs().sum(&[]) * self.l1 + x.square().sum(&[]) * self.l2)
    }
}

/// Which vectors of a matrix.
///
/// ```
/// use wgrad::regularizers::{OrthogonalRegularizer, Vectors};
/// let of_units = OrthogonalRegularizer::new().mode(Vectors::Columns);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vectors {
    /// Its rows: of a dense kernel, one for each input.
    #[default]
    Rows,
    /// Its columns: one for each unit.
    Columns,
}

/// `factor` times the mean of `|cos|` of the angles between each two rows, or columns, of a matrix.
///
/// ```
/// use wgrad::{prelude::*, regularizers::{OrthogonalRegularizer, Vectors}};
/// let layer = Dense::new(10).kernel_regularizer(OrthogonalRegularizer::new().mode(Vectors::Columns));
/// ```
#[derive(Regularizer, Clone, Debug)]
#[doc(alias = "keras.regularizers.OrthogonalRegularizer")]
pub struct OrthogonalRegularizer {
    /// The factor, 0.01 if not set.
    #[regularizer(default = 0.01)]
    factor: f32,
    /// Which vectors should be orthogonal to each other.
    mode: Vectors,
}

impl Regularizer for OrthogonalRegularizer {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        let [rows, columns] = x.shape()[..] else {
            return Err(Error::shape(format!("OrthogonalRegularizer takes matrices, got shape {}", x.shape())));
        };
        let (vectors, count) = if self.mode == Vectors::Rows { (x.clone(), rows) } else { (x.transpose(), columns) };
        let lengths = vectors.square().sum(&[1]).keep_dims(vectors.shape(), &[1]);
        let units = &vectors / lengths.maximum(1e-12).sqrt();
        let others = (units.matmul(&units.transpose()) * (1.0 - Tensor::eye(count))).abs();
        Ok(others.sum(&[]) * (self.factor / (count as f32 * (count as f32 - 1.0))))
    }
}
