// Finds the first and the last update of each target: one invocation an update. Maxima of integers do not depend on the order.

struct Args { count: u32, length: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
// For each target the count minus the first place, and the last place plus one; zeros where nothing arrives.
@group(0) @binding(2) var<storage, read_write> ends: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let place = id.x + id.y * groups.x * 64u;
    if place >= args.count {
        return;
    }
    let length = i32(args.length);
    let index = indices[place];
    let at = u32(clamp(select(index, index + length, index < 0), 0, length - 1));
    atomicMax(&ends[2u * at], args.count - place);
    atomicMax(&ends[2u * at + 1u], place + 1u);
}
