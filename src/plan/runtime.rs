//! A flush: computes what was asked for, pending writes of variables, and what somebody still holds.

pub(crate) use super::trace::Donation;
use super::{
    Plan,
    cache::Cache,
    compile, dump, execute,
    recording::{self, Keeper},
    trace::Trace,
};
use crate::{
    Error, Result,
    device::{Buffer, Device},
    graph::{Node, Pending, Tensor, note_flush, tape, watch},
    lock::lock,
    scope::scope,
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
    /// Plans run without recording anything, by functions and `fit`.
    pub replays: u64,
    /// Kernels run.
    pub kernels: u64,
    /// GPU pipelines built; a new batch size adds none.
    pub pipelines: u64,
}

/// What the flushes of one device share. Locked for a whole flush: one runs at a time, so all plans can use the same slots.
#[derive(Default)]
pub(super) struct State {
    cache: Cache,
    slots: Vec<Buffer>,
    statistics: Statistics,
}

pub(super) fn state(device: &Device) -> Arc<Mutex<State>> {
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

/// Runs `body` op by op: each is computed as soon as it is recorded.
pub(crate) fn eagerly<R>(body: impl FnOnce() -> R) -> R {
    scope(&EAGER, true, body)
}

/// Whether each op is computed as soon as it is recorded: `WGRAD_EAGER=1`, or inside [`eagerly`].
pub(crate) fn eager() -> bool {
    static FOREVER: LazyLock<bool> = LazyLock::new(|| std::env::var_os("WGRAD_EAGER").is_some_and(|value| value == "1"));
    EAGER.get() || *FOREVER
}

/// Whether functions run their bodies as if they were not functions: op by op, as part of a recording, or under a tape.
pub(super) fn immediate() -> bool {
    eager() || recording::recording() || tape::current().is_some() || watch::active()
}

/// Computes `tensors` and pending writes of variables, of whatever device.
pub(super) fn settle<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<()> {
    let mut roots: Vec<Tensor> = tensors.into_iter().filter(|tensor| tensor.value().is_none()).cloned().collect();
    WAITING.with_borrow(|waiting| roots.extend(waiting.iter().filter_map(Waiting::tensor)));
    while let Some(device) = roots.first().map(|root| root.device().clone()) {
        let (now, later) = roots.into_iter().partition::<Vec<_>, _>(|root| *root.device() == device);
        flush(&now)?;
        roots = later;
    }
    Ok(())
}

/// What the host lends to a flush.
#[derive(Default)]
pub(crate) struct Loan<'a> {
    /// What may be overwritten.
    pub donations: &'a [Donation<'a>],
    /// Whose it is.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// The keeper's tensors, in the order of [`Keeper::value`].
    pub kept: &'a [&'a Tensor],
}

/// Computes `roots` (all of one device), pending writes of variables, and visited tensors that somebody outside holds.
pub(crate) fn flush(roots: &[Tensor]) -> Result<()> {
    flush_lending(roots, &Loan::default())
}

/// [`flush`] of what overwrites tensors that somebody keeps.
pub(crate) fn flush_lending(roots: &[Tensor], loan: &Loan) -> Result<()> {
    if let Some(symbol) = roots.iter().find(|root| root.is_symbol()) {
        return Err(Error::invalid(format!("a symbol of shape {} has no value; a model computes it", symbol.dims())));
    }
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
    let trace = Trace::new(&wanted, loan.donations, &device);
    let result = state.run(&trace, &device);
    drop(state);
    if result.is_err() {
        again(&mine); // nothing is lost: the next flush tries again
    }
    drop(mine);
    let (plan, buffers) = result?;
    for (at, places) in &plan.results {
        trace.nodes[*at].node.set_values(places.iter().map(|place| execute::value(place, &buffers)).collect());
    }
    recording::note_flush(&trace, &plan, loan, &device);
    drop(buffers);
    // Inputs are let go of last, outside of all locks: a long chain may end here.
    drop(wanted);
    let released: Vec<_> =
        trace.nodes.iter().filter(|node| node.keep && !node.node.is_taped()).filter_map(|node| node.node.release()).collect();
    drop(trace);
    drop(released);
    Ok(())
}

impl State {
    fn run(&mut self, trace: &Trace, device: &Device) -> Result<(Arc<Plan>, Vec<Buffer>)> {
        let plan = match self.cache.get(&trace.signature) {
            Some(plan) => plan,
            None => {
                let plan: Arc<Plan> = Arc::new(compile::compile(trace, device)?);
                self.cache.insert(trace.signature.clone(), plan.clone());
                dump::dump(&plan, self.statistics.plans, device);
                self.statistics.plans += 1;
                plan
            }
        };
        let mut buffers = Vec::with_capacity(plan.leaves + plan.outputs.len() + plan.slots.len());
        buffers.extend(trace.buffers.iter().map(|value| value.buffer.clone()));
        self.execute(&plan, &mut buffers, &trace.params, device)?;
        Ok((plan, buffers))
    }

    /// Runs a plan without a trace; `buffers` are its leaves', and then all.
    pub fn replay(&mut self, plan: &Plan, buffers: &mut Vec<Buffer>, params: &[u32], device: &Device) -> Result<()> {
        self.statistics.replays += 1;
        self.execute(plan, buffers, params, device)
    }

    fn execute(&mut self, plan: &Plan, buffers: &mut Vec<Buffer>, params: &[u32], device: &Device) -> Result<()> {
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
        execute::run(plan, buffers, params, &self.slots, device)
    }
}
