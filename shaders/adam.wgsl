// Adam: one invocation a parameter; nothing changes where the flag is set.

struct Args { count: u32, alpha: f32, keep_1: f32, keep_2: f32, epsilon: f32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> flag: array<u32>;
@group(0) @binding(3) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(4) var<storage, read_write> momentum: array<f32>;
@group(0) @binding(5) var<storage, read_write> velocity: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.count || flag[0] != 0u {
        return;
    }
    let g = gradient[i];
    let m = momentum[i] + (g - momentum[i]) * args.keep_1;
    let v = velocity[i] + (g * g - velocity[i]) * args.keep_2;
    momentum[i] = m;
    velocity[i] = v;
    parameter[i] -= m * args.alpha / (sqrt(v) + args.epsilon);
}
