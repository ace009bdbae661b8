//! Data from host to device: small pieces through the queue, batches through a ring of mapped staging buffers.

use crate::lock::lock;
use std::sync::{Arc, Mutex, MutexGuard};

use super::memory::{Buffer, Pool};
use super::open::Gpu;
use crate::{Error, Result};

/// Up to this many bytes the queue's own staging is quicker.
const SMALL: usize = 16 << 10;
/// One staging buffer.
const CHUNK: u64 = 4 << 20;
/// Staging buffers before an upload waits for an earlier one.
const MAX_CHUNKS: usize = 16;

type Chunks = Arc<Mutex<Vec<wgpu::Buffer>>>;

/// Uploads that were staged and wait for the next submit.
pub(super) struct Uploads {
    pool: Arc<Pool>,
    /// Mapped and ready to be filled.
    free: Chunks,
    made: usize,
    /// Filled by the copies in `encoder`, the last one up to `cursor`.
    filled: Vec<wgpu::Buffer>,
    cursor: u64,
    /// The targets of those copies: memory that is trimmed before the submit would spoil all of it.
    targets: Vec<Arc<Buffer>>,
    encoder: Option<wgpu::CommandEncoder>,
    /// Bytes that wait in the queue's own staging.
    queued: usize,
}

impl Uploads {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self { pool, free: Chunks::default(), made: 0, filled: Vec::new(), cursor: 0, targets: Vec::new(), encoder: None, queued: 0 }
    }

    /// Stages one piece of at most [`CHUNK`] bytes; false when the ring is full.
    fn stage(&mut self, device: &wgpu::Device, piece: &[u8], buffer: &Arc<Buffer>, offset: u64) -> Result<bool> {
        let size = piece.len() as u64;
        if self.filled.is_empty() || self.cursor + size > CHUNK {
            let free = lock(&self.free).pop();
            let chunk = match free {
                Some(chunk) => chunk,
                None if self.made == MAX_CHUNKS => return Ok(false),
                None => {
                    let usage = wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC;
                    let chunk = self.pool.create(CHUNK, usage, true)?;
                    self.made += 1;
                    chunk
                }
            };
            self.filled.push(chunk);
            self.cursor = 0;
        }
        let Some(chunk) = self.filled.last() else { return Ok(false) };
        let mut mapped = chunk
            .get_mapped_range_mut(self.cursor..self.cursor + size)
            .map_err(|error| Error::device(format!("a staging buffer could not be written: {error}")))?;
        mapped.copy_from_slice(piece);
        drop(mapped);
        let encoder = self.encoder.get_or_insert_with(|| device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default()));
        encoder.copy_buffer_to_buffer(chunk, self.cursor, buffer.raw(), offset, size);
        if self.targets.last().is_none_or(|last| last.id() != buffer.id()) {
            self.targets.push(buffer.clone());
        }
        self.cursor = (self.cursor + size).next_multiple_of(256);
        Ok(true)
    }

    /// The staged copies as commands, to be submitted before anything that reads them.
    pub(super) fn take(&mut self) -> Option<wgpu::CommandBuffer> {
        self.queued = 0;
        let encoder = self.encoder.take()?;
        self.filled.iter().for_each(wgpu::Buffer::unmap);
        Some(encoder.finish())
    }

    /// Called after the submit: the staging buffers come back to the ring when the device is through with them.
    pub(super) fn submitted(&mut self) {
        self.targets.clear();
        for chunk in self.filled.drain(..) {
            let (free, returned) = (self.free.clone(), chunk.clone());
            chunk.map_async(wgpu::MapMode::Write, .., move |mapped| {
                if mapped.is_ok() {
                    lock(&free).push(returned);
                }
            });
        }
    }
}

impl Gpu {
    /// Copies `data` into `buffer` at `offset`; commands that run later see it. Both are multiples of 4 bytes.
    ///
    /// # Errors
    /// Data that does not fit, and whatever the device reported earlier.
    pub fn upload(&self, buffer: &Arc<Buffer>, offset: u64, data: &[u8]) -> Result<()> {
        self.check()?;
        check_range("upload to", buffer, offset, data.len() as u64)?;
        let mut uploads = self.uploads();
        // Queued writes run before staged copies, so while copies wait, everything goes the same way.
        if data.len() <= SMALL && uploads.encoder.is_none() {
            self.queue().write_buffer(buffer.raw(), offset, data);
            uploads.queued += data.len();
            if uploads.queued > CHUNK as usize {
                self.flush(&mut uploads);
            }
            return self.check();
        }
        let mut at = offset;
        for piece in data.chunks(CHUNK as usize) {
            while !uploads.stage(self.device(), piece, buffer, at)? {
                let submitted = self.flush(&mut uploads);
                self.wait_for(submitted);
                self.check()?;
            }
            at += piece.len() as u64;
        }
        self.check()
    }

    /// Submits what waits.
    fn flush(&self, uploads: &mut MutexGuard<'_, Uploads>) -> wgpu::SubmissionIndex {
        let index = self.queue().submit(uploads.take());
        uploads.submitted();
        index
    }
}

/// Refuses ranges that are not whole words or not inside the buffer.
pub(super) fn check_range(what: &str, buffer: &Buffer, offset: u64, size: u64) -> Result<()> {
    let inside = offset.checked_add(size).is_some_and(|end| end <= buffer.size());
    if inside && offset.is_multiple_of(4) && size.is_multiple_of(4) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{what} a buffer of {} bytes: offset {offset} and size {size} must be multiples of 4 and lie inside",
        buffer.size()
    )))
}
