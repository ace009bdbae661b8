//! Chains on a GPU: the WGSL function that calculates one element, and the argument words it reads.

use super::chain::{Chain, Mode, Source};
use crate::{DType, Error, Result, graph::Word};
use std::fmt::Write;

impl Chain {
    /// Declares the operands from binding `first` on, and `fn NAME(i: u32) -> T`, the element at index i; an epilogue takes the
    /// kernel's value before i. `word(k)` is the expression for argument word k of those that [`Chain::words`] lists.
    pub fn wgsl(&self, name: &str, first: usize, word: impl Fn(usize) -> String) -> Result<String> {
        let mut out = String::new();
        let mut seen: Vec<String> = Vec::new();
        for (at, instruction) in self.instructions.iter().enumerate() {
            if seen.contains(&self.function(name, at)) {
                continue;
            }
            seen.push(self.function(name, at));
            let (row, result) = (&instruction.row, instruction.dtype.wgsl());
            let mut parameters: Vec<String> = ["x", "y", "z"]
                .iter()
                .zip(&instruction.inputs)
                .map(|(input, source)| format!("{input}: {}", self.dtype(*source).wgsl()))
                .collect();
            parameters.extend(["i: u32".into(), "p: vec4<u32>".into()]);
            let body = row.wgsl.replace("T(", &format!("{}(", instruction.input_dtype.wgsl())).replace("R(", &format!("{result}("));
            let _ = writeln!(out, "fn {}({}) -> {result} {{ return {body}; }}", self.function(name, at), parameters.join(", "));
        }
        let buffers = self.operands.iter().enumerate().filter(|(_, operand)| operand.mode != Mode::Value);
        for (binding, (index, operand)) in (first..).zip(buffers) {
            let element = operand.dtype.wgsl_storage();
            let _ = writeln!(out, "@group(0) @binding({binding}) var<storage, read> {name}_operand{index}: array<{element}>;");
        }
        let value = self.operands.iter().find(|operand| operand.mode == Mode::Value);
        let value = value.map_or_else(String::new, |operand| format!("value: {}, ", operand.dtype.wgsl()));
        let _ = writeln!(out, "fn {name}({value}i: u32) -> {} {{", self.result().wgsl());
        let rank = self.rank()?;
        if rank > 0 {
            let _ = writeln!(out, "  var rest = i;");
            for axis in (0..rank).rev() {
                let _ = writeln!(out, "  let c{axis} = i32(rest % {}); rest /= {};", word(axis), word(axis));
            }
        }
        let mut at = rank;
        for (index, operand) in self.operands.iter().enumerate() {
            let place = match operand.mode {
                Mode::Value => {
                    let _ = writeln!(out, "  let v{index} = value;");
                    continue;
                }
                Mode::Linear => format!("{} + i", word(at)),
                Mode::Scalar => word(at),
                Mode::Strided => {
                    let terms: Vec<_> = (0..rank).map(|axis| format!("c{axis} * i32({})", word(at + 1 + axis))).collect();
                    format!("u32(i32({}) + {})", word(at), terms.join(" + "))
                }
            };
            at += 1 + if operand.mode == Mode::Strided { rank } else { 0 };
            let _ = writeln!(out, "  let e{index} = {place};");
            let value = match operand.dtype.half_name() {
                Some(half) => format!("f32_of_{half}(({name}_operand{index}[e{index} / 2u] >> (e{index} % 2u * 16u)) & 0xffffu)"),
                None if operand.dtype == DType::Bool => format!("{name}_operand{index}[e{index}] != 0u"),
                None => format!("{name}_operand{index}[e{index}]"),
            };
            let _ = writeln!(out, "  let v{index} = {value};");
        }
        for (register, instruction) in self.instructions.iter().enumerate() {
            let mut arguments: Vec<String> = instruction
                .inputs
                .iter()
                .map(|source| match source {
                    Source::Operand(index) => format!("v{index}"),
                    Source::Register(index) => format!("r{index}"),
                })
                .collect();
            let params = &instruction.params;
            let words: Vec<String> = (0..4).map(|k| if k < params.len() { word(at + params.start + k) } else { "0u".into() }).collect();
            arguments.extend(["i".into(), format!("vec4<u32>({})", words.join(", "))]);
            let value = format!("{}({})", self.function(name, register), arguments.join(", "));
            let value = self.rounds(register).and_then(DType::half_name).map_or(value.clone(), |half| format!("round_{half}({value})"));
            let _ = writeln!(out, "  let r{register} = {value};");
        }
        let _ = writeln!(out, "  return r{};\n}}", self.instructions.len() - 1);
        Ok(out)
    }

    /// The argument words of the function: sizes of the axes, then for each operand in memory its offset and strides, then
    /// parameters, the chain's first one being parameter `first` of the step.
    pub fn words(&self, first: usize) -> Result<Vec<Word>> {
        let rank = self.rank()?;
        let fill = rank.saturating_sub(self.sizes.len());
        let mut words: Vec<Word> = Vec::new();
        if rank > 0 {
            words.extend(std::iter::repeat_n(Word::from(1usize), fill));
            words.extend(self.sizes.iter().map(|&size| Word::from(size)));
        }
        for operand in self.operands.iter().filter(|operand| operand.mode != Mode::Value) {
            words.push(operand.offset.into());
            if operand.mode == Mode::Strided {
                words.extend(std::iter::repeat_n(Word::from(0usize), fill));
                words.extend(operand.strides.iter().map(|&stride| Word::from(stride)));
            }
        }
        words.extend((first..first + self.params()).map(Word::Param));
        Ok(words)
    }

    /// How many axes strided operands walk: few different numbers, so that kernels are shared.
    fn rank(&self) -> Result<usize> {
        match self.sizes.len() {
            _ if self.operands.iter().all(|operand| operand.mode != Mode::Strided) => Ok(0),
            0..=2 => Ok(2),
            3..=4 => Ok(4),
            5..=8 => Ok(8),
            rank => Err(Error::invalid(format!("{rank} axes that cannot be merged; at most 8"))),
        }
    }

    fn function(&self, name: &str, at: usize) -> String {
        let instruction = &self.instructions[at];
        format!("{name}_{}_{}_{}", instruction.row.name, instruction.input_dtype.wgsl(), instruction.dtype.wgsl())
    }

    fn dtype(&self, source: Source) -> DType {
        match source {
            Source::Operand(index) => self.operands[index].dtype,
            Source::Register(index) => self.instructions[index].dtype,
        }
    }
}
