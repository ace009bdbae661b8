//! Views: other looks at the same elements. No copy is made where the consumer takes strides.

use super::{Case, case::Reference, case::Smooth, fits, record};
use crate::{
    Error, Result, Shape, Tensor,
    graph::{Access, CpuCall, GpuCall, GradCx, Key, Op, Specs},
    shape::{Layout, Spec},
};
use smallvec::SmallVec;

/// How a view looks at its input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum View {
    /// The same elements in row-major order under another shape.
    Reshape(Shape),
    /// Axis `i` of the result is axis `axes[i]` of the input.
    Permute(SmallVec<[usize; 4]>),
    /// Missing leading axes and axes of size one repeat.
    Broadcast(Shape),
    /// Along each axis `size` elements from `start` on, `step` apart; steps may be negative.
    Slice(SmallVec<[Range; 4]>),
}

/// One axis of a slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub start: usize,
    pub size: usize,
    pub step: isize,
}

/// The layout of a slice of `input`.
pub(super) fn slice_layout(input: &Layout, ranges: &[Range]) -> Layout {
    let mut out = input.clone();
    let mut offset = input.offset as isize;
    for (axis, range) in ranges.iter().enumerate() {
        if range.size > 0 {
            offset += range.start as isize * input.strides[axis];
        }
        out.strides[axis] = input.strides[axis] * range.step;
        out.shape = out.shape.with(axis, range.size);
    }
    out.offset = offset as usize;
    out
}

impl Op for View {
    fn name(&self) -> &'static str {
        match self {
            View::Reshape(_) => "reshape",
            View::Permute(_) => "transpose",
            View::Broadcast(_) => "broadcast_to",
            View::Slice(_) => "slice",
        }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let input = inputs[0];
        let shape: Shape = match self {
            View::Reshape(shape) if shape.size() == input.size() => shape.clone(),
            View::Reshape(shape) => {
                return Err(Error::shape(format!(
                    "{} elements of shape {} do not fit shape {shape} of {}",
                    input.size(),
                    input.shape,
                    shape.size()
                )));
            }
            View::Permute(axes) => {
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                if !sorted.iter().copied().eq(0..input.shape.rank()) {
                    return Err(Error::shape(format!("axes {axes:?} are no order of the axes of shape {}", input.shape)));
                }
                axes.iter().map(|&axis| input.shape[axis]).collect()
            }
            View::Broadcast(shape) if input.shape.broadcast(shape).as_ref() == Ok(shape) => shape.clone(),
            View::Broadcast(shape) => return Err(Error::shape(format!("shape {} does not broadcast to {shape}", input.shape))),
            View::Slice(ranges) => ranges.iter().map(|range| range.size).collect(),
        };
        Ok(SmallVec::from_iter([Spec { dtype: input.dtype, shape }]))
    }

    fn key(&self, key: &mut Key) {
        match self {
            View::Reshape(_) | View::Broadcast(_) => {} // the output's spec says it
            View::Permute(axes) => key.words(axes),
            View::Slice(ranges) => {
                for range in ranges {
                    key.words(&[range.start as isize, range.step]);
                }
            }
        }
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0) else { return Ok(vec![None]) };
        let input = cx.input(0);
        Ok(vec![Some(match self {
            View::Reshape(_) => dy.reshape(input.shape()),
            View::Permute(axes) => {
                let mut inverse: SmallVec<[isize; 4]> = SmallVec::from_elem(0, axes.len());
                axes.iter().enumerate().for_each(|(to, &from)| inverse[from] = to as isize);
                dy.permute(&inverse)
            }
            View::Broadcast(_) => dy.sum_to(input.shape()),
            View::Slice(ranges) => dy.scatter_slice(input.shape(), ranges),
        })])
    }

    fn access(&self, _index: usize, _layout: &Layout) -> Access {
        Access::Strided
    }

    fn view(&self, input: &Layout) -> Option<Option<Layout>> {
        Some(match self {
            View::Reshape(shape) => input.reshape(shape),
            View::Permute(axes) => Some(Layout {
                shape: axes.iter().map(|&axis| input.shape[axis]).collect(),
                strides: axes.iter().map(|&axis| input.strides[axis]).collect(),
                offset: input.offset,
            }),
            View::Broadcast(shape) => {
                let missing = shape.rank() - input.shape.rank();
                let strides = (0..shape.rank()).map(|axis| {
                    if axis < missing || (input.shape[axis - missing] == 1 && shape[axis] != 1) { 0 } else { input.strides[axis - missing] }
                });
                Some(Layout { shape: shape.clone(), strides: strides.collect(), offset: input.offset })
            }
            View::Slice(ranges) => Some(slice_layout(input, ranges)),
        })
    }

    fn cpu(&self, _call: CpuCall) {
        unreachable!("views are not run")
    }

    fn gpu(&self, _call: &mut GpuCall) -> Result<()> {
        unreachable!("views are not run")
    }
}

