// One step of a bitonic sorting network: pairs `step` apart change places where they stand wrongly in their span.

struct Args { count: u32, padded: u32, span: u32, step: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read_write> pairs: array<vec2<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.count {
        return;
    }
    let low = i / args.step * args.step * 2u + i % args.step;
    let a = pairs[low];
    let b = pairs[low + args.step];
    let above = a.x > b.x || (a.x == b.x && a.y > b.y);
    let descending = (low % args.padded & args.span) != 0u;
    if above != descending {
        pairs[low] = b;
        pairs[low + args.step] = a;
    }
}
