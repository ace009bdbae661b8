// Gradient of average pooling: one invocation 4 channels of an input, which sums its share of each window covering it.

// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>

struct Args {
    total: u32, channels: u32, rows: i32, columns: i32, source_rows: i32, source_columns: i32,
    high: i32, wide: i32, row_stride: i32, column_stride: i32, top: i32, left: i32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> given: Args;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

// Software drivers read uniforms slowly inside of loops.
var<private> args: Args;

// <begin upstream>
@group(0) @binding(1) var<storage, read> upstream: array<f32>;
fn four_of_upstream(at: u32, across: u32, valid: vec4<bool>) -> vec4<f32> { return vec4<f32>(); }
// <end upstream>

// <begin finish>
fn finish(value: f32, i: u32) -> f32 { return value; }
// <end finish>

// Input positions that output `at` of an axis sees.
fn seen(at: i32, stride: i32, pad: i32, window: i32, size: i32) -> i32 {
    let start = at * stride - pad;
    return min(start + window, size) - max(start, 0);
}

const FOUR = vec4(0u, 1u, 2u, 3u);

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    args = given;
    let at = id.x + id.y * groups.x * 64u;
    if at >= args.total {
        return;
    }
    let blocks = (args.channels + 3u) / 4u;
    let channel = at % blocks * 4u;
    let valid = channel + FOUR < vec4(args.channels);
    let pixel = i32(at / blocks);
    let image = pixel / (args.source_columns * args.source_rows) * args.rows * args.columns;
    // The first window that may cover this value, and the last.
    let y = pixel / args.source_columns % args.source_rows + args.top;
    let x = pixel % args.source_columns + args.left;
    let first_p = (max(y - args.high + 1, 0) + args.row_stride - 1) / args.row_stride;
    let first_q = (max(x - args.wide + 1, 0) + args.column_stride - 1) / args.column_stride;
    var sum = vec4(0.0);
    for (var p = first_p; p <= min(y / args.row_stride, args.rows - 1); p++) {
        let rows = seen(p, args.row_stride, args.top, args.high, args.source_rows);
        for (var q = first_q; q <= min(x / args.column_stride, args.columns - 1); q++) {
            let count = rows * seen(q, args.column_stride, args.left, args.wide, args.source_columns);
            sum += four_of_upstream(u32(image + p * args.columns + q) * args.channels + channel, 1u, valid) / f32(count);
        }
    }
    for (var place = u32(pixel) * args.channels + channel; place < u32(pixel) * args.channels + min(channel + 4u, args.channels); place++) {
        output[place] = finish(sum.x, place);
        sum = sum.yzwx;
    }
}
