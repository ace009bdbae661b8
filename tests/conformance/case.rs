//! A case of the conformance vectors, and how numbers are compared.

use serde_json::Value as Json;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};
use wgrad::{DType, Device, Error, ErrorKind, Result, Shape, Tensor};

/// What was done, and all numbers.
pub struct Case {
    pub json: Json,
    pub tensors: HashMap<String, Numbers>,
}

/// A tensor of a case, as f64.
#[derive(Clone)]
pub struct Numbers {
    pub dtype: String,
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// The cases in a folder.
pub fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    paths.sort();
    paths
}

/// An error of a check.
pub fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Data, text)
}

impl Case {
    pub fn read(path: &Path) -> Result<Self> {
        let json = serde_json::from_str(&std::fs::read_to_string(path)?).map_err(|error| wrong(error.to_string()))?;
        let file = path.with_extension("safetensors");
        let tensors = if file.exists() { safetensors(&std::fs::read(file)?)? } else { HashMap::new() };
        Ok(Self { json, tensors })
    }

    pub fn flag(&self, key: &str) -> bool {
        self.json[key] == true
    }

    pub fn numbers(&self, name: &str) -> Result<&Numbers> {
        self.tensors.get(name).ok_or_else(|| wrong(format!("the case has no tensor {name}")))
    }

    /// The tensors `name.0`, `name.1` and so on.
    pub fn series(&self, name: &str) -> Vec<&Numbers> {
        (0..).map_while(|at| self.tensors.get(&format!("{name}.{at}"))).collect()
    }

    /// That `found` is tensor `name`, within `relative` of each number or of the largest one, or `absolute`.
    pub fn compare(&self, name: &str, found: &Tensor, tolerance: Tolerance) -> Result<()> {
        self.numbers(name)?.compare(name, found, tolerance)
    }
}

/// How far numbers may be off.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
    /// Of the tensor's largest number.
    pub of_largest: f64,
}

/// Of float32: 1e-4 of a number, or 1e-5; and what sums of thousands, in whatever order, round off of their largest terms.
pub const FLOAT32: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-4, of_largest: 1e-6 };

impl Tolerance {
    /// Of float32 on the current device: drivers in software are allowed their own exp and tanh.
    pub fn of_device() -> Self {
        let on_gpu = Device::current().is_ok_and(|device| device != Device::cpu());
        if on_gpu { Self { of_largest: 5e-3, ..FLOAT32 } } else { FLOAT32 }
    }
}

impl Numbers {
    /// As a tensor of the same dtype, or of int32 for integers of 64 bits.
    pub fn tensor(&self) -> Result<Tensor> {
        let shape = Shape::from(&self.shape[..]);
        match &self.dtype[..] {
            "BOOL" => Tensor::from_slice(&self.values.iter().map(|&x| x != 0.0).collect::<Vec<bool>>(), shape),
            "I32" | "I64" | "U8" => Tensor::from_slice(&self.values.iter().map(|&x| x as i32).collect::<Vec<_>>(), shape),
            _ => {
                let dtype = if self.dtype == "F16" {
                    DType::F16
                } else if self.dtype == "BF16" {
                    DType::BF16
                } else {
                    DType::F32
                };
                Ok(Tensor::from_slice(&self.values.iter().map(|&x| x as f32).collect::<Vec<_>>(), shape)?.cast(dtype))
            }
        }
    }

    pub fn compare(&self, name: &str, found: &Tensor, tolerance: Tolerance) -> Result<()> {
        if found.shape()[..] != self.shape[..] {
            return Err(wrong(format!("{name} has shape {}, expected {:?}", found.shape(), self.shape)));
        }
        let found: Vec<f32> = found.cast(DType::F32).to_vec()?;
        self.compare_values(name, found.into_iter().map(f64::from), tolerance)
    }

    pub fn compare_values(&self, name: &str, found: impl Iterator<Item = f64>, tolerance: Tolerance) -> Result<()> {
        let largest = self.values.iter().filter(|x| x.is_finite()).fold(0.0, |most: f64, x| most.max(x.abs()));
        let Tolerance { absolute, relative, of_largest } = tolerance;
        for (at, (found, &expected)) in found.zip(&self.values).enumerate() {
            let slack = absolute.max(relative * expected.abs()).max(of_largest * largest);
            let same = found == expected || (found.is_nan() && expected.is_nan());
            let near = (found - expected).abs() <= slack;
            if !same && !near {
                return Err(wrong(format!("{name}[{at}] is {found}, expected {expected} within {slack:.1e}; shape {:?}", self.shape)));
            }
        }
        Ok(())
    }
}

/// The tensors of a safetensors file: a header of JSON, then their bytes.
fn safetensors(bytes: &[u8]) -> Result<HashMap<String, Numbers>> {
    let short = || wrong("the safetensors file is too short");
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(short)?;
    let length = u64::from_le_bytes(*length) as usize;
    let (header, data) = (rest.get(..length).ok_or_else(short)?, &rest[length..]);
    let header: serde_json::Map<String, Json> = serde_json::from_slice(header).map_err(|error| wrong(error.to_string()))?;
    let tensor = |(name, entry): (String, Json)| {
        let list = |key: &str| entry[key].as_array().into_iter().flatten().map(|x| x.as_u64().unwrap_or(0) as usize).collect::<Vec<_>>();
        let (dtype, shape, range) = (entry["dtype"].as_str().unwrap_or_default().to_owned(), list("shape"), list("data_offsets"));
        let bytes = data.get(range[0]..range[1]).ok_or_else(short)?;
        Ok((name, Numbers { values: decode(&dtype, bytes)?, dtype, shape }))
    };
    header.into_iter().filter(|(name, _)| name != "__metadata__").map(tensor).collect()
}

fn decode(dtype: &str, bytes: &[u8]) -> Result<Vec<f64>> {
    fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks::<N>().0.iter().map(|&chunk| read(chunk)).collect()
    }
    Ok(match dtype {
        "F32" => each(bytes, |b| f32::from_le_bytes(b).into()),
        "F64" => each(bytes, f64::from_le_bytes),
        "F16" => each(bytes, |b| half::f16::from_le_bytes(b).into()),
        "BF16" => each(bytes, |b| half::bf16::from_le_bytes(b).into()),
        "I32" => each(bytes, |b| i32::from_le_bytes(b).into()),
        "I64" => each(bytes, |b| i64::from_le_bytes(b) as f64),
        "U8" | "BOOL" => each(bytes, |[b]| b.into()),
        other => return Err(wrong(format!("unknown dtype {other}"))),
    })
}
