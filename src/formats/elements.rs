//! Numbers in files: their bytes to the elements of an array and back.

use crate::{Error, Result, data::Values};
use half::{bf16, f16};
use std::io::{self, Write};

/// How a file stores a number. What [`Values`] has no place for is widened: small integers to int32, uint32 and uint64 to int64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    BF16,
    F32,
    F64,
}

impl Kind {
    /// The integer of `bytes` bytes.
    pub fn integer(bytes: usize, signed: bool) -> Option<Self> {
        Some(match (bytes, signed) {
            (1, true) => Kind::I8,
            (2, true) => Kind::I16,
            (4, true) => Kind::I32,
            (8, true) => Kind::I64,
            (1, false) => Kind::U8,
            (2, false) => Kind::U16,
            (4, false) => Kind::U32,
            (8, false) => Kind::U64,
            _ => return None,
        })
    }

    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Kind::Bool | Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 | Kind::F16 | Kind::BF16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }

    /// The numbers that lie in `bytes`, the most significant byte first if `big_endian`.
    ///
    /// # Errors
    /// When a uint64 is too large for int64.
    pub fn decode(self, bytes: &[u8], big_endian: bool) -> Result<Values> {
        let big = big_endian;
        Ok(match self {
            Kind::Bool => Values::Bool(bytes.iter().map(|&byte| byte != 0).collect()),
            Kind::U8 => Values::U8(bytes.into()),
            Kind::I8 => Values::I32(numbers(bytes, big, |x| i8::from_le_bytes(x).into())),
            Kind::I16 => Values::I32(numbers(bytes, big, |x| i16::from_le_bytes(x).into())),
            Kind::U16 => Values::I32(numbers(bytes, big, |x| u16::from_le_bytes(x).into())),
            Kind::I32 => Values::I32(numbers(bytes, big, i32::from_le_bytes)),
            Kind::U32 => Values::I64(numbers(bytes, big, |x| u32::from_le_bytes(x).into())),
            Kind::I64 => Values::I64(numbers(bytes, big, i64::from_le_bytes)),
            Kind::U64 => {
                let numbers = numbers(bytes, big, u64::from_le_bytes);
                let signed = |&x: &u64| i64::try_from(x).map_err(|_| Error::data(format!("{x} does not fit int64")));
                Values::I64(numbers.iter().map(signed).collect::<Result<_>>()?)
            }
            Kind::F16 => Values::F16(numbers(bytes, big, f16::from_le_bytes)),
            Kind::BF16 => Values::BF16(numbers(bytes, big, bf16::from_le_bytes)),
            Kind::F32 => Values::F32(numbers(bytes, big, f32::from_le_bytes)),
            Kind::F64 => Values::F64(numbers(bytes, big, f64::from_le_bytes)),
        })
    }
}

fn numbers<const N: usize, T>(bytes: &[u8], big_endian: bool, number: fn([u8; N]) -> T) -> Vec<T> {
    let number = |chunk: &[u8; N]| {
        let mut chunk = *chunk;
        if big_endian {
            chunk.reverse();
        }
        number(chunk)
    };
    bytes.as_chunks().0.iter().map(number).collect()
}

/// The number of elements of `shape` and of their bytes, at `size` bytes each; none where it overflows.
pub(super) fn extent(shape: &[usize], size: usize) -> Option<(usize, usize)> {
    let elements = shape.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis))?;
    Some((elements, elements.checked_mul(size)?))
}

/// Bytes that [`write`] takes for an element; none for text.
pub(super) fn size(values: &Values) -> Option<usize> {
    Some(match values {
        Values::U8(_) | Values::Bool(_) => 1,
        Values::F16(_) | Values::BF16(_) => 2,
        Values::I32(_) | Values::F32(_) => 4,
        Values::I64(_) | Values::F64(_) => 8,
        Values::Str(_) => return None,
    })
}

/// Writes numbers little-endian. Text is not written: each format has its own way to hold it.
pub(super) fn write(values: &Values, out: &mut dyn Write) -> io::Result<()> {
    match values {
        Values::U8(v) => out.write_all(v),
        Values::Bool(v) => put(v, |x| [x.into()], out),
        Values::I32(v) => put(v, i32::to_le_bytes, out),
        Values::I64(v) => put(v, i64::to_le_bytes, out),
        Values::F16(v) => put(v, f16::to_le_bytes, out),
        Values::BF16(v) => put(v, bf16::to_le_bytes, out),
        Values::F32(v) => put(v, f32::to_le_bytes, out),
        Values::F64(v) => put(v, f64::to_le_bytes, out),
        Values::Str(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "text has no bytes of a fixed size")),
    }
}

/// In pieces, so that large arrays take no second copy.
fn put<T: Copy, const N: usize>(values: &[T], bytes: fn(T) -> [u8; N], out: &mut dyn Write) -> io::Result<()> {
    let mut buffer = Vec::new();
    for chunk in values.chunks(1 << 14) {
        buffer.clear();
        buffer.extend(chunk.iter().flat_map(|&value| bytes(value)));
        out.write_all(&buffer)?;
    }
    Ok(())
}
