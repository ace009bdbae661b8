// Product of matrices for software drivers: a subgroup of 8 keeps a tile of 32 x 32 in registers, 4 columns an invocation. There a load
// costs as much as 50 multiplications, so each invocation loads other values, and the rows go round by shuffles.

const TILE = 32u;
const STEP = 4u;
const THREADS = 8u;
const MATRICES = 8u;
var<private> sums: array<mat4x4<f32>, 8>;

fn left_place(index: u32) -> vec2<u32> {
    return vec2(4u * index, 0u);
}

fn right_place(index: u32) -> vec2<u32> {
    return vec2(0u, 4u * index);
}

// Row and column of the first result in matrix `matrix` of the sums; each of its columns is 4 results of a row.
fn result_place(index: u32, matrix: u32) -> vec2<u32> {
    return vec2(4u * matrix, 4u * index);
}

// Results are taken from the first matrix, the others follow: an index that varies would put them all into memory.
fn next_sums() {
    sums[0] = sums[1];
    sums[1] = sums[2];
    sums[2] = sums[3];
    sums[3] = sums[4];
    sums[4] = sums[5];
    sums[5] = sums[6];
    sums[6] = sums[7];
}

fn multiply(index: u32, left: mat4x4<f32>, right: mat4x4<f32>) {
    sums[0] += right * of_lane(left, 0u);
    sums[1] += right * of_lane(left, 1u);
    sums[2] += right * of_lane(left, 2u);
    sums[3] += right * of_lane(left, 3u);
    sums[4] += right * of_lane(left, 4u);
    sums[5] += right * of_lane(left, 5u);
    sums[6] += right * of_lane(left, 6u);
    sums[7] += right * of_lane(left, 7u);
}

fn of_lane(values: mat4x4<f32>, lane: u32) -> mat4x4<f32> {
    return mat4x4(
        subgroupShuffle(values[0], lane),
        subgroupShuffle(values[1], lane),
        subgroupShuffle(values[2], lane),
        subgroupShuffle(values[3], lane),
    );
}
