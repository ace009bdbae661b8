//! Keras for Rust on any GPU.
//!
#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

// So that what the derives write is right inside of the crate too.
extern crate self as wgrad;

pub mod config;
pub mod constraints;
pub mod data;
pub mod datasets;
#[doc(hidden)]
pub mod device;
mod dims;
mod dtype;
mod error;
pub mod formats;
mod function;
pub mod graph;
pub mod initializers;
pub mod layers;
mod lock;
pub mod losses;
pub mod metrics;
pub mod mixed_precision;
pub mod models;
pub mod ops;
pub mod optimizers;
mod plan;
pub mod prelude;
pub mod random;
pub mod regularizers;
pub mod schedules;
mod scope;
mod shape;
mod tensor;
pub mod training;

pub use device::{Device, Memory};
pub use dims::{Dim, Dims};
pub use dtype::{DType, Element};
pub use error::{Error, ErrorKind, Result};
pub use function::{Function, Outputs, function};
pub use graph::{GradientTape, Tensor, Variable, gradient};
pub use plan::Statistics;
#[doc(hidden)]
pub use plan::unfused;
pub use shape::{Layout, Shape, Spec};
pub use tensor::{All, Index, Reading};