impl Tensor {
    /// The same elements in row-major order under another shape of the same size.
    #[doc(alias = "keras.ops.reshape")]
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        if let Some(symbol) = self.symbolic() {
            return symbol.apply("reshape", &[self], &[symbol.sizes(&shape)]).swap_remove(0);
        }
        if shape == *self.shape() { self.clone() } else { record(View::Reshape(shape), &[self]) }
    }

    /// Axis `i` of the result is axis `axes[i]` of this one; negative axes count from the end.
    #[doc(alias = "keras.ops.transpose")]
    #[track_caller]
    pub fn permute(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("transpose", &[self], &[axes.to_vec().into()]) {
            return symbol;
        }
        let axes = axes.iter().map(|&axis| fits(self.shape().axis(axis), "transpose")).collect();
        record(View::Permute(axes), &[self])
    }

    /// All axes in reverse order.
    #[doc(alias = "keras.ops.transpose")]
    #[track_caller]
    pub fn transpose(&self) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("transpose", &[self], &[]) {
            return symbol;
        }
        record(View::Permute((0..self.rank()).rev().collect()), &[self])
    }

    /// Exchanges two axes.
    #[doc(alias = "keras.ops.swapaxes")]
    #[track_caller]
    pub fn swap_axes(&self, one: isize, other: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("swap_axes", &[self], &[one.into(), other.into()]) {
            return symbol;
        }
        let mut axes: SmallVec<[usize; 4]> = (0..self.rank()).collect();
        axes.swap(fits(self.shape().axis(one), "swap_axes"), fits(self.shape().axis(other), "swap_axes"));
        record(View::Permute(axes), &[self])
    }

    /// Repeats axes of size one, and missing leading ones, up to `shape`.
    #[doc(alias = "keras.ops.broadcast_to")]
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        if let Some(symbol) = self.symbolic() {
            return symbol.apply("broadcast_to", &[self], &[symbol.sizes(&shape)]).swap_remove(0);
        }
        if shape == *self.shape() { self.clone() } else { record(View::Broadcast(shape), &[self]) }
    }

    /// Adds an axis of size one at `axis` of the result.
    #[doc(alias = "keras.ops.expand_dims")]
    #[track_caller]
    pub fn expand_dims(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("expand_dims", &[self], &[axis.into()]) {
            return symbol;
        }
        let mut shape = self.shape().clone();
        shape.push(1);
        let axis = fits(shape.axis(axis), "expand_dims");
        shape.remove(shape.rank() - 1);
        shape.insert(axis, 1);
        self.reshape(shape)
    }

    /// Removes the axes of size one among `axes`; all such axes where none are given.
    #[doc(alias = "keras.ops.squeeze")]
    #[track_caller]
    pub fn squeeze(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("squeeze", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        let named = if axes.is_empty() { None } else { Some(fits(self.shape().axes(axes), "squeeze")) };
        if let Some(axis) = named.iter().flatten().find(|axis| self.shape()[**axis] != 1) {
            super::require(false, format_args!("squeeze: axis {axis} of shape {} is not of size one", self.shape()));
        }
        let gone = |axis: usize| named.as_ref().map_or(self.shape()[axis] == 1, |axes| axes.contains(&axis));
        self.reshape((0..self.rank()).filter(|&axis| !gone(axis)).map(|axis| self.shape()[axis]).collect::<Shape>())
    }

    /// Reverses the order along `axes`; along all where none are given.
    #[doc(alias = "keras.ops.flip")]
    #[track_caller]
    pub fn flip(&self, axes: &[isize]) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("flip", &[self], &[super::axes_json(axes)]) {
            return symbol;
        }
        let axes = fits(self.shape().axes(axes), "flip");
        let range = |axis: usize| {
            let size = self.shape()[axis];
            if axes.contains(&axis) { Range { start: size.saturating_sub(1), size, step: -1 } } else { Range { start: 0, size, step: 1 } }
        };
        record(View::Slice((0..self.rank()).map(range).collect()), &[self])
    }

    #[track_caller]
    pub(crate) fn slice_ranges(&self, ranges: SmallVec<[Range; 4]>) -> Tensor {
        if let Some(symbol) = self.symbolic() {
            let spans = ranges.iter().map(|range| (range.start, range.size, range.step));
            return symbol.apply("at", &[self], &[symbol.key(self, &spans.collect::<Vec<_>>())]).swap_remove(0);
        }
        record(View::Slice(ranges), &[self])
    }

    /// Sums over the axes that broadcasting repeats, back to `shape`.
    pub(crate) fn sum_to(&self, shape: &Shape) -> Tensor {
        let missing = self.rank() - shape.rank();
        let axes: Vec<isize> = (0..self.rank())
            .filter(|&axis| axis < missing || (shape[axis - missing] == 1 && self.shape()[axis] != 1))
            .map(|axis| axis as isize)
            .collect();
        if axes.is_empty() { self.reshape(shape) } else { self.sum(&axes).reshape(shape) }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let double = |x: Tensor| &x * &x;
    let square = |x: Reference| &x * &x;
    let owned = |x: ndarray::ArrayViewD<f64>| x.as_standard_layout().into_owned();
    vec![
        Case::new(
            "reshape",
            &[&[3, 4]],
            move |x| double(x[0].reshape([2, 6])),
            move |x| square(x[0].clone().into_shape_with_order(vec![2, 6]).expect("fits")),
        )
        .smooth(Smooth::Twice),
        Case::new(
            "transpose",
            &[&[2, 3, 4]],
            move |x| double(x[0].permute(&[2, 0, 1])),
            move |x| square(owned(x[0].view().permuted_axes(vec![2, 0, 1]))),
        ),
        Case::new("transpose read", &[&[2, 3, 4]], |x| x[0].transpose(), move |x| owned(x[0].t())),
        Case::new(
            "transpose then reshape",
            &[&[3, 4]],
            |x| x[0].transpose().reshape([6, 2]),
            move |x| owned(x[0].t()).into_shape_with_order(vec![6, 2]).expect("fits"),
        ),
        Case::new(
            "broadcast_to",
            &[&[3, 1]],
            move |x| double(x[0].broadcast_to([2, 3, 4])),
            move |x| square(owned(x[0].broadcast(vec![2, 3, 4]).expect("fits"))),
        ),
        Case::new(
            "flip",
            &[&[3, 4]],
            |x| x[0].flip(&[-1]),
            move |x| {
                let mut view = x[0].view();
                view.invert_axis(ndarray::Axis(1));
                owned(view)
            },
        ),
        Case::new(
            "expand_dims squeeze",
            &[&[3, 4]],
            |x| x[0].expand_dims(1).flip(&[0]).squeeze(&[]),
            move |x| {
                let mut view = x[0].view();
                view.invert_axis(ndarray::Axis(0));
                owned(view)
            },
        ),
    ]
}
