// Sums and maxima over the invocations that share a row, LANES of them, STRIDE apart: a fixed tree, to be called by all together.

const GROUP = 64u;
const LANES = 64u;
const STRIDE = 1u;
var<workgroup> lane_values: array<f32, GROUP>;

fn sum_lanes(x: f32, i: u32) -> f32 {
    let lane = i / STRIDE % LANES;
    lane_values[i] = x;
    for (var step = LANES / 2u; step > 0u; step /= 2u) {
        workgroupBarrier();
        if lane < step {
            lane_values[i] += lane_values[i + step * STRIDE];
        }
    }
    workgroupBarrier();
    let sum = lane_values[i - lane * STRIDE];
    workgroupBarrier();
    return sum;
}

fn max_lanes(x: f32, i: u32) -> f32 {
    let lane = i / STRIDE % LANES;
    lane_values[i] = x;
    for (var step = LANES / 2u; step > 0u; step /= 2u) {
        workgroupBarrier();
        if lane < step {
            let other = lane_values[i + step * STRIDE];
            // NaN wins.
            let better = other > lane_values[i] || (bitcast<u32>(other) & 0x7fffffffu) > 0x7f800000u;
            lane_values[i] = select(lane_values[i], other, better);
        }
    }
    workgroupBarrier();
    let largest = lane_values[i - lane * STRIDE];
    workgroupBarrier();
    return largest;
}
