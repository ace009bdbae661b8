// Average pooling: the mean of what each window sees, padding not counted; one invocation an output.

// <begin use math>
// <end use math>
// <begin use random>
// <end use random>

struct Args {
    total: u32, channels: u32, rows: u32, columns: u32, source_rows: i32, source_columns: i32,
    high: i32, wide: i32, row_stride: i32, column_stride: i32, top: i32, left: i32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

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
    let y = i32(pixel / args.columns % args.rows) * args.row_stride - args.top;
    let x = i32(pixel % args.columns) * args.column_stride - args.left;
    let image = pixel / (args.columns * args.rows) * u32(args.source_rows * args.source_columns);
    var sum = 0.0;
    var count = 0;
    for (var row = max(y, 0); row < min(y + args.high, args.source_rows); row++) {
        for (var column = max(x, 0); column < min(x + args.wide, args.source_columns); column++) {
            sum += input[(image + u32(row * args.source_columns + column)) * args.channels + channel];
            count++;
        }
    }
    output[at] = finish(sum / f32(max(count, 1)), at);
}
