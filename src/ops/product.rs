//! Products of matrices on a GPU, for matrix product and convolution: which core multiplies, and how operands are loaded.

use crate::{
    device::gpu::{AdapterKind, Caps},
    graph::Arg,
};

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
        if count.is_multiple_of(4) && operand.size() > 0 { self } else { Order::Single }
    }
}

/// Declares a buffer and the function that loads a block of it: the columns of the matrix start at `at`, `across` is the step inside
/// of a column; what is not `seen` (columns) or `within` (rows) counts as zeros.
pub(super) fn operand(binding: usize, name: &str, order: Order) -> String {
    let element = if order == Order::Single { "f32" } else { "vec4<f32>" };
    let four = format!(
        "fn four_of_{name}(at: u32, valid: bool) -> vec4<f32> {{ return select(vec4(0.0), {name}[select(0u, at / 4u, valid)], valid); }}"
    );
    let (four, columns) = match order {
        Order::Columns => (four, ["x", "y", "z", "w"].map(|i| format!("four_of_{name}(at.{i}, seen.{i} & within.x)"))),
        Order::Rows => (four, ["x", "y", "z", "w"].map(|i| format!("four_of_{name}(at.x + across * FOUR.{i}, seen.x & within.{i})"))),
        Order::Single => (
            format!(
                "fn four_of_{name}(start: u32, across: u32, valid: vec4<bool>) -> vec4<f32> {{\n    \
                 let at = select(vec4(0u), start + across * FOUR, valid);\n    \
                 return select(vec4(0.0), vec4({name}[at.x], {name}[at.y], {name}[at.z], {name}[at.w]), valid);\n}}"
            ),
            ["x", "y", "z", "w"].map(|i| format!("four_of_{name}(at.{i}, across, within & vec4(seen.{i}))")),
        ),
    };
    let matrix = format!("mat4x4({})", columns.join(", "));
    let matrix = if order == Order::Rows { format!("transpose({matrix})") } else { matrix };
    format!(
        "@group(0) @binding({binding}) var<storage, read> {name}: array<{element}>;\n{four}\n\
         fn block_of_{name}(at: vec4<u32>, across: u32, seen: vec4<bool>, within: vec4<bool>) -> mat4x4<f32> {{ return {matrix}; }}"
    )
}
