//! Shapes, and layouts: how a view walks through the buffer of another tensor.

use crate::{DType, Error, Result};
use smallvec::SmallVec;
use std::{fmt, ops::Deref};

/// The sizes of a tensor's axes, outermost first; a scalar has none.
///
/// ```
/// use wgrad::prelude::*;
/// let shape = Shape::from([2, 1]);
/// assert_eq!((shape.rank(), shape.size(), shape.to_string()), (2, 2, "(2, 1)".to_owned()));
/// assert_eq!(shape.broadcast(&[4, 1, 3].into())?[..], [4, 2, 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Shape(SmallVec<[usize; 4]>);

/// Copies words, which the derived one would clone one by one: every recorded node does it several times.
impl Clone for Shape {
    fn clone(&self) -> Self {
        Self(SmallVec::from_slice(&self.0))
    }
}

impl Shape {
    /// The shape of a scalar.
    pub fn scalar() -> Self {
        Self::default()
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.iter().product()
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.len()
    }

    /// Strides, in elements, of a contiguous tensor of this shape.
    pub(crate) fn strides(&self) -> SmallVec<[isize; 4]> {
        let mut strides: SmallVec<[isize; 4]> = SmallVec::from_elem(1, self.len());
        for axis in (1..self.len()).rev() {
            strides[axis - 1] = strides[axis] * self[axis] as isize;
        }
        strides
    }

    /// The shape that both broadcast to by NumPy's rules.
    pub fn broadcast(&self, other: &Shape) -> Result<Shape> {
        let rank = self.len().max(other.len());
        let at = |shape: &Shape, axis: usize| if axis + shape.len() < rank { 1 } else { shape[axis + shape.len() - rank] };
        (0..rank)
            .map(|axis| match (at(self, axis), at(other, axis)) {
                (a, b) if a == b || b == 1 => Ok(a),
                (1, b) => Ok(b),
                _ => Err(Error::shape(format!(
                    "shapes {self} and {other} do not broadcast: sizes must be equal or 1, aligned at the last axis"
                ))),
            })
            .collect()
    }

    /// `axis`, which may count from the end as in NumPy, as an index into this shape.
    pub fn axis(&self, axis: isize) -> Result<usize> {
        let rank = self.len() as isize;
        let index = if axis < 0 { axis + rank } else { axis };
        if (0..rank).contains(&index) {
            Ok(index as usize)
        } else {
            Err(Error::shape(format!("axis {axis} is outside of shape {self}, which has {rank} axes")))
        }
    }

    /// All of `axes` as sorted indices without repetition; none means all axes, as in Keras.
    pub fn axes(&self, axes: &[isize]) -> Result<SmallVec<[usize; 4]>> {
        if axes.is_empty() {
            return Ok((0..self.len()).collect());
        }
        let mut out: SmallVec<[usize; 4]> = axes.iter().map(|&axis| self.axis(axis)).collect::<Result<_>>()?;
        out.sort_unstable();
        if out.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::shape(format!("axes {axes:?} of shape {self} name one axis twice")));
        }
        Ok(out)
    }

    pub(crate) fn push(&mut self, size: usize) {
        self.0.push(size);
    }

    pub(crate) fn insert(&mut self, axis: usize, size: usize) {
        self.0.insert(axis, size);
    }

    pub(crate) fn remove(&mut self, axis: usize) -> usize {
        self.0.remove(axis)
    }

    /// This shape with `size` at `axis`.
    pub(crate) fn with(&self, axis: usize, size: usize) -> Shape {
        let mut out = self.clone();
        out.0[axis] = size;
        out
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        Self(sizes.into_iter().collect())
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Self {
        Self(SmallVec::from_slice(&sizes))
    }
}

impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Self {
        Self(SmallVec::from_slice(sizes))
    }
}

impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Self(sizes.into())
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl From<usize> for Shape {
    fn from(size: usize) -> Self {
        [size].into()
    }
}

/// Written as Python writes a tuple: `()`, `(3,)`, `(2, 3)`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<_> = self.iter().map(usize::to_string).collect();
        f.pad(&if let [one] = &sizes[..] { format!("({one},)") } else { format!("({})", sizes.join(", ")) })
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Dtype and shape: all that shape inference needs to know of a tensor.
///
/// ```
/// use wgrad::{DType, Spec};
/// assert_eq!(Spec::new(DType::F32, [2, 3]).to_string(), "float32(2, 3)");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Spec {
    /// Element type.
    pub dtype: DType,
    /// Sizes of the axes.
    pub shape: Shape,
}

impl Spec {
    /// A spec of `dtype` and `shape`.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Self {
        Self { dtype, shape: shape.into() }
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.shape.size()
    }

    /// Number of words in device memory.
    pub(crate) fn words(&self) -> usize {
        self.size().div_ceil(self.dtype.per_word())
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

/// Where the elements of a view lie in a buffer: `offset + sum(index[axis] * strides[axis])`, in elements.
///
/// ```
/// use wgrad::Layout;
/// assert_eq!(Layout::contiguous(&[2, 3].into(), 0).strides[..], [3, 1]);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Sizes of the view's axes.
    pub shape: Shape,
    /// Elements from one to the next along each axis; zero repeats, negative walks backwards.
    pub strides: SmallVec<[isize; 4]>,
    /// Where the first element lies.
    pub offset: usize,
}

impl Layout {
    /// Row-major from word `offset` on.
    pub fn contiguous(shape: &Shape, offset: usize) -> Self {
        Self { shape: shape.clone(), strides: shape.strides(), offset }
    }

    /// Whether the elements stand one after another. Sizes of one count too, so that a batch of one
    /// has the kernels of every other batch.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(&size, &stride)| {
            let is_next = stride == expected;
            expected *= size as isize;
            is_next
        })
    }

    /// The layout under another shape, if no copy is needed for it.
    pub fn reshape(&self, shape: &Shape) -> Option<Layout> {
        if self.is_contiguous() {
            return Some(Self::contiguous(shape, self.offset));
        }
        // Axes of size one come and go freely; everything else must stay as it is.
        let kept = |s: &Shape| -> SmallVec<[usize; 4]> { s.iter().copied().filter(|&n| n != 1).collect() };
        if kept(&self.shape) != kept(shape) {
            return None;
        }
        let mut old = self.shape.iter().zip(&self.strides).filter(|(n, _)| **n != 1).map(|(_, stride)| *stride);
        let strides = shape.iter().map(|&n| if n == 1 { 0 } else { old.next().unwrap_or(0) }).collect();
        Some(Self { shape: shape.clone(), strides, offset: self.offset })
    }
}
