//! An array on the host: what `fit` and `predict` take, and where int64, float64 and text live.

use crate::{
    DType, Error, Result, Shape, Tensor,
    device::Device,
    dtype::{Element, to_i32},
    shape::Spec,
};
use half::{bf16, f16};
use std::ops::Range;

/// The elements of an [`Array`], row-major.
///
/// ```
/// use wgrad::{data::Values, prelude::*};
/// assert_eq!(Array::new([1_i64, 2], [2])?.values(), &Values::I64(vec![1, 2]));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// Bytes, as images come.
    U8(Vec<u8>),
    /// 32-bit signed integers.
    I32(Vec<i32>),
    /// 64-bit signed integers, as NumPy's and Keras' labels are; range-checked on the way to a device.
    I64(Vec<i64>),
    /// 16-bit floats.
    F16(Vec<f16>),
    /// 16-bit floats with the range of float32.
    BF16(Vec<bf16>),
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats; rounded to float32 on the way to a device.
    F64(Vec<f64>),
    /// Booleans.
    Bool(Vec<bool>),
    /// Text, which never reaches a device.
    Str(Vec<String>),
}

/// An array on the host; the first axis counts samples.
///
/// ```
/// use wgrad::prelude::*;
/// let array = Array::new([1_i64, 2, 3, 4, 5, 6], [2, 3])?;
/// assert_eq!((array.samples(), array.dtype()), (2, DType::I64));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    values: Values,
    shape: Shape,
}

impl Array {
    /// An array of `shape` with these elements.
    ///
    /// # Errors
    /// When their number is not the shape's size.
    pub fn new(values: impl Into<Values>, shape: impl Into<Shape>) -> Result<Self> {
        let (values, shape) = (values.into(), shape.into());
        if values.len() != shape.size() {
            return Err(Error::shape(format!("{} elements do not fit shape {shape}, which has {}", values.len(), shape.size())));
        }
        Ok(Self { values, shape })
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its elements.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        match self.values {
            Values::U8(_) => DType::U8,
            Values::I32(_) => DType::I32,
            Values::I64(_) => DType::I64,
            Values::F16(_) => DType::F16,
            Values::BF16(_) => DType::BF16,
            Values::F32(_) => DType::F32,
            Values::F64(_) => DType::F64,
            Values::Bool(_) => DType::Bool,
            Values::Str(_) => DType::Str,
        }
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Elements of one sample.
    pub(crate) fn stride(&self) -> usize {
        self.shape.get(1..).map_or(1, |rest| rest.iter().product())
    }

    /// Samples `range` as an array of their own.
    pub(crate) fn slice(&self, range: Range<usize>) -> Array {
        let stride = self.stride();
        let shape = self.shape.with(0, range.len());
        let range = range.start * stride..range.end * stride;
        let values = match &self.values {
            Values::U8(v) => Values::U8(v[range].to_vec()),
            Values::I32(v) => Values::I32(v[range].to_vec()),
            Values::I64(v) => Values::I64(v[range].to_vec()),
            Values::F16(v) => Values::F16(v[range].to_vec()),
            Values::BF16(v) => Values::BF16(v[range].to_vec()),
            Values::F32(v) => Values::F32(v[range].to_vec()),
            Values::F64(v) => Values::F64(v[range].to_vec()),
            Values::Bool(v) => Values::Bool(v[range].to_vec()),
            Values::Str(v) => Values::Str(v[range].to_vec()),
        };
        Array { values, shape }
    }

    /// The samples at `indices`, in that order.
    pub(crate) fn take(&self, indices: &[usize]) -> Array {
        fn rows<T: Clone>(values: &[T], indices: &[usize], stride: usize) -> Vec<T> {
            indices.iter().flat_map(|at| values[at * stride..(at + 1) * stride].iter().cloned()).collect()
        }
        let (stride, shape) = (self.stride(), self.shape.with(0, indices.len()));
        let values = match &self.values {
            Values::U8(v) => Values::U8(rows(v, indices, stride)),
            Values::I32(v) => Values::I32(rows(v, indices, stride)),
            Values::I64(v) => Values::I64(rows(v, indices, stride)),
            Values::F16(v) => Values::F16(rows(v, indices, stride)),
            Values::BF16(v) => Values::BF16(rows(v, indices, stride)),
            Values::F32(v) => Values::F32(rows(v, indices, stride)),
            Values::F64(v) => Values::F64(rows(v, indices, stride)),
            Values::Bool(v) => Values::Bool(rows(v, indices, stride)),
            Values::Str(v) => Values::Str(rows(v, indices, stride)),
        };
        Array { values, shape }
    }

    /// The elements as integers, if they are integers.
    pub(crate) fn integers(&self) -> Option<Box<dyn Iterator<Item = i64> + '_>> {
        Some(match &self.values {
            Values::U8(v) => Box::new(v.iter().map(|&x| x.into())),
            Values::I32(v) => Box::new(v.iter().map(|&x| x.into())),
            Values::I64(v) => Box::new(v.iter().copied()),
            Values::Bool(v) => Box::new(v.iter().map(|&x| x.into())),
            _ => return None,
        })
    }

