// Rows for sorting, padded to a power of two: for each element a key that sorts as it does (NaN last, -0 as 0), and its place.

struct Args { total: u32, padded: u32, length: u32, descending: u32 }
@group(0) @binding(0) var<uniform> args: Args;

// <begin order>
fn order(word: u32) -> u32 {
    let magnitude = word & 0x7fffffffu;
    let number = select(magnitude | 0x80000000u, ~word, word > 0x80000000u);
    return select(number, 0xffffffffu, magnitude > 0x7f800000u);
}
// <end order>

@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> pairs: array<vec2<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let place = i % args.padded;
    var key = 0xffffffffu;
    if place < args.length {
        key = order(input[i / args.padded * args.length + place]);
        key = select(key, ~key, args.descending != 0u);
    }
    pairs[i] = vec2(key, place);
}
