//! HDF5, as far as Keras uses it: groups, arrays and attributes, as one tree in memory.
//!
//! Read are files of every HDF5 version (superblocks 0, 2 and 3; symbol tables, and the links and fractal heaps of
//! `libver="latest"`) with arrays in one piece or in chunks, by deflate and shuffling or without; other filters are refused by name.
//! Written is the oldest layout, which every HDF5 library opens.
//!
//! Source: [HDF5 File Format Specification](https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html).

mod chunks;
mod dataset;
mod datatype;
mod dense;
mod file;
mod filters;
mod group;
mod header;
mod index;
#[cfg(test)]
mod tests;
mod write;

use super::{atomic, read_file};
use crate::{Error, Result, Shape, data::Array, data::Values};
use std::{collections::BTreeMap, path::Path};

pub use write::Encoded;

/// Named values that belong to a group or a dataset; text is an array of strings, a single value has the shape of a scalar.
pub type Attributes = BTreeMap<String, Array>;

/// A folder in an HDF5 file; the file itself is its root group.
///
/// ```
/// use wgrad::{data::Array, formats::hdf5::Group};
/// # fn main() -> wgrad::Result<()> {
/// let mut file = Group::default();
/// file.insert("layers/dense/vars/0", Array::new(vec![1.0_f32, 2.0], [2, 1])?)?;
/// file.group_mut("layers/dense/vars")?.set_text("name", "probs");
/// let mut bytes = Vec::new();
/// file.encode()?.write(&mut bytes)?;
///
/// let read = Group::read(&bytes)?;
/// assert_eq!(read.dataset("layers/dense/vars/0").unwrap().array.shape()[..], [2, 1]);
/// assert_eq!(read.group("layers/dense/vars").unwrap().text("name"), Some("probs"));
/// # Ok(())
/// # }
/// ```
#[doc(alias = "h5py")]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// What is noted at this group.
    pub attributes: Attributes,
    /// The groups in it.
    pub groups: BTreeMap<String, Group>,
    /// The arrays in it.
    pub datasets: BTreeMap<String, Dataset>,
}

/// An array in an HDF5 file. Keras' bfloat16 (two opaque bytes, and an attribute that says so) is read and written as such.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// What is noted at this array.
    pub attributes: Attributes,
    /// Its elements; small and unsigned integers are widened to int32 or int64.
    pub array: Array,
}

impl Group {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// `Io` when it cannot be read, `Data` with the offset or the path in the file where its content is wrong or not supported.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::read(&read_file(path)?).map_err(|error| error.at(path.display()))
    }

    /// Reads a file that is in memory. It takes memory in proportion to the length of `bytes`, whatever these claim.
    ///
    /// # Errors
    /// `Data`, as [`open`](Group::open).
    pub fn read(bytes: &[u8]) -> Result<Self> {
        file::File::new(bytes).read()
    }

    /// Saves this tree as a file, atomically.
    ///
    /// # Errors
    /// As [`encode`](Group::encode), or `Io`. An older file then stays as it is.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic::write(path, |out| Ok(self.encode()?.write(out)?))
    }

    /// Lays this tree out as a file. The arrays are not copied.
    ///
    /// # Errors
    /// When a name is empty or holds a slash, or an attribute does not fit the 64 KiB that HDF5 has for it.
    pub fn encode(&self) -> Result<Encoded<'_>> {
        write::encode(self)
    }

    /// The group at `path`, names with `/` between them; this one if it is empty.
    pub fn group(&self, path: &str) -> Option<&Group> {
        names(path).try_fold(self, |group, name| group.groups.get(name))
    }

    /// The group at `path`, made if it is missing.
    ///
    /// # Errors
    /// When a dataset stands in the way.
    pub fn group_mut(&mut self, path: &str) -> Result<&mut Group> {
        names(path).try_fold(self, |group, name| {
            if group.datasets.contains_key(name) {
                return Err(Error::invalid(format!("{path}: {name} is a dataset, no group")));
            }
            Ok(group.groups.entry(name.into()).or_default())
        })
    }

    /// The dataset at `path`.
    pub fn dataset(&self, path: &str) -> Option<&Dataset> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.group(folder)?.datasets.get(name)
    }

    /// Puts an array at `path`; groups on the way are made.
    ///
    /// # Errors
    /// When a group of this name exists, or a dataset stands in the way.
    pub fn insert(&mut self, path: &str, array: Array) -> Result<()> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let group = self.group_mut(folder)?;
        if group.groups.contains_key(name) {
            return Err(Error::invalid(format!("{path} is a group already")));
        }
        group.datasets.insert(name.into(), Dataset { attributes: Attributes::new(), array });
        Ok(())
    }

    /// The attribute `name`, if it is one text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.attributes.get(name)?.values() {
            Values::Str(text) if text.len() == 1 => Some(&text[0]),
            _ => None,
        }
    }

    /// Sets the attribute `name` to a text.
    pub fn set_text(&mut self, name: &str, text: &str) {
        self.attributes.insert(name.into(), scalar_text(text));
    }
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

fn scalar_text(text: &str) -> Array {
    Array::new(vec![text.to_string()], Shape::scalar()).expect("one element fits a scalar")
}
