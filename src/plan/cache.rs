//! Plans by signature: a 64-bit hash finds one, comparing the whole signature decides; the least recently used goes.

use super::Plan;
use std::sync::Arc;

/// More plans than a training run with evaluation, prediction and a few batch sizes needs.
const CAPACITY: usize = 64;

#[derive(Default)]
pub(super) struct Cache {
    entries: Vec<Entry>,
    clock: u64,
}

struct Entry {
    hash: u64,
    signature: Vec<u32>,
    plan: Arc<Plan>,
    used: u64,
}

impl Cache {
    pub fn get(&mut self, signature: &[u32]) -> Option<Arc<Plan>> {
        let hash = hash(signature);
        self.clock += 1;
        let entry = self.entries.iter_mut().find(|entry| entry.hash == hash && entry.signature == signature)?;
        entry.used = self.clock;
        Some(entry.plan.clone())
    }

    pub fn insert(&mut self, signature: Vec<u32>, plan: Arc<Plan>) {
        if self.entries.len() == CAPACITY {
            let oldest = (0..CAPACITY).min_by_key(|&at| self.entries[at].used).expect("the cache is full");
            self.entries.swap_remove(oldest);
        }
        self.entries.push(Entry { hash: hash(&signature), signature, plan, used: self.clock });
    }
}

/// A multiply-rotate hash over words, in four lanes that do not wait for each other: signatures are long and only compared
/// within one process.
fn hash(words: &[u32]) -> u64 {
    let step = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let (blocks, rest) = words.as_chunks::<8>();
    let mut lanes = [words.len() as u64, 1, 2, 3];
    for block in blocks {
        for (lane, pair) in lanes.iter_mut().zip(block.as_chunks::<2>().0) {
            *lane = step(*lane, u64::from(pair[0]) | u64::from(pair[1]) << 32);
        }
    }
    lanes.into_iter().chain(rest.iter().map(|&word| word.into())).fold(0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Arc<Plan> {
        Arc::new(Plan { steps: vec![], leaves: 0, outputs: vec![], slots: vec![], results: vec![], gpu: vec![] })
    }

    #[test]
    fn the_least_recently_used_plan_goes() {
        let mut cache = Cache::default();
        for n in 0..CAPACITY as u32 {
            cache.get(&[n]);
            cache.insert(vec![n], plan());
        }
        assert!(cache.get(&[0]).is_some());
        cache.insert(vec![1000], plan());
        assert!(cache.get(&[0]).is_some() && cache.get(&[1000]).is_some());
        assert!(cache.get(&[1]).is_none());
    }
}
