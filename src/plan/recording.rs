//! What is noted while the body of a function runs for the first time: its flushes, and where their leaves come from.

use super::{
    Plan,
    replay::{Leaf, Recording, Segment},
    runtime::{self, Loan},
    trace::Trace,
};
use crate::{
    Error, Result, Tensor, Variable,
    device::{Device, Value},
    graph::{Counter, Draw, Live, Node},
    scope::scope,
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::{Arc, Weak},
};

/// Whoever keeps tensors from step to step, as an optimizer does, and lends them to a flush that overwrites them.
pub(crate) trait Keeper: Send + Sync {
    /// Gets ready for a replay: errors of earlier steps, variables that were assigned meanwhile.
    fn prepare(&self) -> Result<()>;

    /// Whether a replay may overwrite what is lent.
    fn is_free(&self) -> bool;

    /// Tensor `index` of those that were lent.
    fn value(&self, index: usize) -> Value;

    /// A step was submitted that overwrote what is lent.
    fn finish(&self) -> Result<()>;
}

/// Where a replay finds a value.
#[derive(Clone)]
pub(super) enum Source {
    Argument(usize),
    Variable(Variable),
    /// Of an earlier segment: which result, and which output of it.
    Result {
        segment: usize,
        result: usize,
        output: usize,
    },
    Kept(Arc<dyn Keeper>, usize),
    Constant(Value),
}

#[derive(Default)]
struct Recorder {
    segments: Vec<Segment>,
    /// Where the values of nodes come from. A weak handle keeps the address from being used again, and counts as no holder.
    sources: HashMap<*const Node, (Weak<Node>, Source)>,
    draws: Vec<(Draw, Counter)>,
    writes: Vec<Variable>,
    /// Whether a flush was not recorded, or could not overwrite what it will later: the next call is recorded again.
    once: bool,
}

