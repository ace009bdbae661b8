//! What `fit`, `evaluate` and `predict` take: one array, or several in order or by name.

use super::{Array, Values};
use crate::{DType, Error, Result, Tensor, dtype::Element};
use half::{bf16, f16};
use std::borrow::Cow;

/// What `fit`, `evaluate` and `predict` take as one input: an array, a tensor, an ndarray, or a vector.
///
/// ```
/// use wgrad::{data::AsArray, prelude::*};
/// let numbers = vec![1.0f32, 2.0];
/// assert_eq!(numbers.as_array()?.shape()[..], [2]);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub trait AsArray {
    /// The data on the host.
    ///
    /// # Errors
    /// When reading a tensor from its device fails.
    fn as_array(&self) -> Result<Cow<'_, Array>>;
}

/// What models take that have several inputs or targets: `[&a, &b]`, `&arrays[..]`, or [`Named`]; one array is a list of itself.
///
/// ```
/// use wgrad::prelude::*;
/// let (a, b) = (Input::new([1]).symbol(), Input::new([1]).symbol());
/// let model = Model::new([&a, &b], &Add::new().apply([&a, &b]))?;
/// let (ones, tens) = (Tensor::from([[1.0f32], [2.0]]), Tensor::from([[10.0f32], [20.0]]));
/// assert_eq!(model.predict(&[&ones, &tens]).run()?.to_vec::<f32>()?, [11.0, 22.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub trait AsArrays {
    /// The data on the host.
    ///
    /// # Errors
    /// As [`AsArray::as_array`].
    fn as_arrays(&self) -> Result<Arrays<'_>>;
}

/// Arrays for the inputs or outputs of a model: in the model's order, or by name.
#[derive(Clone, Debug)]
pub struct Arrays<'a> {
    names: Option<Vec<&'a str>>,
    arrays: Vec<Cow<'a, Array>>,
}

impl<'a> Arrays<'a> {
    /// The first one.
    pub(crate) fn first(&self) -> Option<&Array> {
        self.arrays.first().map(|array| &**array)
    }

    /// The only one, if it has no name.
    pub(crate) fn alone(&self) -> bool {
        self.names.is_none() && self.arrays.len() == 1
    }

    /// All of them as they were given.
    pub(crate) fn in_order(self) -> Vec<Cow<'a, Array>> {
        self.arrays
    }

    /// One for each of the model's `expected`, in this order; `what` is such a thing, in a message.
    pub(crate) fn arranged(self, what: &str, expected: &[&str]) -> Result<Vec<Cow<'a, Array>>> {
        let there_are = expected.join(", ");
        let Some(names) = self.names else {
            let got = self.arrays.len();
            if got == expected.len() {
                return Ok(self.arrays);
            }
            return Err(Error::invalid(format!("expected {} {what}s ({there_are}), got {got}", expected.len())));
        };
        let mut found: Vec<Option<Cow<Array>>> = vec![None; expected.len()];
        for (name, array) in names.into_iter().zip(self.arrays) {
            let Some(at) = expected.iter().position(|expected| *expected == name) else {
                return Err(Error::invalid(format!("no {what} is called {name:?}; there are {there_are}")));
            };
            if found[at].replace(array).is_some() {
                return Err(Error::invalid(format!("{what} {name:?} is given twice")));
            }
        }
        let missing = |name: &&str| Error::invalid(format!("{what} {name:?} is missing; there are {there_are}"));
        found.into_iter().zip(expected).map(|(array, name)| array.ok_or_else(|| missing(name))).collect()
    }
}

/// Arrays by the names of a model's inputs or outputs.
///
/// ```
/// use wgrad::prelude::*;
/// let (age, fare) = (Input::new([1]).name("age").symbol(), Input::new([1]).name("fare").symbol());
/// let survived = Dense::new(1).apply(&Concatenate::new().apply([&age, &fare]));
/// let model = Model::new([&age, &fare], &survived)?;
/// let (ages, fares) = (Tensor::from([[22.0f32], [38.0]]), Tensor::from([[7.25f32], [71.3]]));
/// let chances = model.predict(&Named::new().add("fare", &fares).add("age", &ages)).run()?;
/// assert_eq!(chances.shape()[..], [2, 1]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Named<'a>(Vec<(&'a str, &'a dyn AsArray)>);

