// Sums of the upstream gradient, and of its product with the normal form, of each column over a chunk of rows: LANES invocations a column.

struct Args { rows: u32, columns: u32, chunk: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> upstream: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;

// <begin lanes>
const GROUP = 64u;
const LANES = 1u;
const STRIDE = 64u;
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
// <end lanes>

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) i: u32) {
    let column = group.x * STRIDE + i % STRIDE;
    let known = min(column, args.columns - 1u);
    let mean = moments[known];
    let deviation = moments[args.columns + known];
    let first = group.y * args.chunk;
    // Columns beyond the last one are empty.
    let end = select(0u, min(first + args.chunk, args.rows), column < args.columns);
    var sum = 0.0;
    var along = 0.0;
    for (var row = first + i / STRIDE; row < end; row += LANES) {
        let at = row * args.columns + column;
        sum += upstream[at];
        along += upstream[at] * ((input[at] - mean) * deviation);
    }
    sum = sum_lanes(sum, i);
    along = sum_lanes(along, i);
    if i < STRIDE && column < args.columns {
        let at = group.y * 2u * args.columns + column;
        partial[at] = sum;
        partial[at + args.columns] = along;
    }
}
