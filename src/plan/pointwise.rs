//! Pointwise rows, and the fused kernel made of them: one pass over memory on either device.

use crate::{
    DType, Error, Result,
    device::{
        cpu::pool::{self, SharedMut},
        gpu::compose,
    },
    graph::{Access, CpuCall, CpuIn, GpuCall, GradCx, Key, Op, Params, Specs, Tensor, Word},
    shape::{Layout, Shape, Spec},
};
use smallvec::SmallVec;
use std::fmt::Write;

/// How one element is calculated, on both devices.
#[derive(Clone, Copy, Debug)]
pub struct Pointwise {
    /// The op's name; the generated WGSL function is called after it.
    pub name: &'static str,
    /// An expression in `x`, `y`, `z` (the inputs), `i` (the element's index) and `p` (the parameters);
    /// `T(...)` converts to the type of the first input, `R(...)` to the result's.
    pub wgsl: &'static str,
    /// The same over slices.
    pub cpu: fn(Lanes),
}

/// What the CPU side of a row calculates: a block of elements, each a word.
pub struct Lanes<'a> {
    /// Dtype of the first input, or of the output where there is none.
    pub dtype: DType,
    /// Dtype of the output.
    pub out_dtype: DType,
    /// The inputs, each as long as `out`.
    pub inputs: &'a [&'a [u32]],
    /// The result.
    pub out: &'a mut [u32],
    /// The op's parameters.
    pub params: &'a [u32],
    /// Index in the tensor of the block's first element.
    pub first: usize,
}

/// One row in a fused kernel.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub row: Pointwise,
    pub inputs: SmallVec<[Source; 3]>,
    pub dtype: DType,
    /// Dtype of the first input, or of the output.
    pub input_dtype: DType,
    pub params: std::ops::Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// An input of the kernel.
    Input(usize),
    /// The result of an earlier instruction.
    Register(usize),
}

/// Several pointwise ops as one kernel; the last instruction is the result.
#[derive(Debug)]
pub(crate) struct Fused {
    pub instructions: Vec<Instruction>,
    pub inputs: Vec<DType>,
}

/// Elements of a block: with four registers it stays in a first-level cache of 32 KiB.
const BLOCK: usize = 2048;
/// Elements that one task takes.
const CHUNK: usize = 32 * BLOCK;

impl Fused {
    fn result(&self) -> &Instruction {
        self.instructions.last().expect("a fused kernel has an instruction")
    }

    /// The WGSL block that replaces the default one of `pointwise.wgsl`.
    fn wgsl(&self, modes: &[Mode], rank: usize) -> String {
        let mut out = String::new();
        let mut seen: Vec<(&str, DType, DType)> = Vec::new();
        for (at, instruction) in self.instructions.iter().enumerate() {
            let (row, result) = (&instruction.row, instruction.dtype);
            if seen.contains(&(row.name, instruction.input_dtype, result)) {
                continue;
            }
            seen.push((row.name, instruction.input_dtype, result));
            let mut parameters: Vec<String> = ["x", "y", "z"]
                .iter()
                .zip(&instruction.inputs)
                .map(|(name, source)| format!("{name}: {}", self.dtype(*source).wgsl()))
                .collect();
            parameters.extend(["i: u32".into(), "p: vec4<u32>".into()]);
            let body =
                row.wgsl.replace("T(", &format!("{}(", instruction.input_dtype.wgsl())).replace("R(", &format!("{}(", result.wgsl()));
            let _ = writeln!(out, "fn {}({}) -> {} {{ return {body}; }}", self.function(at), parameters.join(", "), result.wgsl());
        }
        for (index, dtype) in self.inputs.iter().enumerate() {
            let _ = writeln!(out, "@group(0) @binding({}) var<storage, read> input{index}: array<{}>;", index + 1, dtype.wgsl_storage());
        }
        let result = self.result().dtype;
        let _ = writeln!(
            out,
            "@group(0) @binding({}) var<storage, read_write> output: array<{}>;",
            self.inputs.len() + 1,
            result.wgsl_storage()
        );
        let _ = writeln!(out, "fn word(at: u32) -> u32 {{ return args[at / 4u][at % 4u]; }}");
        let _ = writeln!(out, "fn compute(i: u32) {{");
        // Word 0 is the length, then the sizes of the axes, then for each input its offset and strides, then parameters.
        if modes.contains(&Mode::Strided) {
            let _ = writeln!(out, "  var rest = i;");
            for axis in (0..rank).rev() {
                let _ = writeln!(out, "  let c{axis} = i32(rest % word({}u)); rest /= word({}u);", 1 + axis, 1 + axis);
            }
        }
        let mut at = 1 + rank;
        for (index, dtype) in self.inputs.iter().enumerate() {
            let place = match modes[index] {
                Mode::Linear => format!("word({at}u) + i"),
                Mode::Scalar => format!("word({at}u)"),
                Mode::Strided => {
                    let terms: Vec<_> = (0..rank).map(|axis| format!("c{axis} * i32(word({}u))", at + 1 + axis)).collect();
                    format!("u32(i32(word({at}u)) + {})", terms.join(" + "))
                }
            };
            at += 1 + if modes[index] == Mode::Strided { rank } else { 0 };
            let value = format!("input{index}[{place}]");
            let _ = writeln!(out, "  let v{index} = {};", if *dtype == DType::Bool { format!("{value} != 0u") } else { value });
        }
        for (register, instruction) in self.instructions.iter().enumerate() {
            let mut arguments: Vec<String> = instruction
                .inputs
                .iter()
                .map(|source| match source {
                    Source::Input(index) => format!("v{index}"),
                    Source::Register(index) => format!("r{index}"),
                })
                .collect();
            let words: Vec<String> = (0..4)
                .map(|k| if k < instruction.params.len() { format!("word({}u)", at + instruction.params.start + k) } else { "0u".into() })
                .collect();
            arguments.extend(["i".into(), format!("vec4<u32>({})", words.join(", "))]);
            let _ = writeln!(out, "  let r{register} = {}({});", self.function(register), arguments.join(", "));
        }
        let last = format!("r{}", self.instructions.len() - 1);
        let _ = writeln!(out, "  output[i] = {};\n}}", if result == DType::Bool { format!("u32({last})") } else { last });
        out
    }

