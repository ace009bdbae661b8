//! The handle's own methods: creation, reading, printing, operators and indexing. No kernels here.

mod arithmetic;
mod create;
mod display;
mod index;
mod read;

pub use index::{All, Index};
pub use read::Reading;
