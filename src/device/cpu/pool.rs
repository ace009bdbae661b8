//! A persistent thread pool that runs numbered tasks; work is split by shape alone, so results never depend on the thread count.

use crate::{lock::lock, scope::scope};
use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// How long an idle worker looks for the next region before it sleeps; waking it again costs 15-75 µs.
const SPIN: Duration = Duration::from_micros(50);

type Task<'a> = &'a (dyn Fn(usize) + Sync);

thread_local! {
    static INLINE: Cell<bool> = const { Cell::new(false) };
}

/// One region at a time: `ticket` holds the region's number (upper half) and how many tasks nobody claimed yet (lower half).
struct Pool {
    region: Mutex<()>,
    ticket: AtomicU64,
    tasks: AtomicUsize,
    /// Points at the caller's `Task`, which outlives the region because the caller waits for `done`.
    task: AtomicPtr<()>,
    done: AtomicUsize,
    failed: AtomicBool,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
    sleepers: AtomicUsize,
    bed: Mutex<()>,
    wake: Condvar,
}

static POOL: Pool = Pool {
    region: Mutex::new(()),
    ticket: AtomicU64::new(0),
    tasks: AtomicUsize::new(0),
    task: AtomicPtr::new(std::ptr::null_mut()),
    done: AtomicUsize::new(0),
    failed: AtomicBool::new(false),
    payload: Mutex::new(None),
    sleepers: AtomicUsize::new(0),
    bed: Mutex::new(()),
    wake: Condvar::new(),
};

/// The number of threads that share the work, the caller included: `WGRAD_THREADS`, else the cores; read once.
pub fn threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| {
        let wanted = std::env::var("WGRAD_THREADS").ok().and_then(|value| value.trim().parse().ok()).filter(|&count| count > 0);
        wanted.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |count| count.get()))
    })
}

/// Runs `task(0)`, …, `task(tasks - 1)` on all threads, in any order, and returns when all are done.
///
/// Inline where a region would not pay or not be free: one thread, one task, inside a task, or while another thread's region runs.
/// A panic in a task is raised again here; tasks that nobody began by then are skipped.
pub fn run(tasks: usize, task: Task) {
    if tasks <= 1 || threads() == 1 || INLINE.get() {
        return (0..tasks).for_each(task);
    }
    let region = match POOL.region.try_lock() {
        Ok(region) => region,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return inline(|| (0..tasks).for_each(task)),
    };
    start_workers();
    POOL.tasks.store(tasks, Ordering::Relaxed);
    POOL.task.store(std::ptr::from_ref(&task).cast_mut().cast(), Ordering::Relaxed);
    POOL.done.store(0, Ordering::Relaxed);
    POOL.failed.store(false, Ordering::Relaxed);
    let number = (POOL.ticket.load(Ordering::Relaxed) >> 32).wrapping_add(1);
    let count = u32::try_from(tasks).expect("a region holds fewer than 2^32 tasks");
    POOL.ticket.store(number << 32 | u64::from(count), Ordering::SeqCst);
    if POOL.sleepers.load(Ordering::SeqCst) > 0 {
        // The lock orders this call after the sleeper's last look at the ticket.
        drop(lock(&POOL.bed));
        POOL.wake.notify_all();
    }
    POOL.work();
    let mut rounds = 0u32;
    while POOL.done.load(Ordering::Acquire) < tasks {
        pause(&mut rounds);
    }
    let payload = POOL.failed.load(Ordering::Relaxed).then(|| lock(&POOL.payload).take());
    drop(region);
    if let Some(Some(payload)) = payload {
        resume_unwind(payload);
    }
}

/// Runs `body` with every region inside it on the calling thread alone, for work too small to share.
pub fn inline<R>(body: impl FnOnce() -> R) -> R {
    scope(&INLINE, true, body)
}

/// Cuts `0..len` into pieces of `chunk` (the last may be shorter) and runs `body` on each; the cut depends on nothing else.
pub fn for_chunks(len: usize, chunk: usize, body: &(dyn Fn(Range<usize>) + Sync)) {
    let chunk = chunk.max(1);
    run(len.div_ceil(chunk), &|index| body(index * chunk..((index + 1) * chunk).min(len)));
}

/// A slice that several tasks write, each its own part.
#[derive(Clone, Copy)]
pub struct SharedMut<'a, T> {
    start: *mut T,
    len: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: it only hands out parts, and whoever takes them promises that they are disjoint.
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}

impl<'a, T> SharedMut<'a, T> {
    pub fn new(slice: &'a mut [T]) -> Self {
        SharedMut { start: slice.as_mut_ptr(), len: slice.len(), lifetime: PhantomData }
    }