    fn function(&self, at: usize) -> String {
        let instruction = &self.instructions[at];
        format!("op_{}_{}_{}", instruction.row.name, instruction.input_dtype.wgsl(), instruction.dtype.wgsl())
    }

    fn dtype(&self, source: Source) -> DType {
        match source {
            Source::Input(index) => self.inputs[index],
            Source::Register(index) => self.instructions[index].dtype,
        }
    }
}

/// How a fused kernel finds the element of an input. Decided by strides alone, never by sizes,
/// so that another batch size has the same kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Linear,
    Scalar,
    Strided,
}

fn mode(layout: &Layout) -> Mode {
    if layout.is_contiguous() {
        Mode::Linear
    } else if layout.strides.iter().all(|&stride| stride == 0) {
        Mode::Scalar
    } else {
        Mode::Strided
    }
}

/// Merges neighbouring axes that all of `layouts` walk through without a jump.
pub(crate) fn collapse(shape: &Shape, layouts: &[&Layout]) -> (SmallVec<[usize; 8]>, Vec<SmallVec<[isize; 8]>>) {
    let mut sizes: SmallVec<[usize; 8]> = SmallVec::new();
    let mut strides: Vec<SmallVec<[isize; 8]>> = vec![SmallVec::new(); layouts.len()];
    for axis in 0..shape.len() {
        let joins = !sizes.is_empty()
            && layouts
                .iter()
                .zip(&strides)
                .all(|(layout, strides)| strides[strides.len() - 1] == layout.strides[axis] * shape[axis] as isize);
        match sizes.last_mut() {
            Some(last) if joins => {
                *last *= shape[axis];
                for (layout, strides) in layouts.iter().zip(&mut strides) {
                    *strides.last_mut().expect("as long as sizes") = layout.strides[axis];
                }
            }
            _ => {
                sizes.push(shape[axis]);
                layouts.iter().zip(&mut strides).for_each(|(layout, strides)| strides.push(layout.strides[axis]));
            }
        }
    }
    (sizes, strides)
}

