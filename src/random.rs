//! Counter-based random numbers: Philox4x32-10 (Salmon et al., 2011), keyed by seed, stream and step. Nothing mutable exists.

pub use crate::ops::random::{bits, integers, normal, truncated_normal, uniform};

use crate::{
    device::cpu::pool::{self, SharedMut},
    graph::Counter,
    lock::lock,
    scope::scope,
};
use std::{
    cell::Cell,
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

/// Which random numbers: those of `stream` (a layer, a weight, a dataset) at `step` under `seed`.
///
/// ```
/// use wgrad::random::RandomKey;
/// let key = RandomKey::new(42, "dense/kernel", 0);
/// assert_eq!(key.uniform(3), RandomKey::new(42, "dense/kernel", 0).uniform(3));
/// assert!(key.uniform(100).iter().all(|u| (0.0..1.0).contains(u)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomKey {
    /// The seed that the user chose.
    pub seed: u64,
    /// Tells uses apart.
    pub stream: u32,
    /// The training step, zero outside of training; its lower 32 bits count. The upper ones tell a
    /// [`function`](crate::function) that a step counter gave the number, so that each call has its own.
    pub step: u64,
}

impl RandomKey {
    /// The key of the thing at `path`, as a layer's or a weight's.
    pub fn new(seed: u64, path: &str, step: u64) -> Self {
        // FNV-1a: the stream of a path is the same in every process.
        let stream = path.bytes().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self { seed, stream, step }
    }

    /// The same with another seed, where one is given.
    pub(crate) fn seeded(self, seed: Option<u64>) -> Self {
        Self { seed: seed.unwrap_or(self.seed), ..self }
    }

    /// Four random words: block `counter` of this key's numbers.
    pub fn block(&self, counter: u32) -> [u32; 4] {
        philox([counter, 0, self.stream, self.step as u32], [self.seed as u32, (self.seed >> 32) as u32])
    }

    /// The first `count` random words.
    pub fn bits(&self, count: usize) -> Vec<u32> {
        const CHUNK: usize = 1 << 14;
        let mut bits = vec![0; count];
        let shared = SharedMut::new(&mut bits);
        pool::for_chunks(count, CHUNK, &|range| {
            // SAFETY: chunks are disjoint.
            let fours = unsafe { shared.slice(range.clone()) }.chunks_mut(4);
            fours.zip(range.start as u32 / 4..).for_each(|(four, counter)| four.copy_from_slice(&self.block(counter)[..four.len()]));
        });
        bits
    }

    /// The first `count` numbers from 0 up to but without 1, of 24 bits each.
    pub fn uniform(&self, count: usize) -> Vec<f32> {
        self.bits(count).into_iter().map(unit_float).collect()
    }

    /// The numbers `0..count` in random order.
    pub fn permutation(&self, count: usize) -> Vec<usize> {
        let bits = self.bits(2 * count);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|&at| (bits[2 * at], bits[2 * at + 1], at));
        order
    }
}

/// The upper 24 bits as a number from 0 up to but without 1.
pub(crate) fn unit_float(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Philox4x32 with ten rounds.
pub(crate) fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let (a, b) = (u64::from(counter[0]) * 0xD251_1F53, u64::from(counter[2]) * 0xCD9E_8D57);
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// Keys for random numbers, another one at each [`next`](Self::next), also at each call of a [`function`](crate::function).
/// Clones continue the same row.
///
/// ```
/// use wgrad::{prelude::*, random::{self, SeedGenerator}};
/// let seeds = SeedGenerator::new(42);
/// let noisy = function(|[x]: [&Tensor; 1]| Ok(x + random::normal(&seeds.next(), [3], 0.0, 1.0)));
/// let x = Tensor::zeros([3]);
/// assert_ne!(noisy.call([&x])?.to_vec::<f32>()?, noisy.call([&x])?.to_vec::<f32>()?);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "keras.random.SeedGenerator")]
pub struct SeedGenerator {
    seed: u64,
    counter: Counter,
}

impl SeedGenerator {
    /// The row of keys that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: Counter::default() }
    }

    /// The next key.
    pub fn next(&self) -> RandomKey {
        RandomKey::new(self.seed, "seed_generator", self.counter.next())
    }
}

static DEFAULT: Mutex<Option<u64>> = Mutex::new(None);

thread_local! {
    static SCOPED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Makes `seed` the default of the process: weights, shuffles and dropout repeat from run to run.
///
/// ```
/// use wgrad::{prelude::*, random::current_seed};
/// set_random_seed(42);
/// assert_eq!(current_seed(), 42);
/// ```
#[doc(alias = "keras.utils.set_random_seed")]
pub fn set_random_seed(seed: u64) {
    *lock(&DEFAULT) = Some(seed);
}

/// The seed of this thread's innermost scope, else the process' default, else one from the clock.
///
/// ```
/// use wgrad::{prelude::*, random::current_seed};
/// assert_eq!(Seed(7).scope(current_seed), 7);
/// ```
pub fn current_seed() -> u64 {
    if let Some(seed) = SCOPED.get() {
        return seed;
    }
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    *lock(&DEFAULT).get_or_insert_with(clock)
}

/// A seed for one piece of code: `Seed(42).scope(|| …)`.
///
/// ```
/// use wgrad::prelude::*;
/// let draw = || Seed(42).scope(|| Dense::new(3).name("dense").apply(&Tensor::ones([1, 2])).to_vec::<f32>());
/// assert_eq!(draw()?, draw()?);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Seed(pub u64);

impl Seed {
    /// Runs `body` with this seed on this thread.
    pub fn scope<R>(self, body: impl FnOnce() -> R) -> R {
        scope(&SCOPED, Some(self.0), body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_known_answers_of_random123() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }
}
