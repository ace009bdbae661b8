// Normalises rows by their own mean and variance, and keeps both: LANES invocations a row, which is read three times.

struct Args { rows: u32, length: u32, epsilon: f32, centred: u32, scaled: u32, moved: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read_write> means: array<f32>;
@group(0) @binding(6) var<storage, read_write> scales: array<f32>;

// <begin lanes>
const GROUP = 64u;
const LANES = 1u;
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
// <end lanes>

@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) i: u32,
) {
    let row = (group.x + group.y * groups.x) * (GROUP / LANES) + i / LANES;
    // Rows beyond the last one are empty.
    let lane = i % LANES;
    let start = row * args.length;
    let length = select(0u, args.length, row < args.rows);
    var mean = 0.0;
    for (var at = lane; at < length; at += LANES) {
        mean += input[start + at];
    }
    mean = select(0.0, sum_lanes(mean, i) / f32(args.length), args.centred != 0u);
    var variance = 0.0;
    for (var at = lane; at < length; at += LANES) {
        let distance = input[start + at] - mean;
        variance += distance * distance;
    }
    variance = sum_lanes(variance, i) / f32(args.length);
    let scale = 1.0 / sqrt(variance + args.epsilon);
    for (var at = lane; at < length; at += LANES) {
        let normal = (input[start + at] - mean) * scale;
        let scaled = normal * select(1.0, gamma[at], args.scaled != 0u);
        output[start + at] = scaled + select(0.0, beta[at], args.moved != 0u);
    }
    if lane == 0u && row < args.rows {
        means[row] = mean;
        scales[row] = scale;
    }
}
