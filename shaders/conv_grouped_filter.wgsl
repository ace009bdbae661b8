// Filter gradient of a convolution in groups: each invocation sums one filter value over some output rows.

// `inputs` and `outputs` count the channels of one group.
struct Args {
    total: u32, groups: u32, inputs: u32, outputs: u32, rows: u32, columns: u32, source_rows: i32, source_columns: i32, column_taps: u32,
    row_step: i32, column_step: i32, row_offset: i32, column_offset: i32, row_offset_step: i32, column_offset_step: i32,
    lines: u32, chunk: u32, part: u32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> upstream: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = id.x + id.y * groups.x * 64u;
    if at >= args.total {
        return;
    }
    let channels = args.groups * args.outputs;
    let chunk = at / args.part;
    let channel = at % channels;
    let input = at / channels % args.inputs;
    let tap = at % args.part / (channels * args.inputs);
    let inputs = args.groups * args.inputs;
    let place = channel / args.outputs * args.inputs + input;
    let first_y = i32(tap / args.column_taps) * args.row_offset_step + args.row_offset;
    let first_x = i32(tap % args.column_taps) * args.column_offset_step + args.column_offset;
    var sum = 0.0;
    let last = min((chunk + 1u) * args.chunk, args.lines);
    for (var line = chunk * args.chunk; line < last; line++) {
        let y = i32(line % args.rows) * args.row_step + first_y;
        if y < 0 || y >= args.source_rows {
            continue;
        }
        let start = (i32(line / args.rows) * args.source_rows + y) * args.source_columns;
        for (var q = 0u; q < args.columns; q++) {
            let x = i32(q) * args.column_step + first_x;
            if x >= 0 && x < args.source_columns {
                sum += source[u32(start + x) * inputs + place] * upstream[(line * args.columns + q) * channels + channel];
            }
        }
    }
    output[at] = sum;
}
