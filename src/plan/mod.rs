//! From recorded graph to replayable plan: trace, fuse, place in memory, run; plans are kept under the graph's signature.

mod blocks;
mod cache;
mod chain;
mod compile;
mod dump;
mod execute;
mod fuse;
mod place;
mod pointwise;
mod recast;
mod recording;
mod replay;
mod runtime;
mod simplify;
mod switches;
mod trace;
mod validate;
mod wgsl;

pub(crate) use chain::Chain;
pub use pointwise::{Lanes, Pointwise};
pub(crate) use recording::{Keeper, check_read, note_draw, note_read, note_write, recording, unrecorded};
pub(crate) use replay::Recordings;
pub use runtime::Statistics;
pub(crate) use runtime::{Donation, Loan, add_pending, add_target, eager, eagerly, flush, flush_lending, statistics};
pub(crate) use switches::fusion;
pub use switches::unfused;

use crate::{
    device::gpu::Program,
    graph::OpRef,
    shape::{Layout, Spec},
};
use smallvec::SmallVec;
use std::sync::Arc;

/// A compiled graph: steps over numbered buffers, first those of the leaves, then outputs, then shared slots.
pub(crate) struct Plan {
    pub steps: Vec<Step>,
    pub leaves: usize,
    /// Sizes in words of buffers that outlive the run.
    pub outputs: Vec<usize>,
    /// Sizes in words of buffers that other plans may overwrite afterwards.
    pub slots: Vec<usize>,
    /// For each traced node that gets values: its number and where they lie.
    pub results: Vec<(usize, SmallVec<[Place; 1]>)>,
    /// What a GPU runs, in order: mostly one part; one for each step where each is validated.
    pub gpu: Vec<Part>,
}

/// A stretch of a plan as a GPU runs it.
pub(crate) enum Part {
    /// Kernels, in one submission.
    Device(Program),
    /// The step of this number, which is left to the host.
    Host(usize),
}

/// One kernel call.
pub(crate) struct Step {
    pub op: OpRef,
    /// The layer that recorded it, for messages.
    pub layer: Option<Arc<str>>,
    /// Pointwise ops by which the kernel calculates its first input, which has this spec.
    pub prologue: Option<(Chain, Spec)>,
    /// Pointwise ops that the kernel applies to its output.
    pub epilogue: Option<Chain>,
    /// What the prologue reads, the op's own inputs (without the first where there is a prologue), then what the epilogue reads.
    pub inputs: SmallVec<[Place; 4]>,
    pub outputs: SmallVec<[Place; 1]>,
    /// Which words of the run's parameters are the op's own, the prologue's, and the epilogue's.
    pub params: SmallVec<[usize; 4]>,
}

impl Step {
    /// A kernel without anything fused into it.
    pub fn new(op: OpRef, inputs: impl IntoIterator<Item = Place>, outputs: SmallVec<[Place; 1]>, params: SmallVec<[usize; 4]>) -> Self {
        Self { op, layer: None, prologue: None, epilogue: None, inputs: inputs.into_iter().collect(), outputs, params }
    }

    /// Cuts what is in the order of `inputs` into prologue's, op's and epilogue's.
    pub fn split_inputs<'a, T>(&self, all: &'a [T]) -> [&'a [T]; 3] {
        let (rest, epilogue) = all.split_at(all.len() - self.epilogue.as_ref().map_or(0, Chain::buffers));
        let (prologue, own) = rest.split_at(self.prologue.as_ref().map_or(0, |(chain, _)| chain.buffers()));
        [prologue, own, epilogue]
    }

    /// Cuts what is in the order of `params` into op's, prologue's and epilogue's.
    pub fn split_params<'a, T>(&self, all: &'a [T]) -> [&'a [T]; 3] {
        let (rest, epilogue) = all.split_at(all.len() - self.epilogue.as_ref().map_or(0, Chain::params));
        let (own, prologue) = rest.split_at(rest.len() - self.prologue.as_ref().map_or(0, |(chain, _)| chain.params()));
        [own, prologue, epilogue]
    }

    /// The op's name, or those of its parts, between those of what was fused before and behind it.
    pub fn name(&self) -> String {
        let before = self.prologue.iter().flat_map(|(chain, _)| chain.names());
        before.chain(self.op.parts()).chain(self.epilogue.iter().flat_map(Chain::names)).collect::<Vec<_>>().join("+")
    }
}

/// Where a value lies: a buffer, the first word of its range, and its layout from there on.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub spec: Spec,
    pub buffer: usize,
    pub start: usize,
    pub layout: Layout,
}

impl Place {
    /// The word in the buffer that begins with the first element; none where that is a half in the middle of one.
    fn first_word(&self) -> Option<usize> {
        let per_word = self.spec.dtype.per_word();
        self.layout.offset.is_multiple_of(per_word).then(|| self.start + self.layout.offset / per_word)
    }

    /// Whether the elements stand one after another from the beginning of a word on.
    fn is_contiguous(&self) -> bool {
        self.layout.is_contiguous() && self.first_word().is_some()
    }
}
