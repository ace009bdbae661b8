//! A cursor over the bytes of a file: each read is checked, and an error says at which offset of the file it happened.

use crate::{Error, Result};

/// Reads numbers, little-endian, from bytes that begin at offset `start` of a file.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    start: u64,
    position: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], start: u64) -> Self {
        Self { bytes, start, position: 0 }
    }

    /// The offset in the file of what is read next.
    pub fn offset(&self) -> u64 {
        self.start.saturating_add(self.position as u64)
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let taken = self.rest().get(..count).ok_or_else(|| {
            let (offset, rest) = (self.offset(), self.rest().len());
            Error::data(format!("offset {offset}: {count} bytes are expected, {rest} are left"))
        })?;
        self.position += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of `width` bytes, 8 at most.
    pub fn number(&mut self, width: usize) -> Result<u64> {
        let mut array = [0; 8];
        array[..width].copy_from_slice(self.take(width)?);
        Ok(u64::from_le_bytes(array))
    }

    /// Fails unless the next bytes are `magic`.
    pub fn expect(&mut self, magic: &[u8]) -> Result<()> {
        let offset = self.offset();
        let found = self.take(magic.len())?;
        if found == magic {
            return Ok(());
        }
        Err(Error::data(format!("offset {offset}: expected {}, found {}", magic.escape_ascii(), found.escape_ascii())))
    }

    /// Text of `count` bytes, up to its first NUL.
    pub fn text(&mut self, count: usize) -> Result<String> {
        let offset = self.offset();
        text(self.take(count)?).map_err(|error| error.at(format_args!("offset {offset}")))
    }
}

/// UTF-8 up to the first NUL.
pub(super) fn text(bytes: &[u8]) -> Result<String> {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let text = str::from_utf8(text).map_err(|_| Error::data(format!("{:?} is not UTF-8", String::from_utf8_lossy(text))))?;
    Ok(text.into())
}
