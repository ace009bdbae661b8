// Functions of f32 that WGSL lacks, or that drivers get wrong: a few ulp everywhere, NaN in gives NaN out.
// NaN and infinity are told by their bits, because compilers may assume that comparisons never see them.

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn is_inf(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u;
}

fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn sign_bit(x: f32) -> u32 {
    return bitcast<u32>(x) & 0x80000000u;
}

// Comes last where a function restores NaN too: Mesa's LLVM with AVX-512 gets a select after these masks wrong in some kernels.
fn copy_sign(magnitude: f32, sign: f32) -> f32 {
    return bitcast<f32>((bitcast<u32>(magnitude) & 0x7fffffffu) | sign_bit(sign));
}

// A NaN and an infinity that no compiler can fold: x only keeps them from being constants.
fn nan_like(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) | 0x7fc00000u);
}

fn inf_like(x: f32) -> f32 {
    return bitcast<f32>((bitcast<u32>(x) & 0u) | 0x7f800000u);
}

fn nan_max(a: f32, b: f32) -> f32 {
    let larger = select(b, a, a > b);
    return select(select(larger, b, is_nan(b)), a, is_nan(a));
}

fn nan_min(a: f32, b: f32) -> f32 {
    let smaller = select(b, a, a < b);
    return select(select(smaller, b, is_nan(b)), a, is_nan(a));
}

// x * 2^k for a normal result, by adding to the exponent: drivers may turn 2 * (a * b) into (2 * a) * b, which overflows.
fn scale_by_power(x: f32, k: f32) -> f32 {
    return bitcast<f32>(bitcast<i32>(x) + i32(k) * 0x800000);
}

// e^r - 1 for |r| <= ln(2) / 2.
fn expm1_reduced(r: f32) -> f32 {
    let tail = 0.5 + r * (0.166666667 + r * (0.0416666667 + r * (8.33333333e-3 + r * (1.38888889e-3 + r * 1.98412698e-4))));
    return r + r * r * tail;
}

// exp(x) - 1 without cancellation.
fn expm1(x: f32) -> f32 {
    let k = clamp(round(x * 1.44269504), -30.0, 128.0);
    let p = expm1_reduced((x - k * 0.693145752) - k * 1.42860677e-6);
    let scale = scale_by_power(1.0, min(k, 127.0));
    var y = select(scale * p + (scale - 1.0), p, k == 0.0);
    y = select(y, scale_by_power(1.0 + p, k), k > 25.0);
    y = select(y, -1.0, x < -18.0);
    y = select(y, inf_like(x), x > 88.7228394);
    return select(y, x, is_nan(x));
}

fn exp_accurate(x: f32) -> f32 {
    let k = clamp(round(x * 1.44269504), -125.0, 128.0);
    let p = expm1_reduced((x - k * 0.693145752) - k * 1.42860677e-6);
    var y = scale_by_power(1.0 + p, k);
    y = select(y, 0.0, x < -87.0);
    y = select(y, inf_like(x), x > 88.7228394);
    return select(y, x, is_nan(x));
}

// log(m * 2^k) + correction for m - 1 = f in [-0.3, 0.42].
fn log_reduced(f: f32, k: f32, correction: f32) -> f32 {
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * (0.66666662693 + z * (0.40000972152 + z * (0.28498786688 + z * 0.24279078841)));
    let half_square = 0.5 * f * f;
    return s * (half_square + r) + (k * 9.0580006145e-6 + correction) - half_square + f + k * 0.69313812256;
}

fn log_accurate(x: f32) -> f32 {
    let shifted = bitcast<i32>(x) + (0x3f800000 - 0x3f3504f3);
    let k = f32((shifted >> 23u) - 127);
    let m = bitcast<f32>((shifted & 0x007fffff) + 0x3f3504f3);
    var y = log_reduced(m - 1.0, k, 0.0);
    y = select(y, x, is_inf(x));
    y = select(y, nan_like(x), x < 0.0 || is_nan(x));
    // Denormals count as zero: most devices flush them anyway.
    return select(y, -inf_like(x), abs(x) < 1.17549435e-38);
}

