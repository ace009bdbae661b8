// New values, or old ones again after a skipped step: one invocation a word of each pair.

struct Args {
    // <begin sizes>
    size0: u32,
    // <end sizes>
}
struct Control { skipped: f32, iterations: u32, scale: f32, good: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> control: Control;
// <begin values>
@group(0) @binding(2) var<storage, read> old0: array<u32>;
@group(0) @binding(3) var<storage, read> new0: array<u32>;
@group(0) @binding(4) var<storage, read_write> chosen0: array<u32>;
// <end values>

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    let skipped = control.skipped != 0.0;
    // <begin choices>
    if i < args.size0 { chosen0[i] = select(new0[i], old0[i], skipped); }
    // <end choices>
}
