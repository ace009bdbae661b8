//! What the device can do at best, measured on the spot: a plain copy and a loop of multiply-adds.

use std::{hint::black_box, time::Instant};
use wgrad::{
    Device, Result,
    device::{
        cpu::pool,
        gpu::{Binding, Dispatch, Gpu, Item, Kernel, Program},
    },
};

/// The two bounds of every kernel.
pub struct Roof {
    pub gflops: f64,
    /// Bytes read and written.
    pub gigabytes: f64,
}

impl Roof {
    pub fn measure(device: &Device) -> Result<Self> {
        match device {
            Device::Cpu => Ok(Self { gflops: cpu_gflops(), gigabytes: cpu_gigabytes() }),
            Device::Gpu(gpu) => gpu_roof(gpu),
        }
    }

    /// Seconds that this work takes at least.
    pub fn seconds(&self, flops: f64, bytes: f64) -> f64 {
        (flops / self.gflops).max(bytes / self.gigabytes) / 1e9
    }
}

/// The best of several runs.
fn best(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Runs `task` on so many threads as the library has.
fn on_all_threads(task: impl Fn(usize) + Sync) -> f64 {
    let (threads, task) = (pool::threads(), &task);
    best(|| {
        std::thread::scope(|scope| (0..threads).for_each(|thread| _ = scope.spawn(move || task(thread))));
        Ok(())
    })
    .expect("nothing here fails")
}

/// Elements of the copied tensor, as many as those of the kernels that memory bounds.
const WORDS: usize = 4 << 20;

fn cpu_gigabytes() -> f64 {
    let words = WORDS / pool::threads();
    let blocks: Vec<_> = (0..pool::threads()).map(|_| std::sync::Mutex::new((vec![1f32; words], vec![0f32; words]))).collect();
    let seconds = on_all_threads(|thread| {
        let mut block = blocks[thread].lock().expect("one thread each");
        let (from, to) = &mut *block;
        to.copy_from_slice(from);
        black_box(to);
    });
    8.0 * (words * pool::threads()) as f64 / seconds / 1e9
}

const ROUNDS: usize = 1 << 21;
/// Independent sums that hide the latency of an addition.
const SUMS: usize = 12;

fn cpu_gflops() -> f64 {
    let lanes = std::sync::atomic::AtomicUsize::new(0);
    let seconds = on_all_threads(|_| lanes.store(multiply_add(), std::sync::atomic::Ordering::Relaxed));
    2.0 * (ROUNDS * SUMS * lanes.into_inner() * pool::threads()) as f64 / seconds / 1e9
}

/// Does `ROUNDS` times `SUMS` vector multiply-adds, and gives the lanes of a vector.
fn multiply_add() -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the instructions are there.
        return unsafe { multiply_add_512() };
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the instructions are there.
        return unsafe { multiply_add_256() };
    }
    let (mut sums, [a, b]) = ([[0f32; 4]; SUMS], black_box([0.5f32, 0.25]));
    for _ in 0..ROUNDS {
        sums = sums.map(|sum| sum.map(|x| x * a + b));
    }
    black_box(sums);
    4
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn multiply_add_512() -> usize {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps, _mm512_setzero_ps};
    let (mut sums, a, b) = ([_mm512_setzero_ps(); SUMS], _mm512_set1_ps(black_box(0.5)), _mm512_set1_ps(black_box(0.25)));
    for _ in 0..ROUNDS {
        sums.iter_mut().for_each(|sum| *sum = _mm512_fmadd_ps(*sum, a, b));
    }
    black_box(sums);
    16
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn multiply_add_256() -> usize {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps, _mm256_setzero_ps};
    let (mut sums, a, b) = ([_mm256_setzero_ps(); SUMS], _mm256_set1_ps(black_box(0.5)), _mm256_set1_ps(black_box(0.25)));
    for _ in 0..ROUNDS {
        sums.iter_mut().for_each(|sum| *sum = _mm256_fmadd_ps(*sum, a, b));
    }
    black_box(sums);
    8
}

const COPY: &str = "struct Args { count: u32, width: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> from: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> to: array<vec4<f32>>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let at = id.x + id.y * args.width;
    if at < args.count { to[at] = from[at]; }
}";

const MULTIPLY_ADD: &str = "struct Args { rounds: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4<f32>>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let a = vec4(0.5); let b = sums[id.x];
    var s0 = b; var s1 = b + 1.0; var s2 = b + 2.0; var s3 = b + 3.0;
    for (var round = 0u; round < args.rounds; round++) {
        s0 = fma(s0, a, b); s1 = fma(s1, a, b); s2 = fma(s2, a, b); s3 = fma(s3, a, b);
    }
    sums[id.x] = s0 + s1 + s2 + s3;
}";

fn gpu_roof(gpu: &std::sync::Arc<Gpu>) -> Result<Roof> {
    const BYTES: u64 = 4 * WORDS as u64;
    const ROUNDS: usize = 4096;
    const INVOCATIONS: usize = 64 * 1024;
    let buffers = [gpu.alloc(BYTES)?, gpu.alloc(BYTES)?];
    let whole = |slot, write| Binding { slot, offset: 0, size: BYTES, write };
    let program = |source: &str, args: Vec<u32>, bindings, groups| {
        let dispatch = Dispatch { kernel: Kernel::new("roof", source), args, dynamic: vec![], bindings, groups };
        Program::new(gpu, vec![Item::Dispatch(dispatch)])
    };
    let (vectors, width) = ((BYTES / 16) as u32, 1 << 20);
    let copy = program(COPY, vec![vectors, width], vec![whole(0, false), whole(1, true)], [width / 64, vectors.div_ceil(width), 1])?;
    let multiply = program(MULTIPLY_ADD, vec![ROUNDS as u32], vec![whole(0, true)], [(INVOCATIONS / 64) as u32, 1, 1])?;
    let run = |program: &Program| program.run(&buffers, &[]).and_then(|()| gpu.wait());
    let (copying, multiplying) = (best(|| run(&copy))?, best(|| run(&multiply))?);
    let flops = 2.0 * 16.0 * (ROUNDS * INVOCATIONS) as f64;
    Ok(Roof { gflops: flops / multiplying / 1e9, gigabytes: 2.0 * BYTES as f64 / copying / 1e9 })
}
