// Filter gradient of a convolution without groups: each invocation sums 8 input x 16 output channels of one tap over some output rows.

struct Args {
    units: u32, inputs: u32, outputs: u32, rows: u32, columns: u32, source_rows: i32, source_columns: i32, column_taps: u32,
    row_step: i32, column_step: i32, row_offset: i32, column_offset: i32, row_offset_step: i32, column_offset_step: i32,
    lines: u32, chunk: u32, part: u32, chunks: u32,
}
@group(0) @binding(0) var<uniform> args: Args;

// Four neighbouring channels from `channel` on; what lies beyond the last one counts for nothing.
// <begin source>
@group(0) @binding(1) var<storage, read> source: array<f32>;
fn load_source(start: u32, channel: u32) -> vec4<f32> {
    let at = start + min(channel + LANES, vec4(args.inputs - 1u));
    return vec4(source[at.x], source[at.y], source[at.z], source[at.w]);
}
// <end source>
// <begin upstream>
@group(0) @binding(2) var<storage, read> upstream: array<f32>;
fn load_upstream(start: u32, channel: u32) -> vec4<f32> {
    let at = start + min(channel + LANES, vec4(args.outputs - 1u));
    return vec4(upstream[at.x], upstream[at.y], upstream[at.z], upstream[at.w]);
}
// <end upstream>

@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const LANES = vec4(0u, 1u, 2u, 3u);

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // Chunks beyond the end repeat the last one; their results are not stored.
    let wanted = (group.x + group.y * groups.x) * 64u + lane;
    let chunk = min(wanted / args.units, args.chunks - 1u);
    let unit = wanted % args.units;
    let blocks = (args.inputs + 7u) / 8u;
    let tap = unit / blocks;
    let input = unit % blocks * 8u;
    let channel = group.z * 16u;
    let first_y = i32(tap / args.column_taps) * args.row_offset_step + args.row_offset;
    let first_x = i32(tap % args.column_taps) * args.column_offset_step + args.column_offset;
    // One matrix an input channel: its columns are 4 output channels each.
    var sum0 = mat4x4<f32>();
    var sum1 = mat4x4<f32>();
    var sum2 = mat4x4<f32>();
    var sum3 = mat4x4<f32>();
    var sum4 = mat4x4<f32>();
    var sum5 = mat4x4<f32>();
    var sum6 = mat4x4<f32>();
    var sum7 = mat4x4<f32>();
    let last = min((chunk + 1u) * args.chunk, args.lines);
    for (var line = chunk * args.chunk; line < last; line++) {
        let y = i32(line % args.rows) * args.row_step + first_y;
        let row_seen = (y >= 0) & (y < args.source_rows);
        let start = (i32(line / args.rows) * args.source_rows + y) * args.source_columns;
        var x = first_x;
        var at_upstream = line * args.columns * args.outputs;
        for (var q = 0u; q < args.columns; q++) {
            let seen = row_seen & (x >= 0) & (x < args.source_columns);
            let at = select(0u, u32(start + x) * args.inputs, seen);
            let v = select(vec4(0.0), load_source(at, input), seen);
            let u = select(vec4(0.0), load_source(at, input + 4u), seen);
            let d = mat4x4(
                load_upstream(at_upstream, channel),
                load_upstream(at_upstream, channel + 4u),
                load_upstream(at_upstream, channel + 8u),
                load_upstream(at_upstream, channel + 12u),
            );
            sum0 += v.x * d;
            sum1 += v.y * d;
            sum2 += v.z * d;
            sum3 += v.w * d;
            sum4 += u.x * d;
            sum5 += u.y * d;
            sum6 += u.z * d;
            sum7 += u.w * d;
            x += args.column_step;
            at_upstream += args.outputs;
        }
    }
    if wanted < args.units * args.chunks {
        let row = chunk * args.part + tap * args.inputs * args.outputs;
        store(row, input, channel, sum0);
        store(row, input + 1u, channel, sum1);
        store(row, input + 2u, channel, sum2);
        store(row, input + 3u, channel, sum3);
        store(row, input + 4u, channel, sum4);
        store(row, input + 5u, channel, sum5);
        store(row, input + 6u, channel, sum6);
        store(row, input + 7u, channel, sum7);
    }
}

fn store(start: u32, input: u32, channel: u32, sum: mat4x4<f32>) {
    if input < args.inputs {
        let place = start + input * args.outputs;
        store_four(place, channel, sum[0]);
        store_four(place, channel + 4u, sum[1]);
        store_four(place, channel + 8u, sum[2]);
        store_four(place, channel + 12u, sum[3]);
    }
}

fn store_four(place: u32, channel: u32, value: vec4<f32>) {
    for (var k = 0u; k < 4u; k++) {
        if channel + k < args.outputs {
            output[place + channel + k] = value[k];
        }
    }
}
