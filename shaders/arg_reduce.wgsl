// The place of the best element along the middle one of three axes, the first one of several: one invocation a line.

// <begin use math>
fn is_nan(x: f32) -> bool { return x != x; }
// <end use math>

struct Args { total: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<uniform> args: Args;

// <begin element>
alias Element = f32;
fn better(a: Element, b: Element) -> bool { return !is_nan(b) && (is_nan(a) || a > b); }
// <end element>

@group(0) @binding(1) var<storage, read> input: array<Element>;
@group(0) @binding(2) var<storage, read_write> output: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let first = (i / args.inner) * args.length * args.inner + i % args.inner;
    var best = input[first];
    var place = 0u;
    for (var at = 1u; at < args.length; at++) {
        let x = input[first + at * args.inner];
        if better(x, best) {
            best = x;
            place = at;
        }
    }
    output[i] = i32(place);
}
