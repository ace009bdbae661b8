// Matrix product over a batch, operands of any strides: each invocation an 8 x 8 tile in registers.

// <begin use math>
// <end use math>
// <begin use random>
// <end use random>

struct Args {
    m: u32, n: u32, k: u32, a_offset: u32, a_batch: u32, a_row: u32, a_column: u32, b_offset: u32, b_batch: u32, b_row: u32, b_column: u32,
    // <begin finish args>
    // <end finish args>
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

// <begin finish>
fn finish(value: f32, i: u32) -> f32 { return value; }
// <end finish>

const LOW = vec4(0u, 1u, 2u, 3u);
const HIGH = vec4(4u, 5u, 6u, 7u);

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * 8u;
    let column = id.x * 8u;
    if row >= args.m || column >= args.n {
        return;
    }
    // Rows and columns beyond the edge repeat the last one; their results are not stored.
    let a_start = args.a_offset + id.z * args.a_batch;
    let b_start = args.b_offset + id.z * args.b_batch;
    var a_low = a_start + min(vec4(row) + LOW, vec4(args.m - 1u)) * args.a_row;
    var a_high = a_start + min(vec4(row) + HIGH, vec4(args.m - 1u)) * args.a_row;
    var b_low = b_start + min(vec4(column) + LOW, vec4(args.n - 1u)) * args.b_column;
    var b_high = b_start + min(vec4(column) + HIGH, vec4(args.n - 1u)) * args.b_column;
    var low0 = vec4(0.0);
    var low1 = vec4(0.0);
    var low2 = vec4(0.0);
    var low3 = vec4(0.0);
    var low4 = vec4(0.0);
    var low5 = vec4(0.0);
    var low6 = vec4(0.0);
    var low7 = vec4(0.0);
    var high0 = vec4(0.0);
    var high1 = vec4(0.0);
    var high2 = vec4(0.0);
    var high3 = vec4(0.0);
    var high4 = vec4(0.0);
    var high5 = vec4(0.0);
    var high6 = vec4(0.0);
    var high7 = vec4(0.0);
    for (var k = 0u; k < args.k; k++) {
        let y_low = vec4(b[b_low.x], b[b_low.y], b[b_low.z], b[b_low.w]);
        let y_high = vec4(b[b_high.x], b[b_high.y], b[b_high.z], b[b_high.w]);
        let x_low = vec4(a[a_low.x], a[a_low.y], a[a_low.z], a[a_low.w]);
        let x_high = vec4(a[a_high.x], a[a_high.y], a[a_high.z], a[a_high.w]);
        low0 += x_low.x * y_low;
        low1 += x_low.y * y_low;
        low2 += x_low.z * y_low;
        low3 += x_low.w * y_low;
        low4 += x_high.x * y_low;
        low5 += x_high.y * y_low;
        low6 += x_high.z * y_low;
        low7 += x_high.w * y_low;
        high0 += x_low.x * y_high;
        high1 += x_low.y * y_high;
        high2 += x_low.z * y_high;
        high3 += x_low.w * y_high;
        high4 += x_high.x * y_high;
        high5 += x_high.y * y_high;
        high6 += x_high.z * y_high;
        high7 += x_high.w * y_high;
        a_low += vec4(args.a_column);
        a_high += vec4(args.a_column);
        b_low += vec4(args.b_row);
        b_high += vec4(args.b_row);
    }
    store(id.z, row, column, low0, high0);
    store(id.z, row + 1u, column, low1, high1);
    store(id.z, row + 2u, column, low2, high2);
    store(id.z, row + 3u, column, low3, high3);
    store(id.z, row + 4u, column, low4, high4);
    store(id.z, row + 5u, column, low5, high5);
    store(id.z, row + 6u, column, low6, high6);
    store(id.z, row + 7u, column, low7, high7);
}

fn store(batch: u32, row: u32, column: u32, low: vec4<f32>, high: vec4<f32>) {
    if row >= args.m {
        return;
    }
    let start = (batch * args.m + row) * args.n + column;
    for (var lane = 0u; lane < 8u; lane++) {
        if column + lane < args.n {
            output[start + lane] = finish(select(high[lane & 3u], low[lane & 3u], lane < 4u), start + lane);
        }
    }
}
