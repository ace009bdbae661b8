// Adds the partial filter gradients of all chunks, in order: one invocation an element.

struct Args { size: u32, chunks: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.size {
        return;
    }
    var sum = 0.0;
    for (var chunk = 0u; chunk < args.chunks; chunk++) {
        sum += partial[chunk * args.size + i];
    }
    output[i] = sum;
}
