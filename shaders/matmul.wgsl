// Matrix product over a batch, operands of any strides. With ONES, a has one more row, of ones: it gives the sums of b's columns.

// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>

struct Args {
    batch: u32, m: u32, n: u32, k: u32,
    a_offset: u32, a_batch: u32, a_row: u32, a_column: u32, b_offset: u32, b_batch: u32, b_row: u32, b_column: u32,
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

// <begin a>
@group(0) @binding(1) var<storage, read> a: array<f32>;
fn block_of_a(at: vec4<u32>, across: u32, seen: vec4<bool>, within: vec4<bool>) -> mat4x4<f32> { return mat4x4<f32>(); }
// <end a>

// <begin b>
@group(0) @binding(2) var<storage, read> b: array<f32>;
fn block_of_b(at: vec4<u32>, across: u32, seen: vec4<bool>, within: vec4<bool>) -> mat4x4<f32> { return mat4x4<f32>(); }
// <end b>

// <begin sums>
const ONES = 0u;
fn store_sum(column: u32, value: f32) {}
// <end sums>

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
    let high = (args.m + ONES + TILE - 1u) / TILE;
    let wide = (args.n + TILE - 1u) / TILE;
    let batch = tile / (wide * high);
    let first_row = tile / wide % high * TILE;
    let first_column = tile % wide * TILE;
    let row = first_row + left.x + FOUR;
    let column = first_column + right.y + FOUR;
    let a_start = args.a_offset + batch * args.a_batch + row * args.a_row;
    let b_start = args.b_offset + batch * args.b_batch + column.x * args.b_column;
    let row_seen = (row < vec4(args.m)) & vec4(batch < args.batch);
    let column_seen = (column < vec4(args.n)) & vec4(batch < args.batch);
    for (var k = 0u; k < args.k; k += STEP) {
        let near = k + left.y + FOUR;
        let depth = k + right.x + FOUR;
        multiply(
            index,
            with_ones(block_of_a(a_start + near.x * args.a_column, args.a_column, row_seen, near < vec4(args.k)), row, near),
            block_of_b(b_start + depth * args.b_row, args.b_column, depth < vec4(args.k), column_seen),
        );
    }
    for (var matrix = 0u; matrix < MATRICES && batch < args.batch; matrix++) {
        let place = result_place(index, matrix);
        store(batch, first_row + place.x, first_column + place.y);
        next_sums();
    }
}

fn with_ones(block: mat4x4<f32>, row: vec4<u32>, depth: vec4<u32>) -> mat4x4<f32> {
    if ONES == 0u {
        return block;
    }
    let ones = select(vec4(0.0), vec4(1.0), depth < vec4(args.k));
    let here = row == vec4(args.m);
    return mat4x4(
        select(block[0], ones, here.x),
        select(block[1], ones, here.y),
        select(block[2], ones, here.z),
        select(block[3], ones, here.w),
    );
}

// Stores the first matrix of the sums.
fn store(batch: u32, first: u32, column: u32) {
    var rows = sums[0];
    for (var row = first; row < min(first + 4u, args.m + ONES); row++) {
        let start = (batch * args.m + row) * args.n;
        var values = rows[0];
        for (var place = start + column; place < start + min(column + 4u, args.n); place++) {
            if ONES == 1u && row == args.m {
                store_sum(place - start, values.x);
            } else {
                output[place] = finish(values.x, place);
            }
            values = values.yzwx;
        }
        rows = mat4x4(rows[1], rows[2], rows[3], rows[0]);
    }
}
