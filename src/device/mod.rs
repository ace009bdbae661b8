//! Devices: the CPU and GPUs behind one enum, chosen by default, by scope or by `WGRAD_DEVICE`.

pub mod cpu;
pub mod gpu;

use crate::{Error, Result, graph::Recorded};
use crate::{lock::lock, scope::scope};
use gpu::{Caps, Gpu};
use smallvec::SmallVec;
use std::{
    cell::Cell,
    fmt,
    path::Path,
    str::FromStr,
    sync::{Arc, Mutex, OnceLock},
};

/// Where tensors live and kernels run.
///
/// ```
/// use wgrad::prelude::*;
/// let sum = Device::cpu().scope(|| (Tensor::from([1.0, 2.0]) + 1.0).sum(&[]).item::<f32>())?;
/// assert_eq!(sum, 5.0);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone)]
pub enum Device {
    /// All cores of this machine.
    Cpu,
    /// A GPU that wgpu reaches.
    Gpu(Arc<Gpu>),
}

/// Bytes of device memory.
///
/// ```
/// use wgrad::Device;
/// let memory = Device::Cpu.memory();
/// println!("{} bytes used, {} at most", memory.used, memory.peak);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Held by living tensors and shared slots.
    pub used: u64,
    /// The most that was ever used.
    pub peak: u64,
    /// Held from the system, in use or free.
    pub reserved: u64,
}

static DEFAULT: Mutex<Option<Device>> = Mutex::new(None);

thread_local! {
    static SCOPED: Cell<Option<Device>> = const { Cell::new(None) };
}

impl Device {
    /// The CPU. Makes no wgpu instance.
    pub fn cpu() -> Self {
        Device::Cpu
    }

    /// The strongest GPU, software drivers included; opened once per process.
    ///
    /// # Errors
    /// When no adapter is found or it cannot be opened.
    pub fn gpu() -> Result<Self> {
        static GPU: Mutex<Option<Arc<Gpu>>> = Mutex::new(None);
        let mut opened = lock(&GPU);
        match &*opened {
            Some(gpu) if gpu.check().is_ok() => Ok(Device::Gpu(gpu.clone())),
            _ => Ok(Device::Gpu(opened.insert(Gpu::open()?).clone())),
        }
    }

    /// What `WGRAD_DEVICE` names (`cpu` or `gpu`), else the strongest real GPU, else the CPU. Says in one log line which and why.
    ///
    /// # Errors
    /// When `WGRAD_DEVICE` names no device, or one that cannot be opened.
    pub fn best() -> Result<Self> {
        let (device, why) = Self::best_with_reason()?;
        log::info!("device: {device} ({why})");
        Ok(device)
    }

    /// [`Device::best`] and the reason for the choice.
    pub fn best_with_reason() -> Result<(Self, String)> {
        if let Some(name) = std::env::var_os("WGRAD_DEVICE") {
            let device = name.to_string_lossy().parse().map_err(|error: Error| error.at("WGRAD_DEVICE"))?;
            return Ok((device, "asked for by WGRAD_DEVICE".into()));
        }
        match Self::gpu() {
            Ok(Device::Gpu(gpu)) if gpu.caps().kind == gpu::AdapterKind::Cpu => {
                Ok((Device::Cpu, "the only adapter is a software driver".into()))
            }
            Ok(gpu) => Ok((gpu, "the strongest adapter".into())),
            Err(error) => Ok((Device::Cpu, format!("no GPU: {error}"))),
        }
    }

    /// The device of this thread's innermost scope, else the process-wide default, else [`Device::best`].
    pub fn current() -> Result<Self> {
        let scoped = SCOPED.take();
        SCOPED.set(scoped.clone());
        if let Some(device) = scoped {
            return Ok(device);
        }
        let mut default = lock(&DEFAULT);
        if let Some(device) = &*default {
            return Ok(device.clone());
        }
        Ok(default.insert(Self::best()?).clone())
    }

    /// [`Device::current`] where no error can be returned: a wrong `WGRAD_DEVICE` is said once, then the CPU serves.
    pub(crate) fn current_or_cpu() -> Self {
        Self::current().unwrap_or_else(|error| {
            static SAID: OnceLock<()> = OnceLock::new();
            SAID.get_or_init(|| eprintln!("wgrad: {error}; using the CPU"));
            Device::Cpu
        })
    }

    /// Makes this the default of the whole process.
    pub fn set_default(&self) {
        *lock(&DEFAULT) = Some(self.clone());
    }

    /// Runs `body` with this as the device of new tensors on this thread.
    pub fn scope<R>(&self, body: impl FnOnce() -> R) -> R {
        scope(&SCOPED, Some(self.clone()), body)
    }

    /// Bytes used, peak and reserved.
    pub fn memory(&self) -> Memory {
        match self {
            Device::Cpu => cpu::memory::memory(),
            Device::Gpu(gpu) => gpu.memory(),
        }
    }

    /// Waits until everything submitted is done, and returns the first error that the device reported.
    pub fn synchronize(&self) -> Result<()> {
        match self {
            Device::Cpu => Ok(()),
            Device::Gpu(gpu) => gpu.wait(),
        }
    }

    /// What planning and running took so far on this device.
    pub fn statistics(&self) -> crate::Statistics {
        crate::plan::statistics(self)
    }

    pub(crate) fn id(&self) -> u64 {
        match self {
            Device::Cpu => 0,
            Device::Gpu(gpu) => gpu.id(),
        }
    }

    pub(crate) fn caps(&self) -> Option<&Caps> {
        match self {
            Device::Cpu => None,
            Device::Gpu(gpu) => Some(gpu.caps()),
        }
    }

