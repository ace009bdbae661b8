// y[t] = a[t] * y[t - 1] + b[t] along the middle one of three axes, or with the a of the step before: one invocation a line, in order.

struct Args { total: u32, length: u32, inner: u32, reverse: u32, shifted: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let first = (i / args.inner) * args.length * args.inner + i % args.inner;
    var before = 0u;
    var y = 0.0;
    for (var step = 0u; step < args.length; step++) {
        let at = first + select(step, args.length - 1u - step, args.reverse != 0u) * args.inner;
        if step == 0u {
            y = b[at];
        } else {
            y = a[select(at, before, args.shifted != 0u)] * y + b[at];
        }
        output[at] = y;
        before = at;
    }
}
