//! `trait Op`, the one contract: an op is one object that knows everything about itself.

use super::{Draw, Tensor};
use crate::{
    DType, Result,
    device::{
        cpu::{
            finish::{self, Finish},
            scratch,
        },
        gpu::{self, Caps, Kernel},
    },
    plan::{Chain, Pointwise},
    shape::{Layout, Shape, Spec},
};
use bytemuck::Pod;
use smallvec::SmallVec;
use std::{
    fmt,
    ops::{Deref, Range},
    sync::Arc,
};

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
    /// The words of [`Op::params`].
    pub params: &'a [u32],
    /// What calculates the first input, for ops that take it.
    pub(crate) prologue: CpuChain<'a>,
    /// What finished elements go through, for ops that take it.
    pub epilogue: CpuChain<'a>,
}

impl<'a> CpuCall<'a, '_> {
    /// The elements of the first input, in memory or calculated.
    pub fn first(&self) -> CpuFirst<'a> {
        CpuFirst { words: self.inputs[0].words, prologue: self.prologue }
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

/// One input or output of a GPU kernel.
#[derive(Clone, Debug)]
pub struct Arg {
    /// Dtype and shape.
    pub spec: Spec,
    /// Where the elements lie, from the start of the binding on.
    pub layout: Layout,
    pub(crate) buffer: usize,
    /// Start of the binding in the buffer, in words.
    pub(crate) start: usize,
    /// Length of the binding in words.
    pub(crate) words: usize,
    pub(crate) write: bool,
}

impl Arg {
    /// Its shape.
    pub fn shape(&self) -> &Shape {
        &self.spec.shape
    }
    /// Number of elements.
    pub fn size(&self) -> usize {
        self.spec.size()
    }
}

/// One word of a kernel's `args`.
#[derive(Clone, Copy, Debug)]
pub enum Word {
    /// Known when the plan is made.
    Const(u32),
    /// Word `index` of the op's [`Op::params`], read at each run.
    Param(usize),
}

impl From<usize> for Word {
    fn from(value: usize) -> Self {
        Word::Const(value as u32)
    }
}

impl From<isize> for Word {
    fn from(value: isize) -> Self {
        Word::Const(value as i32 as u32)
    }
}

impl From<f32> for Word {
    fn from(value: f32) -> Self {
        Word::Const(value.to_bits())
    }
}

/// Pointwise ops that the plan has fused into a GPU kernel.
#[derive(Clone, Copy)]
pub(crate) struct GpuChain<'a> {
    pub chain: &'a Chain,
    /// What it reads.
    pub operands: &'a [Arg],
    /// The first of its parameters among those of the step.
    pub params: usize,
}

/// How a GPU kernel comes by the elements of its first input.
pub struct GpuFirst<'a> {
    /// The fields at the end of struct `Args`.
    pub fields: String,
    /// Bindings from 1 on, and `fn load(i: u32)`.
    pub block: String,
    /// The words of the fields.
    pub args: Vec<Word>,
    /// What is bound.
    pub reads: Vec<&'a Arg>,
}

/// Collects the dispatches of one GPU kernel call.
pub struct GpuCall<'a> {
    /// Inputs in order.
    pub inputs: &'a [Arg],
    /// Outputs in order.
    pub outputs: &'a [Arg],
    /// What the device can do.
    pub caps: &'a Caps,
    pub(crate) prologue: Option<GpuChain<'a>>,
    pub(crate) epilogue: Option<GpuChain<'a>>,
    pub(crate) dispatches: Vec<Recorded>,
    pub(crate) scratch: Vec<usize>,
    pub(crate) first_scratch: usize,
}

/// A dispatch as an op describes it; its buffers are still the compiler's.
pub(crate) struct Recorded {
    pub kernel: Kernel,
    pub args: Vec<Word>,
    pub bindings: Vec<Arg>,
    pub groups: [u32; 3],
}

impl Recorded {
    /// For the device: `params` says which words of a run are the op's parameters.
    pub fn lower(self, params: &[usize]) -> gpu::Item {
        let word = |word: &Word| if let Word::Const(word) = *word { word } else { 0 };
        let dynamic = self
            .args
            .iter()
            .enumerate()
            .filter_map(|(at, word)| if let Word::Param(index) = *word { Some((at, params[index])) } else { None });
        gpu::Item::Dispatch(gpu::Dispatch {
            args: self.args.iter().map(word).collect(),
            dynamic: dynamic.collect(),
            bindings: self
                .bindings
                .iter()
                .map(|arg| gpu::Binding {
                    slot: arg.buffer,
                    offset: 4 * arg.start as u64,
                    size: 4 * arg.words.max(1) as u64,
                    write: arg.write,
                })
                .collect(),
            kernel: self.kernel,
            groups: self.groups,
        })
    }
}

