// Cross-entropy of rows of logits: of each row the loss, what shifts its exponentials, the logarithm of their sum, and the targets' sum.

// <begin use math>
fn log_accurate(x: f32) -> f32 { return log(x); }
// <end use math>
// <begin use exponentials>
fn shift_and_sum(first: u32, end: u32, i: u32, lowest: f32) -> vec2<f32> { return vec2(0.0, 1.0); }
// <end use exponentials>

struct Args { rows: u32, length: u32, lowest: f32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> shifts: array<f32>;
@group(0) @binding(5) var<storage, read_write> logarithms: array<f32>;
@group(0) @binding(6) var<storage, read_write> totals: array<f32>;
fn value(at: u32) -> f32 { return logits[at]; }

// <begin lanes>
const GROUP = 64u;
const LANES = 1u;
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
fn max_lanes(x: f32, i: u32) -> f32 { return x; }
// <end lanes>

// What one invocation adds to a row's loss and to the sum of its targets; `log_sum` is the logarithm of the shifted sum.
// <begin target>
@group(0) @binding(1) var<storage, read> targets: array<i32>;
fn share(row: u32, first: u32, end: u32, shift: f32, log_sum: f32) -> vec2<f32> {
    let start = row * args.length;
    if first != start || first >= end {
        return vec2(0.0);
    }
    let label = u32(clamp(targets[row], 0, i32(args.length) - 1));
    return vec2(log_sum - (logits[start + label] - shift), 1.0);
}
// <end target>

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
    let shift = found.x;
    let log_sum = log_accurate(found.y);
    let own = share(row, first, end, shift, log_sum);
    let entropy = sum_lanes(own.x, i);
    let total = sum_lanes(own.y, i);
    if i % LANES == 0u && row < args.rows {
        loss[row] = entropy;
        shifts[row] = shift;
        logarithms[row] = log_sum;
        totals[row] = total;
    }
}
