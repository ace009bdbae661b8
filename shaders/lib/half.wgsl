// Halves as bits, in integer arithmetic: drivers round and flush differently, these round to nearest even on all of them.

fn f32_of_f16(half: u32) -> f32 {
    let magnitude = half & 0x7fffu;
    var bits = (magnitude << 13u) + 0x38000000u;
    // A subnormal is a whole multiple of 2^-24.
    bits = select(bits, bitcast<u32>(f32(magnitude) * 5.9604644775390625e-8), magnitude < 0x400u);
    bits = select(bits, (magnitude << 13u) | 0x7f800000u, magnitude >= 0x7c00u);
    return bitcast<f32>(bits | ((half & 0x8000u) << 16u));
}

fn f16_of_f32(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let magnitude = bits & 0x7fffffffu;
    var half = (magnitude - 0x37fff001u + ((magnitude >> 13u) & 1u)) >> 13u;
    // Beside 0.5 the distance of floats is that of subnormal halves.
    half = select(half, bitcast<u32>(bitcast<f32>(magnitude) + 0.5) - 0x3f000000u, magnitude < 0x38800000u);
    half = select(half, 0x7c00u, magnitude >= 0x477ff000u);
    half = select(half, 0x7e00u | ((magnitude >> 13u) & 0x1ffu), magnitude > 0x7f800000u);
    return half | ((bits >> 16u) & 0x8000u);
}

fn f32_of_bf16(half: u32) -> f32 {
    return bitcast<f32>(half << 16u);
}

fn bf16_of_f32(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let rounded = (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
    return select(rounded, (bits >> 16u) | 0x40u, (bits & 0x7fffffffu) > 0x7f800000u);
}

fn round_f16(x: f32) -> f32 {
    return f32_of_f16(f16_of_f32(x));
}

fn round_bf16(x: f32) -> f32 {
    return f32_of_bf16(bf16_of_f32(x));
}
