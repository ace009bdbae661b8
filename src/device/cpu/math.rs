//! Elementary functions for f32 that vectorise inside `simd::map1`: plain mul and add, selects for branches, no call to libm.
//!
//! The hot ones (exp, exp_m1, tanh, sigmoid) compute in f32, the others in f64 inside, which makes their last bit a matter of one
//! rounding. NaN propagates. Coefficients are our own minimax fits (Remez; erf: a weighted rational least-squares fit).

use std::f64::consts::{FRAC_PI_2, LN_2, LOG2_E, PI};

/// Adding and subtracting 1.5 * 2^23 (2^52) rounds to the nearest integer, and leaves that integer in the low bits.
const ROUND_F32: f32 = 12_582_912.0;
const ROUND_F64: f64 = 6_755_399_441_055_744.0;

/// `clamp` that keeps NaN and stays a pair of selects.
#[inline(always)]
fn limit(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// Splits `x = n ln 2 + r` and returns (n, e^r - 1); |r| <= 0.35.
#[inline(always)]
fn reduced_exp_m1(x: f32) -> (i32, f32) {
    let shifted = x * std::f32::consts::LOG2_E + ROUND_F32;
    let n = shifted - ROUND_F32;
    let r = (x - n * 0.693_115_23) - n * 3.194_618_5e-5;
    let q = 0.000_199_142_03_f32;
    let q = q * r + 0.001_394_101;
    let q = q * r + 0.008_333_273;
    let q = q * r + 0.041_666_355;
    let q = q * r + 0.166_666_67;
    let q = q * r + 0.5;
    ((shifted.to_bits() as i32).wrapping_sub(ROUND_F32.to_bits() as i32), r + r * r * q)
}

/// 2^n for -126 <= n <= 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let (n, p) = reduced_exp_m1(limit(x, -104.0, 89.0));
    // Two factors, so that subnormal results round once and overflow gives infinity.
    let half = n >> 1;
    (1.0 + p) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// e^x for x <= 0, as softmax wants it: results below 2^-126 are 0, and the error grows with |x| as if x had been rounded once more.
#[inline(always)]
pub fn exp_below(x: f32) -> f32 {
    let t = x * std::f32::consts::LOG2_E;
    let shifted = (if t < -126.0 { -126.0 } else { t }) + ROUND_F32;
    let r = t - (shifted - ROUND_F32);
    let q = 0.001_326_472_7_f32;
    let q = q * r + 0.009_671_513;
    let q = q * r + 0.055_507_336;
    let q = q * r + 0.240_222_42;
    let q = q * r + 0.693_147_06;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    let value = (q * r + 1.0) * scale;
    if t < -126.0 { 0.0 } else { value }
}

#[inline(always)]
pub fn exp_m1(x: f32) -> f32 {
    let (n, p) = reduced_exp_m1(limit(x, -20.0, 89.0));
    // Half of the power, because 2^128 has no place in f32.
    let scale = power_of_two(n.wrapping_sub(1));
    (scale * p + (scale - 0.5)) * 2.0
}

#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let e = exp_m1(limit(x.abs(), 0.0, 10.0) * 2.0);
    (e / (e + 2.0)).copysign(x)
}

/// `1 / (1 + e^-x)`
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// `ln(1 + e^x)`
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let x = f64::from(x);
    let z = exp_f64(-x.abs());
    let u = 1.0 + z;
    // The second term is what rounding u lost.
    let tail = ln_f64(u) + (z - (u - 1.0)) / u;
    ((if x > 0.0 { x } else { 0.0 }) + tail) as f32
}

#[inline(always)]
pub fn ln(x: f32) -> f32 {
    ln_f64(f64::from(x)) as f32
}

#[inline(always)]
pub fn ln_1p(x: f32) -> f32 {
    ln_1p_f64(f64::from(x)) as f32
}

/// `2/√π ∫₀ˣ e^(-t²) dt`
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    // From 3.93 on erf is 1 in f32; the fraction is fitted below that.
    let x = f64::from(limit(x, -3.93, 3.93));
    let z = x * x;
    let p = -1.2856504457977567e-08;
    let p = p * z + 4.619733962825094e-06;
    let p = p * z + 0.0003771582362346166;
    let p = p * z + 0.003840378634311088;
    let p = p * z + 0.05425484540983114;
    let p = p * z + 0.18515056597613214;
    let p = p * z + 1.1283791690830371;
    let q = 6.249782431914897e-05;
    let q = q * z + 0.0013024148898445928;
    let q = q * z + 0.015434972481633086;
    let q = q * z + 0.11388789588492115;
    let q = q * z + 0.49741882327649395;
    let q = q * z + 1.0;
    (x * p / q) as f32
}

