// Reduction of the middle one of three axes: one invocation folds one chunk of it, in order.

// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>
// <begin use random>
// <end use random>

struct Args {
    total: u32, length: u32, inner: u32, chunks: u32, chunk: u32, low: u32,
    // <begin load args>
    // <end load args>
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> args: Args;

// <begin element>
const GROUP = 64u;
alias Element = f32;
fn start() -> Element { return 0.0; }
fn combine(a: Element, b: Element) -> Element { return a + b; }
// <end element>

// <begin load>
@group(0) @binding(1) var<storage, read> input: array<Element>;
fn load(i: u32) -> Element { return input[i]; }
// <end load>

// <begin output>
@group(0) @binding(2) var<storage, read_write> output: array<Element>;
// <end output>

// <begin finish>
fn finish(value: Element, i: u32) -> Element { return value; }
// <end finish>

// Longer runs are summed apart, which keeps the error small.
const RUN = 256u;

@compute @workgroup_size(GROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * GROUP;
    if i >= args.total {
        return;
    }
    let column = i % args.inner;
    let chunk = (i / args.inner) % args.chunks;
    let row = i / (args.inner * args.chunks);
    let first = chunk * args.chunk;
    let last = min(first + args.chunk, args.length);
    var sum = start();
    for (var run = first; run < last; run += RUN) {
        var part = start();
        for (var at = run; at < min(run + RUN, last); at++) {
            part = combine(part, load((row * args.length + at) * args.inner + column));
        }
        sum = combine(sum, part);
    }
    output[i] = finish(sum, i);
}
