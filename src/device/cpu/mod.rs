//! The CPU's building blocks: plain functions on slices, which know neither tensors nor ops.

pub mod gemm;
pub mod math;
pub mod memory;
pub mod microkernel;
pub mod pool;
mod scratch;
pub mod simd;
mod vector_matrix;
