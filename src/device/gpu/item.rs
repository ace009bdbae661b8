//! What a program is made of: launches of kernels, copies and clears.

use super::shader::Kernel;

/// A range of one of the buffers that a run is given.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Index into the buffers of the run.
    pub slot: usize,
    /// Bytes from the buffer's start, a multiple of [`offset_alignment`](super::Caps::offset_alignment).
    pub offset: u64,
    /// Bytes, a multiple of 4 and at least what the kernel declares.
    pub size: u64,
    /// Whether the kernel writes it.
    pub write: bool,
}

/// One launch of a kernel.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// What runs.
    pub kernel: Kernel,
    /// The words of the kernel's `args`; missing ones are 0.
    pub args: Vec<u32>,
    /// Words of `args` that each run replaces: (word, index into the parameters of the run).
    pub dynamic: Vec<(usize, usize)>,
    /// The storage buffers, binding 1 first.
    pub bindings: Vec<Binding>,
    /// Workgroups in x, y and z; with a 0 nothing runs.
    pub groups: [u32; 3],
}

/// One step of a program.
#[derive(Clone, Debug)]
pub enum Item {
    /// Launch a kernel.
    Dispatch(Dispatch),
    /// Copy bytes between two different buffers; both ends are (slot, offset), all multiples of 4.
    Copy {
        /// Where from.
        from: (usize, u64),
        /// Where to.
        to: (usize, u64),
        /// Bytes.
        size: u64,
    },
    /// Set bytes to zero.
    Clear {
        /// Slot and offset.
        at: (usize, u64),
        /// Bytes.
        size: u64,
    },
}
