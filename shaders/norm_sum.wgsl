// Adds what all slots gave the gradients of gamma and beta: LANES invocations a column.

struct Args { length: u32, slots: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> gamma: array<f32>;
@group(0) @binding(3) var<storage, read_write> beta: array<f32>;

// <begin lanes>
const GROUP = 64u;
const LANES = 1u;
const STRIDE = 64u;
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
// <end lanes>

@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) i: u32,
) {
    let column = (group.x + group.y * groups.x) * STRIDE + i % STRIDE;
    let slots = select(0u, args.slots, column < 2u * args.length);
    var sum = 0.0;
    for (var slot = i / STRIDE; slot < slots; slot += LANES) {
        sum += partial[slot * 2u * args.length + column];
    }
    sum = sum_lanes(sum, i);
    if i < STRIDE && column < args.length {
        gamma[column] = sum;
    } else if i < STRIDE && column < 2u * args.length {
        beta[column - args.length] = sum;
    }
}
