//! Errors that the driver reports out of band, kept until someone asks, and faults that tests inject.

use crate::lock::lock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use std::sync::Mutex;

use crate::{Error, ErrorKind, Result};

/// A failure for tests to inject with [`Gpu::inject`](super::Gpu::inject).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This many of the next attempts to allocate fail; each allocation makes two (`u32::MAX`: all, 0: none).
    OutOfMemory(u32),
    /// The device is destroyed, as by a driver crash.
    DeviceLost,
    /// The driver is called wrongly and reports it.
    Validation,
}

/// Holds the first error that came in through a handler.
#[derive(Default)]
pub(super) struct ErrorSink {
    failed: AtomicBool,
    first: Mutex<Option<Error>>,
    failing_allocations: AtomicU32,
}

impl ErrorSink {
    /// Keeps `error` if it is the first; a lost device replaces what came before it.
    pub(super) fn store(&self, error: Error) {
        let mut first = lock(&self.first);
        let lost = |error: &Error| error.kind() == ErrorKind::DeviceLost;
        if first.as_ref().is_none_or(|kept| lost(&error) && !lost(kept)) {
            log::error!("{error}");
            *first = Some(error);
        }
        self.failed.store(true, Ordering::Release);
    }

    /// The stored error, if there is one.
    pub(super) fn check(&self) -> Result<()> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let first = lock(&self.first);
        first.clone().map_or(Ok(()), Err)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.check().is_err_and(|error| error.kind() == ErrorKind::DeviceLost)
    }

    pub(super) fn fail_allocations(&self, attempts: u32) {
        self.failing_allocations.store(attempts, Ordering::Release);
    }

    /// Whether this attempt to allocate is to fail.
    pub(super) fn take_failing_allocation(&self) -> bool {
        let left = self.failing_allocations.load(Ordering::Acquire);
        if left != 0 && left != u32::MAX {
            self.failing_allocations.store(left - 1, Ordering::Release);
        }
        left != 0
    }
}

/// What wgpu reports, as an error of this crate.
pub(super) fn translate(error: wgpu::Error) -> Error {
    match error {
        wgpu::Error::OutOfMemory { source } => Error::new(ErrorKind::OutOfMemory, format!("the GPU is out of memory: {source}")),
        wgpu::Error::Validation { description, .. } => Error::device(format!("the GPU refused a command: {description}")),
        wgpu::Error::Internal { description, .. } => Error::device(format!("the GPU driver failed: {description}")),
    }
}

/// The error for a device that went away.
pub(super) fn lost(message: &str) -> Error {
    let reason = if message.is_empty() { "the driver gave no reason" } else { message };
    Error::new(ErrorKind::DeviceLost, format!("the GPU was lost, and every tensor on it with it: {reason}"))
}
