//! From a block of words to typed slices: what the CPU side of a row is written with.

use crate::{
    DType,
    device::cpu::simd::{map1, map2, map3},
    plan::Lanes,
};
use bytemuck::{cast_slice, cast_slice_mut};

/// Float to float.
pub fn float1(l: Lanes, f: impl Fn(f32) -> f32 + Copy) {
    map1(cast_slice(l.inputs[0]), cast_slice_mut(l.out), f);
}

/// Float to float with two scalars, the op's parameters; one that it does not have is 0.
pub fn scaled1(l: Lanes, f: impl Fn(f32, [f32; 2]) -> f32 + Copy) {
    let p = [0, 1].map(|index| l.params.get(index).map_or(0.0, |&word| f32::from_bits(word)));
    float1(l, move |x| f(x, p));
}

/// Two floats to float.
pub fn float2(l: Lanes, f: impl Fn(f32, f32) -> f32 + Copy) {
    map2(cast_slice(l.inputs[0]), cast_slice(l.inputs[1]), cast_slice_mut(l.out), f);
}

/// Float to boolean.
pub fn test1(l: Lanes, f: impl Fn(f32) -> bool + Copy) {
    map1(cast_slice(l.inputs[0]), l.out, move |x| u32::from(f(x)));
}

/// One word to another.
pub fn word1(l: Lanes, f: impl Fn(u32) -> u32 + Copy) {
    map1(l.inputs[0], l.out, f);
}

/// Two words to another.
pub fn word2(l: Lanes, f: impl Fn(u32, u32) -> u32 + Copy) {
    map2(l.inputs[0], l.inputs[1], l.out, f);
}

/// Three words to another.
pub fn word3(l: Lanes, f: impl Fn(u32, u32, u32) -> u32 + Copy) {
    map3(l.inputs[0], l.inputs[1], l.inputs[2], l.out, f);
}

/// A number to one of its type.
pub fn number1(l: Lanes, f: impl Fn(f32) -> f32 + Copy, i: impl Fn(i32) -> i32 + Copy, u: impl Fn(u32) -> u32 + Copy) {
    match l.dtype {
        DType::F32 => float1(l, f),
        DType::I32 => map1(cast_slice(l.inputs[0]), cast_slice_mut(l.out), i),
        _ => word1(l, u),
    }
}

/// Two numbers to one of their type.
pub fn number2(l: Lanes, f: impl Fn(f32, f32) -> f32 + Copy, i: impl Fn(i32, i32) -> i32 + Copy, u: impl Fn(u32, u32) -> u32 + Copy) {
    match l.dtype {
        DType::F32 => float2(l, f),
        DType::I32 => map2(cast_slice(l.inputs[0]), cast_slice(l.inputs[1]), cast_slice_mut(l.out), i),
        _ => word2(l, u),
    }
}

/// Two integers to one of their type.
pub fn bits2(l: Lanes, i: impl Fn(i32, i32) -> i32 + Copy, u: impl Fn(u32, u32) -> u32 + Copy) {
    number2(l, |_, _| 0.0, i, u); // rows of integers refuse floats
}

/// Two numbers to a boolean.
pub fn compare2(l: Lanes, f: impl Fn(f32, f32) -> bool + Copy, i: impl Fn(i32, i32) -> bool + Copy, u: impl Fn(u32, u32) -> bool + Copy) {
    match l.dtype {
        DType::F32 => map2(cast_slice(l.inputs[0]), cast_slice(l.inputs[1]), l.out, move |x: f32, y: f32| u32::from(f(x, y))),
        DType::I32 => map2(cast_slice(l.inputs[0]), cast_slice(l.inputs[1]), l.out, move |x: i32, y: i32| u32::from(i(x, y))),
        _ => word2(l, move |x, y| u32::from(u(x, y))),
    }
}
