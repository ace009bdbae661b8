//! Booleans and bits.

use super::{Binary, Case, No, Operand, Row, Tensor, Types, Unary, lanes::*, table};
use crate::DType;

static LOGICAL_NOT: Unary = Row::new("logical_not", Types::Logical, "!x", |l| word1(l, |x| x ^ 1), None);
static LOGICAL_AND: Binary = Row::new("logical_and", Types::Logical, "x && y", |l| word2(l, |x, y| x & y), None);
static LOGICAL_OR: Binary = Row::new("logical_or", Types::Logical, "x || y", |l| word2(l, |x, y| x | y), None);
static LOGICAL_XOR: Binary = Row::new("logical_xor", Types::Logical, "x != y", |l| word2(l, |x, y| x ^ y), None);
static BITWISE_NOT: Unary = Row::new("bitwise_not", Types::Bits, "~x", |l| word1(l, |x| !x), None);
static BITWISE_AND: Binary = Row::new("bitwise_and", Types::Bits, "x & y", |l| word2(l, |x, y| x & y), None);
static BITWISE_OR: Binary = Row::new("bitwise_or", Types::Bits, "x | y", |l| word2(l, |x, y| x | y), None);
static BITWISE_XOR: Binary = Row::new("bitwise_xor", Types::Bits, "x ^ y", |l| word2(l, |x, y| x ^ y), None);
/// A negative amount is a large one as a word.
static LEFT_SHIFT: Binary =
    Row::new("left_shift", Types::Bits, "shift_left_T(x, y)", |l| word2(l, |x, y| if y < 32 { x << (y & 31) } else { 0 }), None);
static RIGHT_SHIFT: Binary = Row::new(
    "right_shift",
    Types::Bits,
    "shift_right_T(x, y)",
    |l| bits2(l, |x, y| x >> (y as u32).min(31), |x, y| if y < 32 { x >> (y & 31) } else { 0 }),
    None,
);

impl Tensor {
    /// Whether each boolean is false.
    #[doc(alias = "keras.ops.logical_not")]
    #[track_caller]
    pub fn logical_not(&self) -> Tensor {
        self.unary(&LOGICAL_NOT)
    }

    /// Whether both booleans are true.
    #[doc(alias = "keras.ops.logical_and")]
    #[track_caller]
    pub fn logical_and(&self, other: &Tensor) -> Tensor {
        self.binary(&LOGICAL_AND, other)
    }

    /// Whether any of both booleans is true.
    #[doc(alias = "keras.ops.logical_or")]
    #[track_caller]
    pub fn logical_or(&self, other: &Tensor) -> Tensor {
        self.binary(&LOGICAL_OR, other)
    }

    /// Whether exactly one of both booleans is true.
    #[doc(alias = "keras.ops.logical_xor")]
    #[track_caller]
    pub fn logical_xor(&self, other: &Tensor) -> Tensor {
        self.binary(&LOGICAL_XOR, other)
    }

    /// The bits of i32 or u32 inverted; booleans as [`logical_not`](Self::logical_not). The operator `!`.
    #[doc(alias = "keras.ops.bitwise_not")]
    #[doc(alias = "keras.ops.bitwise_invert")]
    #[track_caller]
    pub fn bitwise_not(&self) -> Tensor {
        if self.dtype() == DType::Bool { self.logical_not() } else { self.unary(&BITWISE_NOT) }
    }

    /// The bits that both i32 or u32 have; booleans as [`logical_and`](Self::logical_and). The operator `&`.
    #[doc(alias = "keras.ops.bitwise_and")]
    #[track_caller]
    pub fn bitwise_and(&self, other: impl Operand) -> Tensor {
        self.binary(if self.dtype() == DType::Bool { &LOGICAL_AND } else { &BITWISE_AND }, other)
    }

    /// The bits that any of both i32 or u32 has; booleans as [`logical_or`](Self::logical_or). The operator `|`.
    #[doc(alias = "keras.ops.bitwise_or")]
    #[track_caller]
    pub fn bitwise_or(&self, other: impl Operand) -> Tensor {
        self.binary(if self.dtype() == DType::Bool { &LOGICAL_OR } else { &BITWISE_OR }, other)
    }

    /// The bits that one of both i32 or u32 has; booleans as [`logical_xor`](Self::logical_xor). The operator `^`.
    #[doc(alias = "keras.ops.bitwise_xor")]
    #[track_caller]
    pub fn bitwise_xor(&self, other: impl Operand) -> Tensor {
        self.binary(if self.dtype() == DType::Bool { &LOGICAL_XOR } else { &BITWISE_XOR }, other)
    }

