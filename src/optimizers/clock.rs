//! The learning rate, and what follows from the number of steps: calculated on the host before each run.

use super::Numbers;
use crate::{lock::lock, schedules::LearningRate};
use bytemuck::{Pod, Zeroable};
use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

/// How many steps the device may be behind the host.
pub(super) const BEHIND: usize = 3;

/// Learning rate and calls so far. That the device skipped one is known a few calls later.
#[derive(Debug)]
pub(super) struct Clock {
    rate: Mutex<LearningRate>,
    calls: AtomicU32,
}

/// What a kernel is told of the step. The device knows exactly how many calls counted, the host how many at most: there is a row for
/// each number that it can be, the largest first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Table {
    pub numbers: [Numbers; BEHIND + 1],
    pub rates: [f32; BEHIND + 1],
    /// Calls that counted, in the first row.
    pub calls: u32,
}

impl Table {
    pub const WORDS: usize = size_of::<Self>() / 4;

    /// The row for so many calls.
    pub fn row(&self, calls: u32) -> usize {
        (self.calls.wrapping_sub(calls) as usize).min(BEHIND)
    }
}

impl Clock {
    pub fn new(rate: LearningRate) -> Self {
        Self { rate: Mutex::new(rate), calls: AtomicU32::new(0) }
    }

    pub fn rate(&self) -> LearningRate {
        lock(&self.rate).clone()
    }

    pub fn set_rate(&self, rate: LearningRate) {
        *lock(&self.rate) = rate;
    }

    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    pub fn set_calls(&self, calls: u32) {
        self.calls.store(calls, Ordering::Relaxed);
    }

    /// The learning rate of the next step.
    pub fn next_rate(&self) -> f32 {
        lock(&self.rate).at(self.calls().into())
    }

    /// What follows from `at_step`; so many calls make a step.
    pub fn table(&self, at_step: fn(&[f32], f32, u64) -> Numbers, scalars: &[f32], accumulate: u32) -> Table {
        let (rate, calls) = (lock(&self.rate), self.calls());
        let mut table = Table { numbers: Default::default(), rates: Default::default(), calls };
        for behind in 0..=BEHIND {
            let calls = calls.saturating_sub(behind as u32);
            table.rates[behind] = rate.at(calls.into());
            table.numbers[behind] = at_step(scalars, table.rates[behind], u64::from(calls / accumulate) + 1);
        }
        table
    }
}
