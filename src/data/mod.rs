//! Data on the host: arrays in their own type, as datasets and files bring them.

mod array;
mod arrays;
mod on_host;

pub use array::{Array, Values};
pub use arrays::{Arrays, AsArray, AsArrays, Named};
