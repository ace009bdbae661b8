//! Filters that chunks went through when they were written: shuffled bytes, deflate, and a checksum behind them.

use super::file::File;
use crate::{Error, Result, formats::bytes::Cursor};
use flate2::read::ZlibDecoder;
use std::{borrow::Cow, io::Read};

/// A step of writing; reading takes the steps back, the last one first.
pub(super) enum Filter {
    Deflate,
    /// First bytes of all elements, then second bytes, and so on, with elements of this size.
    Shuffle(usize),
    /// Four bytes behind the content.
    Fletcher32,
}

/// More filters than make sense one behind the other.
const MOST: u8 = 8;

/// The filters of a dataset, first one first; `element` is the size of one of its elements.
pub(super) fn read(mut body: Cursor, element: usize) -> Result<Vec<Filter>> {
    let offset = body.offset();
    let (version, count) = (body.u8()?, body.u8()?);
    if !(1..=2).contains(&version) || count > MOST {
        return Err(Error::data(format!("offset {offset}: {count} filters of version {version} are not supported")));
    }
    body.take(if version == 1 { 6 } else { 0 })?;
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = body.u16()?;
        // Filters that everybody knows have no name in the newer version.
        let name_size = if version == 1 || id >= 256 { body.u16()? } else { 0 };
        body.take(2)?;
        let values = usize::from(body.u16()?);
        let name = body.text(name_size.into())?;
        let values_offset = body.offset();
        let mut values = Cursor::new(body.take(4 * (values + if version == 1 { values % 2 } else { 0 }))?, values_offset);
        filters.push(match id {
            1 => Filter::Deflate,
            2 => Filter::Shuffle(values.u32().map_or(element, |size| size as usize)),
            3 => Filter::Fletcher32,
            _ => {
                return Err(Error::data(format!(
                    "the dataset is compressed by filter {id} ({}), which is not supported",
                    known(id, &name)
                )));
            }
        });
    }
    Ok(filters)
}

fn known(id: u16, name: &str) -> &str {
    match id {
        4 => "szip",
        5 => "n-bit",
        6 => "scale-offset",
        _ => name,
    }
}

/// The content of a chunk of `bytes` bytes; bits of `skipped` name filters that it did not go through.
pub(super) fn undo<'a>(file: &File, filters: &[Filter], skipped: u32, stored: &'a [u8], bytes: u64) -> Result<Cow<'a, [u8]>> {
    let mut content = Cow::Borrowed(stored);
    for (at, filter) in filters.iter().enumerate().rev() {
        if skipped.checked_shr(at as u32).unwrap_or(0) & 1 != 0 {
            continue;
        }
        content = match filter {
            Filter::Deflate => {
                file.expand(bytes)?;
                let mut inflated = Vec::new();
                // A checksum may have gone through it too.
                let read = ZlibDecoder::new(&*content).take(bytes.saturating_add(5)).read_to_end(&mut inflated);
                read.map_err(|error| Error::data(format!("deflate: {error}")))?;
                inflated.into()
            }
            Filter::Shuffle(element) => unshuffle(&content, *element).into(),
            Filter::Fletcher32 => match content {
                Cow::Borrowed(all) => all[..all.len().saturating_sub(4)].into(),
                Cow::Owned(mut all) => {
                    all.truncate(all.len().saturating_sub(4));
                    all.into()
                }
            },
        };
    }
    if content.len() as u64 != bytes {
        return Err(Error::data(format!("a chunk has {} bytes, not {bytes}", content.len())));
    }
    Ok(content)
}

fn unshuffle(shuffled: &[u8], element: usize) -> Vec<u8> {
    let count = shuffled.len() / element.max(1);
    let mut bytes = shuffled.to_vec();
    for at in 0..count {
        for byte in 0..element {
            bytes[at * element + byte] = shuffled[byte * count + at];
        }
    }
    bytes
}
