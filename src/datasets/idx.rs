//! The idx format of MNIST and Fashion-MNIST: a big-endian magic and sizes, then plain bytes, gzipped or not.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::GzDecoder;

use super::{Images, MOST_BYTES, label_error};
use crate::{Error, ErrorKind, Result};

/// Height and width of every picture of this family.
const SIDE: usize = 28;

/// The first allocation for a file's data; larger files grow as their bytes really arrive.
const FIRST_ALLOCATION: u64 = 64 << 20;

/// Whether `folder` holds any of the four files.
pub(super) fn is_in(folder: &Path) -> bool {
    ["train", "t10k"].iter().any(|part| path(folder, part, "images", 3).is_some() || path(folder, part, "labels", 1).is_some())
}

/// Reads the images and labels of `part` (`train` or `t10k`) and checks that they belong together.
pub(super) fn images(folder: &Path, part: &str, classes: &'static [&'static str]) -> Result<Images> {
    let missing = |kind: &str, rank: usize| {
        let found = path(folder, part, kind, rank);
        found.ok_or_else(|| Error::data(format!("{}: no {part}-{kind}-idx{rank}-ubyte.gz, nor one without .gz", folder.display())))
    };
    let (images_path, labels_path) = (missing("images", 3)?, missing("labels", 1)?);
    let (sizes, images) = read(&images_path, 3).map_err(|error| error.at(images_path.display()))?;
    let (_, labels) = read(&labels_path, 1).map_err(|error| error.at(labels_path.display()))?;

    if sizes[1..] != [SIDE, SIDE] {
        let text = format!("offset 8: expected images of 28x28 pixels, found {}x{}", sizes[1], sizes[2]);
        return Err(Error::data(text).at(images_path.display()));
    }
    if sizes[0] != labels.len() {
        let (images, labels) = (sizes[0], labels.len());
        return Err(Error::data(format!("{images} images, but {labels} labels in {}", labels_path.display())).at(images_path.display()));
    }
    if let Some(index) = labels.iter().position(|&label| usize::from(label) >= classes.len()) {
        return Err(label_error(labels[index], classes.len(), index, 8 + index).at(labels_path.display()));
    }
    Ok(Images { images, labels, shape: [sizes[0], SIDE, SIDE, 1], classes })
}

/// The file as it is published, or unpacked.
fn path(folder: &Path, part: &str, kind: &str, rank: usize) -> Option<PathBuf> {
    let name = format!("{part}-{kind}-idx{rank}-ubyte");
    [format!("{name}.gz"), name].into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// Reads an idx file of unsigned bytes with `rank` dimensions: their sizes, and the bytes.
/// Its first two bytes tell whether it is gzipped, since browsers unpack files without changing their names.
fn read(path: &Path, rank: usize) -> Result<(Vec<usize>, Vec<u8>)> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    if !file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return parse(&mut file, rank);
    }
    let mut inflated = GzDecoder::new(file);
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
