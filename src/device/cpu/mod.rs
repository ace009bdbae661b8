//! The CPU's building blocks: plain functions on slices, which know neither tensors nor ops.

pub mod conv;
mod conv_grouped;
#[cfg(test)]
mod conv_tests;
pub mod gemm;
pub mod math;
pub mod memory;
pub mod microkernel;
pub mod pool;
pub mod pool2d;
pub mod rows;
mod scratch;
pub mod simd;
mod vector_matrix;