impl<'a> Named<'a> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more.
    #[must_use = "it returns all of them"]
    pub fn add(mut self, name: &'a str, array: &'a dyn AsArray) -> Self {
        self.0.push((name, array));
        self
    }
}

impl AsArrays for Named<'_> {
    fn as_arrays(&self) -> Result<Arrays<'_>> {
        let names = self.0.iter().map(|(name, _)| *name).collect();
        let arrays = self.0.iter().map(|(name, array)| array.as_array().map_err(|error| error.at(name)));
        Ok(Arrays { names: Some(names), arrays: arrays.collect::<Result<_>>()? })
    }
}

impl<T: AsArray> AsArrays for T {
    fn as_arrays(&self) -> Result<Arrays<'_>> {
        Ok(Arrays { names: None, arrays: vec![self.as_array()?] })
    }
}

impl<T: AsArray> AsArrays for [T] {
    fn as_arrays(&self) -> Result<Arrays<'_>> {
        Ok(Arrays { names: None, arrays: self.iter().map(AsArray::as_array).collect::<Result<_>>()? })
    }
}

impl<T: AsArray, const N: usize> AsArrays for [T; N] {
    fn as_arrays(&self) -> Result<Arrays<'_>> {
        self[..].as_arrays()
    }
}

impl AsArray for Array {
    fn as_array(&self) -> Result<Cow<'_, Array>> {
        Ok(Cow::Borrowed(self))
    }
}

impl AsArray for Tensor {
    fn as_array(&self) -> Result<Cow<'_, Array>> {
        if let Some(array) = self.array_on_host() {
            return Ok(Cow::Borrowed(array));
        }
        let words = self.to_words()?;
        let values = match self.dtype() {
            DType::F16 => Values::F16(words.into_iter().map(f16::from_word).collect()),
            DType::BF16 => Values::BF16(words.into_iter().map(bf16::from_word).collect()),
            DType::F32 => Values::F32(words.into_iter().map(f32::from_word).collect()),
            DType::U8 => Values::U8(words.into_iter().map(u8::from_word).collect()),
            DType::Bool => Values::Bool(words.into_iter().map(bool::from_word).collect()),
            DType::I32 => Values::I32(words.into_iter().map(i32::from_word).collect()),
            _ => Values::I64(words.into_iter().map(i64::from).collect()),
        };
        Array::new(values, self.shape()).map(Cow::Owned)
    }
}

impl<T: Clone, D: ndarray::Dimension> AsArray for ndarray::Array<T, D>
where
    for<'a> Array: From<&'a ndarray::Array<T, D>>,
{
    fn as_array(&self) -> Result<Cow<'_, Array>> {
        Ok(Cow::Owned(self.into()))
    }
}

impl<T: Clone> AsArray for Vec<T>
where
    Array: From<Vec<T>>,
{
    fn as_array(&self) -> Result<Cow<'_, Array>> {
        Ok(Cow::Owned(self.clone().into()))
    }
}

macro_rules! texts {
    ($([$($generics:tt)*] $type:ty),*) => {$(
        /// Texts in a row.
        impl<$($generics)*> AsArray for $type {
            fn as_array(&self) -> Result<Cow<'_, Array>> {
                Ok(Cow::Owned(self.iter().map(|text| String::from(*text)).collect::<Vec<_>>().into()))
            }
        }
    )*};
}

texts!([] [&str], [] Vec<&str>, [const N: usize] [&str; N]);

impl AsArray for [String] {
    fn as_array(&self) -> Result<Cow<'_, Array>> {
        Ok(Cow::Owned(self.to_vec().into()))
    }
}

impl<T: AsArray + ?Sized> AsArray for &T {
    fn as_array(&self) -> Result<Cow<'_, Array>> {
        (**self).as_array()
    }
}
