// A linear map along the middle one of three axes: one invocation an element of the result, the weighted sum of some neighbours.

struct Args { total: u32, length: u32, count: u32, taps: u32, inner: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> starts: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let row = i / args.inner % args.count;
    let first = i / (args.inner * args.count) * args.length + u32(starts[row]);
    var sum = 0.0;
    for (var tap = 0u; tap < args.taps; tap++) {
        let weight = weights[row * args.taps + tap];
        // What a weight of zero stands for may lie outside, or not be a number.
        if weight != 0.0 {
            sum += weight * input[(first + tap) * args.inner + i % args.inner];
        }
    }
    output[i] = sum;
}
