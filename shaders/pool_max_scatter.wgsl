// Gradient of max pooling: one invocation 4 channels of an input, which asks the windows covering it whether it was their largest.

// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>

struct Args {
    total: u32, channels: u32, rows: i32, columns: i32, source_rows: u32, source_columns: u32,
    high: i32, wide: i32, row_stride: i32, column_stride: i32, top: i32, left: i32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> given: Args;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

// Software drivers read uniforms slowly inside of loops.
var<private> args: Args;

// <begin upstream>
@group(0) @binding(1) var<storage, read> upstream: array<f32>;
fn four_of_upstream(at: u32, across: u32, valid: vec4<bool>) -> vec4<f32> { return vec4<f32>(); }
// <end upstream>

// <begin places>
@group(0) @binding(2) var<storage, read> places: array<i32>;
fn four_of_places(at: u32, across: u32, valid: vec4<bool>) -> vec4<i32> { return vec4<i32>(); }
// <end places>

// <begin finish>
fn finish(value: f32, i: u32) -> f32 { return value; }
// <end finish>

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
    let pixel = at / blocks;
    let row = i32(pixel / args.source_columns % args.source_rows);
    let column = i32(pixel % args.source_columns);
    let image = pixel / (args.source_columns * args.source_rows) * u32(args.rows * args.columns);
    let here = row * i32(args.source_columns) + column;
    // The first window that may cover this value, and the last.
    let y = row + args.top;
    let x = column + args.left;
    let first_p = (max(y - args.high + 1, 0) + args.row_stride - 1) / args.row_stride;
    let first_q = (max(x - args.wide + 1, 0) + args.column_stride - 1) / args.column_stride;
    var sum = vec4(0.0);
    for (var p = first_p; p <= min(y / args.row_stride, args.rows - 1); p++) {
        for (var q = first_q; q <= min(x / args.column_stride, args.columns - 1); q++) {
            let window = (image + u32(p * args.columns + q)) * args.channels + channel;
            let largest = four_of_places(window, 1u, valid) == vec4(here);
            sum += select(vec4(0.0), four_of_upstream(window, 1u, valid), largest);
        }
    }
    for (var place = pixel * args.channels + channel; place < pixel * args.channels + min(channel + 4u, args.channels); place++) {
        output[place] = finish(sum.x, place);
        sum = sum.yzwx;
    }
}
