// Gradient of the cross-entropy of integer labels for the logits: one invocation an element.

// <begin use math>
fn exp_accurate(x: f32) -> f32 { return exp(x); }
// <end use math>

struct Args { total: u32, length: u32, upstream_offset: u32, upstream_step: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read> shifts: array<f32>;
@group(0) @binding(4) var<storage, read> logarithms: array<f32>;
@group(0) @binding(5) var<storage, read> upstream: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = id.x + id.y * groups.x * 64u;
    if at >= args.total {
        return;
    }
    let row = at / args.length;
    let label = u32(clamp(labels[row], 0, i32(args.length) - 1));
    let hit = select(0.0, 1.0, at % args.length == label);
    output[at] = (exp_accurate(logits[at] - shifts[row] - logarithms[row]) - hit) * upstream[args.upstream_offset + row * args.upstream_step];
}
