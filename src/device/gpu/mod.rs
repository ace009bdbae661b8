//! The GPU: the only folder that knows wgpu. It runs kernels on buffers of 32-bit words and knows no tensors.
//!
//! [`Kernel`] is a composed WGSL source, [`Program`] a compiled list of dispatches and copies that is
//! replayed with new buffers and parameters, [`Gpu`] the open device that owns memory and pipelines.

mod adapter;
mod fault;
mod memory;
mod open;
mod pipeline;
mod profile;
mod program;
mod readback;
mod shader;
mod upload;

pub use adapter::{AdapterKind, AdapterReport, Caps};
pub use fault::Fault;
pub use memory::Buffer;
pub use open::{Counters, Gpu, Settings};
pub use profile::Timing;
pub use program::{Binding, Dispatch, Item, Program};
pub use readback::Readback;
pub use shader::{Kernel, Reflection, compose};
