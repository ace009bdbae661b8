//! NumPy-style indexing and slicing: views, not copies.

use crate::{
    Error, Result, Tensor,
    ops::{SliceRange, fits},
};
use serde_json::{Value as Json, json};
use smallvec::SmallVec;
use std::ops::{Range, RangeFrom, RangeFull, RangeTo};

/// What is taken along one axis. Negative positions count from the end, ranges are cut at the ends, as in NumPy.
///
/// ```
/// use wgrad::prelude::*;
/// let x = Tensor::from([[1, 2], [3, 4]]);
/// assert_eq!(x.at(&[Index::At(1)]).to_vec::<i32>()?, [3, 4]);
/// assert_eq!(x.at(&[Index::New, All]).shape()[..], [1, 2, 2]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// One position; the axis goes away.
    At(isize),
    /// Positions from `start` to before `stop` (the axis' ends where missing), every `step`th; negative steps walk back.
    Span {
        /// First position.
        start: Option<isize>,
        /// Position behind the last.
        stop: Option<isize>,
        /// Distance between positions.
        step: isize,
    },
    /// A new axis of size one.
    New,
    /// All of those axes that no other index names, as `...` in NumPy; at most once.
    Rest,
}

/// All positions of an axis, as `:` in NumPy.
#[expect(non_upper_case_globals, reason = "reads like a word in an index")]
pub const All: Index = Index::Span { start: None, stop: None, step: 1 };

impl Index {
    /// Every `by`th of the positions of a span, as `start:stop:by` in NumPy.
    pub fn step(self, by: isize) -> Index {
        match self {
            Index::Span { start, stop, .. } => Index::Span { start, stop, step: by },
            other => other,
        }
    }
}

impl Index {
    /// As Keras' files hold it.
    fn to_json(self) -> Json {
        match self {
            Index::New => Json::Null,
            Index::At(at) => at.into(),
            Index::Rest => json!({"class_name": "__ellipsis__", "config": {}}),
            Index::Span { start, stop, step } => {
                let step = if step == 1 { Json::Null } else { step.into() };
                json!({"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}})
            }
        }
    }
}

impl From<i32> for Index {
    fn from(at: i32) -> Self {
        Index::At(at as isize)
    }
}

impl From<usize> for Index {
    fn from(at: usize) -> Self {
        Index::At(at as isize)
    }
}

impl From<RangeFull> for Index {
    fn from(_: RangeFull) -> Self {
        All
    }
}

impl From<Range<isize>> for Index {
    fn from(range: Range<isize>) -> Self {
        Index::Span { start: Some(range.start), stop: Some(range.end), step: 1 }
    }
}

impl From<RangeFrom<isize>> for Index {
    fn from(range: RangeFrom<isize>) -> Self {
        Index::Span { start: Some(range.start), stop: None, step: 1 }
    }
}

impl From<RangeTo<isize>> for Index {
    fn from(range: RangeTo<isize>) -> Self {
        Index::Span { start: None, stop: Some(range.end), step: 1 }
    }
}

impl Tensor {
    /// The part of this tensor that `indices` name, one for each axis from the first on; missing ones take all.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.at(&[1.into()]).to_vec::<i32>()?, [4, 5, 6]);
    /// assert_eq!(x.at(&[All, (1..).into()]).to_vec::<i32>()?, [2, 3, 5, 6]);
    /// assert_eq!(x.at(&[All.step(-1), (-1).into()]).to_vec::<i32>()?, [6, 3]);
    /// assert_eq!(x.at(&[Index::Rest, (1..).into()]).to_vec::<i32>()?, [2, 3, 5, 6]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are more indices than axes, or a position lies outside.
    #[track_caller]
    pub fn at(&self, indices: &[Index]) -> Tensor {
        if let Some(symbol) = self.symbolic() {
            let key: Vec<Json> = indices.iter().map(|index| index.to_json()).collect();
            return symbol.apply("at", &[self], &[key.into()]).swap_remove(0);
        }
        fits(self.try_at(indices), "at")
    }

    fn try_at(&self, indices: &[Index]) -> Result<Tensor> {
        let taken = indices.iter().filter(|index| !matches!(index, Index::New | Index::Rest)).count();
        if taken > self.rank() {
            return Err(Error::shape(format!("{taken} indices for shape {}, which has {} axes", self.shape(), self.rank())));
        }
        // What is not named is taken whole: in the place of `Rest`, or behind.
        let place = indices.iter().position(|index| *index == Index::Rest).unwrap_or(indices.len());
        let behind = indices.get(place + 1..).unwrap_or_default();
        if behind.contains(&Index::Rest) {
            return Err(Error::invalid("more than one index takes the rest of the axes"));
        }
        let rest = std::iter::repeat_n(All, self.rank() - taken);
        let mut ranges: SmallVec<[SliceRange; 4]> = SmallVec::new();
        let mut shape: SmallVec<[usize; 4]> = SmallVec::new();
        for index in indices[..place].iter().copied().chain(rest).chain(behind.iter().copied()) {
            let size = self.shape().get(ranges.len()).copied().unwrap_or(1) as isize;
            match index {
                Index::New | Index::Rest => shape.push(1),
                Index::At(at) => {
                    let position = if at < 0 { at + size } else { at };
                    if !(0..size).contains(&position) {
                        return Err(Error::shape(format!("position {at} is outside of axis {} of shape {}", ranges.len(), self.shape())));
                    }
                    ranges.push(SliceRange { start: position as usize, size: 1, step: 1 });
                }
                Index::Span { step: 0, .. } => return Err(Error::invalid("a step of zero never ends")),
                Index::Span { start, stop, step } => {
                    // Walking back, the place before the first position is an end too.
                    let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
                    let clip = |at: isize| (if at < 0 { at + size } else { at }).clamp(low, high);
                    let start = start.map_or(if step > 0 { low } else { high }, clip);
                    let stop = stop.map_or(if step > 0 { high } else { low }, clip);
                    let count = if step > 0 { (stop - start + step - 1) / step } else { (start - stop - step - 1) / -step }.max(0);
                    ranges.push(SliceRange { start: start.max(0) as usize, size: count as usize, step });
                    shape.push(count as usize);
                }
            }
        }
        Ok(self.slice_ranges(ranges).reshape(&shape[..]))
    }
}
