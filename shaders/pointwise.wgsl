// Pointwise kernel: one invocation a word of the output. The plan replaces the blocks by those of a fused chain.

// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>

// <begin args>
@group(0) @binding(0) var<uniform> args: array<vec4<u32>, 1>;
// <end args>

// <begin body>
@group(0) @binding(1) var<storage, read> input0: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
fn compute(i: u32) { output[i] = input0[i]; }
// <end body>

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i < args[0].x {
        compute(i);
    }
}
