// Bitonic sorting of the spans `first` to `last` within tiles of 512 pairs, which lie in workgroup memory meanwhile.

struct Args { total: u32, padded: u32, first: u32, last: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read_write> pairs: array<vec2<u32>>;

var<workgroup> tile: array<vec2<u32>, 512>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let start = (group.x + group.y * groups.x) * 512u;
    for (var at = lane; at < 512u; at += 256u) {
        if start + at < args.total {
            tile[at] = pairs[start + at];
        }
    }
    for (var span = args.first; span <= args.last; span *= 2u) {
        for (var step = min(span / 2u, 256u); step > 0u; step /= 2u) {
            workgroupBarrier();
            let low = lane / step * step * 2u + lane % step;
            let a = tile[low];
            let b = tile[low + step];
            let above = a.x > b.x || (a.x == b.x && a.y > b.y);
            let descending = ((start + low) % args.padded & span) != 0u;
            if above != descending {
                tile[low] = b;
                tile[low + step] = a;
            }
        }
    }
    workgroupBarrier();
    for (var at = lane; at < 512u; at += 256u) {
        if start + at < args.total {
            pairs[start + at] = tile[at];
        }
    }
}
