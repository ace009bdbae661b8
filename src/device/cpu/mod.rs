//! The CPU's building blocks: plain functions on slices, which know neither tensors nor ops.

pub mod batch_normalize;
pub mod conv;
mod conv_grouped;
#[cfg(test)]
mod conv_tests;
mod conv_window;
pub mod finish;
pub mod gemm;
pub mod halves;
pub mod math;
pub mod memory;
mod microkernel;
pub mod normalize;
mod pack;
pub mod packed;
pub mod pool;
pub mod pool2d;
pub mod rows;
pub mod scratch;
pub mod simd;
mod vector_matrix;
