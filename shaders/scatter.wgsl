// Adds updates up, or folds them otherwise, at given positions along the middle one of three axes: one invocation owns an element and walks all updates in order.

// <begin use math>
// <end use math>

struct Args { total: u32, length: u32, count: u32, inner: u32, index_row: u32, index_place: u32, index_column: u32 }
@group(0) @binding(0) var<uniform> args: Args;

// <begin element>
alias Element = f32;
fn start() -> Element { return 0.0; }
fn combine(a: Element, b: Element) -> Element { return a + b; }
// <end element>

@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read> updates: array<Element>;
@group(0) @binding(3) var<storage, read_write> output: array<Element>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= args.total {
        return;
    }
    let column = i % args.inner;
    let own = i32((i / args.inner) % args.length);
    let row = i / (args.inner * args.length);
    let length = i32(args.length);
    var sum = start();
    for (var place = 0u; place < args.count; place++) {
        let index = indices[row * args.index_row + place * args.index_place + column * args.index_column];
        if clamp(select(index, index + length, index < 0), 0, length - 1) == own {
            sum = combine(sum, updates[(row * args.count + place) * args.inner + column]);
        }
    }
    output[i] = sum;
}
