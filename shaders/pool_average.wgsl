// Average pooling: the mean of what each window sees, padding not counted; one invocation 4 channels of an output.

// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>

struct Args {
    total: u32, channels: u32, rows: u32, columns: u32, source_rows: i32, source_columns: i32,
    high: i32, wide: i32, row_stride: i32, column_stride: i32, top: i32, left: i32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> given: Args;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

// Software drivers read uniforms slowly inside of loops.
var<private> args: Args;

// <begin input>
@group(0) @binding(1) var<storage, read> input: array<f32>;
fn four_of_input(at: u32, across: u32, valid: vec4<bool>) -> vec4<f32> { return vec4<f32>(); }
// <end input>

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
    let y = i32(pixel / args.columns % args.rows) * args.row_stride - args.top;
    let x = i32(pixel % args.columns) * args.column_stride - args.left;
    let image = pixel / (args.columns * args.rows) * u32(args.source_rows * args.source_columns);
    var sum = vec4(0.0);
    var count = 0;
    for (var row = max(y, 0); row < min(y + args.high, args.source_rows); row++) {
        for (var column = max(x, 0); column < min(x + args.wide, args.source_columns); column++) {
            sum += four_of_input((image + u32(row * args.source_columns + column)) * args.channels + channel, 1u, valid);
            count++;
        }
    }
    for (var place = pixel * args.channels + channel; place < pixel * args.channels + min(channel + 4u, args.channels); place++) {
        output[place] = finish(sum.x / f32(max(count, 1)), place);
        sum = sum.yzwx;
    }
}
