// Filter gradient of a convolution without groups, as a product of matrices: (taps, inputs) x pixels by pixels x outputs.
// With ONES there is one more tap, whose first input is one everywhere: it gives the sums of the outputs.

// The inputs of a tap are filled up to a multiple of 4, so that four neighbours are of one tap. Each of `chunks` parts of the sum takes
// `chunk` of the output's lines.
struct Args {
    taps: u32, inputs: u32, outputs: u32, rows: u32, columns: u32, source_rows: i32, source_columns: i32, column_taps: u32,
    row_step: i32, column_step: i32, row_offset: i32, column_offset: i32, row_offset_step: i32, column_offset_step: i32,
    lines: u32, chunk: u32, chunks: u32,
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

// <begin upstream>
@group(0) @binding(2) var<storage, read> upstream: array<f32>;
fn block_of_upstream(at: vec4<u32>, across: u32, seen: vec4<bool>, within: vec4<bool>) -> mat4x4<f32> { return mat4x4<f32>(); }
// <end upstream>

// <begin sums>
const ONES = 0u;
fn store_sum(place: u32, value: f32) {}
// <end sums>

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
    let filled = (args.inputs + 3u) / 4u * 4u;
    let high = (args.taps * filled + 4u * ONES + TILE - 1u) / TILE;
    let wide = (args.outputs + TILE - 1u) / TILE;
    let first_row = tile / wide % high * TILE;
    let first_channel = tile % wide * TILE;
    let chunk = tile / (wide * high);
    let tap = (first_row + left.x) / filled;
    let input = (first_row + left.x) % filled + FOUR;
    let channel = first_channel + right.y + FOUR;
    let first_y = i32(tap / args.column_taps) * args.row_offset_step + args.row_offset;
    let first_x = i32(tap % args.column_taps) * args.column_offset_step + args.column_offset;
    let last = min((chunk + 1u) * args.chunk, args.lines);
    // A step goes over 4 pixels of each of STEP / 4 lines.
    for (var first_line = chunk * args.chunk; first_line < last; first_line += STEP / 4u) {
        let line = first_line + left.y / 4u;
        let y = i32(line % args.rows) * args.row_step + first_y;
        let row_seen = (line < last) & (tap < args.taps) & (y >= 0) & (y < args.source_rows);
        let start = (i32(line / args.rows) * args.source_rows + y) * args.source_columns;
        let right_line = first_line + right.x / 4u;
        for (var q = 0u; q < args.columns; q += 4u) {
            let column = q + FOUR;
            let x = vec4<i32>(column) * args.column_step + first_x;
            let seen = vec4(row_seen) & (column < vec4(args.columns)) & (x >= vec4(0)) & (x < vec4(args.source_columns));
            let pixel = right_line * args.columns + column;
            let pixel_seen = vec4(right_line < last) & (column < vec4(args.columns));
            multiply(
                index,
                with_ones(
                    transpose(block_of_source(vec4<u32>(start + x) * args.inputs + input.x, 1u, seen, input < vec4(args.inputs))),
                    vec4(tap == args.taps && input.x == 0u && line < last) & (column < vec4(args.columns)),
                ),
                block_of_upstream(pixel * args.outputs + channel.x, 1u, pixel_seen, channel < vec4(args.outputs)),
            );
        }
    }
    for (var matrix = 0u; matrix < MATRICES && chunk < args.chunks; matrix++) {
        let place = result_place(index, matrix);
        store(chunk, first_row + place.x, first_channel + place.y);
        next_sums();
    }
}

fn with_ones(block: mat4x4<f32>, here: vec4<bool>) -> mat4x4<f32> {
    if ONES == 0u {
        return block;
    }
    return mat4x4(select(block[0], vec4(1.0), here), block[1], block[2], block[3]);
}

// Stores the first matrix of the sums.
fn store(chunk: u32, row: u32, channel: u32) {
    var rows = sums[0];
    let filled = (args.inputs + 3u) / 4u * 4u;
    let tap = row / filled;
    let first = row % filled;
    let start = (chunk * args.taps + tap) * args.inputs;
    for (var input = first; input < min(first + 4u, args.inputs) && tap < args.taps; input++) {
        var values = rows[0];
        for (var k = channel; k < min(channel + 4u, args.outputs); k++) {
            output[(start + input) * args.outputs + k] = values.x;
            values = values.yzwx;
        }
        rows = mat4x4(rows[1], rows[2], rows[3], rows[0]);
    }
    if ONES == 1u && tap == args.taps && first == 0u {
        var values = sums[0][0];
        for (var k = channel; k < min(channel + 4u, args.outputs); k++) {
            store_sum(chunk * args.outputs + k, values.x);
            values = values.yzwx;
        }
    }
}
