// Takes elements at given positions along the middle one of three axes: one invocation an element of the result.

struct Args { total: u32, length: u32, count: u32, inner: u32, index_row: u32, index_place: u32, index_column: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let column = i % args.inner;
    let place = (i / args.inner) % args.count;
    let row = i / (args.inner * args.count);
    let index = indices[row * args.index_row + place * args.index_place + column * args.index_column];
    let length = i32(args.length);
    let at = u32(clamp(select(index, index + length, index < 0), 0, length - 1));
    output[i] = input[(row * args.length + at) * args.inner + column];
}
