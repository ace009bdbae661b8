// Adds updates up, or folds them otherwise, at the targets of one list of indices: one invocation owns an element and follows its target's updates in order.

// <begin use math>
// <end use math>

struct Args { total: u32, length: u32, count: u32, inner: u32 }
@group(0) @binding(0) var<uniform> args: Args;

// <begin element>
alias Element = f32;
fn start() -> Element { return 0.0; }
fn combine(a: Element, b: Element) -> Element { return a + b; }
// <end element>

@group(0) @binding(1) var<storage, read> ends: array<u32>;
@group(0) @binding(2) var<storage, read> next: array<u32>;
@group(0) @binding(3) var<storage, read> updates: array<Element>;
@group(0) @binding(4) var<storage, read_write> output: array<Element>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let column = i % args.inner;
    let own = (i / args.inner) % args.length;
    let row = i / (args.inner * args.length);
    var sum = start();
    var place = args.count - ends[2u * own];
    while place < args.count {
        sum = combine(sum, updates[(row * args.count + place) * args.inner + column]);
        place = next[place];
    }
    output[i] = sum;
}
