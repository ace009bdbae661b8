// Combines the moments of all chunks, and normalises a run of rows by them; the first run writes the moments and moves the moving ones.

struct Args {
    rows: u32, columns: u32, chunk: u32, chunks: u32, run: u32, scaled: u32, moved: u32, epsilon: f32, momentum: f32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> partial: array<f32>;
@group(0) @binding(3) var<storage, read> moving_mean: array<f32>;
@group(0) @binding(4) var<storage, read> moving_variance: array<f32>;
@group(0) @binding(5) var<storage, read> gamma: array<f32>;
@group(0) @binding(6) var<storage, read> beta: array<f32>;
@group(0) @binding(7) var<storage, read_write> output: array<f32>;
@group(0) @binding(8) var<storage, read_write> moments: array<f32>;
@group(0) @binding(9) var<storage, read_write> moved_mean: array<f32>;
@group(0) @binding(10) var<storage, read_write> moved_variance: array<f32>;

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
    var mean = 0.0;
    for (var chunk = lane; chunk < args.chunks; chunk += LANES) {
        mean += partial[chunk * 2u * args.columns + known] * size(chunk);
    }
    mean = sum_lanes(mean, i) / f32(args.rows);
    var variance = 0.0;
    for (var chunk = lane; chunk < args.chunks; chunk += LANES) {
        let at = chunk * 2u * args.columns + known;
        let distance = partial[at] - mean;
        variance += partial[at + args.columns] + size(chunk) * distance * distance;
    }
    variance = sum_lanes(variance, i) / f32(args.rows);
    let deviation = 1.0 / sqrt(variance + args.epsilon);
    let scale = deviation * select(1.0, gamma[known], args.scaled != 0u);
    let shift = select(0.0, beta[known], args.moved != 0u);
    let end = select(0u, min((group.y + 1u) * args.run, args.rows), column < args.columns);
    for (var row = group.y * args.run + lane; row < end; row += LANES) {
        let at = row * args.columns + column;
        output[at] = (input[at] - mean) * scale + shift;
    }
    if group.y == 0u && lane == 0u && column < args.columns {
        moments[column] = mean;
        moments[args.columns + column] = deviation;
        moved_mean[column] = moving_mean[column] * args.momentum + mean * (1.0 - args.momentum);
        moved_variance[column] = moving_variance[column] * args.momentum + variance * (1.0 - args.momentum);
    }
}

// Rows of a chunk.
fn size(chunk: u32) -> f32 {
    return f32(min(args.chunk, args.rows - chunk * args.chunk));
}
