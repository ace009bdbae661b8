// How often numbers stand in rows of integers: one workgroup a row and a part of its bins, counting whole numbers in its memory.

struct Args { total: u32, length: u32, bins: u32, parts: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

const PART = 256u;
var<workgroup> counts: array<atomic<u32>, PART>;

@compute @workgroup_size(64)
fn main(
    @builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>
) {
    let at = group.x + group.y * groups.x;
    let row = at / args.parts;
    let first = at % args.parts * PART;
    for (var bin = lane; bin < PART; bin += 64u) {
        atomicStore(&counts[bin], 0u);
    }
    workgroupBarrier();
    if at < args.total {
        for (var i = lane; i < args.length; i += 64u) {
            // Below the part's first bin it is larger than any.
            let bin = input[row * args.length + i] - first;
            if bin < PART {
                atomicAdd(&counts[bin], 1u);
            }
        }
    }
    workgroupBarrier();
    if at < args.total {
        for (var bin = lane; bin < min(PART, args.bins - first); bin += 64u) {
            output[row * args.bins + first + bin] = f32(atomicLoad(&counts[bin]));
        }
    }
}
