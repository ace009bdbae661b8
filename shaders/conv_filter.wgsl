// Filter gradient of a convolution without groups: each invocation sums one tap, 4 input x 8 output channels over some output rows.

struct Args {
    units: u32, inputs: u32, outputs: u32, rows: u32, columns: u32, source_rows: i32, source_columns: i32, column_taps: u32,
    row_step: i32, column_step: i32, row_offset: i32, column_offset: i32, row_offset_step: i32, column_offset_step: i32,
    lines: u32, chunk: u32, part: u32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> upstream: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const LANES = vec4(0u, 1u, 2u, 3u);
// <begin size>
const SIZE = 64u;
// <end size>

// Invocations lie along taps and input channels, so that all of a workgroup read the same upstream values.
@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let wanted = group.x * SIZE + lane;
    // Units and channels beyond the end repeat the last one; their results are not stored.
    let unit = min(wanted, args.units - 1u);
    let blocks = (args.inputs + 3u) / 4u;
    let tap = unit / blocks;
    let input = unit % blocks * 4u;
    let inputs = min(input + LANES, vec4(args.inputs - 1u));
    let channel = group.y * 8u;
    let channels0 = min(channel + LANES, vec4(args.outputs - 1u));
    let channels1 = min(channel + 4u + LANES, vec4(args.outputs - 1u));
    let first_y = i32(tap / args.column_taps) * args.row_offset_step + args.row_offset;
    let first_x = i32(tap % args.column_taps) * args.column_offset_step + args.column_offset;
    var sum00 = vec4(0.0);
    var sum01 = vec4(0.0);
    var sum10 = vec4(0.0);
    var sum11 = vec4(0.0);
    var sum20 = vec4(0.0);
    var sum21 = vec4(0.0);
    var sum30 = vec4(0.0);
    var sum31 = vec4(0.0);
    let last = min((group.z + 1u) * args.chunk, args.lines);
    for (var line = group.z * args.chunk; line < last; line++) {
        let y = i32(line % args.rows) * args.row_step + first_y;
        let row_seen = y >= 0 && y < args.source_rows;
        let start = (i32(line / args.rows) * args.source_rows + y) * args.source_columns;
        var x = first_x;
        var at_upstream = line * args.columns * args.outputs;
        for (var q = 0u; q < args.columns; q++) {
            let seen = row_seen && x >= 0 && x < args.source_columns;
            let at = inputs + select(0u, u32(start + x) * args.inputs, seen);
            let v = select(vec4(0.0), vec4(source[at.x], source[at.y], source[at.z], source[at.w]), seen);
            let at0 = channels0 + at_upstream;
            let at1 = channels1 + at_upstream;
            let d0 = vec4(upstream[at0.x], upstream[at0.y], upstream[at0.z], upstream[at0.w]);
            let d1 = vec4(upstream[at1.x], upstream[at1.y], upstream[at1.z], upstream[at1.w]);
            sum00 += v.x * d0;
            sum01 += v.x * d1;
            sum10 += v.y * d0;
            sum11 += v.y * d1;
            sum20 += v.z * d0;
            sum21 += v.z * d1;
            sum30 += v.w * d0;
            sum31 += v.w * d1;
            x += args.column_step;
            at_upstream += args.outputs;
        }
    }
    let place = group.z * args.part + (tap * args.inputs + input) * args.outputs + channel;
    let left = select(0u, args.inputs - input, wanted < args.units);
    store(left > 0u, place, channel, sum00, sum01);
    store(left > 1u, place + args.outputs, channel, sum10, sum11);
    store(left > 2u, place + 2u * args.outputs, channel, sum20, sum21);
    store(left > 3u, place + 3u * args.outputs, channel, sum30, sum31);
}

fn store(valid: bool, place: u32, channel: u32, low: vec4<f32>, high: vec4<f32>) {
    if valid {
        for (var k = 0u; k < min(args.outputs - channel, 4u); k++) {
            output[place + k] = low[k];
        }
        for (var k = 4u; k < min(args.outputs - channel, 8u); k++) {
            output[place + k] = high[k - 4u];
        }
    }
}
