// Gradient of normalised rows: LANES invocations take every `slots`-th row, and add up what it gives the gradients of gamma and beta.

struct Args { rows: u32, length: u32, slots: u32, centred: u32, scaled: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> means: array<f32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> upstream: array<f32>;
@group(0) @binding(5) var<storage, read> gamma: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;
@group(0) @binding(7) var<storage, read_write> partial: array<f32>;

// <begin lanes>
const GROUP = 64u;
const LANES = 1u;
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
// <end lanes>

fn gamma_at(at: u32) -> f32 {
    return select(1.0, gamma[at], args.scaled != 0u);
}

@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) i: u32,
) {
    let slot = (group.x + group.y * groups.x) * (GROUP / LANES) + i / LANES;
    let lane = i % LANES;
    let sums = slot * 2u * args.length;
    for (var first = 0u; first < args.rows; first += args.slots) {
        let row = first + slot;
        // Rows and slots beyond the last one are empty.
        let length = select(0u, args.length, row < args.rows && slot < args.slots);
        let start = row * args.length;
        let known = min(row, args.rows - 1u);
        let mean = means[known];
        let scale = scales[known];
        var sum = 0.0;
        var along = 0.0;
        for (var at = lane; at < length; at += LANES) {
            let g = upstream[start + at] * gamma_at(at);
            sum += g;
            along += g * ((input[start + at] - mean) * scale);
        }
        sum = select(0.0, sum_lanes(sum, i) / f32(args.length), args.centred != 0u);
        along = sum_lanes(along, i) / f32(args.length);
        for (var at = lane; at < length; at += LANES) {
            let dy = upstream[start + at];
            let normal = (input[start + at] - mean) * scale;
            output[start + at] = scale * (dy * gamma_at(at) - sum - normal * along);
            let before = vec2(partial[sums + at], partial[sums + args.length + at]);
            let after = select(before, vec2(0.0), first == 0u) + vec2(dy * normal, dy);
            partial[sums + at] = after.x;
            partial[sums + args.length + at] = after.y;
        }
    }
}
