// Matrix product over a batch, operands of any strides: each invocation a 4 x 4 tile in registers.

struct Args { m: u32, n: u32, k: u32, a_offset: u32, a_batch: u32, a_row: u32, a_column: u32, b_offset: u32, b_batch: u32, b_row: u32, b_column: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * 4u;
    let column = id.x * 4u;
    if row >= args.m || column >= args.n {
        return;
    }
    // Rows and columns beyond the edge repeat the last one; their results are not stored.
    let rows = min(vec4(row) + vec4(0u, 1u, 2u, 3u), vec4(args.m - 1u));
    let columns = min(vec4(column) + vec4(0u, 1u, 2u, 3u), vec4(args.n - 1u));
    var at_a = args.a_offset + id.z * args.a_batch + rows * args.a_row;
    var at_b = args.b_offset + id.z * args.b_batch + columns * args.b_column;
    var sum0 = vec4(0.0);
    var sum1 = vec4(0.0);
    var sum2 = vec4(0.0);
    var sum3 = vec4(0.0);
    for (var k = 0u; k < args.k; k++) {
        let y = vec4(b[at_b.x], b[at_b.y], b[at_b.z], b[at_b.w]);
        sum0 += a[at_a.x] * y;
        sum1 += a[at_a.y] * y;
        sum2 += a[at_a.z] * y;
        sum3 += a[at_a.w] * y;
        at_a += vec4(args.a_column);
        at_b += vec4(args.b_row);
    }
    store(id.z, row, column, sum0);
    store(id.z, row + 1u, column, sum1);
    store(id.z, row + 2u, column, sum2);
    store(id.z, row + 3u, column, sum3);
}

fn store(batch: u32, row: u32, column: u32, value: vec4<f32>) {
    if row < args.m {
        let start = (batch * args.m + row) * args.n;
        for (var lane = 0u; lane < 4u; lane++) {
            if column + lane < args.n {
                output[start + column + lane] = value[lane];
            }
        }
    }
}