impl<'a> GpuFirst<'a> {
    /// Elements that are in memory.
    pub fn memory(input: &'a Arg) -> Self {
        let element = input.spec.dtype.wgsl_storage();
        let block = format!(
            "@group(0) @binding(1) var<storage, read> input: array<{element}>;\nfn load(i: u32) -> {element} {{ return input[i]; }}"
        );
        Self { fields: String::new(), block, args: Vec::new(), reads: vec![input] }
    }
}

impl<'a> GpuCall<'a> {
    /// Adds a dispatch: `args` fill the kernel's uniform struct; what it reads, then what it writes, follow from binding 1 on.
    pub fn dispatch(&mut self, kernel: Kernel, args: &[Word], reads: &[&Arg], writes: &[&Arg], groups: [usize; 3]) {
        let groups = groups.map(|n| n as u32);
        if groups.contains(&0) {
            return; // nothing to do for an empty tensor
        }
        let bind = |arg: &&Arg, write| Arg { write, ..(*arg).clone() };
        let bindings = reads.iter().map(|arg| bind(arg, false)).chain(writes.iter().map(|arg| bind(arg, true))).collect();
        self.dispatches.push(Recorded { kernel, args: args.to_vec(), bindings, groups });
    }

    /// Adds the dispatch that writes the output of an op that [takes an epilogue](Op::takes_epilogue). In its shader every
    /// element goes through `finish(value, index)`, which stands in a block `finish`; the last block of struct `Args`, `finish args`, is empty.
    ///
    /// # Errors
    /// When the shader lacks a block.
    #[allow(clippy::too_many_arguments)]
    pub fn dispatch_last(
        &mut self,
        name: &str,
        shader: &str,
        blocks: &[(&str, &str)],
        args: &[Word],
        reads: &[&Arg],
        writes: &[&Arg],
        groups: [usize; 3],
    ) -> Result<()> {
        let Some(GpuChain { chain, operands, params }) = self.epilogue else {
            self.dispatch(gpu::compose(name, shader, blocks)?, args, reads, writes, groups);
            return Ok(());
        };
        let words = chain.words(params)?;
        let fields = fields("finish", &words);
        let finish = chain.wgsl("finish", 1 + reads.len() + writes.len(), |word| format!("args.finish{word}"))?;
        let blocks: Vec<_> = blocks.iter().copied().chain([("finish args", &*fields), ("finish", &*finish)]).collect();
        let kernel = gpu::compose(name, shader, &blocks)?;
        let args: Vec<Word> = args.iter().copied().chain(words).collect();
        self.dispatch(kernel, &args, reads, writes, groups);
        if let Some(last) = self.dispatches.last_mut() {
            last.bindings.extend(operands.iter().cloned());
        }
        Ok(())
    }

    /// The first input of an op that [takes a prologue](Op::takes_prologue): read from memory, or calculated.
    ///
    /// # Errors
    /// When the prologue reads a view of too many axes.
    pub fn first(&self) -> Result<GpuFirst<'a>> {
        let Some(GpuChain { chain, operands, params }) = self.prologue else {
            return Ok(GpuFirst::memory(&self.inputs[0]));
        };
        let args = chain.words(params)?;
        let block = chain.wgsl("load", 1, |word| format!("args.load{word}"))?;
        Ok(GpuFirst { fields: fields("load", &args), block, args, reads: operands.iter().collect() })
    }

    /// A buffer of `shape` that lives for this call only.
    pub fn scratch(&mut self, dtype: DType, shape: impl Into<Shape>) -> Arg {
        let spec = Spec::new(dtype, shape);
        let words = spec.words();
        self.scratch.push(words);
        let buffer = self.first_scratch + self.scratch.len() - 1;
        Arg { layout: Layout::contiguous(&spec.shape, 0), spec, buffer, start: 0, words, write: false }
    }

    /// The number of workgroups of `size` that cover `items`, spread over two dimensions where one is too short.
    pub fn linear(&self, items: usize, size: usize) -> [usize; 3] {
        let groups = items.div_ceil(size);
        let rows = groups.div_ceil(32_768).max(1);
        [groups.div_ceil(rows), rows, 1]
    }
}

/// Fields of a kernel's struct `Args` for `words`.
fn fields(name: &str, words: &[Word]) -> String {
    (0..words.len()).map(|word| format!("{name}{word}: u32, ")).collect()
}