/// [`erf`] with an error of at most 6e-7, where it is added to 1 anyway: in f32 alone.
#[inline(always)]
pub fn erf_beside_one(x: f32) -> f32 {
    let x = limit(x, -3.93, 3.93);
    let z = x * x;
    let p = 0.000_228_760_21_f32;
    let p = p * z + 0.003_347_982_4;
    let p = p * z + 0.050_768_126;
    let p = p * z + 0.183_609_43;
    let p = p * z + std::f32::consts::FRAC_2_SQRT_PI;
    let q = -1.201_69e-7_f32;
    let q = q * z + 2.371_176_4e-5;
    let q = q * z + 0.001_005_778_7;
    let q = q * z + 0.013_946_464;
    let q = q * z + 0.110_346_15;
    let q = q * z + 0.496_052_32;
    let q = q * z + 1.0;
    limit(x * p / q, -1.0, 1.0)
}

/// Beyond 2^30 neighbours are many periods apart, and the phase counts as 0.
#[inline(always)]
pub fn sin(x: f32) -> f32 {
    let (quadrant, sine, cosine) = sin_cos_f64(x);
    let value = if quadrant & 1 == 0 { sine } else { cosine };
    (if quadrant & 2 == 0 { value } else { -value }) as f32
}

/// Beyond 2^30 neighbours are many periods apart, and the phase counts as 0.
#[inline(always)]
pub fn cos(x: f32) -> f32 {
    let (quadrant, sine, cosine) = sin_cos_f64(x);
    let value = if quadrant & 1 == 0 { cosine } else { sine };
    (if quadrant.wrapping_add(1) & 2 == 0 { value } else { -value }) as f32
}

/// Beyond 2^30 neighbours are many periods apart, and the phase counts as 0.
#[inline(always)]
pub fn tan(x: f32) -> f32 {
    let (quadrant, sine, cosine) = sin_cos_f64(x);
    let odd = quadrant & 1 != 0;
    ((if odd { -cosine } else { sine }) / (if odd { sine } else { cosine })) as f32
}

#[inline(always)]
pub fn asin(x: f32) -> f32 {
    let x = f64::from(x);
    atan2_f64(x, ((1.0 - x) * (1.0 + x)).sqrt()) as f32
}

#[inline(always)]
pub fn acos(x: f32) -> f32 {
    let x = f64::from(x);
    atan2_f64(((1.0 - x) * (1.0 + x)).sqrt(), x) as f32
}

#[inline(always)]
pub fn atan(x: f32) -> f32 {
    atan2_f64(f64::from(x), 1.0) as f32
}

/// The angle of the point (`x`, `y`), in (-π, π].
#[inline(always)]
pub fn atan2(y: f32, x: f32) -> f32 {
    atan2_f64(f64::from(y), f64::from(x)) as f32
}

#[inline(always)]
pub fn sinh(x: f32) -> f32 {
    let x = f64::from(x);
    let e = exp_f64(x);
    // Near 0 the difference cancels; the series takes over.
    let series = x + x * x * x * (1.0 / 6.0);
    (if x.abs() < 0.01 { series } else { 0.5 * (e - 1.0 / e) }) as f32
}

#[inline(always)]
pub fn cosh(x: f32) -> f32 {
    let e = exp_f64(f64::from(x));
    (0.5 * (e + 1.0 / e)) as f32
}

#[inline(always)]
pub fn asinh(x: f32) -> f32 {
    let x = f64::from(x);
    let (a, z) = (x.abs(), x * x);
    let series = x * (1.0 - z * (1.0 / 6.0) + z * z * (3.0 / 40.0));
    (if a < 0.01 { series } else { ln_f64(a + (z + 1.0).sqrt()).copysign(x) }) as f32
}

#[inline(always)]
pub fn acosh(x: f32) -> f32 {
    let x = f64::from(x);
    // The logarithm's NaN stands for the whole range below 1.
    let x = if x < 1.0 { -1.0 } else { x };
    ln_f64(x + ((x - 1.0) * (x + 1.0)).sqrt()) as f32
}

#[inline(always)]
pub fn atanh(x: f32) -> f32 {
    let x = f64::from(x);
    let z = x * x;
    let series = x * (1.0 + z * (1.0 / 3.0) + z * z * 0.2);
    (if x.abs() < 0.01 { series } else { 0.5 * ln_f64((1.0 + x) / (1.0 - x)) }) as f32
}

