//! Options that several layers have: one number or several, axes, the order of axes; and what layers check of their inputs.

use crate::{
    Error, Result, Shape, Tensor,
    config::{Choice, Json, Reader, Value},
    ops::Padding,
};
use std::ops::Deref;

/// The sizes of an input that must have so many axes: `names` says which, as `(N, H, W, C)`.
pub(crate) fn axes<const RANK: usize>(shape: &Shape, names: &str, hint: &str) -> Result<[usize; RANK]> {
    shape[..].try_into().map_err(|_| Error::shape(format!("expected {names}, got {shape}; {hint}")))
}

/// That axis `axis` of `x` has the size that the weights were built for.
pub(crate) fn fits(x: &Tensor, axis: isize, expected: usize, what: &str) -> Result<()> {
    let found = x.shape().axis(axis).map(|axis| x.shape()[axis])?;
    if found == expected {
        return Ok(());
    }
    Err(Error::shape(format!("expected {expected} {what} on axis {axis}, got shape {}; the layer was built for another input", x.shape())))
}

/// One number for each of N axes, or one for all: `3`, `[3, 5]` or `(3, 5)`.
///
/// ```
/// use wgrad::layers::Sizes;
/// assert_eq!(*Sizes::<2>::from(3), [3, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes<const N: usize>(pub(crate) [usize; N]);

impl<const N: usize> Deref for Sizes<N> {
    type Target = [usize; N];
    fn deref(&self) -> &[usize; N] {
        &self.0
    }
}

impl<const N: usize> From<usize> for Sizes<N> {
    fn from(size: usize) -> Self {
        Self([size; N])
    }
}

impl<const N: usize> From<[usize; N]> for Sizes<N> {
    fn from(sizes: [usize; N]) -> Self {
        Self(sizes)
    }
}

impl From<(usize, usize)> for Sizes<2> {
    fn from((high, wide): (usize, usize)) -> Self {
        Self([high, wide])
    }
}

impl From<(usize, usize, usize)> for Sizes<3> {
    fn from((deep, high, wide): (usize, usize, usize)) -> Self {
        Self([deep, high, wide])
    }
}

impl<const N: usize> Value for Sizes<N> {
    fn to_json(&self) -> Json {
        self.0.to_json()
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_array() { Value::from_json(json, reader).map(Self) } else { usize::from_json(json, reader).map(Self::from) }
    }
}

/// One axis or several: `-1`, `[1, 2]`. Files keep which of the two it was.
///
/// ```
/// use wgrad::layers::Axes;
/// assert_eq!(Axes::from([1, 2]).list(), [1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// One axis.
    One(isize),
    /// Several.
    Several(Vec<isize>),
}

impl Axes {
    /// All of them.
    pub fn list(&self) -> &[isize] {
        match self {
            Self::One(axis) => std::slice::from_ref(axis),
            Self::Several(axes) => axes,
        }
    }
}

impl From<isize> for Axes {
    fn from(axis: isize) -> Self {
        Self::One(axis)
    }
}

impl From<Vec<isize>> for Axes {
    fn from(axes: Vec<isize>) -> Self {
        Self::Several(axes)
    }
}

impl<const N: usize> From<[isize; N]> for Axes {
    fn from(axes: [isize; N]) -> Self {
        Self::Several(axes.into())
    }
}

impl Value for Axes {
    fn to_json(&self) -> Json {
        match self {
            Self::One(axis) => axis.to_json(),
            Self::Several(axes) => axes.to_json(),
        }
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_array() { Value::from_json(json, reader).map(Self::Several) } else { Value::from_json(json, reader).map(Self::One) }
    }
}

/// A shape whose open sizes, `None`, an input decides: `64`, `[None, Some(64)]`.
///
/// ```
/// use wgrad::layers::PartialShape;
/// assert_eq!(PartialShape::from([None, Some(64)]).list(), [None, Some(64)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialShape(Vec<Option<usize>>);

impl PartialShape {
    /// Its sizes.
    pub fn list(&self) -> &[Option<usize>] {
        &self.0
    }

    /// The shape that it is beside one of `input`, to which it must broadcast.
    pub(crate) fn filled_by(&self, input: &Shape) -> Result<Shape> {
        let filled: Shape = self.0.iter().zip(&input[..]).map(|(size, &own)| size.unwrap_or(own)).collect();
        if self.0.len() != input.rank() || filled.broadcast(input).as_ref() != Ok(input) {
            return Err(Error::shape(format!("shape {:?} does not broadcast to input {input}", self.0)));
        }
        Ok(filled)
    }
}

impl From<usize> for PartialShape {
    fn from(size: usize) -> Self {
        Self(vec![Some(size)])
    }
}

impl From<Vec<Option<usize>>> for PartialShape {
    fn from(sizes: Vec<Option<usize>>) -> Self {
        Self(sizes)
    }
}

impl<const N: usize> From<[Option<usize>; N]> for PartialShape {
    fn from(sizes: [Option<usize>; N]) -> Self {
        Self(sizes.into())
    }
}

impl<const N: usize> From<[usize; N]> for PartialShape {
    fn from(sizes: [usize; N]) -> Self {
        Self(sizes.map(Some).into())
    }
}

impl Value for PartialShape {
    fn to_json(&self) -> Json {
        self.0.to_json()
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        if json.is_array() { Value::from_json(json, reader).map(Self) } else { usize::from_json(json, reader).map(Self::from) }
    }
}

/// Where the axis of channels is.
///
/// ```
/// use wgrad::{layers::DataFormat, prelude::*};
/// let layer = GlobalAveragePooling2D::new().data_format(DataFormat::ChannelsFirst);
/// assert_eq!(layer.apply(&Tensor::ones([2, 3, 8, 8])).shape()[..], [2, 3]);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataFormat {
    /// The last one: `(N, H, W, C)`, Keras' default.
    #[default]
    ChannelsLast,
    /// The first one of a sample: `(N, C, H, W)`.
    ChannelsFirst,
}

impl Value for Padding {
    fn to_json(&self) -> Json {
        match self {
            Padding::Valid => "valid".into(),
            Padding::Same => "same".into(),
            Padding::Causal => "causal".into(),
            Padding::Explicit(widths) => widths.iter().map(|&(before, after)| Json::from(vec![before, after])).collect(),
        }
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        match json.as_str() {
            Some("valid") => Some(Padding::Valid),
            Some("same") => Some(Padding::Same),
            Some("causal") => Some(Padding::Causal),
            _ => reader.one_of(json, &["valid", "same", "causal"]),
        }
    }
}
