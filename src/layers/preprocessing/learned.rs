//! What a layer learns from data before training: set by `adapt`, or read from a file.

use crate::{
    Error, Result,
    config::{Json, Reader, Value},
    data::{Array, AsArray},
    lock::lock,
};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::{Arc, Mutex},
};

/// Layers that learn from data before training: vocabularies, bins, mean and variance.
///
/// ```
/// use wgrad::{layers::Adapt, prelude::*};
/// let layer = StringLookup::new();
/// layer.adapt(&["b", "a", "b"])?;
/// assert_eq!(layer.get_vocabulary(), ["[UNK]", "b", "a"]);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub trait Adapt {
    /// Learns from data in batches, whose first axis counts samples; what was learned before is forgotten.
    ///
    /// # Errors
    /// Without any data, when a batch does not fit, or when what could be learned was given as an option.
    fn adapt_batches(&self, batches: &mut dyn Iterator<Item = Result<Array>>) -> Result<()>;

    /// Learns from all of `data`: `layer.adapt(&texts)?`.
    ///
    /// # Errors
    /// As [`adapt_batches`](Self::adapt_batches).
    fn adapt(&self, data: &(impl AsArray + ?Sized)) -> Result<()>
    where
        Self: Sized,
    {
        self.adapt_batches(&mut std::iter::once(in_rows(data.as_array()?.into_owned())))
    }

    /// Learns from the lines of a text file, each of which is a sample.
    ///
    /// # Errors
    /// When the file cannot be read, with the line that is not UTF-8; and as [`adapt_batches`](Self::adapt_batches).
    fn adapt_file(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        let path = path.as_ref();
        let at = |error: Error| error.at(path.display());
        let mut lines = Lines { file: BufReader::new(File::open(path).map_err(|error| at(error.into()))?), count: 0 };
        self.adapt_batches(&mut lines).map_err(at)
    }
}

/// Samples; numbers or texts in a row are one each.
pub(in crate::layers) fn in_rows(data: Array) -> Result<Array> {
    let samples = data.samples();
    if data.shape().rank() == 1 { data.with_shape([samples, 1]) } else { Ok(data) }
}

/// Lines of a file, some thousand at once.
struct Lines {
    file: BufReader<File>,
    count: usize,
}

impl Lines {
    fn read(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let mut line = Vec::new();
        while lines.len() < 8192 && self.file.read_until(b'\n', &mut line)? > 0 {
            self.count += 1;
            let text = std::str::from_utf8(&line).map_err(|error| Error::data(format!("line {}: not UTF-8: {error}", self.count)))?;
            let text = text.strip_suffix('\n').unwrap_or(text);
            lines.push(text.strip_suffix('\r').unwrap_or(text).to_owned());
            line.clear();
        }
        Ok(lines)
    }
}

impl Iterator for Lines {
    type Item = Result<Array>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.read().and_then(|lines| {
            let shape = [lines.len(), 1];
            Array::new(lines, shape)
        });
        Some(batch).filter(|batch| batch.as_ref().map_or(true, |batch| batch.samples() > 0))
    }
}

/// That there was something to learn from.
pub(super) fn not_empty(found: bool) -> Result<()> {
    if found { Ok(()) } else { Err(Error::data("adapt: there is no data to learn from")) }
}

/// A value that is learned, or not yet. A clone knows what the original knew.
#[derive(Debug)]
pub struct Learned<T>(Mutex<Option<Arc<T>>>);

impl<T> Learned<T> {
    /// The value, if there is one.
    pub(super) fn get(&self) -> Option<Arc<T>> {
        lock(&self.0).clone()
    }

    /// Takes a value, or forgets it.
    pub(super) fn set(&self, value: Option<T>) {
        *lock(&self.0) = value.map(Arc::new);
    }
}

impl<T> Default for Learned<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Clone for Learned<T> {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.get()))
    }
}

impl<T> From<T> for Learned<T> {
    fn from(value: T) -> Self {
        Self(Mutex::new(Some(Arc::new(value))))
    }
}

impl<T, const N: usize> From<[T; N]> for Learned<Vec<T>> {
    fn from(values: [T; N]) -> Self {
        Vec::from(values).into()
    }
}

impl<T: Value> Value for Learned<T> {
    const NULL: bool = true;

    fn to_json(&self) -> Json {
        self.get().map_or(Json::Null, |value| value.to_json())
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_null() { Some(Self::default()) } else { T::from_json(json, reader).map(Self::from) }
    }
}
