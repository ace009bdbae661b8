// Gradient of max pooling: one invocation an input value, which asks the windows covering it whether it was their largest.

// <begin use math>
// <end use math>
// <begin use random>
// <end use random>

struct Args {
    total: u32, channels: u32, rows: i32, columns: i32, source_rows: u32, source_columns: u32,
    high: i32, wide: i32, row_stride: i32, column_stride: i32, top: i32, left: i32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> upstream: array<f32>;
@group(0) @binding(2) var<storage, read> places: array<i32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

// <begin finish>
fn finish(value: f32, i: u32) -> f32 { return value; }
// <end finish>

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = id.x + id.y * groups.x * 64u;
    if at >= args.total {
        return;
    }
    let channel = at % args.channels;
    let pixel = at / args.channels;
    let row = i32(pixel / args.source_columns % args.source_rows);
    let column = i32(pixel % args.source_columns);
    let image = pixel / (args.source_columns * args.source_rows) * u32(args.rows * args.columns);
    let here = row * i32(args.source_columns) + column;
    // The first window that may cover this value, and the last.
    let y = row + args.top;
    let x = column + args.left;
    let first_p = (max(y - args.high + 1, 0) + args.row_stride - 1) / args.row_stride;
    let first_q = (max(x - args.wide + 1, 0) + args.column_stride - 1) / args.column_stride;
    var sum = 0.0;
    for (var p = first_p; p <= min(y / args.row_stride, args.rows - 1); p++) {
        for (var q = first_q; q <= min(x / args.column_stride, args.columns - 1); q++) {
            let window = (image + u32(p * args.columns + q)) * args.channels + channel;
            sum += select(0.0, upstream[window], places[window] == here);
        }
    }
    output[at] = finish(sum, at);
}
