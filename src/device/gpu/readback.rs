//! Data from device to host through a ring of mapped buffers; asynchronous at heart, blocking where asked.

use crate::lock::lock;
use std::sync::{Arc, Mutex, OnceLock};

use super::memory::Buffer;
use super::open::Gpu;
use super::upload::check_range;
use crate::{Error, Result};

/// Blocking reads go in pieces of this size, so that the ring stays small.
const PIECE: u64 = 64 << 20;
/// The most free staging memory that is kept.
const KEPT: u64 = 128 << 20;

/// How often a read looks for a callback that is overdue.
const ROUNDS: usize = 1_000_000;

/// Staging buffers that wait for the next read.
#[derive(Default)]
pub(super) struct Ring(Mutex<Vec<wgpu::Buffer>>);

impl Ring {
    fn take(&self, size: u64) -> Option<wgpu::Buffer> {
        let mut free = lock(&self.0);
        let fitting = free.iter().position(|buffer| buffer.size() == size)?;
        Some(free.swap_remove(fitting))
    }

    fn give_back(&self, buffer: wgpu::Buffer) {
        buffer.unmap();
        let mut free = lock(&self.0);
        free.push(buffer);
        while free.iter().map(wgpu::Buffer::size).sum::<u64>() > KEPT {
            free.remove(0);
        }
    }
}

/// A read that is under way.
pub struct Readback {
    gpu: Arc<Gpu>,
    staging: Option<wgpu::Buffer>,
    size: u64,
    /// Whether mapping succeeded, once that is known.
    mapped: Arc<OnceLock<bool>>,
    submission: wgpu::SubmissionIndex,
}

impl Readback {
    /// Whether the data is there, so that [`wait`](Self::wait) will not block. Never blocks.
    pub fn ready(&self) -> bool {
        self.gpu.poll();
        self.mapped.get().is_some() || self.gpu.check().is_err()
    }

    /// Blocks until the data is there.
    ///
    /// # Errors
    /// Whatever the device reported by now.
    pub fn wait(mut self) -> Result<Vec<u8>> {
        let mut data = Vec::new();
        self.append_to(&mut data)?;
        Ok(data)
    }

    fn append_to(&mut self, data: &mut Vec<u8>) -> Result<()> {
        if self.mapped.get().is_none() {
            self.gpu.wait_for(self.submission.clone());
        }
        // Another thread that polls may have taken the callback, and be about to call it.
        for _ in 0..ROUNDS {
            if self.mapped.get().is_some() || self.gpu.check().is_err() {
                break;
            }
            std::thread::yield_now();
            self.gpu.poll();
        }
        self.gpu.check()?;
        let staging = self.staging.as_ref().filter(|_| self.mapped.get() == Some(&true));
        let staging = staging.ok_or_else(|| Error::device("the GPU did not hand out the data that was read"))?;
        let view = staging.get_mapped_range(..self.size);
        data.extend_from_slice(&view.map_err(|error| Error::device(format!("the GPU's data cannot be read: {error}")))?);
        Ok(())
    }
}

impl Drop for Readback {
    fn drop(&mut self) {
        if let Some(staging) = self.staging.take() {
            self.gpu.ring().give_back(staging);
        }
    }
}

impl Gpu {
    /// Starts to read `size` bytes at `offset`, after everything that was submitted so far.
    ///
    /// # Errors
    /// A range outside the buffer, no memory, and whatever the device reported earlier.
    pub fn read_async(self: &Arc<Self>, buffer: &Buffer, offset: u64, size: u64) -> Result<Readback> {
        self.check()?;
        check_range("read from", buffer, offset, size)?;
        let class = size.max(256).next_power_of_two();
        let staging = match self.ring().take(class) {
            Some(staging) => staging,
            None => self.pool().create(class, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST, false)?,
        };
        let mut encoder = self.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(buffer.raw(), offset, &staging, 0, size);
        let submission = self.submit(encoder.finish());
        let mapped = Arc::new(OnceLock::new());
        let flag = mapped.clone();
        staging.map_async(wgpu::MapMode::Read, ..size.max(8).next_multiple_of(8), move |result| {
            let _ = flag.set(result.is_ok());
        });
        Ok(Readback { gpu: self.clone(), staging: Some(staging), size, mapped, submission })
    }

    /// Reads `size` bytes at `offset`, and waits for them.
    ///
    /// # Errors
    /// As [`read_async`](Self::read_async).
    pub fn read(self: &Arc<Self>, buffer: &Buffer, offset: u64, size: u64) -> Result<Vec<u8>> {
        check_range("read from", buffer, offset, size)?;
        let mut data = Vec::with_capacity(size as usize);
        let mut at = 0;
        while at < size {
            let piece = (size - at).min(PIECE);
            self.read_async(buffer, offset + at, piece)?.append_to(&mut data)?;
            at += piece;
        }
        self.check().map(|()| data)
    }
}
