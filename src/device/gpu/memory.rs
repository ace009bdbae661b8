//! Device memory: buffers from a free list by size class, so that a steady training step allocates nothing.

use crate::lock::lock;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::fault::{self, ErrorSink};
use crate::device::Memory;
use crate::{Error, ErrorKind, Result};

/// Free memory below this is never given back on its own.
const FLOOR: u64 = 256 << 20;

/// A range of device memory; it goes back to the pool when the last handle drops.
///
/// The queue runs commands in order, so memory may be given to someone else while earlier commands still use it.
pub struct Buffer {
    raw: wgpu::Buffer,
    id: u64,
    size: u64,
    pool: Arc<Pool>,
}

impl Buffer {
    /// The id of the memory behind it: no two live buffers share one, a recycled buffer keeps it.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its size in bytes as asked for, rounded up to a whole word.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn raw(&self) -> &wgpu::Buffer {
        &self.raw
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        let class = self.raw.size();
        state.memory.used -= class;
        state.free.entry(class).or_default().push((self.id, self.raw.clone()));
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer {} ({} bytes)", self.id, self.size)
    }
}

/// The allocator of one device.
pub(super) struct Pool {
    device: wgpu::Device,
    errors: Arc<ErrorSink>,
    max_buffer: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    free: BTreeMap<u64, Vec<(u64, wgpu::Buffer)>>,
    memory: Memory,
    made: u64,
}

impl Pool {
    pub(super) fn new(device: wgpu::Device, errors: Arc<ErrorSink>, max_buffer: u64) -> Arc<Self> {
        Arc::new(Self { device, errors, max_buffer, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn memory(&self) -> Memory {
        self.lock().memory
    }

    /// How many buffers were ever made, as opposed to reused.
    pub(super) fn made(&self) -> u64 {
        self.lock().made
    }

    /// A buffer of at least `bytes`; its contents are whatever was there before, or zero.
    pub(super) fn alloc(self: &Arc<Self>, bytes: u64) -> Result<Arc<Buffer>> {
        let size = bytes.max(4).next_multiple_of(4);
        if size > self.max_buffer {
            let text = format!("a buffer of {bytes} bytes is beyond this GPU's limit of {} bytes", self.max_buffer);
            return Err(Error::new(ErrorKind::OutOfMemory, text));
        }
        let class = size_class(size).min(self.max_buffer);
        let mut state = self.lock();
        let fitting = state.free.range_mut(class..=class + class / 4).find_map(|(_, list)| list.pop());
        let (id, raw) = match fitting {
            Some(found) => found,
            None => self.make(&mut state, bytes, class)?,
        };
        state.memory.used += raw.size();
        state.memory.peak = state.memory.peak.max(state.memory.used);
        drop(state);
        Ok(Arc::new(Buffer { raw, id, size, pool: self.clone() }))
    }

    fn make(&self, state: &mut State, bytes: u64, class: u64) -> Result<(u64, wgpu::Buffer)> {
        let needed = state.memory.used + class;
        if state.memory.reserved + class > (2 * needed).max(FLOOR) {
            state.release(needed.max(FLOOR));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let made = self.create(class, usage, false).or_else(|error| {
            if error.kind() != ErrorKind::OutOfMemory {
                return Err(error);
            }
            state.release(0);
            self.settle();
            self.create(class, usage, false)
        });
        let raw = made.map_err(|error| match error.kind() {
            ErrorKind::OutOfMemory => {
                let used = state.memory.used;
                let text = format!("the GPU has no memory left for {bytes} bytes: {used} bytes are in use; use a smaller batch");
                Error::new(ErrorKind::OutOfMemory, text)
            }
            _ => error,
        })?;
        state.memory.reserved += class;
        state.made += 1;
        Ok((state.made, raw))
    }

    /// Waits for the queue, so that memory that was let go really is free.
    fn settle(&self) {
        poll(&self.device, &self.errors, wgpu::PollType::wait_indefinitely());
    }

    /// A buffer of wgpu outside the free list; running out of memory is an error here, not a stored one.
    pub(super) fn create(&self, size: u64, usage: wgpu::BufferUsages, mapped_at_creation: bool) -> Result<wgpu::Buffer> {
        self.errors.check()?;
        if self.errors.take_failing_allocation() {
            return Err(Error::new(ErrorKind::OutOfMemory, "out of memory, injected"));
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let raw = self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation });
        match pollster::block_on(scope.pop()) {
            Some(error) => Err(fault::translate(error)),
            None => self.errors.check().map(|()| raw),
        }
    }

    /// Gives all free memory back to the driver.
    pub(super) fn trim(&self) {
        self.lock().release(0);
    }
}

impl State {
    /// Gives free buffers back, largest first, until no more than `target` bytes are reserved.
    fn release(&mut self, target: u64) {
        while self.memory.reserved > target {
            let Some(mut class) = self.free.last_entry() else { break };
            match class.get_mut().pop() {
                Some((_, raw)) => {
                    self.memory.reserved -= raw.size();
                    // Cached bind groups may still name this buffer; its memory must not wait for them.
                    raw.destroy();
                }
                None => drop(class.remove()),
            }
        }
    }
}

/// Rounds a size up so that at most an eighth is lost and nearby sizes share memory.
fn size_class(size: u64) -> u64 {
    let step = (size.next_power_of_two() / 16).max(256);
    size.next_multiple_of(step)
}

/// Polls the device; a driver that dies meanwhile makes wgpu panic, which becomes a lost device here.
pub(super) fn poll(device: &wgpu::Device, errors: &ErrorSink, how: wgpu::PollType) {
    if errors.is_lost() {
        return;
    }
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| device.poll(how)));
    if polled.is_err() {
        errors.store(fault::lost("the driver failed while waiting for it"));
    }
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn size_classes_lose_at_most_an_eighth() {
        for size in (4..100_000).step_by(4) {
            let class = size_class(size);
            assert!(class >= size && class.is_multiple_of(256));
            assert!(size < 4096 || (class - size) * 8 <= size, "{size} became {class}");
            assert_eq!(size_class(class), class);
        }
    }
}
