//! Keras for Rust on any GPU.

mod error;

pub use error::{Error, ErrorKind, Result};
