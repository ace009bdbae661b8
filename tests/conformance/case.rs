//! A case of the conformance vectors, and how numbers are compared.

use serde_json::Value as Json;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use wgrad::{
    DType, Device, Error, ErrorKind, Result, Shape, Tensor,
    data::{Array, Values},
    formats::safetensors,
};

/// What was done, and all numbers.
pub struct Case {
    pub json: Json,
    pub tensors: BTreeMap<String, Numbers>,
}

/// A tensor of a case, as f64.
#[derive(Clone)]
pub struct Numbers {
    pub dtype: DType,
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
        let arrays = if file.exists() { safetensors::File::open(file)?.tensors } else { BTreeMap::new() };
        let numbers = |(name, array): (String, Array)| Ok((name, Numbers::of(&array)?));
        Ok(Self { json, tensors: arrays.into_iter().map(numbers).collect::<Result<_>>()? })
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
    fn of(array: &Array) -> Result<Self> {
        let values = match array.values() {
            Values::U8(v) => v.iter().map(|&x| x.into()).collect(),
            Values::I32(v) => v.iter().map(|&x| x.into()).collect(),
            Values::I64(v) => v.iter().map(|&x| x as f64).collect(),
            Values::F16(v) => v.iter().map(|&x| x.into()).collect(),
            Values::BF16(v) => v.iter().map(|&x| x.into()).collect(),
            Values::F32(v) => v.iter().map(|&x| x.into()).collect(),
            Values::F64(v) => v.clone(),
            Values::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
            _ => return Err(wrong("text is no numbers")),
        };
        Ok(Self { dtype: array.dtype(), shape: array.shape().to_vec(), values })
    }

    /// As a tensor of the same dtype, or of int32 for other integers and float32 for floats of 64 bits.
    pub fn tensor(&self) -> Result<Tensor> {
        let shape = Shape::from(&self.shape[..]);
        match self.dtype {
            DType::Bool => Tensor::from_slice(&self.values.iter().map(|&x| x != 0.0).collect::<Vec<bool>>(), shape),
            DType::U8 => Tensor::from_slice(&self.values.iter().map(|&x| x as u8).collect::<Vec<_>>(), shape),
            DType::I32 | DType::I64 => Tensor::from_slice(&self.values.iter().map(|&x| x as i32).collect::<Vec<_>>(), shape),
            dtype => {
                let tensor = Tensor::from_slice(&self.values.iter().map(|&x| x as f32).collect::<Vec<_>>(), shape)?;
                Ok(if dtype.is_half() { tensor.cast(dtype) } else { tensor })
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