/// `x^y` with the rules of C's pow: 1 for y = 0 or x = 1 whatever the other is, NaN for negative x with fractional y.
#[inline(always)]
pub fn powf(x: f32, y: f32) -> f32 {
    let size = exp_f64(f64::from(y) * ln_f64(f64::from(x.abs()))) as f32;
    let whole = is_whole(y.abs());
    let odd = whole && !is_whole(y.abs() * 0.5);
    let negative = x.is_sign_negative();
    let value = if negative && odd { -size } else { size };
    let value = if x < 0.0 && !whole && x.is_finite() { f32::NAN } else { value };
    let one = y == 0.0 || x == 1.0 || (x == -1.0 && y.is_infinite());
    if one { 1.0 } else { value }
}

/// For x >= 0; from 2^23 on every f32 is whole.
#[inline(always)]
fn is_whole(x: f32) -> bool {
    x >= 8_388_608.0 || (x + 8_388_608.0) - 8_388_608.0 == x
}

/// e^x to about 2^-45, for results that fit f32 (x is clamped to ±200).
#[inline(always)]
fn exp_f64(x: f64) -> f64 {
    let x = if x < -200.0 { -200.0 } else { x };
    let x = if x > 200.0 { 200.0 } else { x };
    let shifted = x * LOG2_E + ROUND_F64;
    let n = shifted - ROUND_F64;
    let r = x - n * LN_2;
    let q = 2.7644020834147452e-06;
    let q = q * r + 2.48822754744839e-05;
    let q = q * r + 0.00019841162320918107;
    let q = q * r + 0.0013888807586851593;
    let q = q * r + 0.008333333389176783;
    let q = q * r + 0.041666666988973436;
    let q = q * r + 0.1666666666656653;
    let q = q * r + 0.49999999999604244;
    let scale = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    (1.0 + (r + r * r * q)) * scale
}

/// ln to about 2^-44 relative for normal f64 (every f32 becomes one), with ln 0 = -inf and NaN below.
#[inline(always)]
fn ln_f64(x: f64) -> f64 {
    // Biased so that the mantissa lands in [√½, √2).
    const SQRT_HALF: u64 = 0x3FE6_A09E_0000_0000;
    let exponent = x.to_bits().wrapping_sub(SQRT_HALF).wrapping_add(1023 << 52) >> 52;
    let mantissa = f64::from_bits(x.to_bits().wrapping_sub(exponent.wrapping_sub(1023) << 52));
    // The integer becomes a float by way of 2^52's mantissa: AVX2 has no conversion from 64-bit integers.
    let n = f64::from_bits(exponent | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0);
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let g = 0.19586991687036762;
    let g = g * z + 0.22176004542697586;
    let g = g * z + 0.2857211322828044;
    let g = g * z + 0.3999999558687478;
    let g = g * z + 0.6666666667589267;
    let value = n * LN_2 + s * (2.0 + z * g);
    let value = if x == f64::INFINITY { x } else { value };
    let value = if x == 0.0 { f64::NEG_INFINITY } else { value };
    if x >= 0.0 { value } else { f64::NAN }
}

#[inline(always)]
fn ln_1p_f64(x: f64) -> f64 {
    let u = 1.0 + x;
    // What rounding u lost counts where x is small; elsewhere the quotient is 0 (and NaN at infinity, hence the select).
    let lost = (x - (u - 1.0)) / u;
    ln_f64(u) + if (x < 1.0) & (u > 0.0) { lost } else { 0.0 }
}

/// The quadrant and the sine and cosine of what is left, at most π/4.
#[inline(always)]
fn sin_cos_f64(x: f32) -> (u64, f64, f64) {
    let x = if x.abs() < 1_073_741_824.0 { x } else { x * 0.0 };
    let x = f64::from(x);
    let shifted = x * (2.0 / PI) + ROUND_F64;
    let n = shifted - ROUND_F64;
    // π/2 in three parts of 22 bits: the first two products are exact for |x| < 2^30.
    let r = ((x - n * 1.570796012878418) - n * 3.139164164167596e-07) - n * 6.223372171896613e-14;
    let z = r * r;
    let s = 2.7183047667877843e-06;
    let s = s * z - 0.00019839334145077268;
    let s = s * z + 0.008333329383788795;
    let s = s * z - 0.16666666641608927;
    let c = -2.72101725576875e-07;
    let c = c * z + 2.479951924455865e-05;
    let c = c * z - 0.0013888883750625802;
    let c = c * z + 0.04166666662279713;
    (shifted.to_bits(), r + r * z * s, 1.0 - 0.5 * z + z * z * c)
}

