//! Keras for Rust on any GPU.

pub mod datasets;
#[doc(hidden)]
pub mod device;
mod dtype;
mod error;
pub mod graph;
mod models;
pub mod ops;
pub mod optimizers;
mod plan;
pub mod prelude;
mod shape;
mod tensor;
pub use tensor::Reading;
mod training;

pub use device::{Device, Memory};
pub use dtype::{DType, Element};
pub use error::{Error, ErrorKind, Result};
pub use graph::{GradientTape, Tensor, Variable, gradient};
pub use plan::Statistics;
pub use shape::{Layout, Shape, Spec};
pub use tensor::{All, Index};
