// Convolution in groups, forward and input gradient: each invocation sums one output value.

// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>

// Places are as in conv.wgsl, the filter is (KH, KW, C / groups, K) as it came; `inputs` and `outputs` count the channels of one group.
struct Args {
    total: u32, groups: u32, rows: u32, columns: u32, inputs: u32, outputs: u32, source_rows: i32, source_columns: i32,
    row_taps: u32, column_taps: u32, row_step: i32, column_step: i32, row_offset: i32, column_offset: i32,
    row_offset_step: i32, column_offset_step: i32,
    first_tap: i32, row_tap: i32, column_tap: i32, input_step: u32, output_step: u32, group_step: u32,
    out_start: u32, out_sample: u32, out_row: u32, out_column: u32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
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
    let channels = args.groups * args.outputs;
    let channel = at % channels;
    let pixel = at / channels;
    let column = pixel % args.columns;
    let row = pixel / args.columns % args.rows;
    let sample = pixel / (args.columns * args.rows);
    let group = channel / args.outputs;
    let first_weight = group * args.group_step + channel % args.outputs * args.output_step;
    var sum = 0.0;
    for (var i = 0u; i < args.row_taps; i++) {
        let y = i32(row) * args.row_step + args.row_offset + i32(i) * args.row_offset_step;
        if y < 0 || y >= args.source_rows {
            continue;
        }
        for (var j = 0u; j < args.column_taps; j++) {
            let x = i32(column) * args.column_step + args.column_offset + i32(j) * args.column_offset_step;
            if x < 0 || x >= args.source_columns {
                continue;
            }
            let place = (i32(sample) * args.source_rows + y) * args.source_columns + x;
            let value = (u32(place) * args.groups + group) * args.inputs;
            let tap = u32(args.first_tap + i32(i) * args.row_tap + i32(j) * args.column_tap);
            let weight = first_weight + tap * args.groups * args.inputs * args.outputs;
            for (var k = 0u; k < args.inputs; k++) {
                sum += source[value + k] * weights[weight + k * args.input_step];
            }
        }
    }
    let place = args.out_start + sample * args.out_sample + row * args.out_row + column * args.out_column + channel;
    output[place] = finish(sum, place);
}
