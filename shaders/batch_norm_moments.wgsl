// Mean and sum of squared distances from it of each column, over a chunk of the rows: LANES invocations a column.

struct Args { rows: u32, columns: u32, chunk: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

// <begin lanes>
const GROUP = 64u;
const LANES = 1u;
const STRIDE = 64u;
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
// <end lanes>

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) i: u32) {
    let column = group.x * STRIDE + i % STRIDE;
    let first = group.y * args.chunk;
    let last = min(first + args.chunk, args.rows);
    // Columns beyond the last one are empty.
    let end = select(0u, last, column < args.columns);
    var mean = 0.0;
    for (var row = first + i / STRIDE; row < end; row += LANES) {
        mean += input[row * args.columns + column];
    }
    mean = sum_lanes(mean, i) / f32(last - first);
    var squares = 0.0;
    for (var row = first + i / STRIDE; row < end; row += LANES) {
        let distance = input[row * args.columns + column] - mean;
        squares += distance * distance;
    }
    squares = sum_lanes(squares, i);
    if i < STRIDE && column < args.columns {
        let at = group.y * 2u * args.columns + column;
        partial[at] = mean;
        partial[at + args.columns] = squares;
    }
}