    /// The bits of i32 or u32 moved up by `amount`; 32 and more, or a negative one, leaves 0.
    #[doc(alias = "keras.ops.left_shift")]
    #[doc(alias = "keras.ops.bitwise_left_shift")]
    #[track_caller]
    pub fn left_shift(&self, amount: impl Operand) -> Tensor {
        self.binary(&LEFT_SHIFT, amount)
    }

    /// The bits of i32 or u32 moved down by `amount`, copies of the sign from above; 32 and more, or a negative amount,
    /// leaves 0, or -1 of a negative number.
    #[doc(alias = "keras.ops.right_shift")]
    #[doc(alias = "keras.ops.bitwise_right_shift")]
    #[track_caller]
    pub fn right_shift(&self, amount: impl Operand) -> Tensor {
        self.binary(&RIGHT_SHIFT, amount)
    }
}

pub(super) fn cases() -> Vec<Case> {
    type Line = (&'static str, table::Call2, table::Plain2);
    let logical: [Line; 6] = [
        ("logical_and", |x, y| x.logical_and(y), |x, y| x * y),
        ("logical_or", |x, y| x.logical_or(y), f64::max),
        ("logical_xor", |x, y| x.logical_xor(y), |x, y| (x - y).abs()),
        ("bitwise_and", |x, y| x & y, |x, y| x * y),
        ("bitwise_or", |x, y| x | y, f64::max),
        ("bitwise_xor", |x, y| x ^ y, |x, y| (x - y).abs()),
    ];
    let signed: [Line; 5] = [
        ("bitwise_and", |x, y| x & y, |x, y| f64::from(x as i32 & y as i32)),
        ("bitwise_or", |x, y| x | y, |x, y| f64::from(x as i32 | y as i32)),
        ("bitwise_xor", |x, y| x ^ y, |x, y| f64::from(x as i32 ^ y as i32)),
        ("left_shift", |x, y| x.left_shift(y), |x, y| f64::from(if (0.0..32.0).contains(&y) { (x as i32) << y as i32 } else { 0 })),
        (
            "right_shift",
            |x, y| x.right_shift(y),
            |x, y| f64::from((i64::from(x as i32) >> if y < 0.0 { 63 } else { (y as i64).min(63) }) as i32),
        ),
    ];
    let unsigned: [Line; 5] = [
        ("bitwise_and", |x, y| x & y, |x, y| f64::from(x as u32 & y as u32)),
        ("bitwise_or", |x, y| x | y, |x, y| f64::from(x as u32 | y as u32)),
        ("bitwise_xor", |x, y| x ^ y, |x, y| f64::from(x as u32 ^ y as u32)),
        ("left_shift", |x, y| x.left_shift(y), |x, y| f64::from((x as u32).checked_shl(y as u32).unwrap_or(0))),
        ("right_shift", |x, y| x.right_shift(y), |x, y| f64::from((x as u32).checked_shr(y as u32).unwrap_or(0))),
    ];
    let ints = [0.0, 1.0, -1.0, 5.0, 31.0, 32.0, 33.0, 1_234_567.0, -1_234_567.0, -2_147_483_648.0, 2_147_483_647.0];
    let words = [0.0, 1.0, 5.0, 31.0, 32.0, 33.0, 1_234_567.0, 2_147_483_648.0, 4_294_967_295.0];
    let mut out = Vec::new();
    for (lines, dtype, values) in
        [(&logical[..], DType::Bool, &[0.0, 1.0][..]), (&signed, DType::I32, &ints), (&unsigned, DType::U32, &words)]
    {
        out.extend(lines.iter().map(|&(name, call, f)| table::of_pairs(format!("{name} {dtype}"), dtype, values, call, f)));
    }
    let not: [(DType, f64, table::Plain1); 3] =
        [(DType::Bool, 1.0, |x| 1.0 - x), (DType::I32, 9.0, |x| f64::from(!(x as i32))), (DType::U32, 9.0, |x| f64::from(!(x as u32)))];
    for (dtype, high, reference) in not {
        let case = Case::new(format!("not {dtype}"), &[&[3, 5]], |x| !&x[0], move |x| x[0].mapv(reference));
        out.push(case.input(0, dtype, 0.0, high).smooth(No));
    }
    out
}