thread_local! {
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the body of a function is being recorded on this thread.
pub(crate) fn recording() -> bool {
    ACTIVE.get()
}

/// Runs `body` as if nothing were recorded, for what belongs to the host's side of this call. Should it compute anything,
/// the next call is recorded again.
pub(crate) fn unrecorded<R>(body: impl FnOnce() -> R) -> R {
    scope(&ACTIVE, false, body)
}

fn note(note: impl FnOnce(&mut Recorder)) {
    if recording() {
        RECORDER.with_borrow_mut(|recorder| recorder.as_mut().map(note));
    }
}

/// That values can be read here.
pub(crate) fn check_read() -> Result<()> {
    if !recording() {
        return Ok(());
    }
    Err(Error::invalid("a value is read inside of a function, which later calls would not do again; return the tensor and read it outside"))
}

/// A number was drawn from `counter`.
pub(crate) fn note_draw(counter: &Counter) -> Option<Draw> {
    let mut draw = None;
    note(|recorder| recorder.draws.push((*draw.insert(Draw::fresh()), counter.clone())));
    draw
}

/// `version`, the current one of `variable`, was read.
pub(crate) fn note_read(variable: &Variable, version: &Tensor) {
    let mut is_own = false;
    note(|recorder| is_own = recorder.writes.iter().any(|other| other.id() == variable.id()));
    // Assigned by another thread; an error comes again with the flush.
    let _ = if version.value().is_none() && !is_own { unrecorded(|| version.compute()) } else { Ok(()) };
    note(|recorder| {
        if version.value().is_some() {
            recorder.sources.entry(Arc::as_ptr(&version.node)).or_insert_with(|| source(&version.node, Source::Variable(variable.clone())));
        }
    });
}

/// `variable` gets a new version.
pub(crate) fn note_write(variable: &Variable) {
    note(|recorder| {
        if !recorder.writes.iter().any(|other| other.id() == variable.id()) {
            recorder.writes.push(variable.clone());
        }
    });
}

fn source(node: &Arc<Node>, source: Source) -> (Weak<Node>, Source) {
    (Arc::downgrade(node), source)
}

/// A flush ran: a segment of the recording.
pub(super) fn note_flush(trace: &Trace, plan: &Arc<Plan>, loan: &Loan, device: &Device) {
    RECORDER.with_borrow_mut(|recorder| match recorder {
        Some(recorder) if recording() => recorder.add(trace, plan, loan, device),
        Some(recorder) => recorder.once = true,
        None => {}
    });
}

impl Recorder {
    fn add(&mut self, trace: &Trace, plan: &Arc<Plan>, loan: &Loan, device: &Device) {
        if let Some(keeper) = &loan.keeper {
            for (index, tensor) in loan.kept.iter().enumerate() {
                self.sources.insert(Arc::as_ptr(&tensor.node), source(&tensor.node, Source::Kept(keeper.clone(), index)));
            }
        }
        let leaves: Vec<Leaf> = (trace.leaves.iter())
            .map(|leaf| Leaf {
                source: self.find(&leaf.node, leaf.output).unwrap_or_else(|| Source::Constant(leaf.value().clone())),
                buffer: leaf.buffer,
                offset: leaf.offset,
                donated: leaf.donated,
            })
            .collect();
        self.once |= leaves.iter().filter(|leaf| leaf.donated).count() < loan.donations.len();
        for (result, (at, _)) in plan.results.iter().enumerate() {
            let node = &trace.nodes[*at].node;
            let found = Source::Result { segment: self.segments.len(), result, output: 0 };
            self.sources.insert(Arc::as_ptr(node), source(node, found));
        }
        let is_own = |live: &Live| !matches!(live, Live::Draw { draw, .. } if !self.draws.iter().any(|(own, _)| own == draw));
        let live = trace.nodes.iter().filter_map(|node| Some((node.params.start, node.op().live().filter(is_own)?, node.op().clone())));
        self.segments.push(Segment::new(plan, device, leaves, trace.params.clone(), live.collect(), loan.keeper.clone()));
    }

    fn find(&self, node: &Arc<Node>, at: usize) -> Option<Source> {
        self.sources.get(&Arc::as_ptr(node)).map(|(_, source)| match source {
            Source::Result { segment, result, .. } => Source::Result { segment: *segment, result: *result, output: at },
            source => source.clone(),
        })
    }

    /// Everything that replays need; nothing where they cannot be.
    fn finish(self, inputs: &[&Tensor], outputs: &[Tensor]) -> Option<Recording> {
        if self.once {
            return None;
        }
        let constant = |tensor: &Tensor| tensor.value().map(Source::Constant);
        let outputs = outputs.iter().map(|tensor| {
            let found = self.find(&tensor.node, tensor.output as usize).or_else(|| constant(tensor));
            Some((tensor.spec().clone(), tensor.device().clone(), found?))
        });
        let outputs = outputs.collect::<Option<Vec<_>>>()?;
        let writes = self.writes.iter().map(|variable| Some((variable.clone(), self.find(&variable.value().node, 0)?)));
        let writes = writes.collect::<Option<Vec<_>>>()?;
        Some(Recording::new(inputs, self.segments, self.draws, writes, outputs))
    }
}

/// Runs `body` on `inputs`, all of them computed, and computes what it returns and assigns.
pub(super) fn record(inputs: &[&Tensor], body: impl FnOnce(&[Tensor]) -> Result<Vec<Tensor>>) -> Result<(Vec<Tensor>, Option<Recording>)> {
    struct Stop;
    impl Drop for Stop {
        fn drop(&mut self) {
            ACTIVE.set(false);
            RECORDER.set(None);
        }
    }
    // Leaves of their own: a captured tensor that is given as an argument too stays a constant.
    let value = |input: &Tensor| input.value().expect("inputs were computed");
    let arguments: Vec<Tensor> =
        inputs.iter().map(|input| Tensor::from_value(input.spec().clone(), input.device().clone(), value(input))).collect();
    let sources = arguments.iter().enumerate().map(|(at, tensor)| (Arc::as_ptr(&tensor.node), source(&tensor.node, Source::Argument(at))));
    RECORDER.set(Some(Recorder { sources: sources.collect(), ..Recorder::default() }));
    ACTIVE.set(true);
    let stop = Stop;
    let outputs = body(&arguments)?;
    runtime::settle(&outputs)?;
    ACTIVE.set(false);
    let recorder = RECORDER.take().expect("only this function takes it away");
    drop(stop);
    let recording = recorder.finish(inputs, &outputs);
    Ok((outputs, recording))
}
