// Adds up what windows have of each element, from (N, outputs, M, taps, C) to (N, L, M, C): one invocation an element of the result.

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
    let row = i / args.inner;
    let place = row / args.middle % args.length;
    let sample = row / (args.middle * args.length);
    var sum = 0.0;
    for (var tap = 0u; tap < args.taps; tap++) {
        // Of a window before the first it is larger than any other.
        let distance = place + args.before - tap * args.dilation;
        let window = distance / args.stride;
        if window * args.stride == distance && window < args.outputs {
            let at = ((sample * args.outputs + window) * args.middle + row % args.middle) * args.taps + tap;
            sum += input[at * args.inner + i % args.inner];
        }
    }
    output[i] = sum;
}
