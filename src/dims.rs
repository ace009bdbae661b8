//! Shapes with unknown sizes: what a model says about its inputs before there are any.

use crate::{
    Shape,
    config::{Json, Reader, Value},
};
use smallvec::SmallVec;
use std::{fmt, ops::Deref};

/// A size that may be unknown, made by [`dims!`](crate::dims).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dim(pub Option<usize>);

impl From<usize> for Dim {
    fn from(size: usize) -> Self {
        Self(Some(size))
    }
}

impl From<Option<usize>> for Dim {
    fn from(size: Option<usize>) -> Self {
        Self(size)
    }
}

/// The sizes of axes, some of which may be unknown: Keras' `None`.
///
/// ```
/// use wgrad::{Dims, dims};
/// assert_eq!(dims![None, 28, 28].to_string(), "(None, 28, 28)");
/// assert_eq!(Dims::from([3]).to_string(), "(3,)");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dims(SmallVec<[Option<usize>; 4]>);

/// Sizes that may be unknown: `dims![None, 28, 28]`.
#[macro_export]
macro_rules! dims {
    ($($size:expr),* $(,)?) => {
        <$crate::Dims as ::core::iter::FromIterator<$crate::Dim>>::from_iter([$($crate::Dim::from($size)),*])
    };
}

impl Dims {
    /// These with `batch` in front.
    pub(crate) fn behind(&self, batch: Option<usize>) -> Self {
        Self(std::iter::once(batch).chain(self.iter().copied()).collect())
    }

    /// These without the batch in front.
    pub(crate) fn sample(&self) -> Self {
        Self(self.iter().skip(1).copied().collect())
    }

    /// The shape with `size` where a size is unknown.
    pub(crate) fn with_unknown(&self, size: usize) -> Shape {
        self.iter().map(|dim| dim.unwrap_or(size)).collect()
    }

    /// What two shapes have in common: sizes that differ are unknown.
    pub(crate) fn common(one: &Shape, other: &Shape) -> Self {
        Self(one.iter().zip(other.iter()).map(|(a, b)| (a == b).then_some(*a)).collect())
    }

    /// Whether a tensor of `shape` is one of these.
    pub(crate) fn admits(&self, shape: &[usize]) -> bool {
        self.len() == shape.len() && self.iter().zip(shape).all(|(dim, size)| dim.is_none_or(|dim| dim == *size))
    }
}

impl Deref for Dims {
    type Target = [Option<usize>];
    fn deref(&self) -> &[Option<usize>] {
        &self.0
    }
}

impl FromIterator<Dim> for Dims {
    fn from_iter<I: IntoIterator<Item = Dim>>(sizes: I) -> Self {
        Self(sizes.into_iter().map(|dim| dim.0).collect())
    }
}

impl<const N: usize> From<[usize; N]> for Dims {
    fn from(sizes: [usize; N]) -> Self {
        Self::from(&sizes[..])
    }
}

impl From<&[usize]> for Dims {
    fn from(sizes: &[usize]) -> Self {
        Self(sizes.iter().map(|&size| Some(size)).collect())
    }
}

impl From<&Shape> for Dims {
    fn from(shape: &Shape) -> Self {
        Self::from(&shape[..])
    }
}

impl Value for Dims {
    fn to_json(&self) -> Json {
        self.iter().map(Value::to_json).collect()
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        let sizes: Vec<Option<usize>> = Value::from_json(json, reader)?;
        Some(Self(sizes.into()))
    }
}

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.iter().map(|dim| dim.map_or_else(|| "None".into(), |size| size.to_string())).collect();
        if let [one] = &sizes[..] { write!(f, "({one},)") } else { write!(f, "({})", sizes.join(", ")) }
    }
}