/// atan2 to about 2^-34.
#[inline(always)]
fn atan2_f64(y: f64, x: f64) -> f64 {
    let (a, b) = (x.abs(), y.abs());
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    // 0/0 is the angle 0 and inf/inf the diagonal.
    let ratio = if high == 0.0 { 0.0 } else { low / high };
    let ratio = if low == f64::INFINITY { 1.0 } else { ratio };
    let z = ratio * ratio;
    let t = -0.0007112922109940627;
    let t = t * z + 0.004999247848332132;
    let t = t * z - 0.016471293208328706;
    let t = t * z + 0.034704437424953855;
    let t = t * z - 0.054704301848507844;
    let t = t * z + 0.0726937422518145;
    let t = t * z - 0.08988788562887544;
    let t = t * z + 0.11095201682666343;
    let t = t * z - 0.14284250767314377;
    let t = t * z + 0.19999932191089234;
    let t = t * z - 0.33333332235170604;
    let angle = ratio + ratio * z * t;
    let angle = if a < b { FRAC_PI_2 - angle } else { angle };
    let angle = if x.is_sign_negative() { PI - angle } else { angle };
    // Comparisons lose NaN, so it is put back.
    if x.is_nan() || y.is_nan() { f64::NAN } else { angle.copysign(y) }
}

#[cfg(test)]
mod tests {
    use super::super::simd::{map1, on_each_level};
    use super::*;

