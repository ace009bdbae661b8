// Windows along the second axis of (N, L, M, C) side by side, as (N, outputs, M, taps, C): one invocation an element of the result.

struct Args {
    total: u32, length: u32, outputs: u32, middle: u32, taps: u32, inner: u32, stride: u32, dilation: u32, before: u32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let tap = i / args.inner % args.taps;
    let row = i / (args.inner * args.taps);
    let window = row / args.middle % args.outputs;
    let sample = row / (args.middle * args.outputs);
    // Before the axis it is larger than any length.
    let place = window * args.stride + tap * args.dilation - args.before;
    if place < args.length {
        output[i] = input[((sample * args.length + place) * args.middle + row % args.middle) * args.inner + i % args.inner];
    } else {
        output[i] = 0.0;
    }
}
