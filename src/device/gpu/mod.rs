//! The GPU: the only folder that knows wgpu. It runs kernels on buffers of 32-bit words and knows no tensors.
//!
//! [`Kernel`] is a composed WGSL source, [`Program`] a compiled list of dispatches and copies that is
//! replayed with new buffers and parameters, [`Gpu`] the open device that owns memory and pipelines.
//! Without the cargo feature `gpu` there is no wgpu, and no [`Gpu`] can be opened.

mod caps;
mod item;
mod shader;

#[cfg(feature = "gpu")]
mod adapter;
#[cfg(feature = "gpu")]
mod fault;
#[cfg(feature = "gpu")]
mod memory;
#[cfg(feature = "gpu")]
mod open;
#[cfg(feature = "gpu")]
mod pipeline;
#[cfg(feature = "gpu")]
mod profile;
#[cfg(feature = "gpu")]
mod program;
#[cfg(feature = "gpu")]
mod readback;
#[cfg(feature = "gpu")]
mod reflect;
#[cfg(feature = "gpu")]
mod upload;

#[cfg(not(feature = "gpu"))]
mod absent;

pub use caps::{AdapterKind, AdapterReport, Caps, Counters};
pub use item::{Binding, Dispatch, Item};
pub use shader::{Kernel, compose};

#[cfg(feature = "gpu")]
pub use {
    fault::Fault,
    memory::Buffer,
    open::{Gpu, Settings},
    profile::Timing,
    program::Program,
    readback::Readback,
    reflect::Reflection,
};

#[cfg(not(feature = "gpu"))]
pub use absent::{Buffer, Gpu, Program, Readback};