    /// # Safety
    /// Parts that live at the same time must not overlap. (Bounds are checked.)
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn slice(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "part {range:?} of a slice of {}", self.len);
        // SAFETY: in bounds by the assertion, disjoint by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }

    /// The address of one element, for parts that are not contiguous; what is written through it must be disjoint too.
    pub fn pointer(&self, index: usize) -> *mut T {
        assert!(index < self.len, "element {index} of a slice of {}", self.len);
        self.start.wrapping_add(index)
    }
}

impl Pool {
    /// Claims and runs tasks until none is left.
    fn work(&self) {
        let mut ticket = self.ticket.load(Ordering::Acquire);
        while ticket as u32 != 0 {
            // Read before the claim: a claim that succeeds proves that this region was still open, so both belong to it.
            let (task, tasks) = (self.task.load(Ordering::Relaxed), self.tasks.load(Ordering::Relaxed));
            match self.ticket.compare_exchange_weak(ticket, ticket - 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    // SAFETY: the caller of `run` keeps the task alive until `done` counts this index.
                    let task = unsafe { *task.cast::<Task>() };
                    self.run_one(task, tasks - ticket as u32 as usize);
                    ticket = self.ticket.load(Ordering::Acquire);
                }
                Err(now) => ticket = now,
            }
        }
    }

    fn run_one(&self, task: Task, index: usize) {
        if !self.failed.load(Ordering::Relaxed)
            && let Err(payload) = catch_unwind(AssertUnwindSafe(|| inline(|| task(index))))
        {
            lock(&self.payload).get_or_insert(payload);
            self.failed.store(true, Ordering::Relaxed);
        }
        self.done.fetch_add(1, Ordering::Release);
    }

    fn open(&self) -> bool {
        self.ticket.load(Ordering::SeqCst) as u32 != 0
    }

    fn serve(&self) -> ! {
        loop {
            self.work();
            let (idle, mut rounds) = (Instant::now(), 0);
            while !self.open() && idle.elapsed() < SPIN {
                pause(&mut rounds);
            }
            if !self.open() {
                let mut bed = lock(&self.bed);
                self.sleepers.fetch_add(1, Ordering::SeqCst);
                while !self.open() {
                    bed = self.wake.wait(bed).unwrap_or_else(PoisonError::into_inner);
                }
                self.sleepers.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

/// Waits a moment; after some rounds it offers the core to others, because it may be the one that a task needs.
fn pause(rounds: &mut u32) {
    for _ in 0..8 {
        std::hint::spin_loop();
    }
    *rounds += 1;
    if *rounds > 32 {
        std::thread::yield_now();
    }
}

fn start_workers() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        for index in 1..threads() {
            let builder = std::thread::Builder::new().name(format!("wgrad-{index}"));
            // With fewer workers than wanted the caller does the rest itself.
            let _ = builder.spawn(|| POOL.serve());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once() {
        for tasks in [0, 1, 2, 3, 100, 5000] {
            let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
            run(tasks, &|index| {
                counts[index].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn many_short_regions_from_many_threads() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..2000usize {
                        let sum = AtomicUsize::new(0);
                        run(round % 7 + 1, &|index| {
                            sum.fetch_add(index + 1, Ordering::Relaxed);
                        });
                        let tasks = round % 7 + 1;
                        assert_eq!(sum.into_inner(), tasks * (tasks + 1) / 2);
                    }
                });
            }
        });
    }

    #[test]
    fn a_sleeping_pool_wakes() {
        for _ in 0..20 {
            std::thread::sleep(Duration::from_micros(300));
            let sum = AtomicUsize::new(0);
            run(8, &|index| {
                sum.fetch_add(index, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 28);
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        for _ in 0..3 {
            let result = catch_unwind(|| run(16, &|index| assert!(index != 7, "task seven")));
            assert!(result.unwrap_err().downcast_ref::<&str>().unwrap().contains("task seven"));
            every_task_runs_once();
        }
    }

    #[test]
    fn nested_regions_run_inline() {
        let sum = AtomicUsize::new(0);
        run(4, &|_| {
            run(4, &|index| {
                sum.fetch_add(index, Ordering::Relaxed);
            })
        });
        assert_eq!(sum.into_inner(), 24);
    }

    #[test]
    fn chunks_cover_the_range() {
        let mut seen = vec![0u8; 1003];
        let shared = SharedMut::new(&mut seen);
        // SAFETY: chunks are disjoint.
        for_chunks(1003, 10, &|range| unsafe { shared.slice(range) }.iter_mut().for_each(|value| *value += 1));
        assert!(seen.iter().all(|&value| value == 1));
    }
}
