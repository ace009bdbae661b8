//! What an op's GPU kernel is called with: arguments in, dispatches out, and the pointwise ops that the plan has fused into it.

use crate::{
    DType, Result,
    device::gpu::{self, Caps, Kernel},
    plan::Chain,
    shape::{Layout, Shape, Spec},
};

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
    /// Word `index` of the op's [`Op::params`](super::Op::params), read at each run.
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
    pub(crate) on_host: bool,
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
        let halves = (1..).zip(reads).filter_map(|(binding, arg)| Some((binding, arg.spec.dtype.half_name()?)));
        let kernel = halves.fold(kernel, |kernel, (binding, half)| kernel.with_halves(binding, half));
        let bind = |arg: &&Arg, write| Arg { write, ..(*arg).clone() };
        let bindings = reads.iter().map(|arg| bind(arg, false)).chain(writes.iter().map(|arg| bind(arg, true))).collect();
        self.dispatches.push(Recorded { kernel, args: args.to_vec(), bindings, groups });
    }

    /// Leaves this call to the CPU kernel: what it reads is read back, what it writes is uploaded. The plan is submitted in two parts,
    /// and the host waits between them.
    pub fn on_host(&mut self) {
        self.on_host = true;
    }

    /// Adds the dispatch that writes the output of an op that [takes an epilogue](super::Op::takes_epilogue). In its shader every
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

    /// The first input of an op that [takes a prologue](super::Op::takes_prologue): read from memory, or calculated.
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
