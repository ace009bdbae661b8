//! Reads the files in a tar stream, as far as dataset archives need it: plain files, one after the other.

use std::io::{self, Read, Take};

use crate::{Error, Result};

const BLOCK: usize = 512;

/// The members of a tar stream.
pub(super) struct Members<R> {
    stream: R,
    /// What is left of the current member, its padding to a whole block included.
    rest: u64,
}

impl<R: Read> Members<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, rest: 0 }
    }

    /// The name and content of the next plain file, or none at the end. What was not read of the one before is skipped.
    ///
    /// # Errors
    /// `Data` for a header that is none, `Io` for a stream that ends too early.
    pub(super) fn next(&mut self) -> Result<Option<(String, Content<'_, R>)>> {
        loop {
            let skipped = io::copy(&mut (&mut self.stream).take(self.rest), &mut io::sink())?;
            if skipped < self.rest {
                return Err(Error::data("the archive is truncated"));
            }
            let mut header = [0; BLOCK];
            self.stream.read_exact(&mut header)?;
            if header == [0; BLOCK] {
                return Ok(None);
            }
            if checksum(&header) != octal(&header[148..156])? {
                return Err(Error::data("the archive has a header with a wrong checksum"));
            }
            let size = octal(&header[124..136])?;
            self.rest = size.next_multiple_of(BLOCK as u64);
            // Type '0' or NUL is a plain file; folders, links and extensions are skipped.
            if matches!(header[156], b'0' | 0) {
                let name = String::from_utf8_lossy(text(&header[..100])).into_owned();
                return Ok(Some((name, Content { member: (&mut self.stream).take(size), rest: &mut self.rest })));
            }
        }
    }
}

/// The bytes of one member.
pub(super) struct Content<'a, R> {
    member: Take<&'a mut R>,
    rest: &'a mut u64,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.member.read(buffer)?;
        *self.rest -= count as u64;
        Ok(count)
    }
}

/// A field up to its NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number in octal digits; at most twelve of them, so it always fits.
fn octal(field: &[u8]) -> Result<u64> {
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0, |number, &digit| match digit {
        b'0'..=b'7' => Ok(number * 8 + u64::from(digit - b'0')),
        _ => Err(Error::data("the archive has a header with a bad number")),
    })
}

/// The sum of the header's bytes, with blanks for the sum itself.
fn checksum(header: &[u8; BLOCK]) -> u64 {
    let byte = |(index, &byte): (usize, &u8)| if (148..156).contains(&index) { u64::from(b' ') } else { u64::from(byte) };
    header.iter().enumerate().map(byte).sum()
}

/// A tar archive of plain files, for tests.
#[cfg(test)]
pub(super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        let sum = checksum(&header);
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend(header);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.extend([0; 2 * BLOCK]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
        let mut members = Members::new(bytes);
        let mut found = Vec::new();
        while let Some((name, mut content)) = members.next()? {
            let mut start = vec![0; 2];
            content.read_exact(&mut start)?;
            found.push((name, start));
        }
        Ok(found)
    }

    #[test]
    fn members_come_in_order_even_if_they_are_not_read_to_the_end() {
        let bytes = archive(&[("a/one", &[1; 700]), ("a/two", &[2; 512]), ("three", &[3; 3])]);
        let expected = [("a/one", 1), ("a/two", 2), ("three", 3)].map(|(name, byte)| (name.to_string(), vec![byte; 2]));
        assert_eq!(names(&bytes).unwrap(), expected);
    }

    #[test]
    fn broken_archives_are_errors() {
        let good = archive(&[("one", &[1; 700])]);
        assert!(names(&good[..100]).is_err());
        assert!(names(&good[..900]).unwrap_err().to_string().contains("truncated"));
        for (offset, byte, reason) in [(0, b'x', "checksum"), (130, b'9', "checksum"), (150, b'z', "bad number")] {
            let mut bytes = good.clone();
            bytes[offset] = byte;
            assert!(names(&bytes).unwrap_err().to_string().contains(reason), "offset {offset}");
        }
        assert!(names(&[b'7'; 2048]).unwrap_err().to_string().contains("checksum"));
    }
}
