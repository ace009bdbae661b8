//! Buffers that a kernel reads four neighbours at a time: by one load where they are aligned, which is several times faster.

use crate::graph::Arg;

/// Whether runs of `count` elements of a contiguous tensor fall into fours.
pub(super) fn aligned(arg: &Arg, count: usize) -> bool {
    count.is_multiple_of(4) && arg.size() > 0
}

/// Declares a buffer and the function that reads four of its elements from `at` on, `across` apart; those that are not valid are zeros.
/// Aligned ones lie next to each other, from a multiple of 4 on, and are valid together.
pub(super) fn fours(binding: usize, name: &str, element: &str, aligned: bool) -> String {
    let (stored, body) = if aligned {
        (format!("vec4<{element}>"), format!("return select(vec4<{element}>(), {name}[select(0u, at / 4u, valid.x)], valid.x);"))
    } else {
        let values = ["x", "y", "z", "w"].map(|i| format!("{name}[from_at.{i}]")).join(", ");
        (
            element.to_string(),
            format!(
                "let from_at = select(vec4(0u), at + across * vec4(0u, 1u, 2u, 3u), valid);\n    \
                 return select(vec4<{element}>(), vec4({values}), valid);"
            ),
        )
    };
    format!(
        "@group(0) @binding({binding}) var<storage, read> {name}: array<{stored}>;\n\
         fn four_of_{name}(at: u32, across: u32, valid: vec4<bool>) -> vec4<{element}> {{\n    {body}\n}}"
    )
}
