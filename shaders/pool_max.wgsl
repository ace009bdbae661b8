// Max pooling: the largest value of each window, and where it lies in its image; one invocation 4 channels of an output.

// <begin use math>
fn is_nan(x: f32) -> bool { return false; }
// <end use math>

struct Args {
    total: u32, channels: u32, rows: u32, columns: u32, source_rows: i32, source_columns: i32,
    high: i32, wide: i32, row_stride: i32, column_stride: i32, top: i32, left: i32, lowest: f32,
}
@group(0) @binding(0) var<uniform> given: Args;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<storage, read_write> places: array<i32>;

// Software drivers read uniforms slowly inside of loops.
var<private> args: Args;

// <begin input>
@group(0) @binding(1) var<storage, read> input: array<f32>;
fn four_of_input(at: u32, across: u32, valid: vec4<bool>) -> vec4<f32> { return vec4<f32>(); }
// <end input>

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
    var best = vec4(args.lowest);
    var place = vec4(-1);
    for (var row = max(y, 0); row < min(y + args.high, args.source_rows); row++) {
        for (var column = max(x, 0); column < min(x + args.wide, args.source_columns); column++) {
            let here = row * args.source_columns + column;
            let value = four_of_input((image + u32(here)) * args.channels + channel, 1u, valid);
            // NaN wins over all but an earlier NaN, and whatever is seen first over nothing.
            let better = (value > best) | (are_nan(value) & !are_nan(best)) | (place < vec4(0));
            best = select(best, value, better);
            place = select(place, vec4(here), better);
        }
    }
    for (var to = pixel * args.channels + channel; to < pixel * args.channels + min(channel + 4u, args.channels); to++) {
        output[to] = best.x;
        places[to] = place.x;
        best = best.yzwx;
        place = place.yzwx;
    }
}

fn are_nan(values: vec4<f32>) -> vec4<bool> {
    return vec4(is_nan(values.x), is_nan(values.y), is_nan(values.z), is_nan(values.w));
}
