//! The idx format of MNIST: a big-endian magic and sizes, then plain bytes, gzipped or not.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::GzDecoder;

use crate::{Error, ErrorKind, Result};

/// The most bytes of data.
const MOST_BYTES: u64 = 1 << 30;

/// The first allocation for a file's data; larger files grow as their bytes really arrive.
const FIRST_ALLOCATION: u64 = 64 << 20;

/// Reads the file at `path`, as [`read`].
///
/// ```
/// use wgrad::formats::idx;
/// let path = std::env::temp_dir().join("wgrad-idx-example");
/// std::fs::write(&path, [0u8, 0, 8, 1, 0, 0, 0, 2, 7, 9])?;
/// assert_eq!(idx::open(&path, 1)?, (vec![2], vec![7, 9]));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// `Io` when it cannot be read, else as [`read`], with the path in front.
pub fn open(path: impl AsRef<Path>, rank: usize) -> Result<(Vec<usize>, Vec<u8>)> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| Error::from(error).at(path.display()))?;
    read(BufReader::with_capacity(1 << 16, file), rank).map_err(|error| error.at(path.display()))
}

/// Reads unsigned bytes with `rank` dimensions: their sizes, and the bytes.
/// The first two bytes tell whether the file is gzipped, since browsers unpack files without changing their names.
///
/// ```
/// let bytes = [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9];
/// assert_eq!(wgrad::formats::idx::read(&bytes[..], 2)?, (vec![1, 3], vec![7, 8, 9]));
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// `Data`, with the offset, for another magic, too few or too many bytes, more than 1 GiB, or a damaged gzip stream.
pub fn read(mut reader: impl BufRead, rank: usize) -> Result<(Vec<usize>, Vec<u8>)> {
    if !reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return parse(&mut reader, rank);
    }
    let mut inflated = GzDecoder::new(reader);
    let content = parse(&mut inflated, rank)?;
    match count_rest(&mut inflated.into_inner())? {
        0 => Ok(content),
        rest => Err(Error::data(format!("{rest} bytes after the end of the gzip stream"))),
    }
}

fn parse(reader: &mut impl Read, rank: usize) -> Result<(Vec<usize>, Vec<u8>)> {
    let header = take(reader, 0, 4 + 4 * rank as u64, "the header")?;
    let numbers: Vec<u32> = header.as_chunks::<4>().0.iter().map(|&bytes| u32::from_be_bytes(bytes)).collect();
    let magic = 0x800 + rank as u32;
    if numbers[0] != magic {
        let text = format!("wrong magic at offset 0: expected {magic:#010x} (idx, unsigned bytes, rank {rank})");
        return Err(Error::data(format!("{text} or gzip, found {:#010x}", numbers[0])));
    }

    let declared = numbers[1..].iter().try_fold(1_u64, |bytes, &size| bytes.checked_mul(size.into()));
    let sizes = numbers[1..].iter().map(u32::to_string).collect::<Vec<_>>().join("x");
    let declared = match declared {
        Some(0) => return Err(Error::data(format!("offset 4: declares {sizes} bytes, so there are no examples"))),
        Some(bytes) if bytes <= MOST_BYTES => bytes,
        _ => return Err(Error::data(format!("offset 4: declares {sizes} bytes, more than the {MOST_BYTES} that are allowed"))),
    };
    let data = take(reader, header.len() as u64, declared, "the data")?;
    match count_rest(reader)? {
        0 => Ok((numbers[1..].iter().map(|&size| size as usize).collect(), data)),
        rest => {
            let expected = header.len() as u64 + declared;
            Err(Error::data(format!("trailing bytes at offset {expected}: expected {expected} bytes, found {}", expected + rest)))
        }
    }
}

/// Reads exactly `count` bytes that start at `offset`; a file that ends before is an error that says where.
fn take(reader: &mut impl Read, offset: u64, count: u64, what: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count.min(FIRST_ALLOCATION) as usize);
    let outcome = reader.take(count).read_to_end(&mut bytes);
    let end = offset + bytes.len() as u64;
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(unreadable(&error, end)),
        _ if (bytes.len() as u64) < count => {
            Err(Error::data(format!("truncated at offset {end}: {what} ends at {}, found {end} bytes", offset + count)))
        }
        _ => Ok(bytes),
    }
}

/// How many bytes follow, counted no further than is needed to say "too many". At the end of a gzip stream this checks its CRC.
fn count_rest(reader: &mut impl Read) -> Result<u64> {
    io::copy(&mut reader.take(MOST_BYTES), &mut io::sink()).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::data("the gzip stream is truncated: its checksum is missing"),
        _ => unreadable(&error, 0),
    })
}

fn unreadable(error: &io::Error, offset: u64) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Error::data(format!("corrupt gzip stream after {offset} bytes: {error}"))
        }
        _ => Error::new(ErrorKind::Io, format!("cannot be read after {offset} bytes: {error}")),
    }
}
