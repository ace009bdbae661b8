//! CPU storage: blocks of words that start on 64 bytes and are used again when the last handle goes.

use crate::device::Memory;
use crate::lock::lock;
use std::{
    collections::HashMap,
    sync::{
        LazyLock, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// A cache line, the unit of storage.
#[derive(Clone)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "read and written through pointers")] [u32; 16]);

const WORDS: usize = 16;
/// Free bytes that are kept even while little is in use.
const KEEP: u64 = 64 << 20;

/// Words of memory that steps read and write.
pub struct CpuBuffer {
    id: u64,
    lines: *mut [Line],
}

// SAFETY: the plan decides who reads and writes when; flushes of the CPU run one at a time.
unsafe impl Send for CpuBuffer {}
// SAFETY: as above.
unsafe impl Sync for CpuBuffer {}

/// Where a buffer's words are.
#[derive(Clone, Copy)]
pub struct Words {
    pub start: *mut u32,
    pub length: usize,
}

#[derive(Default)]
struct Pool {
    free: HashMap<usize, Vec<Box<[Line]>>>,
    memory: Memory,
}

static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(Mutex::default);

fn pool() -> MutexGuard<'static, Pool> {
    lock(&POOL)
}

/// Lines of a block for so many words; size classes waste an eighth at most.
fn class(words: usize) -> usize {
    let lines = words.div_ceil(WORDS).max(1);
    let step = (lines.next_power_of_two() / 16).max(1);
    lines.div_ceil(step) * step
}

/// A new block. Large ones ask for large pages before anything touches them: kernels with many streams wait less for page tables.
fn zeros(lines: usize) -> Box<[Line]> {
    let mut block = Box::<[Line]>::new_uninit_slice(lines);
    #[cfg(target_os = "linux")]
    ask_for_large_pages(block.as_mut_ptr_range());
    for line in &mut block {
        line.write(Line([0; WORDS]));
    }
    // SAFETY: every line was just written.
    unsafe { block.assume_init() }
}

/// Linux gives pages of 2 MiB only where a program asks for them.
#[cfg(target_os = "linux")]
fn ask_for_large_pages<T>(block: std::ops::Range<*mut T>) {
    const PAGE: usize = 2 << 20;
    const MADV_HUGEPAGE: i32 = 14;
    unsafe extern "C" {
        fn madvise(start: *mut std::ffi::c_void, length: usize, advice: i32) -> i32;
    }
    let (first, end) = ((block.start as usize).next_multiple_of(PAGE), block.end as usize / PAGE * PAGE);
    if first < end {
        // SAFETY: whole pages inside a block of ours; the call changes no content, and a refusal changes nothing.
        unsafe { madvise(first as *mut std::ffi::c_void, end - first, MADV_HUGEPAGE) };
    }
}

impl CpuBuffer {
    /// At least `words` words of any content.
    pub fn new(words: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let lines = class(words);
        let bytes = (lines * size_of::<Line>()) as u64;
        let mut pool = pool();
        pool.memory.used += bytes;
        pool.memory.peak = pool.memory.peak.max(pool.memory.used);
        let free = pool.free.get_mut(&lines).and_then(Vec::pop);
        if free.is_none() {
            pool.memory.reserved += bytes;
        }
        drop(pool);
        let block = free.unwrap_or_else(|| zeros(lines));
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), lines: Box::into_raw(block) }
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn words(&self) -> Words {
        Words { start: self.lines.cast(), length: self.lines.len() * WORDS }
    }
}

impl Drop for CpuBuffer {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw` and taken back only here.
        let lines = unsafe { Box::from_raw(self.lines) };
        let bytes = (lines.len() * size_of::<Line>()) as u64;
        let mut pool = pool();
        pool.memory.used -= bytes;
        // Keep what the next step needs again; give back what a past, larger phase left behind.
        if pool.memory.reserved - pool.memory.used > pool.memory.used.max(KEEP) {
            pool.memory.reserved -= bytes;
        } else {
            pool.free.entry(lines.len()).or_default().push(lines);
        }
    }
}

/// What the CPU's tensors take.
pub fn memory() -> Memory {
    pool().memory
}
