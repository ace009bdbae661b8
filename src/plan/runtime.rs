//! A flush: computes what was asked for, pending writes of variables, and what somebody still holds.

pub(crate) use super::trace::Donation;
use super::{Plan, cache::Cache, compile, execute, trace::Trace};
use crate::{
    Result,
    device::{Buffer, Device},
    graph::{Node, Pending, Tensor, note_flush},
};
use std::{
    cell::Cell,
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
};

/// What planning and running a device's graphs took so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Plans compiled; a steady training step adds none.
    pub plans: u64,
    /// Plans run.
    pub runs: u64,
    /// Kernels run.
    pub kernels: u64,
    /// GPU pipelines built; a new batch size adds none.
    pub pipelines: u64,
}

/// What the flushes of one device share.
#[derive(Default)]
pub(super) struct Runtime {
    /// Held for a whole flush: one runs at a time, so all plans can use the same slots.
    state: Mutex<State>,
    pending: Mutex<Vec<Pending>>,
    /// Losses whose gradients were taken: computed with them, else the step's activations would have to be kept for them.
    targets: Mutex<Vec<(Weak<Node>, u32)>>,
}

#[derive(Default)]
struct State {
    cache: Cache,
    slots: Vec<Buffer>,
    statistics: Statistics,
}

fn runtime(device: &Device) -> Arc<Runtime> {
    static RUNTIMES: LazyLock<Mutex<HashMap<u64, Arc<Runtime>>>> = LazyLock::new(Mutex::default);
    lock(&RUNTIMES).entry(device.id()).or_default().clone()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn statistics(device: &Device) -> Statistics {
    let pipelines = device.pipelines();
    Statistics { pipelines, ..lock(&runtime(device).state).statistics }
}

/// A variable's newest version is to be computed by the next flush of its device.
pub(crate) fn add_pending(device: &Device, variable: Pending) {
    lock(&runtime(device).pending).push(variable);
}

/// `target` had its gradient recorded: if somebody still holds it at the next flush, it is computed then.
pub(crate) fn add_target(target: &Tensor) {
    if target.value().is_none() {
        lock(&runtime(target.device()).targets).push((Arc::downgrade(&target.node), target.output));
    }
}

thread_local! {
    static EAGER: Cell<bool> = const { Cell::new(false) };
}

/// Whether each op is computed as soon as it is recorded: `WGRAD_EAGER=1`, or inside [`run_eagerly`].
pub(crate) fn eager() -> bool {
    static FOREVER: LazyLock<bool> = LazyLock::new(|| std::env::var_os("WGRAD_EAGER").is_some_and(|value| value == "1"));
    EAGER.get() || *FOREVER
}

/// Computes `roots` (all of one device), pending writes of variables, and visited tensors that somebody outside holds.
pub(crate) fn flush(roots: &[Tensor]) -> Result<()> {
    flush_donating(roots, &[])
}

/// [`flush`] that may overwrite the arenas in `donations`.
pub(crate) fn flush_donating(roots: &[Tensor], donations: &[Donation]) -> Result<()> {
    note_flush();
    let Some(device) = roots.first().map(|root| root.device().clone()) else { return Ok(()) };
    let runtime = runtime(&device);
    let mut state = lock(&runtime.state);
    let pending = std::mem::take(&mut *lock(&runtime.pending));
    let targets = std::mem::take(&mut *lock(&runtime.targets));
    let targets = targets.iter().filter_map(|(node, output)| Some(Tensor { node: node.upgrade()?, output: *output }));
    let written = pending.iter().filter_map(Pending::tensor);
    let wanted: Vec<Tensor> = roots.iter().cloned().chain(written).chain(targets).filter(|tensor| tensor.value().is_none()).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let trace = Trace::new(&wanted, donations, &device);
    let result = state.run(&trace, &device);
    drop(state);
    if result.is_err() {
        lock(&runtime.pending).extend(pending); // nothing is lost: the next flush tries again
    }
    let values = result?;
    for (at, values) in values {
        trace.nodes[at].node.set_values(values);
    }
    // Inputs are let go of last, outside of all locks: a long chain may end here.
    drop(wanted);
    let released: Vec<_> =
        trace.nodes.iter().filter(|node| node.keep && !node.node.is_taped()).filter_map(|node| node.node.release()).collect();
    drop(trace);
    drop(released);
    Ok(())
}

impl State {
    fn run(&mut self, trace: &Trace, device: &Device) -> Result<execute::Values> {
        let plan = match self.cache.get(&trace.signature) {
            Some(plan) => plan,
            None => {
                let plan: Arc<Plan> = Arc::new(compile::compile(trace, device)?);
                self.cache.insert(trace.signature.clone(), plan.clone());
                self.statistics.plans += 1;
                plan
            }
        };
        for (at, &words) in plan.slots.iter().enumerate() {
            let fits = self.slots.get(at).is_some_and(|slot| slot.words() >= words);
            if !fits {
                self.slots.truncate(self.slots.len().max(at));
                if at < self.slots.len() {
                    self.slots[at] = device.alloc(0)?; // free the small one before the large one is made
                    self.slots[at] = device.alloc(words)?;
                } else {
                    self.slots.push(device.alloc(words)?);
                }
            }
        }
        self.statistics.runs += 1;
        self.statistics.kernels += plan.steps.len() as u64;
        execute::run(&plan, trace, &self.slots, device)
    }
}
