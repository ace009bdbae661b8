// Finds the next update with the same target: one invocation an update, which walks forward; the last one of a target gets the count.

struct Args { count: u32, length: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read> ends: array<u32>;
@group(0) @binding(3) var<storage, read_write> next: array<u32>;

fn target_of(place: u32) -> u32 {
    let length = i32(args.length);
    let index = indices[place];
    return u32(clamp(select(index, index + length, index < 0), 0, length - 1));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let place = id.x + id.y * groups.x * 64u;
    if place >= args.count {
        return;
    }
    let own = target_of(place);
    let last = ends[2u * own + 1u] - 1u;
    var other = args.count;
    if place < last {
        other = place + 1u;
        while other < last && target_of(other) != own {
            other++;
        }
    }
    next[place] = other;
}
