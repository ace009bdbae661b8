// Adds the sums of all chunks, and turns a run of rows into their gradient; the first run writes those of gamma and beta.

// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>

struct Args {
    rows: u32, columns: u32, chunks: u32, run: u32, scaled: u32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> upstream: array<f32>;
@group(0) @binding(4) var<storage, read> gamma: array<f32>;
@group(0) @binding(5) var<storage, read> partial: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;
@group(0) @binding(7) var<storage, read_write> gamma_gradient: array<f32>;
@group(0) @binding(8) var<storage, read_write> beta_gradient: array<f32>;

// <begin finish>
fn finish(value: f32, i: u32) -> f32 { return value; }
// <end finish>

// <begin lanes>
const GROUP = 64u;
const LANES = 1u;
const STRIDE = 64u;
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
// <end lanes>

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) i: u32) {
    let column = group.x * STRIDE + i % STRIDE;
    let lane = i / STRIDE;
    let known = min(column, args.columns - 1u);
    var sum = 0.0;
    var along = 0.0;
    for (var chunk = lane; chunk < args.chunks; chunk += LANES) {
        let at = chunk * 2u * args.columns + known;
        sum += partial[at];
        along += partial[at + args.columns];
    }
    sum = sum_lanes(sum, i);
    along = sum_lanes(along, i);
    let mean = moments[known];
    let deviation = moments[args.columns + known];
    let scale = deviation * select(1.0, gamma[known], args.scaled != 0u);
    let end = select(0u, min((group.y + 1u) * args.run, args.rows), column < args.columns);
    let count = f32(args.rows);
    for (var row = group.y * args.run + lane; row < end; row += LANES) {
        let at = row * args.columns + column;
        let normal = (input[at] - mean) * deviation;
        output[at] = finish((upstream[at] - sum / count - normal * (along / count)) * scale, at);
    }
    if group.y == 0u && lane == 0u && column < args.columns {
        gamma_gradient[column] = along;
        beta_gradient[column] = sum;
    }
}