    /// Every 1009th f32 in `[-limit, limit]` that the reference maps to a finite number; the distance in ulps of the result.
    fn max_ulp(name: &str, limit: f32, function: impl Fn(f32) -> f32, reference: impl Fn(f64) -> f64) -> f64 {
        let (mut worst, mut at) = (0.0, 0.0);
        for bits in (0..=limit.to_bits()).step_by(1009) {
            for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
                let (got, want) = (function(x), reference(f64::from(x)));
                if want.is_nan() || got.is_nan() {
                    assert_eq!(want.is_nan(), got.is_nan(), "{name}({x:e}) = {got}, not {want}");
                    continue;
                }
                if (want as f32).is_infinite() || got.is_infinite() {
                    assert!(want as f32 == got || want.abs() > 3.402823e38, "{name}({x:e}) = {got}, not {want}");
                    continue;
                }
                let exponent = ((want.abs().to_bits() >> 52) as i32 - 1023).max(-126);
                let ulps = (f64::from(got) - want).abs() / 2f64.powi(exponent - 23);
                if ulps > worst {
                    (worst, at) = (ulps, x);
                }
            }
        }
        println!("{name}: {worst:.2} ulp at {at:e}");
        worst
    }

    fn erf_reference(x: f64) -> f64 {
        if x.abs() > 5.0 {
            return 1f64.copysign(x);
        }
        let (mut term, mut sum) = (1.0, 1.0);
        for n in 1..200 {
            term *= 2.0 * x * x / (2 * n + 1) as f64;
            sum += term;
        }
        std::f64::consts::FRAC_2_SQRT_PI * x * (-x * x).exp() * sum
    }

    #[test]
    fn errors_stay_below_the_stated_ulps() {
        type Row = (&'static str, f32, f64, fn(f32) -> f32, fn(f64) -> f64);
        let rows: &[Row] = &[
            ("exp", f32::INFINITY, 1.5, exp, f64::exp),
            ("exp_m1", f32::INFINITY, 2.5, exp_m1, f64::exp_m1),
            ("ln", f32::INFINITY, 0.51, ln, f64::ln),
            ("ln_1p", f32::INFINITY, 0.51, ln_1p, f64::ln_1p),
            ("tanh", f32::INFINITY, 3.0, tanh, f64::tanh),
            ("erf", f32::INFINITY, 0.6, erf, erf_reference),
            ("sigmoid", f32::INFINITY, 3.0, sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
            ("softplus", f32::INFINITY, 0.51, softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
            ("sin", 1e6, 0.51, sin, f64::sin),
            ("cos", 1e6, 0.51, cos, f64::cos),
            ("tan", 1e6, 0.51, tan, f64::tan),
            ("asin", f32::INFINITY, 0.51, asin, f64::asin),
            ("acos", f32::INFINITY, 0.51, acos, f64::acos),
            ("atan", f32::INFINITY, 0.51, atan, f64::atan),
            ("sinh", f32::INFINITY, 0.51, sinh, f64::sinh),
            ("cosh", f32::INFINITY, 0.51, cosh, f64::cosh),
            ("asinh", f32::INFINITY, 0.51, asinh, f64::asinh),
            ("acosh", f32::INFINITY, 0.51, acosh, f64::acosh),
            ("atanh", f32::INFINITY, 0.51, atanh, f64::atanh),
            ("powf 2.5", f32::INFINITY, 0.51, |x| powf(x, 2.5), |x| x.powf(2.5)),
            ("powf -3", f32::INFINITY, 0.51, |x| powf(x, -3.0), |x| x.powf(-3.0)),
            ("0.7 ^ x", f32::INFINITY, 0.51, |x| powf(0.7, x), |x| f64::from(0.7f32).powf(x)),
        ];
        for &(name, limit, bound, function, reference) in rows {
            let ulps = max_ulp(name, limit, function, reference);
            assert!(ulps <= bound, "{name}: {ulps} ulp");
        }
    }

    #[test]
    fn the_coarse_ones_keep_to_their_bounds() {
        for bits in (0..=100f32.to_bits()).step_by(1009) {
            let x = f32::from_bits(bits);
            let (got, want) = (f64::from(exp_below(-x)), f64::from(-x).exp());
            let allowed = want * (4.0 + 2.0 * f64::from(x)) * 2f64.powi(-24) + 2f64.powi(-126);
            assert!((got - want).abs() <= allowed, "e^-{x:e} = {got}, not {want}");
            for x in [x, -x] {
                let (got, want) = (f64::from(erf_beside_one(x)), erf_reference(f64::from(x)));
                assert!((got - want).abs() <= 6e-7, "erf({x:e}) = {got}, not {want}");
            }
        }
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        assert_eq!([exp_below(-inf), exp_below(0.0), erf_beside_one(inf), erf_beside_one(-4.0)], [0.0, 1.0, 1.0, -1.0]);
        assert!(exp_below(nan).is_nan() && exp_below(inf).is_nan() && erf_beside_one(nan).is_nan());
    }

    #[test]
    fn special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        for f in [exp, exp_m1, ln, ln_1p, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, erf, sigmoid, softplus] {
            assert!(f(nan).is_nan());
        }
        assert_eq!([exp(inf), exp(-inf), exp(0.0), exp(89.0), exp(-200.0)], [inf, 0.0, 1.0, inf, 0.0]);
        assert_eq!([exp_m1(inf), exp_m1(-inf), tanh(inf), tanh(-inf), erf(inf), erf(-inf)], [inf, -1.0, 1.0, -1.0, 1.0, -1.0]);
        assert_eq!([ln(0.0), ln(-0.0), ln(inf), ln(1.0), ln_1p(-1.0), ln_1p(inf)], [-inf, -inf, inf, 0.0, -inf, inf]);
        assert!(ln(-1.0).is_nan() && ln(-inf).is_nan() && ln_1p(-1.5).is_nan() && sin(inf).is_nan() && acosh(0.5).is_nan());
        assert_eq!([sigmoid(inf), sigmoid(-inf), softplus(inf), softplus(-inf), sinh(-inf), cosh(-inf)], [1.0, 0.0, inf, 0.0, -inf, inf]);
        assert_eq!([asinh(-inf), atanh(1.0), atanh(-1.0), atan(inf)], [-inf, inf, -inf, std::f32::consts::FRAC_PI_2]);
        assert!(sin(1e30).abs() <= 1.0 && cos(1e30).abs() <= 1.0);
    }

    #[test]
    fn two_arguments_agree_with_std_at_the_corners() {
        let corners = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 16_777_216.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        for x in corners {
            for y in corners {
                let (got, want) = (powf(x, y), x.powf(y));
                assert!(got == want || got.is_nan() && want.is_nan(), "{x}^{y} = {got}, not {want}");
                let (got, want) = (atan2(y, x), y.atan2(x));
                assert!((got - want).abs() < 4e-7 || got.is_nan() && want.is_nan(), "atan2({y}, {x}) = {got}, not {want}");
            }
        }
    }

    #[test]
    fn the_bits_are_equal_on_each_level() {
        let x: Vec<f32> = (0..4001).map(|i| (i as f32 - 2000.0) * 0.013).collect();
        for f in
            [exp, exp_below, exp_m1, ln_1p, sin, tan, atan, sinh, asinh, tanh, erf, erf_beside_one, sigmoid, softplus, |x| powf(x, 3.0)]
        {
            let expected: Vec<u32> = x.iter().map(|&x| f(x).to_bits()).collect();
            on_each_level(|level| {
                let mut out = vec![0f32; x.len()];
                map1(&x, &mut out, f);
                assert!(out.iter().zip(&expected).all(|(v, &bits)| v.to_bits() == bits || v.is_nan()), "{level:?}");
            });
        }
    }
}
