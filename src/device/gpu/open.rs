//! The open device: asks for all that the adapter has, installs the error handlers, submits and waits.

use crate::lock::lock;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::adapter;
use super::caps::{AdapterKind, AdapterReport, Caps, Counters};
use super::fault::{self, ErrorSink, Fault};
use super::memory::{self, Buffer, Pool};
use super::pipeline::PipelineCache;
use super::readback::Ring;
use super::upload::Uploads;
use crate::device::Memory;
use crate::{Error, Result};

/// Runs that may wait in the queue before the next one waits for the oldest.
const MAX_RUNS_IN_FLIGHT: usize = 3;

/// How to open a device; [`Settings::from_env`] reads the switches that users know.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Take the strongest adapter whose name contains this (`WGPU_ADAPTER_NAME`).
    pub adapter: Option<String>,
    /// Shaders check bounds, loops and divisions (`WGRAD_CHECKED=1`).
    pub checked: bool,
    /// Print each dispatch and its time (`WGRAD_TRACE=1`).
    pub trace: bool,
    /// Write each composed shader to this folder (`WGRAD_DUMP`).
    pub dump: Option<PathBuf>,
    /// Take the kernels for this sort of processor, so that a software driver can test those of real cards.
    pub kind: Option<AdapterKind>,
    /// Take an adapter with subgroups of this size that compiles kernels, but runs nothing: for tests of kernels without a driver.
    pub dry: Option<u32>,
}

impl Settings {
    /// The settings that the environment asks for.
    pub fn from_env() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let on = |name: &str| text(name).is_some_and(|value| value != "0");
        Self {
            adapter: text("WGPU_ADAPTER_NAME"),
            checked: on("WGRAD_CHECKED"),
            trace: on("WGRAD_TRACE"),
            dump: text("WGRAD_DUMP").map(PathBuf::from),
            kind: None,
            dry: None,
        }
    }
}

/// An open GPU.
pub struct Gpu {
    id: u64,
    device: wgpu::Device,
    queue: wgpu::Queue,
    report: AdapterReport,
    trace: bool,
    errors: Arc<ErrorSink>,
    pool: Arc<Pool>,
    pipelines: PipelineCache,
    uploads: Mutex<Uploads>,
    ring: Ring,
    runs: Mutex<VecDeque<wgpu::SubmissionIndex>>,
    submissions: AtomicU64,
    bind_groups: AtomicU64,
}

impl Gpu {
    /// Opens the strongest GPU with the settings of the environment.
    ///
    /// # Errors
    /// No GPU, or a driver that fails to open it.
    pub fn open() -> Result<Arc<Self>> {
        Self::open_with(&Settings::from_env())
    }

