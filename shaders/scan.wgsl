// Running sums along the middle one of three axes: one invocation a line, in order.

struct Args { total: u32, length: u32, inner: u32, reverse: u32, exclusive: u32 }
@group(0) @binding(0) var<uniform> args: Args;

// <begin element>
alias Element = f32;
// <end element>

@group(0) @binding(1) var<storage, read> input: array<Element>;
@group(0) @binding(2) var<storage, read_write> output: array<Element>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let first = (i / args.inner) * args.length * args.inner + i % args.inner;
    var sum = Element(0);
    for (var step = 0u; step < args.length; step++) {
        let at = first + select(step, args.length - 1u - step, args.reverse != 0u) * args.inner;
        let next = sum + input[at];
        output[at] = select(next, sum, args.exclusive != 0u);
        sum = next;
    }
}