    /// The elements as float32, if they are numbers.
    pub(crate) fn floats(&self) -> Option<Vec<f32>> {
        Some(match &self.values {
            Values::F32(v) => v.clone(),
            Values::F64(v) => v.iter().map(|&x| x as f32).collect(),
            Values::F16(v) => v.iter().map(|x| x.to_f32()).collect(),
            Values::BF16(v) => v.iter().map(|x| x.to_f32()).collect(),
            _ => self.integers()?.map(|x| x as f32).collect(),
        })
    }

    /// The elements one by one as float64, if they are numbers.
    pub(crate) fn numbers(&self) -> Option<Box<dyn Iterator<Item = f64> + '_>> {
        Some(match &self.values {
            Values::F16(v) => Box::new(v.iter().map(|x| x.to_f64())),
            Values::BF16(v) => Box::new(v.iter().map(|x| x.to_f64())),
            Values::F32(v) => Box::new(v.iter().map(|&x| x.into())),
            Values::F64(v) => Box::new(v.iter().copied()),
            Values::Str(_) => return None,
            _ => Box::new(self.integers()?.map(|x| x as f64)),
        })
    }

    /// The same elements under another shape.
    pub(crate) fn with_shape(self, shape: impl Into<Shape>) -> Result<Array> {
        Array::new(self.values, shape)
    }

    /// All elements on `device`; text stays on the host.
    ///
    /// # Errors
    /// As [`gather`](Self::gather).
    pub(crate) fn tensor(&self, device: &Device) -> Result<Tensor> {
        if self.dtype() == DType::Str {
            return Tensor::on_host(self.clone());
        }
        let row = Array { values: self.values.clone(), shape: [1, self.values.len()].into() };
        Ok(row.gather(device, &[0])?.reshape(&self.shape[..]))
    }

    /// The samples at `indices` on `device`, in that order.
    ///
    /// # Errors
    /// When an integer does not fit int32, or the elements are text.
    pub(crate) fn gather(&self, device: &Device, indices: &[usize]) -> Result<Tensor> {
        let stride = self.stride();
        let rows = |index: &usize| index * stride..(index + 1) * stride;
        let mut words: Vec<u32> = Vec::with_capacity(indices.len() * stride);
        match &self.values {
            Values::U8(v) => indices.iter().for_each(|i| words.extend(v[rows(i)].iter().map(|&x| u32::from(x)))),
            Values::I32(v) => indices.iter().for_each(|i| words.extend(v[rows(i)].iter().map(|&x| x as u32))),
            Values::F16(v) => indices.iter().for_each(|i| words.extend(v[rows(i)].iter().map(|x| x.to_word()))),
            Values::BF16(v) => indices.iter().for_each(|i| words.extend(v[rows(i)].iter().map(|x| x.to_word()))),
            Values::F32(v) => indices.iter().for_each(|i| words.extend(v[rows(i)].iter().map(|x| x.to_bits()))),
            Values::F64(v) => indices.iter().for_each(|i| words.extend(v[rows(i)].iter().map(|&x| (x as f32).to_bits()))),
            Values::Bool(v) => indices.iter().for_each(|i| words.extend(v[rows(i)].iter().map(|&x| u32::from(x)))),
            Values::I64(v) => {
                for i in indices {
                    for &x in &v[rows(i)] {
                        words.push(to_i32(x)? as u32);
                    }
                }
            }
            Values::Str(_) => return Err(Error::dtype("text cannot go to a device; look it up or vectorize it first")),
        }
        Tensor::from_words(device, &words, Spec { dtype: self.dtype().of_device(), shape: self.shape.with(0, indices.len()) })
    }
}

impl Values {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Values::U8(v) => v.len(),
            Values::I32(v) => v.len(),
            Values::I64(v) => v.len(),
            Values::F16(v) => v.len(),
            Values::BF16(v) => v.len(),
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
            Values::Bool(v) => v.len(),
            Values::Str(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

macro_rules! values {
    ($($element:ty => $variant:ident),*) => {$(
        impl From<Vec<$element>> for Values {
            fn from(values: Vec<$element>) -> Self {
                Values::$variant(values)
            }
        }
        impl<const N: usize> From<[$element; N]> for Values {
            fn from(values: [$element; N]) -> Self {
                Values::$variant(values.into())
            }
        }
        impl From<Vec<$element>> for Array {
            fn from(values: Vec<$element>) -> Self {
                Array { shape: [values.len()].into(), values: values.into() }
            }
        }
        impl<D: ndarray::Dimension> From<&ndarray::Array<$element, D>> for Array {
            fn from(array: &ndarray::Array<$element, D>) -> Self {
                Array { shape: array.shape().into(), values: array.iter().cloned().collect::<Vec<_>>().into() }
            }
        }
    )*};
}

values!(u8 => U8, i32 => I32, i64 => I64, f16 => F16, bf16 => BF16, f32 => F32, f64 => F64, bool => Bool, String => Str);
