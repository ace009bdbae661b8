//! `trait Op`, the one contract: an op is one object that knows everything about itself.

use super::{CpuCall, Draw, GpuCall, Tensor};
use crate::{
    Result,
    plan::Pointwise,
    shape::{Layout, Spec},
};
use smallvec::SmallVec;
use std::{fmt, ops::Deref, sync::Arc};

/// Output specs of an op.
pub type Specs = SmallVec<[Spec; 1]>;

/// The scalars of one recorded op, as words: kernels read them at run time, so a new value needs no new plan.
pub type Params = SmallVec<[u32; 4]>;

/// Parameters of an op that are others in each replay of a function.
#[derive(Clone, Copy)]
pub enum Live {
    /// Parameter `at` is number `draw` of a step counter.
    Draw {
        /// Which parameter.
        at: usize,
        /// As the number itself says.
        draw: Draw,
    },
    /// What [`Op::params`] says then.
    Again,
}

/// Collects what makes two ops of one name different: axes, flags, sizes. Scalars belong into [`Op::params`].
pub struct Key<'a>(pub(crate) &'a mut Vec<u32>);

impl Key<'_> {
    /// Adds one word to the key.
    pub fn word(&mut self, word: impl TryInto<u32>) {
        self.0.push(word.try_into().unwrap_or(u32::MAX));
    }

    /// Adds a list, its length first.
    pub fn words<T: Copy + TryInto<i64>>(&mut self, words: &[T]) {
        self.0.push(words.len() as u32);
        for &word in words {
            let word: i64 = word.try_into().unwrap_or(i64::MAX);
            self.0.extend([word as u32, (word >> 32) as u32]);
        }
    }
}

/// How a kernel wants one of its inputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Row-major without gaps; the plan copies a view first.
    Contiguous,
    /// Any strides and offset.
    Strided,
}

/// An operation on tensors. See "How to add an op" in the README.
pub trait Op: fmt::Debug + Send + Sync + 'static {
    /// The op's name in errors, traces and the catalog.
    fn name(&self) -> &'static str;

    /// Shape inference, the one place where shapes and dtypes are checked.
    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs>;

    /// What besides name and input specs decides about the kernel.
    fn key(&self, key: &mut Key);

    /// Scalars that may change from step to step.
    fn params(&self) -> Params {
        Params::new()
    }

    /// For ops whose parameters follow something on the host, as a learning rate: how a replay of a function finds them anew.
    fn live(&self) -> Option<Live> {
        None
    }

    /// The gradients of the inputs, recorded with tensor ops; `None` for an input without one.
    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>>;

    /// The CPU kernel.
    fn cpu(&self, call: CpuCall);

    /// The GPU kernel: describes its dispatches.
    fn gpu(&self, call: &mut GpuCall) -> Result<()>;

    /// How the kernels take input `index` when it lies like `layout`.
    fn access(&self, _index: usize, _layout: &Layout) -> Access {
        Access::Contiguous
    }

    /// For ops that only look at their first input in another way: the layout of the result.
    /// `Some(None)` asks for a contiguous input first.
    fn view(&self, _input: &Layout) -> Option<Option<Layout>> {
        None
    }

    /// For ops that calculate each element by itself: the row that the plan fuses.
    fn pointwise(&self) -> Option<Pointwise> {
        None
    }

    /// For a fused op: its outputs in plain ops. Second gradients are taken [through it](GradCx::through_fallback), tests compare
    /// with it, and without fusion it is recorded in the op's place.
    fn fallback(&self, _inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        None
    }

    /// Roughly how many additions, multiplications and functions of one element a call takes, for the text of a plan.
    fn flops(&self, inputs: &[Spec], outputs: &[Spec]) -> u64 {
        inputs.iter().chain(outputs).map(|spec| spec.size() as u64).max().unwrap_or(0)
    }

    /// What a kernel does that the plan has made of several ops.
    fn parts(&self) -> Vec<&'static str> {
        vec![self.name()]
    }

    /// For gradients of weights: the op that gives as a second output the sums of the columns of an input, that is over all but its
    /// last axis, and which input that is. The plan takes it where both are wanted: the second is the gradient of a bias.
    fn with_column_sums(&self, _inputs: &[&Spec]) -> Option<(usize, OpRef)> {
        None
    }

    /// Whether the output is the sums of the columns of the only input.
    fn is_column_sums(&self, _input: &Spec) -> bool {
        false
    }

    /// How many leading inputs the outputs replace in place: kernels find their data in the outputs.
    fn in_place(&self) -> usize {
        0
    }

    /// Whether the kernels pass every element of their one output through an epilogue: pointwise ops that the plan has fused
    /// into them. On the CPU that is [`CpuCall::epilogue`], on a GPU [`GpuCall::dispatch_last`].
    fn takes_epilogue(&self) -> bool {
        false
    }

    /// Whether the kernels can calculate the elements of the first input themselves, by a prologue of pointwise ops, instead of
    /// reading them. On the CPU that is [`CpuCall::first`], on a GPU [`GpuCall::first`].
    fn takes_prologue(&self) -> bool {
        false
    }

    /// Whether the GPU kernels read float inputs that lie in memory as halves: their buffers are declared in the shaders as arrays of
    /// `f32` or `vec4<f32>`, and read by `name[index]` alone. Such an input has a half dtype in [`GpuCall::inputs`].
    fn reads_halves(&self) -> bool {
        false
    }

    /// Whether the inputs are laid one after another into the output, so that their kernels may write there themselves.
    /// The starts, in words.
    fn packs(&self) -> Option<&[usize]> {
        None
    }
}

