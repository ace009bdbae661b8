// Convolution without groups, forward and input gradient: each invocation sums 8 pixels x 16 channels in registers.

// <begin use math>
// <end use math>
// <begin use random>
// <end use random>

// Output pixel (p, q) reads source row p * step + offset + i * offset_step for tap i, columns likewise. Weights are taps x inputs x
// outputs, the outputs filled up to a multiple of 4. An input gradient of stride s is one launch for each of its s x s phases.
struct Args {
    pixels: u32, rows: u32, columns: u32, inputs: u32, outputs: u32, source_rows: i32, source_columns: i32,
    row_taps: u32, column_taps: u32, row_step: i32, column_step: i32, row_offset: i32, column_offset: i32,
    row_offset_step: i32, column_offset_step: i32, first_tap: i32, row_tap: i32, column_tap: i32,
    out_start: u32, out_sample: u32, out_row: u32, out_column: u32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

// <begin finish>
fn finish(value: f32, i: u32) -> f32 { return value; }
// <end finish>

const LANES = vec4(0u, 1u, 2u, 3u);

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // Pixels and channels beyond the end repeat the last one; their results are not stored. No invocation leaves early: software
    // drivers then run the loops without masks.
    let wanted = ((group.x + group.y * groups.x) * 64u + lane) * 8u;
    let near = start_of(wanted + LANES);
    let far = start_of(wanted + 4u + LANES);
    let blocks = (args.outputs + 3u) / 4u;
    let block = min(group.z * 4u + LANES, vec4(blocks - 1u));
    // One matrix a pixel: its columns are 4 channels each.
    var sum0 = mat4x4<f32>();
    var sum1 = mat4x4<f32>();
    var sum2 = mat4x4<f32>();
    var sum3 = mat4x4<f32>();
    var sum4 = mat4x4<f32>();
    var sum5 = mat4x4<f32>();
    var sum6 = mat4x4<f32>();
    var sum7 = mat4x4<f32>();
    for (var i = 0u; i < args.row_taps; i++) {
        for (var j = 0u; j < args.column_taps; j++) {
            let down = i32(i) * args.row_offset_step;
            let right = i32(j) * args.column_offset_step;
            let near_seen = seen(near, down, right);
            let far_seen = seen(far, down, right);
            var at_near = select(vec4(0u), place_of(near, down, right), near_seen);
            var at_far = select(vec4(0u), place_of(far, down, right), far_seen);
            var weight = block + u32(args.first_tap + i32(i) * args.row_tap + i32(j) * args.column_tap) * args.inputs * blocks;
            for (var k = 0u; k < args.inputs; k++) {
                let w = mat4x4(weights[weight.x], weights[weight.y], weights[weight.z], weights[weight.w]);
                let v = select(vec4(0.0), vec4(source[at_near.x], source[at_near.y], source[at_near.z], source[at_near.w]), near_seen);
                let u = select(vec4(0.0), vec4(source[at_far.x], source[at_far.y], source[at_far.z], source[at_far.w]), far_seen);
                sum0 += v.x * w;
                sum1 += v.y * w;
                sum2 += v.z * w;
                sum3 += v.w * w;
                sum4 += u.x * w;
                sum5 += u.y * w;
                sum6 += u.z * w;
                sum7 += u.w * w;
                at_near += vec4(1u);
                at_far += vec4(1u);
                weight += vec4(blocks);
            }
        }
    }
    let channel = group.z * 16u;
    store(wanted, channel, sum0);
    store(wanted + 1u, channel, sum1);
    store(wanted + 2u, channel, sum2);
    store(wanted + 3u, channel, sum3);
    store(wanted + 4u, channel, sum4);
    store(wanted + 5u, channel, sum5);
    store(wanted + 6u, channel, sum6);
    store(wanted + 7u, channel, sum7);
}

// Where the first tap of 4 pixels reads.
struct Start { sample: vec4<i32>, y: vec4<i32>, x: vec4<i32> }

fn start_of(wanted: vec4<u32>) -> Start {
    let pixel = min(wanted, vec4(args.pixels - 1u));
    let row = vec4<i32>(pixel / args.columns % args.rows);
    let column = vec4<i32>(pixel % args.columns);
    let sample = vec4<i32>(pixel / (args.columns * args.rows));
    return Start(sample, row * args.row_step + args.row_offset, column * args.column_step + args.column_offset);
}

fn place_of(start: Start, down: i32, right: i32) -> vec4<u32> {
    return vec4<u32>((start.sample * args.source_rows + start.y + down) * args.source_columns + start.x + right) * args.inputs;
}

fn seen(start: Start, down: i32, right: i32) -> vec4<bool> {
    let y = start.y + down;
    let x = start.x + right;
    return (y >= vec4(0)) & (y < vec4(args.source_rows)) & (x >= vec4(0)) & (x < vec4(args.source_columns));
}

fn store(pixel: u32, channel: u32, sum: mat4x4<f32>) {
    if pixel < args.pixels {
        let sample = pixel / (args.columns * args.rows);
        let row = pixel / args.columns % args.rows;
        let place = args.out_start + sample * args.out_sample + row * args.out_row + pixel % args.columns * args.out_column;
        store_four(place, channel, sum[0]);
        store_four(place, channel + 4u, sum[1]);
        store_four(place, channel + 8u, sum[2]);
        store_four(place, channel + 12u, sum[3]);
    }
}

fn store_four(place: u32, channel: u32, value: vec4<f32>) {
    for (var k = 0u; k < 4u; k++) {
        if channel + k < args.outputs {
            output[place + channel + k] = finish(value[k], place + channel + k);
        }
    }
}
