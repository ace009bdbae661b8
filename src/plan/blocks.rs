//! Chains on the CPU: block by block over slice functions, so that what one row leaves is in the cache for the next.

use super::{
    Lanes,
    chain::{Chain, Mode, Operand, Source},
};
use crate::device::cpu::{halves, pool::SharedMut, scratch};
use bytemuck::{cast_slice, cast_slice_mut};
use smallvec::SmallVec;

/// Elements of a block: with four registers it stays in a first-level cache of 32 KiB.
pub(super) const BLOCK: usize = 2048;

impl Chain {
    /// Calculates elements `first..` into `out`, which holds the kernel's values where the chain is an epilogue.
    /// `buffers` are the operands that are in memory, in order.
    pub fn run(&self, first: usize, buffers: &[&[u32]], params: &[u32], out: &mut [u32]) {
        let block = out.len().min(BLOCK).next_multiple_of(16);
        scratch::with(self.registers * block, |registers| {
            let registers = SharedMut::new(cast_slice_mut(registers));
            // SAFETY of all uses: an instruction reads other registers than the one it writes.
            let register = |index: usize, length: usize| unsafe { registers.slice(index * block..index * block + length) };
            for (start, out) in (first..).step_by(BLOCK).zip(out.chunks_mut(BLOCK)) {
                self.block(start, start == first, buffers, params, out, &register);
            }
        });
    }

    fn block<'r>(
        &self,
        first: usize,
        is_first: bool,
        buffers: &[&[u32]],
        params: &[u32],
        out: &mut [u32],
        register: &dyn Fn(usize, usize) -> &'r mut [u32],
    ) {
        let length = out.len();
        let (mut buffers, mut gathered) = (buffers.iter(), 0..);
        let mut next = || register(gathered.next().expect("endless"), length);
        let operands: SmallVec<[&[u32]; 8]> = self
            .operands
            .iter()
            .map(|operand| {
                if operand.mode == Mode::Value {
                    let copy = next();
                    copy.copy_from_slice(out);
                    return &*copy;
                }
                let words = buffers.next().expect("a buffer for each operand in memory");
                if operand.is_in_place() {
                    return &words[operand.offset + first..][..length];
                }
                let copy = next();
                // A scalar is filled in with the first block, and no block is longer.
                if operand.mode != Mode::Scalar || is_first {
                    operand.load(words, &self.sizes, first, copy);
                }
                copy
            })
            .collect();
        let last = self.instructions.len() - 1;
        for (at, instruction) in self.instructions.iter().enumerate() {
            let inputs: SmallVec<[&[u32]; 3]> = instruction
                .inputs
                .iter()
                .map(|source| match *source {
                    Source::Register(index) => &*register(self.homes[index], length),
                    Source::Operand(index) => operands[index],
                })
                .collect();
            let out = if at == last { &mut *out } else { register(self.homes[at], length) };
            (instruction.row.cpu)(Lanes {
                dtype: instruction.input_dtype.register(),
                out_dtype: instruction.dtype.register(),
                inputs: &inputs,
                out: &mut *out,
                params: &params[instruction.params.clone()],
                first,
            });
            if let Some(dtype) = self.rounds(at) {
                halves::round(dtype, cast_slice_mut(out));
            }
        }
    }
}

impl Operand {
    /// Elements `first..` from memory into a register.
    fn load(&self, words: &[u32], sizes: &[usize], first: usize, out: &mut [u32]) {
        if self.dtype.is_half() {
            let mut block = [0u16; BLOCK];
            let block = &mut block[..out.len()];
            gather(cast_slice(words), self.offset, sizes, &self.strides, first, block);
            halves::widen(self.dtype, block, cast_slice_mut(out));
        } else {
            gather(words, self.offset, sizes, &self.strides, first, out);
        }
    }
}

/// Copies elements `first..` of a strided view into `out`, a run along the innermost axis at a time.
fn gather<T: Copy>(elements: &[T], offset: usize, sizes: &[usize], strides: &[isize], first: usize, out: &mut [T]) {
    let Some((&inner, outer)) = sizes.split_last() else {
        out.fill(elements[offset]);
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
            0 => run.fill(elements[place as usize]),
            1 => run.copy_from_slice(&elements[place as usize..][..count]),
            _ => run.iter_mut().enumerate().for_each(|(k, out)| *out = elements[(place + k as isize * stride) as usize]),
        }
        done += count;
    }
}
