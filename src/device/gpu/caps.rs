//! What a GPU is, can do and made so far.

use std::fmt;

/// The sort of processor behind an adapter, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdapterKind {
    /// A card with memory of its own.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU handed through to a virtual machine.
    Virtual,
    /// Unknown to the driver.
    Other,
    /// Software that runs shaders on the CPU.
    Cpu,
}

/// What a plan must know about the device: sizes in bytes, counts in units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    /// The sort of processor; software adapters want other tiles.
    pub kind: AdapterKind,
    /// The largest range of a buffer that a kernel can see, a multiple of 256.
    pub max_binding: u64,
    /// The largest buffer.
    pub max_buffer: u64,
    /// Storage buffers that one kernel can bind.
    pub max_storage_buffers: u32,
    /// The largest `args` of a kernel.
    pub max_args: u32,
    /// Offsets of bindings are multiples of this.
    pub offset_alignment: u32,
    /// Workgroups per dimension of a dispatch.
    pub max_groups: u32,
    /// Invocations in one workgroup.
    pub max_group_threads: u32,
    /// Invocations in one workgroup, per dimension.
    pub max_group_size: [u32; 3],
    /// Workgroup memory of one workgroup.
    pub max_group_memory: u32,
    /// Smallest and largest subgroup, where kernels may use subgroup operations.
    pub subgroup: Option<(u32, u32)>,
    /// Whether kernels may use `f16`.
    pub f16: bool,
    /// Whether the device can time dispatches.
    pub timestamps: bool,
}

/// One adapter as `wgrad doctor` shows it.
#[derive(Clone, Debug)]
pub struct AdapterReport {
    /// The card's name.
    pub name: String,
    /// Driver name and version.
    pub driver: String,
    /// "Vulkan", "Metal" or "Dx12".
    pub backend: String,
    /// What it can do.
    pub caps: Caps,
    /// Every feature of wgpu that it offers.
    pub features: Vec<String>,
}

impl fmt::Display for AdapterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}, {}, driver {})", self.name, self.caps.kind, self.backend, self.driver)
    }
}

/// What the device made so far; a steady training step makes nothing but submissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Compiled pipelines.
    pub pipelines: u64,
    /// Bind groups.
    pub bind_groups: u64,
    /// Buffers taken from the driver.
    pub allocations: u64,
    /// Submissions to the queue.
    pub submissions: u64,
}
