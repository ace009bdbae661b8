// Softmax of rows, or its logarithm: LANES invocations a row, which is read three times.

// <begin use math>
fn exp_accurate(x: f32) -> f32 { return exp(x); }
fn log_accurate(x: f32) -> f32 { return log(x); }
// <end use math>
// <begin use exponentials>
fn shift_and_sum(first: u32, end: u32, i: u32, lowest: f32) -> vec2<f32> { return vec2(0.0, 1.0); }
// <end use exponentials>

struct Args { rows: u32, length: u32, lowest: f32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
fn value(at: u32) -> f32 { return input[at]; }

// <begin lanes>
const GROUP = 64u;
const LANES = 1u;
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
fn max_lanes(x: f32, i: u32) -> f32 { return x; }
// <end lanes>

// <begin result>
fn result(shifted: f32, sum: f32) -> f32 { return exp_accurate(shifted) / sum; }
// <end result>

@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) i: u32,
) {
    let row = (group.x + group.y * groups.x) * (GROUP / LANES) + i / LANES;
    // Rows beyond the last one are empty.
    let first = row * args.length + i % LANES;
    let end = select(0u, (row + 1u) * args.length, row < args.rows);
    let found = shift_and_sum(first, end, i, args.lowest);
    for (var at = first; at < end; at += LANES) {
        output[at] = result(input[at] - found.x, found.y);
    }
}
