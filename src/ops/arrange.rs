//! Repeating, rolling, mirrored borders, and parts of matrices: composed of views, slices and `concat`.

use super::{
    Case,
    case::{Reference, Smooth},
    concat::joined,
    view::Range,
};
use crate::{DType, Shape, Tensor};
use ndarray::{Axis, Dimension, Slice};

impl Tensor {
    /// This tensor `repetitions[axis]` times along each axis; missing leading axes are added.
    #[doc(alias = "keras.ops.tile")]
    #[track_caller]
    pub fn tile(&self, repetitions: &[usize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("tile", &[self], &[repetitions.to_vec().into()]) {
            return symbol;
        }
        let rank = self.rank().max(repetitions.len());
        let padded = |list: &[usize]| -> Vec<usize> { std::iter::repeat_n(1, rank - list.len()).chain(list.iter().copied()).collect() };
        let (sizes, times) = (padded(self.shape()), padded(repetitions));
        let pairs = |first: &[usize]| -> Shape { first.iter().zip(&sizes).flat_map(|(&a, &b)| [a, b]).collect() };
        let spread = self.reshape(pairs(&vec![1; rank])).broadcast_to(pairs(&times));
        spread.reshape(sizes.iter().zip(&times).map(|(a, b)| a * b).collect::<Shape>())
    }

    /// Each element `count` times along `axis`, one after another.
    #[doc(alias = "keras.ops.repeat")]
    #[track_caller]
    pub fn repeat(&self, count: usize, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("repeat", &[self], &[count.into(), axis.into()]) {
            return symbol;
        }
        let axis = super::fits(self.shape().axis(axis), "repeat");
        let mut shape = self.shape().clone();
        shape.insert(axis + 1, count);
        let spread = self.expand_dims(axis as isize + 1).broadcast_to(shape);
        spread.reshape(self.shape().with(axis, self.shape()[axis] * count))
    }

    /// The elements moved by `shift` places along `axis`; those that leave at one end come in at the other.
    #[doc(alias = "keras.ops.roll")]
    #[track_caller]
    pub fn roll(&self, shift: isize, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("roll", &[self], &[shift.into(), axis.into()]) {
            return symbol;
        }
        let axis = super::fits(self.shape().axis(axis), "roll");
        let size = self.shape()[axis];
        let shift = if size == 0 { 0 } else { shift.rem_euclid(size as isize) as usize };
        if shift == 0 {
            return self.clone();
        }
        Tensor::concat(&[&self.section(axis, size - shift, shift), &self.section(axis, 0, size - shift)], axis as isize)
    }

    /// `(before, after)` elements around each axis, mirrored at the border element, which is not repeated: `2 1 | 0 1 2`.
    ///
    /// # Panics
    /// When there is not one pair for each axis, or a border is as wide as its axis or wider.
    #[doc(alias = "keras.ops.pad")]
    #[track_caller]
    pub fn pad_reflect(&self, width: &[(usize, usize)]) -> Tensor {
        self.mirror(width, "reflect", 1)
    }

    /// `(before, after)` elements around each axis, mirrored at the border: `1 0 | 0 1 2`.
    ///
    /// # Panics
    /// When there is not one pair for each axis, or a border is wider than its axis.
    #[doc(alias = "keras.ops.pad")]
    #[track_caller]
    pub fn pad_symmetric(&self, width: &[(usize, usize)]) -> Tensor {
        self.mirror(width, "symmetric", 0)
    }

    #[track_caller]
    fn mirror(&self, width: &[(usize, usize)], mode: &str, skip: usize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("pad", &[self], &[super::pairs_json(width), mode.into()]) {
            return symbol;
        }
        super::require(
            width.len() == self.rank(),
            format_args!("pad: {} pairs of widths for shape {}: one for each axis", width.len(), self.shape()),
        );
        let mut out = self.clone();
        for (axis, &(before, after)) in width.iter().enumerate() {
            let size = self.shape()[axis];
            let least = before.max(after) + skip;
            super::require(
                before.max(after) == 0 || least <= size,
                format_args!(
                    "pad: {mode} borders ({before}, {after}) of axis {axis} need at least {least} elements, shape {} has {size}",
                    self.shape()
                ),
            );
            let border = |start: usize, count: usize| (count > 0).then(|| out.section(axis, start, count).flip(&[axis as isize]));
            let (low, high) = (border(skip, before), border(size.saturating_sub(after + skip), after));
            let parts: Vec<&Tensor> = low.iter().chain([&out]).chain(high.iter()).collect();
            out = Tensor::concat(&parts, axis as isize);
        }
        out
    }

    /// The elements of the last two axes on diagonal `offset` (0 the main one, above it positive), along a new last axis.
    #[doc(alias = "keras.ops.diagonal")]
    #[track_caller]
    pub fn diagonal(&self, offset: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("diagonal", &[self], &[offset.into(), (-2).into(), (-1).into()]) {
            return symbol;
        }
        super::require(self.rank() >= 2, format_args!("diagonal: shape {} has less than two axes", self.shape()));
        let (lead, matrix) = self.shape().split_at(self.rank() - 2);
        let (rows, columns) = (matrix[0], matrix[1]);
        let (row, column) = ((-offset).max(0) as usize, offset.max(0) as usize);
        let size = rows.saturating_sub(row).min(columns.saturating_sub(column));
        let flat = self.reshape(lead.iter().copied().chain([rows * columns]).collect::<Shape>());
        let along = Range { start: row * columns + column, size, step: columns as isize + 1 };
        flat.slice_ranges(lead.iter().map(|&size| Range { start: 0, size, step: 1 }).chain([along]).collect())
    }

    /// A square matrix with this vector on diagonal `offset` (0 the main one, above it positive), and zeros elsewhere.
    #[doc(alias = "keras.ops.diag")]
    #[track_caller]
    pub fn diag(&self, offset: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("diag", &[self], &[offset.into()]) {
            return symbol;
        }
        super::require(self.rank() == 1, format_args!("diag: shape {} is no vector; `diagonal` reads one from a matrix", self.shape()));
        let side = self.size() + offset.unsigned_abs();
        let start = (-offset).max(0) as usize * side + offset.max(0) as usize;
        let range = Range { start, size: self.size(), step: side as isize + 1 };
        self.scatter_slice(&[side * side].into(), &[range]).reshape([side, side])
    }

    /// The last two axes with zeros above diagonal `offset`.
    #[doc(alias = "keras.ops.tril")]
    #[track_caller]
    pub fn tril(&self, offset: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("tril", &[self], &[offset.into()]) {
            return symbol;
        }
        self.triangle(|row, column| (row + offset as i32).greater_equal(column), "tril")
    }

    /// The last two axes with zeros below diagonal `offset`.
    #[doc(alias = "keras.ops.triu")]
    #[track_caller]
    pub fn triu(&self, offset: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("triu", &[self], &[offset.into()]) {
            return symbol;
        }
        self.triangle(|row, column| (row + offset as i32).less_equal(column), "triu")
    }

    #[track_caller]
    fn triangle(&self, inside: impl Fn(&Tensor, &Tensor) -> Tensor, name: &str) -> Tensor {
        super::require(self.rank() >= 2, format_args!("{name}: shape {} has less than two axes", self.shape()));
        let (rows, columns) = (self.shape()[self.rank() - 2], self.shape()[self.rank() - 1]);
        let places = |count| self.numbers_to(count);
        let mask = inside(&places(rows).expand_dims(-1), &places(columns));
        Tensor::where_(&mask, self, &self.zeros_like())
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    let mut add = |name: &str, shape: &[usize], call: fn(&Tensor) -> Tensor, reference: fn(&Reference) -> Reference| {
        let case =
            Case::new(format!("{name} {shape:?}"), &[shape], move |x| call(&x[0]).square(), move |x| reference(&x[0]).mapv(|y| y * y));
        out.push(case.smooth(Smooth::Twice));
        let case = Case::new(
            format!("{name} {shape:?} int32 of a transpose"),
            &[&shape.iter().rev().copied().collect::<Vec<_>>()],
            move |x| call(&x[0].transpose()),
            move |x| reference(&x[0].t().as_standard_layout().into_owned()),
        );
        out.push(case.input(0, DType::I32, -9.0, 9.0).smooth(Smooth::No));
    };
    fn at(x: &Reference, shape: &[usize], from: impl Fn(&[usize]) -> Option<Vec<usize>>) -> Reference {
        Reference::from_shape_fn(shape.to_vec(), |at| from(at.as_array_view().as_slice().expect("in order")).map_or(0.0, |at| x[&at[..]]))
    }
    add("tile", &[2, 3], |x| x.tile(&[3, 2]), |x| at(x, &[6, 6], |i| Some(vec![i[0] % 2, i[1] % 3])));
    add("tile vector", &[3], |x| x.tile(&[2, 2]), |x| at(x, &[2, 6], |i| Some(vec![i[1] % 3])));
    add("tile zero times", &[2, 3], |x| x.tile(&[0]), |x| at(x, &[2, 0], |_| None));
    add("tile last", &[2, 3], |x| x.tile(&[2]), |x| at(x, &[2, 6], |i| Some(vec![i[0], i[1] % 3])));
    add("repeat", &[2, 3], |x| x.repeat(3, 1), |x| at(x, &[2, 9], |i| Some(vec![i[0], i[1] / 3])));
    add("repeat rows", &[2, 3], |x| x.repeat(2, 0), |x| at(x, &[4, 3], |i| Some(vec![i[0] / 2, i[1]])));
    add("roll", &[4, 5], |x| x.roll(2, 1), |x| at(x, &[4, 5], |i| Some(vec![i[0], (i[1] + 3) % 5])));
    add("roll back", &[4, 5], |x| x.roll(-5, 0), |x| at(x, &[4, 5], |i| Some(vec![(i[0] + 5) % 4, i[1]])));
    add("roll empty", &[0], |x| x.roll(3, 0), |x| x.clone());
    fn mirrored(x: &Reference, width: &[(usize, usize)], skip: usize) -> Reference {
        let mut out = x.clone();
        for (axis, &(before, after)) in width.iter().enumerate() {
            let size = x.shape()[axis];
            let part = |from: usize, to: usize, step: isize| {
                out.slice_axis(Axis(axis), Slice::new(from as isize, Some(to as isize), step)).as_standard_layout().into_owned()
            };
            let (low, high) = (part(skip, skip + before, -1), part(size - skip - after, size - skip, -1));
            out = joined(&[&low, &out, &high], axis);
        }
        out
    }
    add("pad_reflect", &[4, 5], |x| x.pad_reflect(&[(2, 1), (0, 4)]), |x| mirrored(x, &[(2, 1), (0, 4)], 1));
    add("pad_symmetric", &[4, 5], |x| x.pad_symmetric(&[(4, 0), (2, 3)]), |x| mirrored(x, &[(4, 0), (2, 3)], 0));
    add("diagonal", &[3, 4], |x| x.diagonal(0), |x| at(x, &[3], |i| Some(vec![i[0], i[0]])));
    add("diagonal above", &[4, 3], |x| x.diagonal(1), |x| at(x, &[2], |i| Some(vec![i[0], i[0] + 1])));
    add("diagonal below", &[4, 3], |x| x.diagonal(-2), |x| at(x, &[2], |i| Some(vec![i[0] + 2, i[0]])));
    add("diag", &[3], |x| x.diag(0), |x| at(x, &[3, 3], |i| (i[0] == i[1]).then(|| vec![i[0]])));
    add("diag below", &[3], |x| x.diag(-1), |x| at(x, &[4, 4], |i| (i[0] == i[1] + 1).then(|| vec![i[1]])));
    add("tril", &[2, 3, 4], |x| x.tril(0), |x| at(x, &[2, 3, 4], |i| (i[1] >= i[2]).then(|| i.to_vec())));
    add("tril empty", &[3, 0], |x| x.tril(0), |x| x.clone());
    add("triu", &[3, 4], |x| x.triu(-1), |x| at(x, &[3, 4], |i| (i[1] + 1 >= i[0]).then(|| i.to_vec())));
    out
}
