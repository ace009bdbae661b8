//! CPU storage: blocks of words that start on 64 bytes and are used again when the last handle goes.

use crate::device::Memory;
use crate::lock::lock;
use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    collections::HashMap,
    mem::ManuallyDrop,
    sync::{
        LazyLock, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// Words of a line, the unit of storage.
const WORDS: usize = 16;
const LINE: usize = 4 * WORDS;
/// Free bytes that are kept even while little is in use.
const KEEP: u64 = 64 << 20;

/// Words of memory that steps read and write.
pub struct CpuBuffer {
    id: u64,
    block: ManuallyDrop<Block>,
}

/// Lines of memory that begin on 64 bytes, somewhere in what was allocated for them.
struct Block {
    allocated: *mut u8,
    lines: usize,
}

// SAFETY: the plan decides who reads and writes when; flushes of the CPU run one at a time.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

/// Where a buffer's words are.
#[derive(Clone, Copy)]
pub struct Words {
    pub start: *mut u32,
    pub length: usize,
}

#[derive(Default)]
struct Pool {
    free: HashMap<usize, Vec<Block>>,
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

impl Block {
    /// A block of zeros. Nothing has touched what comes fresh from the system, so that the threads of the first kernel that writes it
    /// share the work of fetching its pages; large blocks ask for large pages, with which kernels of many streams wait less.
    fn new(lines: usize) -> Self {
        let layout = Self::layout(lines);
        // SAFETY: the layout is not empty.
        let allocated = unsafe { alloc_zeroed(layout) };
        if allocated.is_null() {
            handle_alloc_error(layout);
        }
        #[cfg(target_os = "linux")]
        ask_for_large_pages(allocated, layout.size());
        Self { allocated, lines }
    }

    /// A line more instead of the alignment: for that, the allocator would write the zeros itself.
    fn layout(lines: usize) -> Layout {
        Layout::from_size_align((lines + 1) * LINE, align_of::<u128>()).expect("tensors are smaller than memory")
    }

    fn start(&self) -> *mut u32 {
        self.allocated.map_addr(|address| address.next_multiple_of(LINE)).cast()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with the same layout.
        unsafe { dealloc(self.allocated, Self::layout(self.lines)) };
    }
}

/// Linux gives pages of 2 MiB only where a program asks for them.
#[cfg(target_os = "linux")]
fn ask_for_large_pages(start: *mut u8, bytes: usize) {
    const PAGE: usize = 2 << 20;
    const MADV_HUGEPAGE: i32 = 14;
    unsafe extern "C" {
        fn madvise(start: *mut std::ffi::c_void, length: usize, advice: i32) -> i32;
    }
    let (first, end) = (start.addr().next_multiple_of(PAGE), (start.addr() + bytes) / PAGE * PAGE);
    if first < end {
        // SAFETY: whole pages inside a block of ours; the call changes no content, and a refusal changes nothing.
        unsafe { madvise(start.with_addr(first).cast(), end - first, MADV_HUGEPAGE) };
    }
}

impl CpuBuffer {
    /// At least `words` words of any content.
    pub fn new(words: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let lines = class(words);
        let bytes = (lines * LINE) as u64;
        let mut pool = pool();
        pool.memory.used += bytes;
        pool.memory.peak = pool.memory.peak.max(pool.memory.used);
        let free = pool.free.get_mut(&lines).and_then(Vec::pop);
        if free.is_none() {
            pool.memory.reserved += bytes;
        }
        drop(pool);
        let block = free.unwrap_or_else(|| Block::new(lines));
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), block: ManuallyDrop::new(block) }
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn words(&self) -> Words {
        Words { start: self.block.start(), length: self.block.lines * WORDS }
    }
}

impl Drop for CpuBuffer {
    fn drop(&mut self) {
        // SAFETY: taken only here.
        let block = unsafe { ManuallyDrop::take(&mut self.block) };
        let bytes = (block.lines * LINE) as u64;
        let mut pool = pool();
        pool.memory.used -= bytes;
        // Keep what the next step needs again; give back what a past, larger phase left behind.
        if pool.memory.reserved - pool.memory.used > pool.memory.used.max(KEEP) {
            pool.memory.reserved -= bytes;
        } else {
            pool.free.entry(block.lines).or_default().push(block);
        }
    }
}

/// What the CPU's tensors take.
pub fn memory() -> Memory {
    pool().memory
}
