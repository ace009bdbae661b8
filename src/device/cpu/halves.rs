//! Blocks of 16-bit floats to and from f32: rounded to nearest even in integer arithmetic, with the bits of `shaders/lib/half.wgsl`.

use super::simd::{map1, multiversion};
use crate::DType;
use bytemuck::{cast_slice, cast_slice_mut};
use std::borrow::Cow;

#[inline(always)]
fn f32_of_f16(half: u16) -> f32 {
    let magnitude = u32::from(half & 0x7fff);
    let subnormal = (magnitude as i32 as f32 * (1.0 / 16_777_216.0)).to_bits();
    let normal = (magnitude << 13) + 0x3800_0000;
    let finite = if magnitude < 0x400 { subnormal } else { normal };
    let bits = if magnitude >= 0x7c00 { magnitude << 13 | 0x7f80_0000 } else { finite };
    f32::from_bits(bits | u32::from(half & 0x8000) << 16)
}

#[inline(always)]
fn f16_of_f32(x: f32) -> u16 {
    let bits = x.to_bits();
    let magnitude = bits & 0x7fff_ffff;
    let normal = magnitude.wrapping_sub(0x37ff_f001).wrapping_add(magnitude >> 13 & 1) >> 13;
    // Beside 0.5 the distance of floats is that of subnormal halves.
    let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0x3f00_0000);
    let finite = if magnitude < 0x3880_0000 { subnormal } else { normal };
    let half = if magnitude >= 0x477f_f000 { 0x7c00 } else { finite };
    let half = if magnitude > 0x7f80_0000 { 0x7e00 | magnitude >> 13 & 0x1ff } else { half };
    (half | bits >> 16 & 0x8000) as u16
}

#[inline(always)]
fn f32_of_bf16(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

#[inline(always)]
fn bf16_of_f32(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    (if bits & 0x7fff_ffff > 0x7f80_0000 { bits >> 16 | 0x40 } else { rounded }) as u16
}

/// The numbers that `halves` of `dtype` stand for.
pub fn widen(dtype: DType, halves: &[u16], out: &mut [f32]) {
    match dtype {
        DType::F16 => map1(halves, out, f32_of_f16),
        _ => map1(halves, out, f32_of_bf16),
    }
}

/// The halves of `dtype` nearest to `x`.
pub fn narrow(dtype: DType, x: &[f32], out: &mut [u16]) {
    match dtype {
        DType::F16 => map1(x, out, f16_of_f32),
        _ => map1(x, out, bf16_of_f32),
    }
}

/// Words of one element each, as kernels hold them, to words of device memory.
pub fn pack(dtype: DType, words: &[u32]) -> Cow<'_, [u32]> {
    if !dtype.is_half() {
        return Cow::Borrowed(words);
    }
    let mut packed = vec![0u32; words.len().div_ceil(2)];
    narrow(dtype, cast_slice(words), &mut cast_slice_mut(&mut packed)[..words.len()]);
    Cow::Owned(packed)
}

/// The other way, for `count` elements.
pub fn unpack(dtype: DType, packed: Vec<u32>, count: usize) -> Vec<u32> {
    if !dtype.is_half() {
        return packed;
    }
    let mut words = vec![0u32; count];
    widen(dtype, &cast_slice(&packed)[..count], cast_slice_mut(&mut words));
    words
}

multiversion! {
    fn update[F: Fn(f32) -> f32 + Copy](x: &mut [f32], f: F) {
        for x in x {
            *x = f(*x);
        }
    }
}

/// The numbers that halves of `dtype` nearest to `x` stand for.
pub fn round(dtype: DType, x: &mut [f32]) {
    match dtype {
        DType::F16 => update(x, |x| f32_of_f16(f16_of_f32(x))),
        _ => update(x, |x| f32_of_bf16(bf16_of_f32(x))),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::simd::on_each_level, *};
    use half::{bf16, f16};

    /// Every half, and around each the numbers where rounding decides: ties, their neighbours, and what lies between.
    fn corners(value: fn(u16) -> f32) -> Vec<f32> {
        let around = |half: u16| {
            let (low, high) = (value(half), value(half.wrapping_add(1)));
            let tie = ((f64::from(low) + f64::from(high)) / 2.0) as f32;
            [low, tie, f32::from_bits(tie.to_bits().wrapping_add(1)), f32::from_bits(tie.to_bits().wrapping_sub(1))]
        };
        let extremes =
            [65_519.99, 65_520.0, 65_536.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, -1e-45, 2.9e-8, 3e-8, f32::INFINITY, f32::NAN, -f32::NAN];
        (0..=u16::MAX).flat_map(around).chain(extremes).collect()
    }

    #[test]
    fn bits_are_those_of_the_half_crate() {
        let all: Vec<u16> = (0..=u16::MAX).collect();
        on_each_level(|level| {
            for dtype in [DType::F16, DType::BF16] {
                let value = |half| if dtype == DType::F16 { f16::from_bits(half).to_f32() } else { bf16::from_bits(half).to_f32() };
                let nearest = |x| if dtype == DType::F16 { f16::from_f32(x).to_bits() } else { bf16::from_f32(x).to_bits() };
                let mut wide = vec![0f32; all.len()];
                widen(dtype, &all, &mut wide);
                for (&half, wide) in all.iter().zip(&wide) {
                    // The crate makes signalling NaNs quiet.
                    let same = wide.to_bits() == value(half).to_bits() || (wide.is_nan() && value(half).is_nan());
                    assert!(same, "{level:?} {dtype} {half:#x}: {wide}");
                }
                let x =
                    corners(if dtype == DType::F16 { |half| f16::from_bits(half).to_f32() } else { |half| bf16::from_bits(half).to_f32() });
                let mut halves = vec![0u16; x.len()];
                narrow(dtype, &x, &mut halves);
                for (&x, &half) in x.iter().zip(&halves) {
                    assert_eq!(half, nearest(x), "{level:?} {dtype} {x:e} {:#x}", x.to_bits());
                }
                let mut rounded = x.clone();
                round(dtype, &mut rounded);
                assert!(rounded.iter().zip(&halves).all(|(x, &half)| x.to_bits() == value(half).to_bits()), "{level:?} {dtype}");
            }
        });
    }
}