fn log1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let shifted = bitcast<i32>(u) + (0x3f800000 - 0x3f3504f3);
    let near = x > -0.29289 && x < 0.41421;
    let k = select(f32((shifted >> 23u) - 127), 0.0, near);
    let m = bitcast<f32>((shifted & 0x007fffff) + 0x3f3504f3);
    // What 1 + x lost to rounding, as a share of u.
    let lost = select(x - (u - 1.0), 1.0 - (u - x), k >= 2.0);
    let correction = select(select(lost / u, 0.0, k >= 25.0), 0.0, near);
    var y = log_reduced(select(m - 1.0, x, near), k, correction);
    y = select(y, x, abs(x) < 5.9604645e-8 || (is_inf(x) && x > 0.0));
    y = select(y, -inf_like(x), x == -1.0);
    return select(y, nan_like(x), x < -1.0 || is_nan(x));
}

fn erf(x: f32) -> f32 {
    let t = min(abs(x), 4.0);
    let s = t * t;
    var tail = (-1.72853470e-5 * t + 3.83197126e-4) * s + (-3.88396438e-3 * t + 2.42546219e-2);
    tail = tail * t - 1.06777877e-1;
    tail = tail * t - 6.34846687e-1;
    tail = tail * t - 1.28717512e-1;
    tail = -expm1(tail * t - t);
    var center = -5.96761703e-4;
    center = center * s + 4.99119423e-3;
    center = center * s - 2.67681349e-2;
    center = center * s + 1.12819925e-1;
    center = center * s - 3.76125336e-1;
    center = center * s + 1.28379166e-1;
    center = center * t + t;
    let y = select(center, tail, t > 0.927734375);
    return copy_sign(select(y, x, is_nan(x)), x);
}

// tanh of some drivers is NaN from about 88 on, and imprecise near 0.
fn tanh_safe(x: f32) -> f32 {
    let t = expm1(2.0 * min(abs(x), 10.0));
    return copy_sign(select(t / (t + 2.0), x, is_nan(x)), x);
}

fn sigmoid(x: f32) -> f32 {
    let e = exp_accurate(-abs(x));
    let y = select(1.0, e, x < 0.0) / (1.0 + e);
    return select(y, x, is_nan(x));
}

// log(1 + e^x)
fn softplus(x: f32) -> f32 {
    let y = select(x, 0.0, x < 0.0) + log1p(exp_accurate(-abs(x)));
    return select(y, x, is_nan(x));
}

// (x + sqrt(x * x + b)) / 2; the sum would cancel to the left.
fn squareplus(x: f32, b: f32) -> f32 {
    let root = sqrt(x * x + b);
    return 0.5 * select(x + root, b / (root - x), x < 0.0);
}

// The derivative of x * sigmoid(x * (a + b * x * x)), GELU as approximated with tanh.
fn gelu_tanh_slope(x: f32) -> f32 {
    let u = x * (1.59576912 + 0.0713548163 * x * x);
    let v = x * (1.59576912 + 0.214064449 * x * x);
    return sigmoid(u) * (1.0 + v * sigmoid(-u));
}

fn sinh_safe(x: f32) -> f32 {
    let t = expm1(min(abs(x), 88.0));
    let h = exp_accurate(0.5 * abs(x));
    let y = select(0.5 * (t + t / (t + 1.0)), (0.5 * h) * h, abs(x) > 88.0);
    return copy_sign(select(y, x, is_nan(x)), x);
}

fn cosh_safe(x: f32) -> f32 {
    let e = exp_accurate(min(abs(x), 88.0));
    let h = exp_accurate(0.5 * abs(x));
    let y = select(0.5 * e + 0.5 / e, (0.5 * h) * h, abs(x) > 88.0);
    return select(y, x, is_nan(x));
}

fn asinh_safe(x: f32) -> f32 {
    let t = abs(x);
    let small = min(t, 1e4);
    let near = log1p(small + small * small / (1.0 + sqrt(1.0 + small * small)));
    let y = select(near, log_accurate(t) + 0.69314718, t > 1e4);
    return copy_sign(select(y, x, is_nan(x)), x);
}

// NaN below 1.
fn acosh_safe(x: f32) -> f32 {
    let t = clamp(x, 1.0, 1e4) - 1.0;
    let y = select(log1p(t + sqrt(2.0 * t + t * t)), log_accurate(x) + 0.69314718, x > 1e4);
    return select(y, nan_like(x), x < 1.0 || is_nan(x));
}

// Infinite at 1 and -1, NaN beyond.
fn atanh_safe(x: f32) -> f32 {
    let t = abs(x);
    var y = 0.5 * log1p(2.0 * t / (1.0 - t));
    y = select(y, inf_like(x), t == 1.0);
    return copy_sign(select(y, nan_like(x), t > 1.0 || is_nan(x)), x);
}

