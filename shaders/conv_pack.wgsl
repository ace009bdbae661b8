// Lays a filter out as conv.wgsl wants it, taps x inputs x outputs with the outputs filled up to a multiple of 4: one invocation a value.

struct Args { total: u32, inputs: u32, outputs: u32, padded: u32, input_step: u32, output_step: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = id.x + id.y * groups.x * 64u;
    if at >= args.total {
        return;
    }
    let channel = at % args.padded;
    let tap = at / args.padded / args.inputs;
    let input = at / args.padded % args.inputs;
    let place = tap * args.inputs * args.outputs + input * args.input_step + min(channel, args.outputs - 1u) * args.output_step;
    packed[at] = select(0.0, weights[place], channel < args.outputs);
}
