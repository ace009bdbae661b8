// Convolution without groups, forward and input gradient, as a product of matrices: pixels x (taps, inputs) by (taps, inputs) x outputs.

// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>

// Output pixel (p, q) reads source row p * step + offset + i * offset_step for tap i, columns likewise. An input gradient of stride s is
// one launch for each of its s x s phases.
struct Args {
    pixels: u32, rows: u32, columns: u32, inputs: u32, outputs: u32, source_rows: i32, source_columns: i32,
    row_taps: u32, column_taps: u32, row_step: i32, column_step: i32, row_offset: i32, column_offset: i32,
    row_offset_step: i32, column_offset_step: i32, first_tap: i32, row_tap: i32, column_tap: i32, input_step: u32, output_step: u32,
    out_start: u32, out_sample: u32, out_row: u32, out_column: u32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> given: Args;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

// Software drivers read uniforms slowly inside of loops.
var<private> args: Args;

// <begin product>
const TILE = 4u;
const STEP = 4u;
const THREADS = 1u;
const MATRICES = 1u;
var<private> sums: array<mat4x4<f32>, 1>;
fn left_place(index: u32) -> vec2<u32> { return vec2(0u); }
fn right_place(index: u32) -> vec2<u32> { return vec2(0u); }
fn result_place(index: u32, matrix: u32) -> vec2<u32> { return vec2(0u); }
fn multiply(index: u32, left: mat4x4<f32>, right: mat4x4<f32>) { sums[0] += right * left; }
fn next_sums() {}
// <end product>

// <begin source>
@group(0) @binding(1) var<storage, read> source: array<f32>;
fn block_of_source(at: vec4<u32>, across: u32, seen: vec4<bool>, within: vec4<bool>) -> mat4x4<f32> { return mat4x4<f32>(); }
// <end source>

// <begin weights>
@group(0) @binding(2) var<storage, read> weights: array<f32>;
fn block_of_weights(at: vec4<u32>, across: u32, seen: vec4<bool>, within: vec4<bool>) -> mat4x4<f32> { return mat4x4<f32>(); }
// <end weights>

// <begin finish>
fn finish(value: f32, i: u32) -> f32 { return value; }
// <end finish>

const FOUR = vec4(0u, 1u, 2u, 3u);

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    args = given;
    let left = left_place(index);
    let right = right_place(index);
    let tile = group.x + group.y * groups.x;
    let tiles = (args.outputs + TILE - 1u) / TILE;
    let first_pixel = tile / tiles * TILE;
    let first_channel = tile % tiles * TILE;
    let pixel = first_pixel + left.x + FOUR;
    let channel = first_channel + right.y + FOUR;
    let line = pixel / args.columns;
    let y = vec4<i32>(line % args.rows) * args.row_step + args.row_offset;
    let x = vec4<i32>(pixel % args.columns) * args.column_step + args.column_offset;
    let sample = vec4<i32>(line / args.rows) * args.source_rows;
    for (var i = 0; i < i32(args.row_taps); i++) {
        for (var j = 0; j < i32(args.column_taps); j++) {
            let row = y + i * args.row_offset_step;
            let column = x + j * args.column_offset_step;
            let inside = (row >= vec4(0)) & (row < vec4(args.source_rows)) & (column >= vec4(0)) & (column < vec4(args.source_columns));
            let seen = inside & (pixel < vec4(args.pixels));
            let at = vec4<u32>((sample + row) * args.source_columns + column) * args.inputs;
            let tap = u32(args.first_tap + i * args.row_tap + j * args.column_tap) * args.inputs * args.outputs;
            let weight = tap + (first_channel + right.y) * args.output_step;
            for (var k = 0u; k < args.inputs; k += STEP) {
                let input = k + left.y + FOUR;
                let depth = k + right.x + FOUR;
                multiply(
                    index,
                    block_of_source(at + input.x, 1u, seen, input < vec4(args.inputs)),
                    block_of_weights(weight + depth * args.input_step, args.output_step, depth < vec4(args.inputs), channel < vec4(args.outputs)),
                );
            }
        }
    }
    for (var matrix = 0u; matrix < MATRICES && first_pixel < args.pixels; matrix++) {
        let place = result_place(index, matrix);
        store(first_pixel + place.x, first_channel + place.y);
        next_sums();
    }
}

// Stores the first matrix of the sums.
fn store(first: u32, channel: u32) {
    var rows = sums[0];
    for (var pixel = first; pixel < min(first + 4u, args.pixels); pixel++) {
        let line = pixel / args.columns;
        let start = args.out_start + line / args.rows * args.out_sample + line % args.rows * args.out_row + pixel % args.columns * args.out_column;
        var values = rows[0];
        for (var place = start + channel; place < start + min(channel + 4u, args.outputs); place++) {
            output[place] = finish(values.x, place);
            values = values.yzwx;
        }
        rows = mat4x4(rows[1], rows[2], rows[3], rows[0]);
    }
}
