// Writes a tensor into a larger, filled one: one invocation an element of the result, up to 8 axes.

struct Args {
    total: u32, value: u32, unused0: u32, unused1: u32,
    shape: array<vec4<u32>, 2>,
    size: array<vec4<u32>, 2>,
    start: array<vec4<i32>, 2>,
    step: array<vec4<i32>, 2>,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    var rest = i;
    var at = 0u;
    var stride = 1u;
    var inside = true;
    for (var k = 0u; k < 8u; k++) {
        let axis = 7u - k;
        let shape = args.shape[axis / 4u][axis % 4u];
        let size = args.size[axis / 4u][axis % 4u];
        let step = args.step[axis / 4u][axis % 4u];
        let distance = i32(rest % shape) - args.start[axis / 4u][axis % 4u];
        let place = distance / step;
        inside = inside && place * step == distance && place >= 0 && place < i32(size);
        at += u32(max(place, 0)) * stride;
        stride *= size;
        rest /= shape;
    }
    if inside {
        output[i] = input[at];
    } else {
        output[i] = args.value;
    }
}
