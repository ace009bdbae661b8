//! A chain of pointwise rows: what a fused kernel, or the epilogue of another one, calculates for each element.

use super::Pointwise;
use crate::{
    DType,
    shape::{Layout, Shape},
};
use smallvec::SmallVec;

/// One row in a chain.
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
    /// An operand of the chain.
    Operand(usize),
    /// The result of an earlier instruction.
    Register(usize),
}

/// Rows in order of need; the last one is the result.
#[derive(Debug)]
pub(crate) struct Chain {
    pub instructions: Vec<Instruction>,
    pub operands: Vec<Operand>,
    /// The axes that strided operands walk.
    pub sizes: SmallVec<[usize; 8]>,
    /// For each instruction but the last the block register that holds its result, behind those of operands that are gathered or widened.
    pub homes: Vec<usize>,
    /// Block registers in all.
    pub registers: usize,
}

/// What a chain reads for each element.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    pub dtype: DType,
    pub mode: Mode,
    pub offset: usize,
    pub strides: SmallVec<[isize; 8]>,
}

impl Operand {
    /// Whether blocks of it lie in memory as kernels hold them.
    pub fn is_in_place(&self) -> bool {
        self.mode == Mode::Linear && !self.dtype.is_half()
    }
}

/// How a chain finds the element of an operand. Decided by strides alone, never by sizes,
/// so that another batch size has the same kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// The element that the kernel has just calculated: the chain is its epilogue.
    Value,
    Linear,
    Scalar,
    Strided,
}

impl Chain {
    /// A chain over elements of `shape`; an operand without layout is the value of the kernel whose epilogue this is.
    pub fn new(instructions: Vec<Instruction>, operands: &[(DType, Option<Layout>)], shape: &Shape) -> Self {
        let value = Layout::contiguous(shape, 0);
        let layouts: Vec<&Layout> = operands.iter().map(|(_, layout)| layout.as_ref().unwrap_or(&value)).collect();
        let (sizes, strides) = collapse(shape, &layouts);
        let operands: Vec<Operand> = operands
            .iter()
            .zip(strides)
            .map(|((dtype, layout), strides)| match layout {
                None => Operand { dtype: *dtype, mode: Mode::Value, offset: 0, strides },
                Some(layout) => Operand { dtype: *dtype, mode: mode(layout), offset: layout.offset, strides },
            })
            .collect();
        let gathered = operands.iter().filter(|operand| !operand.is_in_place()).count();
        let (homes, used) = homes(&instructions);
        let homes = homes.into_iter().map(|home| gathered + home).collect();
        Self { instructions, operands, sizes, homes, registers: gathered + used }
    }

    /// The half to whose precision an instruction's result is rounded: where values enter a half dtype. They are rounded once more
    /// when they are stored; in between they keep what f32 holds.
    pub fn rounds(&self, at: usize) -> Option<DType> {
        let Instruction { dtype, input_dtype, .. } = self.instructions[at];
        (dtype.is_half() && dtype != input_dtype && at + 1 < self.instructions.len()).then_some(dtype)
    }

    pub fn result(&self) -> DType {
        self.instructions.last().expect("a chain has an instruction").dtype
    }

    /// How many buffers it reads.
    pub fn buffers(&self) -> usize {
        self.operands.iter().filter(|operand| operand.mode != Mode::Value).count()
    }

    pub fn params(&self) -> usize {
        self.instructions.iter().map(|instruction| instruction.params.end).max().unwrap_or(0)
    }

    /// The names of its rows.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.instructions.iter().map(|instruction| instruction.row.name)
    }
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

/// Registers for the results of all instructions but the last, each free again after its last use; and how many there are.
fn homes(instructions: &[Instruction]) -> (Vec<usize>, usize) {
    let reads = |at: usize, register: usize| instructions[at].inputs.contains(&Source::Register(register));
    let (mut homes, mut free, mut used): (Vec<usize>, Vec<usize>, usize) = Default::default();
    for at in 0..instructions.len().saturating_sub(1) {
        // Taken before the inputs' registers are given back: a row does not read what it writes.
        homes.push(free.pop().unwrap_or_else(|| {
            used += 1;
            used - 1
        }));
        free.extend(
            (0..at)
                .filter(|&register| reads(at, register) && !(at + 1..instructions.len()).any(|later| reads(later, register)))
                .map(|register| homes[register]),
        );
    }
    (homes, used)
}

/// Merges neighbouring axes that all of `layouts` walk through without a jump.
fn collapse(shape: &Shape, layouts: &[&Layout]) -> (SmallVec<[usize; 8]>, Vec<SmallVec<[isize; 8]>>) {
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
