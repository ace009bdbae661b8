//! Datatypes: what a number or text of a dataset or attribute looks like in the file.

use crate::{
    Error, Result,
    formats::{bytes::Cursor, elements::Kind},
};

/// The type of an element.
#[derive(Debug, PartialEq)]
pub(super) enum Datatype {
    Number {
        kind: Kind,
        big_endian: bool,
    },
    /// Text of a fixed number of bytes, padded with NUL or blanks.
    FixedText {
        size: usize,
        blanks: bool,
    },
    /// A reference into a global heap.
    Text,
    /// Bytes without a meaning: bfloat16 if an attribute says so.
    Opaque {
        size: usize,
    },
}

impl Datatype {
    /// Bytes of an element.
    pub fn size(&self) -> usize {
        match self {
            Datatype::Number { kind, .. } => kind.size(),
            Datatype::FixedText { size, .. } | Datatype::Opaque { size } => *size,
            Datatype::Text => 16,
        }
    }

    /// The type that a message, or the part of one, describes.
    pub fn read(body: &mut Cursor) -> Result<Self> {
        let offset = body.offset();
        let class = body.u8()? & 0xf;
        let bits = body.number(3)?;
        let size = body.u32()? as usize;
        let unsupported =
            |what: &str| Error::data(format!("offset {offset}: {what} of {size} bytes are not supported (datatype class {class})"));
        let big_endian = bits & 1 != 0;
        let number = |kind: Option<Kind>, what: &str| Ok(Datatype::Number { kind: kind.ok_or_else(|| unsupported(what))?, big_endian });
        if size == 0 {
            return Err(unsupported("elements"));
        }
        match class {
            0 => {
                let whole = (body.u16()?, usize::from(body.u16()?)) == (0, 8 * size);
                number(Kind::integer(size, bits & 8 != 0).filter(|_| whole), "integers")
            }
            1 => {
                let layout = body.take(8)?;
                let kind = match (size, &layout[4..]) {
                    (2, [10, 5, 0, 10]) => Some(Kind::F16),
                    (2, [7, 8, 0, 7]) => Some(Kind::BF16),
                    (4, [23, 8, 0, 23]) => Some(Kind::F32),
                    (8, [52, 11, 0, 52]) => Some(Kind::F64),
                    _ => None,
                };
                // Bit 6 is set only in the order of the VAX.
                number(kind.filter(|_| bits & 0x40 == 0), "floats")
            }
            3 => Ok(Datatype::FixedText { size, blanks: bits & 0xf == 2 }),
            5 => Ok(Datatype::Opaque { size }),
            // An enumeration is its integers; the one that h5py writes for booleans has two of one byte.
            8 => {
                let base = body.u32()?;
                let kind = if (size, bits & 0xffff) == (1, 2) { Some(Kind::Bool) } else { Kind::integer(size, base & 0x800 != 0) };
                let kind = kind.filter(|_| base & 0xf == 0).ok_or_else(|| unsupported("enumerations"))?;
                Ok(Datatype::Number { kind, big_endian: base & 0x100 != 0 })
            }
            9 if bits & 0xf == 1 && size == 16 => Ok(Datatype::Text),
            _ => Err(unsupported("elements")),
        }
    }
}
