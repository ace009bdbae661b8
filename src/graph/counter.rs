//! Step counters, whose numbers know while a function is recorded that they were drawn, so that its replays draw anew.

use crate::plan;
use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

/// Counts steps; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<AtomicU64>);

/// Tells apart the numbers that were drawn while functions were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw(NonZeroU32);

impl Counter {
    /// The number that [`next`](Self::next) gives.
    pub fn peek(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & u64::from(u32::MAX)
    }

    /// The next number, of 32 bits. While a function is recorded, which draw it was stands in the bits above.
    pub fn next(&self) -> u64 {
        let number = self.0.fetch_add(1, Ordering::Relaxed) & u64::from(u32::MAX);
        plan::note_draw(self).map_or(number, |draw| number | u64::from(draw.0.get()) << 32)
    }
}

impl Draw {
    /// A draw unlike all others.
    pub(crate) fn fresh() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        Self(NonZeroU32::MIN.saturating_add(LAST.fetch_add(1, Ordering::Relaxed)))
    }

    /// Which draw gave this number, if it was one.
    pub fn of(number: u64) -> Option<Self> {
        NonZeroU32::new((number >> 32) as u32).map(Self)
    }
}
