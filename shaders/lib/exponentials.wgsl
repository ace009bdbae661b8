// Exponentials of a row's values, which a softmax is made of; the shader says what the values are, and how invocations share a row.

// <begin declared by the shader>
const LANES = 1u;
fn value(at: u32) -> f32 { return 0.0; }
fn sum_lanes(x: f32, i: u32) -> f32 { return x; }
fn max_lanes(x: f32, i: u32) -> f32 { return x; }
fn nan_max(a: f32, b: f32) -> f32 { return max(a, b); }
fn is_finite(x: f32) -> bool { return true; }
fn exp_accurate(x: f32) -> f32 { return exp(x); }
// <end declared by the shader>

// What the values from `first` to `end` are shifted by before they are exponents, and the sum of those; `lowest` is -infinity.
fn shift_and_sum(first: u32, end: u32, i: u32, lowest: f32) -> vec2<f32> {
    var peak = lowest;
    for (var at = first; at < end; at += LANES) {
        peak = nan_max(peak, value(at));
    }
    peak = max_lanes(peak, i);
    // Infinity less infinity is NaN, so an infinite maximum shifts nothing; and where all is -infinity, the sum of zeros becomes 1.
    let shift = select(0.0, peak, is_finite(peak));
    var sum = 0.0;
    for (var at = first; at < end; at += LANES) {
        sum += exp_accurate(value(at) - shift);
    }
    sum = sum_lanes(sum, i);
    return vec2(shift, select(sum, 1.0, sum == 0.0));
}
