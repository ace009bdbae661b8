// Philox4x32-10, the counter-based random generator: equal bits on every device and on the CPU.

// The high and the low word of a 32 x 32 bit product, from 16-bit halves.
fn mul_wide(a: u32, b: u32) -> vec2<u32> {
    let a_low = a & 0xffffu;
    let a_high = a >> 16u;
    let b_low = b & 0xffffu;
    let b_high = b >> 16u;
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 16u);
    let other = a_low * b_high + (middle & 0xffffu);
    return vec2<u32>(a_high * b_high + (middle >> 16u) + (other >> 16u), a * b);
}

fn philox4x32_10(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    var state = counter;
    var round_key = key;
    for (var round = 0u; round < 10u; round++) {
        let first = mul_wide(0xd2511f53u, state.x);
        let second = mul_wide(0xcd9e8d57u, state.z);
        state = vec4<u32>(second.x ^ state.y ^ round_key.x, second.y, first.x ^ state.w ^ round_key.y, first.y);
        round_key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
    }
    return state;
}

// 24 random bits as a float in [0, 1).
fn unit_float(bits: u32) -> f32 {
    return f32(bits >> 8u) * 0x1p-24f;
}

// Word i of the numbers of a key: p holds the seed, the stream and the step.
fn random_word(i: u32, p: vec4<u32>) -> u32 {
    return philox4x32_10(vec4<u32>(i / 4u, 0u, p.z, p.w), p.xy)[i % 4u];
}

// Words i and i + 1 for even i; an odd i gets those of its even neighbour.
fn random_pair(i: u32, p: vec4<u32>) -> vec2<u32> {
    let block = philox4x32_10(vec4<u32>(i / 4u, 0u, p.z, p.w), p.xy);
    return select(block.xy, block.zw, (i & 2u) != 0u);
}