/// An op in a node: a row of a table or an object of its own.
#[derive(Clone)]
pub enum OpRef {
    /// A row, which needs no allocation.
    Row(&'static dyn Op),
    /// An op with options.
    Object(Arc<dyn Op>),
}

impl Deref for OpRef {
    type Target = dyn Op;
    fn deref(&self) -> &dyn Op {
        match self {
            OpRef::Row(op) => *op,
            OpRef::Object(op) => &**op,
        }
    }
}

impl<T: Op> From<T> for OpRef {
    fn from(op: T) -> Self {
        OpRef::Object(Arc::new(op))
    }
}

impl OpRef {
    /// An op that lives in a static: a row of a table.
    pub fn row(op: &'static dyn Op) -> Self {
        OpRef::Row(op)
    }
}

/// What [`Op::grad`] sees: inputs, outputs, and the gradient that arrives for each output.
pub struct GradCx<'a> {
    pub(crate) inputs: &'a [Tensor],
    pub(crate) node: &'a Arc<super::Node>,
    pub(crate) upstream: &'a [Option<Tensor>],
    pub(crate) needs: &'a [bool],
}

impl GradCx<'_> {
    /// Input `index` of the op.
    pub fn input(&self, index: usize) -> &Tensor {
        &self.inputs[index]
    }

    /// All inputs.
    pub fn inputs(&self) -> &[Tensor] {
        self.inputs
    }

    /// Output `index` of the op.
    pub fn output(&self, index: usize) -> Tensor {
        Tensor { node: self.node.clone(), output: index as u32 }
    }

    /// The gradient with respect to output `index`; `None` where nothing used that output.
    pub fn upstream(&self, index: usize) -> Option<&Tensor> {
        self.upstream[index].as_ref()
    }

    /// The gradient of output `index`, zeros where nothing used it.
    pub fn upstream_or_zeros(&self, index: usize) -> Tensor {
        self.upstream[index].clone().unwrap_or_else(|| self.output(index).zeros_like())
    }

    /// Whether anybody asks for the gradient of input `index`.
    pub fn needs(&self, index: usize) -> bool {
        self.needs[index]
    }
}
