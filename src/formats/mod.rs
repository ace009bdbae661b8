//! File formats: HDF5, zip, NumPy, safetensors and idx, read with limits and written atomically. Nothing in here knows a model.
//!
//! All that a file holds is checked before it is used: nothing panics, allocates or recurses without bound, or runs code.
//! Reading takes memory in proportion to the file's size, whatever the file claims.

pub mod atomic;
mod bytes;
mod elements;
pub mod hdf5;
pub mod idx;
pub mod npy;
pub mod safetensors;
pub mod shards;
pub mod zip;

use crate::{Error, ErrorKind, Result};
use std::path::Path;

/// The bytes of the file at `path`; an error names it.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::new(ErrorKind::Io, format!("{}: cannot be read: {error}", path.display())))
}
