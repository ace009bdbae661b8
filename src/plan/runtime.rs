//! A flush: computes what was asked for, pending writes of variables, and what somebody still holds.

pub(crate) use super::trace::Donation;
use super::{Plan, cache::Cache, compile, execute, trace::Trace};
use crate::{
    Result,
    device::{Buffer, Device},
    graph::{Node, Pending, Tensor, note_flush},
    lock::lock,
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, Weak},
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

/// What the flushes of one device share. Locked for a whole flush: one runs at a time, so all plans can use the same slots.
#[derive(Default)]
struct State {
    cache: Cache,
    slots: Vec<Buffer>,
    statistics: Statistics,
}

fn state(device: &Device) -> Arc<Mutex<State>> {
    static STATES: LazyLock<Mutex<HashMap<u64, Arc<Mutex<State>>>>> = LazyLock::new(Mutex::default);
    lock(&STATES).entry(device.id()).or_default().clone()
}

pub(crate) fn statistics(device: &Device) -> Statistics {
    let pipelines = device.pipelines();
    Statistics { pipelines, ..lock(&state(device)).statistics }
}

thread_local! {
    /// What this thread's next flush computes besides what is asked for. Other threads leave it alone: a flush in the
    /// middle of their recording would release what they still take gradients of.
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

enum Waiting {
    /// A variable whose newest version is not computed yet.
    Variable(Pending),
    /// A loss whose gradient was taken, if somebody still holds it: computed with the gradient,
    /// else the step's activations would have to be kept for it.
    Target(Weak<Node>, u32),
}

impl Waiting {
    fn tensor(&self) -> Option<Tensor> {
        match self {
            Waiting::Variable(pending) => pending.tensor(),
            Waiting::Target(node, output) => Some(Tensor { node: node.upgrade()?, output: *output }),
        }
    }
}

/// A variable's newest version is to be computed by this thread's next flush.
pub(crate) fn add_pending(variable: Pending) {
    WAITING.with_borrow_mut(|waiting| waiting.push(Waiting::Variable(variable)));
}

/// `target` had its gradient recorded.
pub(crate) fn add_target(target: &Tensor) {
    if target.value().is_none() {
        WAITING.with_borrow_mut(|waiting| waiting.push(Waiting::Target(Arc::downgrade(&target.node), target.output)));
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
    let state = state(&device);
    let mut state = lock(&state);
    let waiting: Vec<Tensor> = WAITING.take().iter().filter_map(Waiting::tensor).collect();
    let (mine, others): (Vec<Tensor>, Vec<Tensor>) = waiting.into_iter().partition(|tensor| *tensor.device() == device);
    let again = |tensors: &[Tensor]| tensors.iter().for_each(add_target);
    again(&others);
    drop(others);
    let wanted: Vec<Tensor> = roots.iter().cloned().chain(mine.iter().cloned()).filter(|tensor| tensor.value().is_none()).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let trace = Trace::new(&wanted, donations, &device);
    let result = state.run(&trace, &device);
    drop(state);
    if result.is_err() {
        again(&mine); // nothing is lost: the next flush tries again
    }
    drop(mine);
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
            match self.slots.get_mut(at) {
                Some(slot) if slot.words() >= words => {}
                Some(slot) => {
                    *slot = device.alloc(0)?; // the small one is free before the large one is made
                    *slot = device.alloc(words)?;
                }
                None => self.slots.push(device.alloc(words)?),
            }
        }
        self.statistics.runs += 1;
        self.statistics.kernels += plan.steps.len() as u64;
        execute::run(&plan, trace, &self.slots, device)
    }
}
