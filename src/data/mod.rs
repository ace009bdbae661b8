//! Data on the host: arrays in their own type, as datasets and files bring them.

mod array;

pub use array::{Array, AsArray, AsArrays, Values};
