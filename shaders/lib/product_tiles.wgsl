// Product of matrices for GPUs: 64 invocations share a tile of 64 x 64 through workgroup memory, each keeps 8 x 8 in registers.

const TILE = 64u;
const STEP = 16u;
const THREADS = 64u;
const MATRICES = 4u;
var<private> sums: array<mat4x4<f32>, 4>;
// Four rows, or four columns, at one depth of the tile; the rows are skewed so that writes meet different banks.
var<workgroup> left_tile: array<vec4<f32>, 272>;
var<workgroup> right_tile: array<vec4<f32>, 256>;

fn left_place(index: u32) -> vec2<u32> {
    return vec2(index / 4u * 4u, index % 4u * 4u);
}

fn right_place(index: u32) -> vec2<u32> {
    return vec2(index / 16u * 4u, index % 16u * 4u);
}

fn result_place(index: u32, matrix: u32) -> vec2<u32> {
    return vec2(index / 8u * 4u + matrix / 2u * 32u, index % 8u * 4u + matrix % 2u * 32u);
}

fn next_sums() {
    sums[0] = sums[1];
    sums[1] = sums[2];
    sums[2] = sums[3];
}

fn multiply(index: u32, left: mat4x4<f32>, right: mat4x4<f32>) {
    workgroupBarrier();
    let rows = transpose(left);
    let at = index % 4u * 4u * 17u + index / 4u;
    left_tile[at] = rows[0];
    left_tile[at + 17u] = rows[1];
    left_tile[at + 34u] = rows[2];
    left_tile[at + 51u] = rows[3];
    let to = index / 16u * 4u * 16u + index % 16u;
    right_tile[to] = right[0];
    right_tile[to + 16u] = right[1];
    right_tile[to + 32u] = right[2];
    right_tile[to + 48u] = right[3];
    workgroupBarrier();
    for (var depth = 0u; depth < STEP; depth++) {
        let high = left_tile[depth * 17u + index / 8u];
        let low = left_tile[depth * 17u + index / 8u + 8u];
        let near = right_tile[depth * 16u + index % 8u];
        let far = right_tile[depth * 16u + index % 8u + 8u];
        sums[0] += mat4x4(high.x * near, high.y * near, high.z * near, high.w * near);
        sums[1] += mat4x4(high.x * far, high.y * far, high.z * far, high.w * far);
        sums[2] += mat4x4(low.x * near, low.y * near, low.z * near, low.w * near);
        sums[3] += mat4x4(low.x * far, low.y * far, low.z * far, low.w * far);
    }
}