    /// Opens the strongest GPU that `settings` allow.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(settings: &Settings) -> Result<Arc<Self>> {
        let adapter = settings.dry.map_or_else(|| adapter::choose(settings.adapter.as_deref()), adapter::dry)?;
        let mut report = adapter::report(&adapter);
        report.caps.kind = settings.kind.unwrap_or(report.caps.kind);
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("wgrad"),
            required_features: adapter.features() & adapter::wanted_features(),
            required_limits: adapter.limits(),
            experimental_features: wgpu::ExperimentalFeatures::disabled(),
            memory_hints: wgpu::MemoryHints::Performance,
            trace: wgpu::Trace::Off,
        });
        let opened = pollster::block_on(request);
        let (device, queue) = opened.map_err(|error| Error::device(format!("{report} could not be opened: {error}")))?;

        let errors = Arc::new(ErrorSink::default());
        let sink = errors.clone();
        device.on_uncaptured_error(Arc::new(move |error| sink.store(fault::translate(error))));
        let sink = Arc::downgrade(&errors);
        device.set_device_lost_callback(move |_, message| {
            if let Some(sink) = sink.upgrade() {
                sink.store(fault::lost(&message));
            }
        });
        let pool = Pool::new(device.clone(), errors.clone(), report.caps.max_buffer);
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Ok(Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            pipelines: PipelineCache::new(device.clone(), errors.clone(), settings),
            uploads: Mutex::new(Uploads::new(pool.clone())),
            trace: settings.trace,
            device,
            queue,
            report,
            errors,
            pool,
            ring: Ring::default(),
            runs: Mutex::default(),
            submissions: AtomicU64::new(0),
            bind_groups: AtomicU64::new(0),
        }))
    }

    /// Tells the devices opened by this process apart; never zero.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Every adapter of this machine, strongest first, without opening any.
    pub fn adapters() -> Vec<AdapterReport> {
        adapter::enumerate().iter().map(adapter::report).collect()
    }

    /// The adapter behind this device.
    pub fn report(&self) -> &AdapterReport {
        &self.report
    }

    /// What a plan must know about this device.
    pub fn caps(&self) -> &Caps {
        &self.report.caps
    }

    /// The first error that the device reported, if any; never blocks.
    ///
    /// # Errors
    /// That error, now and ever after.
    pub fn check(&self) -> Result<()> {
        self.errors.check()
    }

    /// Makes the device fail, for tests.
    pub fn inject(&self, fault: Fault) {
        match fault {
            Fault::OutOfMemory(attempts) => self.errors.fail_allocations(attempts),
            Fault::DeviceLost => {
                self.device.destroy();
                memory::poll(&self.device, &self.errors, wgpu::PollType::wait_indefinitely());
            }
            Fault::Validation => {
                let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::STORAGE;
                let descriptor = wgpu::BufferDescriptor { label: Some("injected"), size: 4, usage, mapped_at_creation: false };
                drop(self.device.create_buffer(&descriptor));
            }
        }
    }

    /// A buffer of at least `bytes`, with whatever contents it had before.
    ///
    /// # Errors
    /// More bytes than a buffer may have, or than there are.
    pub fn alloc(&self, bytes: u64) -> Result<Arc<Buffer>> {
        self.pool.alloc(bytes)
    }

    /// How much memory is used and reserved.
    pub fn memory(&self) -> Memory {
        self.pool.memory()
    }

    /// Gives free memory back to the driver.
    pub fn trim(&self) {
        self.pool.trim();
    }

    /// What was made so far.
    pub fn counters(&self) -> Counters {
        Counters {
            pipelines: self.pipelines.len() as u64,
            bind_groups: self.bind_groups.load(Ordering::Relaxed),
            allocations: self.pool.made(),
            submissions: self.submissions.load(Ordering::Relaxed),
        }
    }

    /// Every kernel that was compiled so far, as the driver got it: name and WGSL.
    pub fn shaders(&self) -> Vec<(String, String)> {
        self.pipelines.sources()
    }

    /// Waits until the device has done everything.
    ///
    /// # Errors
    /// Whatever the device reported by then.
    pub fn wait(&self) -> Result<()> {
        memory::poll(&self.device, &self.errors, wgpu::PollType::wait_indefinitely());
        self.check()
    }

    pub(super) fn device(&self) -> &wgpu::Device {
        &self.device
    }

    pub(super) fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(super) fn pipelines(&self) -> &PipelineCache {
        &self.pipelines
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    pub(super) fn traces(&self) -> bool {
        self.trace
    }

    pub(super) fn uploads(&self) -> MutexGuard<'_, Uploads> {
        lock(&self.uploads)
    }

    pub(super) fn count_bind_group(&self) {
        self.bind_groups.fetch_add(1, Ordering::Relaxed);
    }

    /// Submits `commands` after the uploads that wait.
    pub(super) fn submit(&self, commands: wgpu::CommandBuffer) -> wgpu::SubmissionIndex {
        let mut uploads = self.uploads();
        let index = self.queue.submit(uploads.take().into_iter().chain([commands]));
        uploads.submitted();
        self.submissions.fetch_add(1, Ordering::Relaxed);
        index
    }

    /// Submits one run of a program; waits for the oldest where too many are under way.
    pub(super) fn submit_run(&self, commands: wgpu::CommandBuffer) {
        let index = self.submit(commands);
        let mut runs = lock(&self.runs);
        runs.push_back(index);
        let oldest = if runs.len() > MAX_RUNS_IN_FLIGHT { runs.pop_front() } else { None };
        drop(runs);
        match oldest {
            Some(oldest) => self.wait_for(oldest),
            None => self.poll(),
        }
    }

    /// Lets wgpu run callbacks and free what is done with; never blocks.
    pub(super) fn poll(&self) {
        memory::poll(&self.device, &self.errors, wgpu::PollType::Poll);
    }

    /// Blocks until a submission is done.
    pub(super) fn wait_for(&self, submission: wgpu::SubmissionIndex) {
        let how = wgpu::PollType::Wait { submission_index: Some(submission), timeout: None };
        memory::poll(&self.device, &self.errors, how);
    }
}
