//! The binary version of CIFAR-10: records of a label byte and a red, a green and a blue plane of 32x32 bytes.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use super::{Images, MOST_BYTES, label_error};
use crate::{Error, Result};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const RECORD: usize = 1 + 3 * PLANE;

/// Whether `folder` holds any of the files.
pub(super) fn is_in(folder: &Path) -> bool {
    test_batch(folder).is_file() || !data_batches(folder).is_empty()
}

/// Reads those of the five training files that are there, in order.
pub(super) fn train(folder: &Path, classes: &'static [&'static str]) -> Result<Images> {
    let paths = data_batches(folder);
    if paths.is_empty() {
        return Err(Error::data(format!("{}: none of data_batch_1.bin to data_batch_5.bin", folder.display())));
    }
    read(&paths, classes)
}

/// Reads the test file.
pub(super) fn test(folder: &Path, classes: &'static [&'static str]) -> Result<Images> {
    let path = test_batch(folder);
    if !path.is_file() {
        return Err(Error::data(format!("{}: no test_batch.bin", folder.display())));
    }
    read(&[path], classes)
}

fn test_batch(folder: &Path) -> PathBuf {
    folder.join("test_batch.bin")
}

fn data_batches(folder: &Path) -> Vec<PathBuf> {
    (1..=5).map(|number| folder.join(format!("data_batch_{number}.bin"))).filter(|path| path.is_file()).collect()
}

fn read(paths: &[PathBuf], classes: &'static [&'static str]) -> Result<Images> {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for path in paths {
        append(path, classes.len(), &mut images, &mut labels).map_err(|error| error.at(path.display()))?;
    }
    Ok(Images { shape: [labels.len(), SIDE, SIDE, 3], images, labels, classes })
}

/// Adds the records of one file, their three planes woven into red-green-blue pixels.
fn append(path: &Path, classes: usize, images: &mut Vec<u8>, labels: &mut Vec<u8>) -> Result<()> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::data(format!("more than the {MOST_BYTES} bytes that are allowed")));
    }
    let (records, rest) = bytes.as_chunks::<RECORD>();
    if !rest.is_empty() || records.is_empty() {
        let start = records.len() * RECORD;
        let text = format!("truncated at offset {}: the record of {RECORD} bytes that starts at {start}", bytes.len());
        return Err(Error::data(format!("{text} ends at {}, found {} bytes", start + RECORD, bytes.len())));
    }

    images.reserve(records.len() * 3 * PLANE);
    for (index, [label, planes @ ..]) in records.iter().enumerate() {
        if usize::from(*label) >= classes {
            return Err(label_error(*label, classes, index, index * RECORD));
        }
        labels.push(*label);
        for pixel in 0..PLANE {
            images.extend([planes[pixel], planes[PLANE + pixel], planes[2 * PLANE + pixel]]);
        }
    }
    Ok(())
}
