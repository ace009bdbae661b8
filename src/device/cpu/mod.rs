//! The CPU's building blocks: plain functions on slices, which know neither tensors nor ops.

pub mod math;
pub mod pool;
pub mod simd;