impl Op for Fused {
    fn name(&self) -> &'static str {
        if let [only] = &self.instructions[..] { only.row.name } else { "fused" }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        Ok(SmallVec::from_iter([Spec::new(self.result().dtype, inputs.first().map_or(Shape::scalar(), |spec| spec.shape.clone()))]))
    }

    fn key(&self, key: &mut Key) {
        key.word(self.instructions.len());
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn access(&self, _index: usize, _layout: &Layout) -> Access {
        Access::Strided
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        unreachable!("fused kernels exist in plans only")
    }

    fn cpu(&self, call: CpuCall) {
        let CpuCall { inputs, outputs, params } = call;
        let words = outputs[0].words();
        let length = words.len();
        let layouts: Vec<&Layout> = inputs.iter().map(|input| input.layout).collect();
        let shape = inputs.first().map_or_else(|| Shape::from([length]), |input| input.spec.shape.clone());
        let (sizes, strides) = collapse(&shape, &layouts);
        let out = SharedMut::new(words);
        pool::for_chunks(length, CHUNK, &|range| {
            let mut blocks = Blocks::new(self, inputs, &sizes, &strides);
            for first in range.clone().step_by(BLOCK) {
                let last = (first + BLOCK).min(range.end);
                // Tasks have disjoint ranges.
                let out = unsafe { out.slice(first..last) };
                blocks.run(first, out, params);
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let output = &call.outputs[0];
        let layouts: Vec<&Layout> = call.inputs.iter().map(|input| &input.layout).collect();
        let modes: Vec<Mode> = layouts.iter().map(|layout| mode(layout)).collect();
        let (mut sizes, mut strides) = collapse(output.shape(), &layouts);
        let rank = match sizes.len() {
            _ if !modes.contains(&Mode::Strided) => 0,
            0..=2 => 2,
            3..=4 => 4,
            5..=8 => 8,
            rank => return Err(Error::invalid(format!("{}: {rank} axes that cannot be merged; at most 8", self.name()))),
        };
        while sizes.len() < rank {
            sizes.insert(0, 1);
            strides.iter_mut().for_each(|strides| strides.insert(0, 0));
        }
        let mut args: Vec<Word> = vec![output.size().into()];
        args.extend(sizes.iter().take(rank).map(|&size| Word::from(size)));
        for ((input, mode), strides) in call.inputs.iter().zip(&modes).zip(&strides) {
            args.push(input.layout.offset.into());
            if *mode == Mode::Strided {
                args.extend(strides.iter().map(|&stride| Word::from(stride)));
            }
        }
        let params = self.instructions.iter().map(|instruction| instruction.params.end).max().unwrap_or(0);
        args.extend((0..params).map(Word::Param));
        let length = args.len().div_ceil(4);
        let body = self.wgsl(&modes, rank);
        let kernel = compose(
            self.name(),
            include_str!("../../shaders/pointwise.wgsl"),
            &[("args", &format!("@group(0) @binding(0) var<uniform> args: array<vec4<u32>, {length}>;")), ("body", &body)],
        )?;
        let inputs: Vec<_> = call.inputs.iter().collect();
        call.dispatch(kernel, &args, &inputs, &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

/// The working registers of one task.
struct Blocks<'a> {
    fused: &'a Fused,
    inputs: &'a [CpuIn<'a>],
    sizes: &'a [usize],
    strides: &'a [SmallVec<[isize; 8]>],
    /// One block for each input that must be gathered, then one for each instruction but the last.
    gathered: Vec<Option<Box<[u32]>>>,
    registers: Vec<Box<[u32]>>,
}

impl<'a> Blocks<'a> {
    fn new(fused: &'a Fused, inputs: &'a [CpuIn<'a>], sizes: &'a [usize], strides: &'a [SmallVec<[isize; 8]>]) -> Self {
        let block = || vec![0u32; BLOCK].into_boxed_slice();
        let gathered = inputs.iter().map(|input| match mode(input.layout) {
            Mode::Linear => None,
            Mode::Scalar => Some(input.words.get(input.layout.offset).map_or_else(block, |&word| vec![word; BLOCK].into_boxed_slice())),
            Mode::Strided => Some(block()),
        });
        let registers = (1..fused.instructions.len()).map(|_| block()).collect();
        Self { fused, inputs, sizes, strides, gathered: gathered.collect(), registers }
    }

    fn run(&mut self, first: usize, out: &mut [u32], params: &[u32]) {
        let length = out.len();
        for (index, input) in self.inputs.iter().enumerate() {
            if let (Some(block), Mode::Strided) = (&mut self.gathered[index], mode(input.layout)) {
                gather(input.words, input.layout.offset, self.sizes, &self.strides[index], first, &mut block[..length]);
            }
        }
        let last = self.fused.instructions.len() - 1;
        for (at, instruction) in self.fused.instructions.iter().enumerate() {
            let (done, rest) = self.registers.split_at_mut(at);
            let arguments: SmallVec<[&[u32]; 3]> = instruction
                .inputs
                .iter()
                .map(|source| match *source {
                    Source::Register(index) => &done[index][..length],
                    Source::Input(index) => match &self.gathered[index] {
                        Some(block) => &block[..length],
                        None => {
                            let input = &self.inputs[index];
                            &input.words[input.layout.offset + first..][..length]
                        }
                    },
                })
                .collect();
            let out = if at == last { &mut *out } else { &mut rest[0][..length] };
            (instruction.row.cpu)(Lanes {
                dtype: instruction.input_dtype,
                out_dtype: instruction.dtype,
                inputs: &arguments,
                out,
                params: &params[instruction.params.clone()],
                first,
            });
        }
    }
}

/// Copies elements `first..` of a strided view into `out`, a run along the innermost axis at a time.
pub(crate) fn gather(words: &[u32], offset: usize, sizes: &[usize], strides: &[isize], first: usize, out: &mut [u32]) {
    let Some((&inner, outer)) = sizes.split_last() else {
        out.fill(words[offset]);
        return;
    };
    let stride = strides[outer.len()];
    let mut done = 0;
    while done < out.len() {
        let element = first + done;
        let (mut rest, column) = (element / inner, element % inner);
        let mut place = offset as isize + column as isize * stride;
        for axis in (0..outer.len()).rev() {
            place += (rest % outer[axis]) as isize * strides[axis];
            rest /= outer[axis];
        }
        let count = (inner - column).min(out.len() - done);
        let run = &mut out[done..done + count];
        match stride {
            0 => run.fill(words[place as usize]),
            1 => run.copy_from_slice(&words[place as usize..][..count]),
            _ => run.iter_mut().enumerate().for_each(|(k, word)| *word = words[(place + k as isize * stride) as usize]),
        }
        done += count;
    }
}
