// Convolution without groups, forward and input gradient: each invocation sums 4 pixels x 8 channels in registers.

// Output pixel (p, q) reads source row p * step + offset + i * offset_step for tap i, columns likewise; weight_* say where the
// filter's values lie. A gradient of stride s is one launch for each of the s x s phases of the input.
struct Args {
    pixels: u32, rows: u32, columns: u32, inputs: u32, outputs: u32, source_rows: i32, source_columns: i32,
    row_taps: u32, column_taps: u32, row_step: i32, column_step: i32, row_offset: i32, column_offset: i32,
    row_offset_step: i32, column_offset_step: i32,
    weight_start: i32, weight_row: i32, weight_column: i32, weight_input: u32, weight_output: u32,
    out_start: u32, out_sample: u32, out_row: u32, out_column: u32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const LANES = vec4(0u, 1u, 2u, 3u);

// Invocations lie along the pixels, so that all of a workgroup read the same weights.
@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let channel = group.z * 8u;
    // Pixels and channels beyond the end repeat the last one; their results are not stored.
    let wanted = (group.x + group.y * groups.x) * 256u + lane + LANES * 64u;
    let pixel = min(wanted, vec4(args.pixels - 1u));
    let column = pixel % args.columns;
    let row = pixel / args.columns % args.rows;
    let sample = pixel / (args.columns * args.rows);
    let first_y = vec4<i32>(row) * args.row_step + args.row_offset;
    let first_x = vec4<i32>(column) * args.column_step + args.column_offset;
    let channels0 = min(channel + LANES, vec4(args.outputs - 1u)) * args.weight_output;
    let channels1 = min(channel + 4u + LANES, vec4(args.outputs - 1u)) * args.weight_output;
    var sum00 = vec4(0.0);
    var sum01 = vec4(0.0);
    var sum10 = vec4(0.0);
    var sum11 = vec4(0.0);
    var sum20 = vec4(0.0);
    var sum21 = vec4(0.0);
    var sum30 = vec4(0.0);
    var sum31 = vec4(0.0);
    for (var i = 0u; i < args.row_taps; i++) {
        let y = first_y + i32(i) * args.row_offset_step;
        let row_seen = (y >= vec4(0)) & (y < vec4(args.source_rows));
        let line = (vec4<i32>(sample) * args.source_rows + y) * args.source_columns;
        for (var j = 0u; j < args.column_taps; j++) {
            let x = first_x + i32(j) * args.column_offset_step;
            let seen = row_seen & (x >= vec4(0)) & (x < vec4(args.source_columns));
            var at = select(vec4(0u), vec4<u32>(line + x) * args.inputs, seen);
            var weight = u32(args.weight_start + i32(i) * args.weight_row + i32(j) * args.weight_column);
            for (var k = 0u; k < args.inputs; k++) {
                let at0 = channels0 + weight;
                let at1 = channels1 + weight;
                let w0 = vec4(weights[at0.x], weights[at0.y], weights[at0.z], weights[at0.w]);
                let w1 = vec4(weights[at1.x], weights[at1.y], weights[at1.z], weights[at1.w]);
                let v = select(vec4(0.0), vec4(source[at.x], source[at.y], source[at.z], source[at.w]), seen);
                sum00 += v.x * w0;
                sum01 += v.x * w1;
                sum10 += v.y * w0;
                sum11 += v.y * w1;
                sum20 += v.z * w0;
                sum21 += v.z * w1;
                sum30 += v.w * w0;
                sum31 += v.w * w1;
                at += vec4(1u);
                weight += args.weight_input;
            }
        }
    }
    let place = args.out_start + sample * args.out_sample + row * args.out_row + column * args.out_column + channel;
    store(wanted.x, place.x, channel, sum00, sum01);
    store(wanted.y, place.y, channel, sum10, sum11);
    store(wanted.z, place.z, channel, sum20, sum21);
    store(wanted.w, place.w, channel, sum30, sum31);
}

fn store(pixel: u32, place: u32, channel: u32, low: vec4<f32>, high: vec4<f32>) {
    if pixel < args.pixels {
        for (var k = 0u; k < min(args.outputs - channel, 4u); k++) {
            output[place + k] = low[k];
        }
        for (var k = 4u; k < min(args.outputs - channel, 8u); k++) {
            output[place + k] = high[k - 4u];
        }
    }
}
