//! Keras for Rust on any GPU.

pub mod datasets;
mod error;

pub use error::{Error, ErrorKind, Result};
