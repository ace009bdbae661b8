// Gradient of a softmax of rows, or of its logarithm, from its result: LANES invocations a row.

// <begin use math>
fn exp_accurate(x: f32) -> f32 { return exp(x); }
// <end use math>

struct Args { rows: u32, length: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> result: array<f32>;
@group(0) @binding(2) var<storage, read> upstream: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

// <begin lanes>
const GROUP = 64u;
const LANES = 1u;
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
// <end lanes>

// <begin gradient>
fn term(y: f32, dy: f32) -> f32 { return y * dy; }
fn gradient(y: f32, dy: f32, sum: f32) -> f32 { return y * (dy - sum); }
// <end gradient>

@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) i: u32,
) {
    let row = (group.x + group.y * groups.x) * (GROUP / LANES) + i / LANES;
    let first = row * args.length + i % LANES;
    let end = select(0u, (row + 1u) * args.length, row < args.rows);
    var sum = 0.0;
    for (var at = first; at < end; at += LANES) {
        sum += term(result[at], upstream[at]);
    }
    sum = sum_lanes(sum, i);
    for (var at = first; at < end; at += LANES) {
        output[at] = gradient(result[at], upstream[at], sum);
    }
}