// A float as the exact sum of its upper 12 bits and the rest, so that products of parts are exact.
fn upper_half(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

// log2(x) of a positive finite x as an unevaluated sum (upper, lower), after fdlibm's powf.
fn log2_pair(x: f32) -> vec2<f32> {
    let bits = bitcast<i32>(x);
    let fraction = bits & 0x007fffff;
    var exponent = (bits >> 23u) - 127;
    // The interval around 1, 1.5 or 2 that the fraction lies in.
    let middle = fraction >= 0x1cc471 && fraction < 0x5db3d7;
    let top = fraction >= 0x5db3d7;
    exponent += select(0, 1, top);
    let m = bitcast<f32>(fraction | select(0x3f800000, 0x3f000000, top));
    let base = select(1.0, 1.5, middle);
    let u = m - base;
    let v = 1.0 / (m + base);
    let s = u * v;
    let s_upper = upper_half(s);
    let t_upper = upper_half(m + base);
    let t_lower = m - (t_upper - base);
    let s_lower = v * ((u - s_upper * t_upper) - s_upper * t_lower);
    let s2 = s * s;
    var r = 0.27272811532 + s2 * (0.23066075146 + s2 * 0.20697501302);
    r = s2 * s2 * (0.60000002384 + s2 * (0.42857143283 + s2 * (0.33333334327 + s2 * r)));
    r += s_lower * (s_upper + s);
    let q = s_upper * s_upper;
    let w_upper = upper_half(3.0 + q + r);
    let w_lower = r - ((w_upper - 3.0) - q);
    let a = s_upper * w_upper;
    let b = s_lower * w_upper + w_lower * s;
    let p_upper = upper_half(a + b);
    let p_lower = b - (p_upper - a);
    let z_upper = 0.9619140625 * p_upper;
    let z_lower = -1.1736857402e-4 * p_upper + p_lower * 0.96179670095 + select(0.0, 1.56322085e-6, middle);
    let base_log = select(0.0, 0.584960938, middle);
    let t = f32(exponent);
    let upper = upper_half(((z_upper + z_lower) + base_log) + t);
    return vec2<f32>(upper, z_lower - (((upper - t) - base_log) - z_upper));
}

// x^y with the conventions of C: negative bases take integer exponents, x^0 and 1^y are 1.
fn pow_safe(x: f32, y: f32) -> f32 {
    let magnitude = abs(x);
    let whole = floor(y) == y;
    let odd = whole && abs(y) < 16777216.0 && (i32(clamp(y, -16777216.0, 16777216.0)) & 1) != 0;
    let grows = (magnitude > 1.0) == (y > 0.0);

    let base = select(magnitude, 2.0, !is_finite(x) || magnitude < 1.17549435e-38);
    let power = clamp(y, -1e10, 1e10);
    let logarithm = log2_pair(base);
    let y_upper = upper_half(power);
    let lower = (power - y_upper) * logarithm.x + power * logarithm.y;
    let upper = y_upper * logarithm.x;
    let exponent = upper + lower;
    let k = clamp(round(exponent), -126.0, 128.0);
    let f = clamp((upper - k) + lower, -1.0, 1.0);
    var result = scale_by_power(1.0 + expm1_reduced(f * 0.69314718), k);
    result = select(result, 0.0, exponent < -126.0);
    result = select(result, inf_like(x), exponent >= 128.0);

    let extreme = select(0.0, inf_like(x), grows);
    result = select(result, extreme, is_inf(x) || magnitude < 1.17549435e-38);
    result = select(result, select(extreme, 1.0, magnitude == 1.0), is_inf(y));
    result = select(result, copy_sign(result, x), odd);
    result = select(result, nan_like(x), (x < 0.0 && !whole && is_finite(x) && magnitude >= 1.17549435e-38) || is_nan(x) || is_nan(y));
    return select(result, 1.0, y == 0.0 || (bitcast<u32>(x) == 0x3f800000u));
}

// A normal number from 24 bits for its radius and 24 for its angle (Box and Muller): the cosine or the sine of the pair.
fn box_muller(words: vec2<u32>, sine: bool) -> f32 {
    let radius = sqrt(-2.0 * log_accurate(f32((words.x >> 8u) + 1u) * 0x1p-24f));
    let turns = f32(words.y >> 8u) * 0x1p-22f;
    let quadrant = floor(turns + 0.5);
    let r = (turns - quadrant) * 1.57079633;
    let z = r * r;
    let odd = r + r * z * (-0.16666654611 + z * (8.3321608736e-3 + z * -1.9515295891e-4));
    let even = 1.0 - 0.5 * z + z * z * (4.166664568e-2 + z * (-1.388731625e-3 + z * 2.443315712e-5));
    let q = u32(quadrant) + select(0u, 3u, sine);
    let value = select(even, odd, (q & 1u) != 0u);
    return radius * select(value, -value, ((q + 1u) & 2u) != 0u);
}

// 2^x.
fn exp2_safe(x: f32) -> f32 {
    let k = clamp(round(x), -125.0, 128.0);
    var y = scale_by_power(1.0 + expm1_reduced(clamp(x - k, -1.0, 1.0) * 0.69314718), k);
    y = select(y, 0.0, x < -126.0);
    y = select(y, inf_like(x), x >= 128.0);
    return select(y, x, is_nan(x));
}

// sin(x + quarters * pi / 2), after Cody and Waite: to 1e-7 for |x| up to 1e4; the error grows with |x| beyond.
fn sin_shifted(x: f32, quarters: i32) -> f32 {
    let k = round(clamp(x, -1e6, 1e6) * 0.636619772);
    let r = clamp(((x - k * 1.5703125) - k * 4.837512969970703125e-4) - k * 7.54978995489188216e-8, -0.8, 0.8);
    let z = r * r;
    let sine = r + r * z * (-0.166666546 + z * (8.33216087e-3 - z * 1.95152959e-4));
    let cosine = 1.0 - 0.5 * z + z * z * (4.16666457e-2 + z * (-1.38873163e-3 + z * 2.44331571e-5));
    let quadrant = i32(k) + quarters;
    let y = select(sine, cosine, (quadrant & 1) != 0);
    return select(select(y, -y, (quadrant & 2) != 0), nan_like(x), !is_finite(x));
}

fn sin_safe(x: f32) -> f32 {
    return sin_shifted(x, 0);
}

fn cos_safe(x: f32) -> f32 {
    return sin_shifted(x, 1);
}

fn tan_safe(x: f32) -> f32 {
    return sin_shifted(x, 0) / sin_shifted(x, 1);
}

// asin for x in [0, 0.5].
fn asin_reduced(x: f32) -> f32 {
    let z = x * x;
    return x + x * z * (0.166666752 + z * (7.4953002686e-2 + z * (4.5470025998e-2 + z * (2.4181311049e-2 + z * 4.2163199048e-2))));
}

// NaN beyond 1 and -1.
fn asin_safe(x: f32) -> f32 {
    let t = min(abs(x), 1.0);
    let y = select(asin_reduced(t), 1.57079633 - 2.0 * asin_reduced(sqrt(0.5 - 0.5 * t)), t > 0.5);
    return copy_sign(select(y, nan_like(x), abs(x) > 1.0 || is_nan(x)), x);
}

// NaN beyond 1 and -1.
fn acos_safe(x: f32) -> f32 {
    let t = min(abs(x), 1.0);
    let outer = 2.0 * asin_reduced(sqrt(0.5 - 0.5 * t));
    let inner = 1.57079633 - copy_sign(asin_reduced(min(t, 0.5)), x);
    let y = select(inner, select(outer, 3.14159265 - outer, x < 0.0), t > 0.5);
    return select(y, nan_like(x), abs(x) > 1.0 || is_nan(x));
}

// The angle of the point (x, y) in (-pi, pi].
fn atan2_safe(y: f32, x: f32) -> f32 {
    let a = abs(x);
    let b = abs(y);
    let low = min(a, b);
    let high = max(a, b);
    // 0 / 0 is the angle 0, and two infinities lie on the diagonal; halves keep what follows finite.
    let ratio = select(select((0.5 * low) / (0.5 * high), 0.0, low == 0.0 || is_inf(high)), 1.0, is_inf(low));
    let beyond = ratio > 0.414213562;
    let r = select(ratio, (ratio - 1.0) / (ratio + 1.0), beyond);
    let z = r * r;
    let core = r + r * z * (-0.333329492 + z * (0.199777106 + z * (-0.138776856 + z * 8.05374450e-2)));
    var angle = core + select(0.0, 0.785398163, beyond);
    angle = select(angle, 1.57079633 - angle, b > a);
    angle = select(angle, 3.14159265 - angle, sign_bit(x) != 0u);
    return copy_sign(select(angle, nan_like(x), is_nan(x) || is_nan(y)), y);
}

fn atan_safe(x: f32) -> f32 {
    return atan2_safe(x, 1.0);
}

// `clamp` that keeps NaN.
fn limit(x: f32, low: f32, high: f32) -> f32 {
    return select(select(x, low, x < low), high, x > high);
}

// x - y * trunc(x / y); exact to about a rounding of x.
fn remainder(x: f32, y: f32) -> f32 {
    let a = abs(x);
    let b = abs(y);
    let guess = fma(-b, floor(a / b), a);
    // The rounded quotient may be one off.
    var r = select(select(guess, guess + b, guess < 0.0), guess - b, guess >= b);
    r = select(r, a, is_inf(b) && is_finite(a));
    return copy_sign(select(r, nan_like(x), is_nan(x) || is_nan(y) || is_inf(x) || b == 0.0), x);
}

// Functions for each type of number: in a pointwise row `max_T(x, y)` becomes `max_f32(x, y)` where x is f32.

// A parameter's word as a number.
fn word_f32(word: u32) -> f32 { return bitcast<f32>(word); }
fn word_i32(word: u32) -> i32 { return bitcast<i32>(word); }
fn word_u32(word: u32) -> u32 { return word; }

fn sign_f32(x: f32) -> f32 { return select(select(f32(x > 0.0), -1.0, x < 0.0), x, is_nan(x)); }
fn sign_i32(x: i32) -> i32 { return sign(x); }

fn max_f32(x: f32, y: f32) -> f32 { return nan_max(x, y); }
fn max_i32(x: i32, y: i32) -> i32 { return max(x, y); }
fn max_u32(x: u32, y: u32) -> u32 { return max(x, y); }

fn min_f32(x: f32, y: f32) -> f32 { return nan_min(x, y); }
fn min_i32(x: i32, y: i32) -> i32 { return min(x, y); }
fn min_u32(x: u32, y: u32) -> u32 { return min(x, y); }

// The greatest common divisor by Euclid's steps; that of 0 and 0 is 0.
fn gcd_u32(x: u32, y: u32) -> u32 {
    var a = x;
    var b = y;
    while b != 0u {
        let r = a % max(b, 1u);
        a = b;
        b = r;
    }
    return a;
}

fn gcd_i32(x: i32, y: i32) -> i32 { return i32(gcd_u32(u32(abs(x)), u32(abs(y)))); }

// The remainder with the sign of the divisor.
fn floor_mod_f32(x: f32, y: f32) -> f32 {
    let r = remainder(x, y);
    return select(r, r + y, r != 0.0 && (r < 0.0) != (y < 0.0));
}

// Integers divided by zero give zero. No division here can trap: neither one by zero, nor the smallest number by -1.
fn floor_mod_i32(x: i32, y: i32) -> i32 {
    return select(x - floor_divide_i32(x, y) * y, 0, y == 0);
}

fn floor_mod_u32(x: u32, y: u32) -> u32 {
    return select(x % max(y, 1u), 0u, y == 0u);
}

fn floor_divide_f32(x: f32, y: f32) -> f32 {
    let r = remainder(x, y);
    let quotient = round((x - r) / y) - f32(r != 0.0 && (r < 0.0) != (y < 0.0));
    return select(quotient, x / y, y == 0.0);
}

fn floor_divide_i32(x: i32, y: i32) -> i32 {
    let divisor = select(y, 1, y == 0 || y == -1);
    let quotient = x / divisor;
    let floored = quotient - i32(quotient * divisor != x && (x < 0) != (divisor < 0));
    return select(select(floored, 0 - x, y == -1), 0, y == 0);
}

fn floor_divide_u32(x: u32, y: u32) -> u32 {
    return select(x / max(y, 1u), 0u, y == 0u);
}

// Shifts by 32 and more, or by a negative amount, push every bit out.
fn shift_left_i32(x: i32, y: i32) -> i32 { return select(x << (u32(y) & 31u), 0, u32(y) > 31u); }
fn shift_left_u32(x: u32, y: u32) -> u32 { return select(x << (y & 31u), 0u, y > 31u); }
fn shift_right_i32(x: i32, y: i32) -> i32 { return x >> min(u32(y), 31u); }
fn shift_right_u32(x: u32, y: u32) -> u32 { return select(x >> (y & 31u), 0u, y > 31u); }
