//! Keras for Rust on any GPU.

pub mod datasets;
mod error;
mod models;
mod training;

pub use error::{Error, ErrorKind, Result};
