//! Pointwise rows, and the fused kernel made of them: one pass over memory on either device.

use super::{blocks::BLOCK, chain::Chain};
use crate::{
    DType, Result,
    device::{
        cpu::{
            halves,
            pool::{self, SharedMut},
        },
        gpu::compose,
    },
    graph::{Access, CpuCall, GpuCall, GradCx, Key, Op, Specs, Tensor, Word},
    shape::{Layout, Spec},
};
use bytemuck::{cast_slice, cast_slice_mut};
use smallvec::SmallVec;

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

/// What the CPU side of a row calculates: a block of elements, each a word; halves have been widened to f32.
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

/// A chain as a kernel of its own. Its output has as many elements as each input.
#[derive(Debug)]
pub(crate) struct Fused {
    pub chain: Chain,
    pub output: Spec,
}

/// Elements that one task takes: several blocks.
const CHUNK: usize = 64 * 1024;

impl Op for Fused {
    fn name(&self) -> &'static str {
        if let [only] = &self.chain.instructions[..] { only.row.name } else { "fused" }
    }

    fn parts(&self) -> Vec<&'static str> {
        self.chain.names().collect()
    }

    fn flops(&self, _inputs: &[Spec], _outputs: &[Spec]) -> u64 {
        (self.chain.instructions.len() * self.output.size()) as u64
    }

    fn outputs(&self, _inputs: &[&Spec]) -> Result<Specs> {
        Ok(SmallVec::from_iter([self.output.clone()]))
    }

    fn key(&self, key: &mut Key) {
        key.word(self.chain.instructions.len());
    }

    fn access(&self, _index: usize, _layout: &Layout) -> Access {
        Access::Strided
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        unreachable!("fused kernels exist in plans only")
    }

    fn cpu(&self, call: CpuCall) {
        let buffers: SmallVec<[&[u32]; 8]> = call.inputs.iter().map(|input| input.words()).collect();
        let (dtype, length) = (self.output.dtype, self.output.size());
        let words = call.outputs[0].words();
        if dtype.is_half() {
            let out = SharedMut::new(&mut cast_slice_mut::<u32, u16>(words)[..length]);
            return pool::for_chunks(length, CHUNK, &|range| {
                let mut block = [0u32; BLOCK];
                for first in range.clone().step_by(BLOCK) {
                    let last = (first + BLOCK).min(range.end);
                    let wide = &mut block[..last - first];
                    self.chain.run(first, &buffers, call.params, wide);
                    // SAFETY: tasks have disjoint ranges.
                    halves::narrow(dtype, cast_slice(wide), unsafe { out.slice(first..last) });
                }
            });
        }
        let out = SharedMut::new(words);
        pool::for_chunks(length, CHUNK, &|range| {
            // SAFETY: tasks have disjoint ranges.
            self.chain.run(range.start, &buffers, call.params, unsafe { out.slice(range) });
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let output = &call.outputs[0];
        let mut args: Vec<Word> = vec![output.size().into()];
        args.extend(self.chain.words(0)?);
        let mut body =
            self.chain.wgsl("element", 1, |word| format!("args[{}u].{}", (word + 1) / 4, ["x", "y", "z", "w"][(word + 1) % 4]))?;
        let (binding, dtype) = (call.inputs.len() + 1, output.spec.dtype);
        let store = match dtype.half_name() {
            // An invocation writes a whole word, so that no two share one.
            Some(name) => &format!(
                "if 2u * i < args[0].x {{\n  let high = element(min(2u * i + 1u, args[0].x - 1u));\n  \
                 output[i] = {name}_of_f32(element(2u * i)) | ({name}_of_f32(high) << 16u);\n}}"
            ),
            None if dtype == DType::Bool => "output[i] = u32(element(i));",
            None => "output[i] = element(i);",
        };
        body += &format!(
            "@group(0) @binding({binding}) var<storage, read_write> output: array<{}>;\nfn compute(i: u32) {{\n{store}\n}}",
            dtype.wgsl_storage()
        );
        let length = args.len().div_ceil(4);
        let kernel = compose(
            self.name(),
            include_str!("../../shaders/pointwise.wgsl"),
            &[("args", &format!("@group(0) @binding(0) var<uniform> args: array<vec4<u32>, {length}>;")), ("body", &body)],
        )?;
        let inputs: Vec<_> = call.inputs.iter().collect();
        call.dispatch(kernel, &args, &inputs, &[output], call.linear(output.spec.words(), 64));
        Ok(())
    }
}
