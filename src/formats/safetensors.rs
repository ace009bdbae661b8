//! Safetensors: named arrays behind a JSON header, the format of Hugging Face.

use super::{atomic, elements, elements::Kind, read_file};
use crate::{
    Error, Result,
    data::{Array, Values},
};
use safetensors::{Dtype, SafeTensors, View};
use std::{borrow::Cow, collections::BTreeMap, io::Write, path::Path};

/// What a safetensors file holds.
///
/// ```
/// use wgrad::formats::safetensors::File;
/// # fn main() -> wgrad::Result<()> {
/// let mut file = File::default();
/// file.tensors.insert("dense.bias".into(), vec![0.5_f32, 1.0].into());
/// file.metadata.insert("format".into(), "pt".into());
/// let mut bytes = Vec::new();
/// file.write(&mut bytes)?;
/// assert_eq!(File::read(&bytes)?, file);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Arrays by name.
    pub tensors: BTreeMap<String, Array>,
    /// Free text by name.
    pub metadata: BTreeMap<String, String>,
}

impl File {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// `Io` when it cannot be read, else as [`read`](File::read), with the path in front.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::read(&read_file(path)?).map_err(|error| error.at(path.display()))
    }

    /// Reads a file that is in memory. Small integers come as int32, uint32 and uint64 as int64.
    ///
    /// # Errors
    /// `Data` when the header is wrong, or an array is of a type that is not supported (float8 and smaller, complex).
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let wrong = |error: safetensors::SafeTensorError| Error::data(format!("safetensors: {error}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(wrong)?;
        let file = SafeTensors::deserialize(bytes).map_err(wrong)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let array = kind(view.dtype()).and_then(|kind| Array::new(kind.decode(view.data(), false)?, view.shape()));
            tensors.insert(name.to_string(), array.map_err(|error| error.at(name))?);
        }
        Ok(Self { tensors, metadata })
    }

    /// Saves a file, atomically.
    ///
    /// # Errors
    /// As [`write`](File::write), or `Io`; an older file then stays as it is.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic::write(path, |out| self.write(out))
    }

    /// Writes a file.
    ///
    /// # Errors
    /// `DType` for text, which the format cannot hold, or those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> Result<()> {
        let mut tensors = Vec::with_capacity(self.tensors.len());
        for (name, array) in &self.tensors {
            tensors.push((name, Tensor::new(array).map_err(|error| error.at(name))?));
        }
        let metadata = (!self.metadata.is_empty()).then(|| self.metadata.clone().into_iter().collect());
        let bytes = safetensors::serialize(tensors, metadata).map_err(|error| Error::data(format!("safetensors: {error}")))?;
        Ok(out.write_all(&bytes)?)
    }
}

fn kind(dtype: Dtype) -> Result<Kind> {
    Ok(match dtype {
        Dtype::BOOL => Kind::Bool,
        Dtype::U8 => Kind::U8,
        Dtype::I8 => Kind::I8,
        Dtype::I16 => Kind::I16,
        Dtype::U16 => Kind::U16,
        Dtype::I32 => Kind::I32,
        Dtype::U32 => Kind::U32,
        Dtype::I64 => Kind::I64,
        Dtype::U64 => Kind::U64,
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::BF16,
        Dtype::F32 => Kind::F32,
        Dtype::F64 => Kind::F64,
        other => return Err(Error::data(format!("elements of type {other:?} are not supported"))),
    })
}

/// An array as the crate wants to see it.
struct Tensor<'a> {
    array: &'a Array,
    dtype: Dtype,
    size: usize,
}

impl<'a> Tensor<'a> {
    fn new(array: &'a Array) -> Result<Self> {
        let (dtype, size) = match array.values() {
            Values::Bool(_) => (Dtype::BOOL, 1),
            Values::U8(_) => (Dtype::U8, 1),
            Values::I32(_) => (Dtype::I32, 4),
            Values::I64(_) => (Dtype::I64, 8),
            Values::F16(_) => (Dtype::F16, 2),
            Values::BF16(_) => (Dtype::BF16, 2),
            Values::F32(_) => (Dtype::F32, 4),
            Values::F64(_) => (Dtype::F64, 8),
            Values::Str(_) => return Err(Error::dtype("safetensors cannot hold text")),
        };
        Ok(Self { array, dtype, size })
    }
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::with_capacity(self.data_len());
        elements::write(self.array.values(), &mut bytes).expect("numbers are written to memory");
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.size * self.array.values().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_written_and_read_back() {
        let mut file = File::default();
        let arrays: [Array; 8] = [
            Array::new(vec![1.5_f32; 6], [2, 3]).unwrap(),
            Array::new([0.1_f64], crate::Shape::scalar()).unwrap(),
            vec![half::f16::ONE; 3].into(),
            vec![half::bf16::ONE].into(),
            vec![i64::MIN].into(),
            vec![-7].into(),
            vec![1_u8].into(),
            vec![true, false].into(),
        ];
        for array in arrays {
            file.tensors.insert(format!("layer.{}", array.dtype()), array);
        }
        let mut bytes = Vec::new();
        file.write(&mut bytes).unwrap();
        assert_eq!(File::read(&bytes).unwrap(), file);
        file.tensors.insert("names".into(), vec!["a".to_string()].into());
        assert!(file.write(&mut bytes).unwrap_err().to_string().starts_with("names: "));
    }

    #[test]
    fn other_types_and_damaged_headers_are_errors() {
        let bytes = |header: &str, data: &[u8]| [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat();
        let read = |header: &str, data: &[u8]| File::read(&bytes(header, data));
        assert_eq!(read(r#"{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}}"#, &[1, 255]).unwrap().tensors["a"], vec![1, -1].into());
        let float8 = read(r#"{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}"#, &[0, 0]);
        assert!(float8.unwrap_err().to_string().starts_with("a: "));
        for (header, data) in [
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, &[0; 4][..]),
            (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, &[0; 2]),
            (r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, &[]),
            ("{", &[]),
        ] {
            assert!(read(header, data).is_err(), "{header}");
        }
        assert!(File::read(&u64::MAX.to_le_bytes()).is_err());
    }
}
