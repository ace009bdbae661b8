//! Products of matrices on a GPU, for matrix product and convolution: which core multiplies, and how operands are loaded.

use super::fours::{aligned, fours};
use crate::{
    device::gpu::{AdapterKind, Caps},
    graph::Arg,
};

/// Work for so many threads keeps a software driver busy enough to save the second pass that more of it would take. A constant:
/// how a sum is cut decides its bits.
pub(super) const SOFTWARE_THREADS: usize = 2;

/// The part of a shader that multiplies blocks of 4 x 4 values; each workgroup has one tile of the result.
pub(super) struct Core {
    /// Replaces the block `product` of a shader.
    pub text: &'static str,
    /// Rows and columns of a tile.
    pub tile: usize,
}

impl Core {
    /// The core for an adapter.
    pub fn of(caps: &Caps) -> Self {
        // Software drivers want registers and no barriers; subgroups are as wide as their vectors.
        if caps.kind == AdapterKind::Cpu && caps.subgroup == Some((8, 8)) {
            Core { text: include_str!("../../shaders/lib/product_registers.wgsl"), tile: 32 }
        } else {
            Core { text: include_str!("../../shaders/lib/product_tiles.wgsl"), tile: 64 }
        }
    }

    /// How many tiles a result has.
    pub fn tiles(&self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.tile) * columns.div_ceil(self.tile)
    }
}

/// Replaces the block `sums` of a shader: the left operand has one more row, of ones, which gives the sums of the right one's columns.
pub(super) const SUMS: &str = "const ONES = 1u;\n@group(0) @binding(4) var<storage, read_write> column_sums: array<f32>;\n\
                               fn store_sum(place: u32, value: f32) { column_sums[place] = value; }";

/// Which neighbours of an operand's blocks lie next to each other in memory, in fours from multiples of 4 on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Those of one column of the loaded matrix.
    Columns,
    /// Those of one row.
    Rows,
    /// Neither, or their number is no multiple of 4.
    Single,
}

impl Order {
    /// This order, if `count` neighbours can be loaded in fours.
    pub fn in_fours(self, count: usize, operand: &Arg) -> Self {
        if aligned(operand, count) { self } else { Order::Single }
    }
}

/// Declares a buffer and the function that loads a block of it: the columns of the matrix start at `at`, `across` is the step inside
/// of a column; what is not `seen` (columns) or `within` (rows) counts as zeros.
pub(super) fn operand(binding: usize, name: &str, order: Order) -> String {
    let load = |i| match order {
        Order::Rows => format!("four_of_{name}(at.x + across * FOUR.{i}, 0u, seen & vec4(within.{i}))"),
        Order::Columns | Order::Single => format!("four_of_{name}(at.{i}, across, within & vec4(seen.{i}))"),
    };
    let matrix = format!("mat4x4({})", ["x", "y", "z", "w"].map(load).join(", "));
    let matrix = if order == Order::Rows { format!("transpose({matrix})") } else { matrix };
    let buffer = fours(binding, name, "f32", order != Order::Single);
    format!(
        "{buffer}\nfn block_of_{name}(at: vec4<u32>, across: u32, seen: vec4<bool>, within: vec4<bool>) -> mat4x4<f32> {{\n    \
         return {matrix};\n}}"
    )
}
