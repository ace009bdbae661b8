//! What an op's CPU kernel is called with: slices, and the pointwise ops that the plan has fused before and behind it.

use crate::{
    Error,
    device::cpu::{
        finish::{self, Finish},
        scratch,
    },
    plan::Chain,
    shape::{Layout, Shape, Spec},
};
use bytemuck::Pod;
use std::ops::Range;

/// One input of a CPU kernel.
#[derive(Clone, Copy)]
pub struct CpuIn<'a> {
    /// Dtype and shape.
    pub spec: &'a Spec,
    /// Where the elements lie in the words.
    pub layout: &'a Layout,
    pub(crate) words: &'a [u32],
}

impl<'a> CpuIn<'a> {
    /// The words: from the first element on for contiguous access, else the whole buffer.
    pub fn words(&self) -> &'a [u32] {
        self.words
    }
    /// The elements as floats.
    pub fn f32(&self) -> &'a [f32] {
        bytemuck::cast_slice(self.words)
    }
    /// The elements as signed integers.
    pub fn i32(&self) -> &'a [i32] {
        bytemuck::cast_slice(self.words)
    }
    /// Its shape.
    pub fn shape(&self) -> &'a Shape {
        &self.spec.shape
    }
}

/// One output of a CPU kernel.
pub struct CpuOut<'a> {
    /// Dtype and shape.
    pub spec: &'a Spec,
    pub(crate) words: &'a mut [u32],
}

impl CpuOut<'_> {
    /// The words to write.
    pub fn words(&mut self) -> &mut [u32] {
        self.words
    }
    /// The elements as floats.
    pub fn f32(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(self.words)
    }
    /// The elements as signed integers.
    pub fn i32(&mut self) -> &mut [i32] {
        bytemuck::cast_slice_mut(self.words)
    }
    /// Its shape.
    pub fn shape(&self) -> &Shape {
        &self.spec.shape
    }
}

/// One call of a CPU kernel.
pub struct CpuCall<'a, 'b> {
    /// Inputs in order; those replaced in place are empty.
    pub inputs: &'a [CpuIn<'b>],
    /// Outputs in order.
    pub outputs: &'a mut [CpuOut<'b>],
    /// The words of [`Op::params`](super::Op::params).
    pub params: &'a [u32],
    /// What calculates the first input, for ops that take it.
    pub(crate) prologue: CpuChain<'a>,
    /// What finished elements go through, for ops that take it.
    pub epilogue: CpuChain<'a>,
    pub(crate) failure: &'a mut Option<Error>,
}

impl<'a> CpuCall<'a, '_> {
    /// The elements of the first input, in memory or calculated.
    pub fn first(&self) -> CpuFirst<'a> {
        CpuFirst { words: self.inputs[0].words, prologue: self.prologue }
    }

    /// Ends the run with an error about the values of the inputs, as of a matrix that has no inverse.
    pub fn fail(&mut self, error: Error) {
        *self.failure = Some(error);
    }
}

/// The elements of an input that a prologue may calculate.
#[derive(Clone, Copy)]
pub struct CpuFirst<'a> {
    words: &'a [u32],
    prologue: CpuChain<'a>,
}

impl<'a> CpuFirst<'a> {
    /// Elements that are in memory.
    pub fn memory(words: &'a [u32]) -> Self {
        Self { words, prologue: CpuChain { chain: None, buffers: &[], params: &[] } }
    }

    /// Lends elements `range` of the input, of four bytes each.
    pub fn with<T: Pod, R>(&self, range: Range<usize>, body: impl FnOnce(&[T]) -> R) -> R {
        if self.prologue.chain.is_none() {
            return body(&bytemuck::cast_slice(self.words)[range]);
        }
        scratch::with(range.len(), |block| {
            self.prologue.run(range.start, block);
            body(bytemuck::cast_slice(block))
        })
    }
}

/// Pointwise ops that the plan has fused into a CPU kernel, if any.
#[derive(Clone, Copy)]
pub struct CpuChain<'a> {
    pub(crate) chain: Option<&'a Chain>,
    /// What the chain reads from memory.
    pub(crate) buffers: &'a [&'a [u32]],
    pub(crate) params: &'a [u32],
}

impl CpuChain<'_> {
    /// Replaces `out`, the elements from index `first` on. To be called once for each element of an output, while it is cached.
    pub fn run<T: Pod>(&self, first: usize, out: &mut [T]) {
        if let Some(chain) = self.chain {
            chain.run(first, self.buffers, self.params, bytemuck::cast_slice_mut(out));
        }
    }

    /// Replaces a whole output, in parallel.
    pub fn run_all<T: Pod>(&self, out: &mut [T]) {
        self.lend(|finish| finish::all(finish, bytemuck::cast_slice_mut(out)));
    }

    /// Lends it to a kernel that finishes its output piece by piece.
    pub fn lend(&self, kernel: impl FnOnce(Finish)) {
        let run = |first: usize, out: &mut [f32]| self.run(first, out);
        kernel(self.chain.is_some().then_some(&run));
    }
}