    /// Words to which the start of a binding is aligned.
    pub(crate) fn alignment(&self) -> usize {
        self.caps().map_or(1, |caps| caps.offset_alignment as usize / 4)
    }

    /// How many buffers a kernel can read beside the one it writes.
    pub(crate) fn kernel_inputs(&self) -> usize {
        self.caps().map_or(8, |caps| caps.max_storage_buffers.min(9) as usize - 1)
    }

    pub(crate) fn pipelines(&self) -> u64 {
        match self {
            Device::Cpu => 0,
            Device::Gpu(gpu) => gpu.counters().pipelines,
        }
    }

    pub(crate) fn alloc(&self, words: usize) -> Result<Buffer> {
        match self {
            Device::Cpu => Ok(Buffer::Cpu(Arc::new(cpu::memory::CpuBuffer::new(words)))),
            Device::Gpu(gpu) => Ok(Buffer::Gpu(gpu.alloc(4 * words.max(1) as u64)?)),
        }
    }

    /// A new value of these words.
    pub(crate) fn upload(&self, words: &[u32]) -> Result<Value> {
        let value = Value { buffer: self.alloc(words.len())?, offset: 0 };
        self.write(&value, words)?;
        Ok(value)
    }

    /// Replaces the words of a value that nobody else looks at, before everything submitted later.
    pub(crate) fn write(&self, value: &Value, words: &[u32]) -> Result<()> {
        match (self, &value.buffer) {
            (Device::Gpu(gpu), Buffer::Gpu(buffer)) => gpu.upload(buffer, 4 * value.offset as u64, bytemuck::cast_slice(words)),
            (_, buffer) => {
                let target = buffer.cpu().words();
                assert!(value.offset + words.len() <= target.length, "a value lies inside its buffer");
                // SAFETY: in bounds, and nobody else looks at these words.
                unsafe { std::slice::from_raw_parts_mut(target.start.add(value.offset), words.len()) }.copy_from_slice(words);
                Ok(())
            }
        }
    }

    /// The words of a value, after everything submitted before.
    pub(crate) fn read(&self, value: &Value, words: usize) -> Result<Vec<u32>> {
        match (self, &value.buffer) {
            (Device::Gpu(gpu), Buffer::Gpu(buffer)) => {
                let bytes = gpu.read(buffer, 4 * value.offset as u64, 4 * words as u64)?;
                Ok(bytemuck::pod_collect_to_vec(&bytes))
            }
            (_, buffer) => {
                let source = buffer.cpu().words();
                assert!(value.offset + words <= source.length, "a value lies inside its buffer");
                // SAFETY: in bounds; values are never written again while somebody holds them.
                Ok(unsafe { std::slice::from_raw_parts(source.start.add(value.offset), words) }.to_vec())
            }
        }
    }

    /// The compiled dispatches of a plan; nothing on the CPU.
    pub(crate) fn program(&self, recorded: impl Iterator<Item = (Recorded, SmallVec<[usize; 4]>)>) -> Result<Option<gpu::Program>> {
        match self {
            Device::Cpu => Ok(None),
            Device::Gpu(gpu) => Ok(Some(gpu::Program::new(gpu, recorded.map(|(dispatch, params)| dispatch.lower(&params)).collect())?)),
        }
    }
}

impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Device {}

/// `cpu` and `gpu`.
impl FromStr for Device {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "cpu" => Ok(Device::Cpu),
            "gpu" => Device::gpu(),
            _ => Err(Error::device(format!("unknown device {name:?}: expected \"cpu\" or \"gpu\""))),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => write!(f, "cpu ({} threads)", cpu::pool::threads()),
            Device::Gpu(gpu) => write!(f, "{}", gpu.report()),
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes a file for `WGRAD_DUMP`; a folder that cannot be written is a warning.
pub(crate) fn dump(folder: &Path, file: &str, text: &str) {
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(folder.join(file), text));
    if let Err(error) = written {
        log::warn!("WGRAD_DUMP: {} cannot be written: {}", folder.join(file).display(), Error::from(error));
    }
}

/// A buffer of either device.
#[derive(Clone)]
pub(crate) enum Buffer {
    Cpu(Arc<cpu::memory::CpuBuffer>),
    Gpu(Arc<gpu::Buffer>),
}

impl Buffer {
    pub fn id(&self) -> u64 {
        match self {
            Buffer::Cpu(buffer) => buffer.id(),
            Buffer::Gpu(buffer) => buffer.id(),
        }
    }

    pub fn words(&self) -> usize {
        match self {
            Buffer::Cpu(buffer) => buffer.words().length,
            Buffer::Gpu(buffer) => buffer.size() as usize / 4,
        }
    }

    pub fn references(&self) -> usize {
        match self {
            Buffer::Cpu(buffer) => Arc::strong_count(buffer),
            Buffer::Gpu(buffer) => Arc::strong_count(buffer),
        }
    }

    pub fn cpu(&self) -> &cpu::memory::CpuBuffer {
        match self {
            Buffer::Cpu(buffer) => buffer,
            Buffer::Gpu(_) => unreachable!("a plan for the CPU holds CPU buffers"),
        }
    }

    pub fn gpu(&self) -> &Arc<gpu::Buffer> {
        match self {
            Buffer::Gpu(buffer) => buffer,
            Buffer::Cpu(_) => unreachable!("a plan for a GPU holds GPU buffers"),
        }
    }
}

/// The elements of a computed tensor: row-major words from `offset` on.
#[derive(Clone)]
pub(crate) struct Value {
    pub buffer: Buffer,
    pub offset: usize,
}
