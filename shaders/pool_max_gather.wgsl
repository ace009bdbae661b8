// Reads what lies at the places that max pooling chose: one invocation an output, zero for a window that saw nothing.

struct Args { total: u32, channels: u32, outputs: u32, source: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> places: array<i32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = id.x + id.y * groups.x * 64u;
    if at >= args.total {
        return;
    }
    let place = places[at];
    let image = at / args.outputs * args.source;
    let value = input[(image + u32(max(place, 0))) * args.channels + at % args.channels];
    output[at] = select(0.0, value, place >= 0);
}
