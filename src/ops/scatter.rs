//! Adding updates up at indices, the mirror of taking, and their products and extrema: without float atomics, in a fixed order.

use super::{
    Case,
    case::Smooth,
    fits,
    gather::{CHUNK, Extents, Gather, Places, SHAPES, flat, walk, wrap},
    record,
    reduce::Kind,
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{
        cpu::{
            pool::{self, SharedMut},
            rows::larger,
            simd::update2,
        },
        gpu::{Kernel, compose},
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, Word},
    shape::Spec,
};
use smallvec::SmallVec;

/// A tensor with `length` elements along the axis: the sums, or another fold, of those of input 1 that the indices of input 0 send there.
#[derive(Debug)]
pub(super) struct Scatter {
    pub places: Places,
    pub length: usize,
    pub kind: Kind,
}

/// Up to so many updates each element of a GPU's result looks at all of them; beyond, updates of one target are chained first.
const WALK: usize = 32;

impl Op for Scatter {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Sum => "scatter_add",
            Kind::Prod => "scatter_prod",
            Kind::Max => "scatter_max",
            Kind::Min => "scatter_min",
        }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (indices, updates) = (inputs[0], inputs[1]);
        if !matches!(updates.dtype, DType::F32 | DType::I32 | DType::U32) {
            return Err(Error::dtype(format!("adds float32, int32 or uint32, not {updates}; use `cast`")));
        }
        let axes = if self.places.along { 1 } else { indices.shape.rank() };
        let Some(rest) = updates.shape.get(self.places.axis + axes..) else {
            return Err(Error::shape(format!(
                "updates of shape {} have too few axes for indices of shape {}",
                updates.shape, indices.shape
            )));
        };
        let shape: Shape = updates.shape[..self.places.axis].iter().chain([&self.length]).chain(rest).copied().collect();
        let wanted = self.places.taken(&shape, indices)?;
        if wanted != updates.shape {
            return Err(Error::shape(format!("updates have shape {}, indices of shape {} ask for {wanted}", updates.shape, indices.shape)));
        }
        if self.length == 0 && updates.size() > 0 {
            return Err(Error::shape(format!("updates of shape {} have no place in an axis of size 0", updates.shape)));
        }
        Ok(SmallVec::from_iter([Spec { dtype: updates.dtype, shape }]))
    }

    fn key(&self, key: &mut Key) {
        self.places.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0) else { return Ok(vec![None, None]) };
        let (indices, updates, out) = (cx.input(0), cx.input(1), cx.output(0));
        let taken = |x: &Tensor| record(Gather(self.places), &[x, indices]);
        Ok(vec![
            None,
            Some(match self.kind {
                Kind::Sum => taken(dy),
                Kind::Prod => taken(&(dy * &out)).divide_no_nan(updates),
                // Ties share the gradient, as in TensorFlow.
                Kind::Max | Kind::Min => {
                    let hit = updates.equal(taken(&out)).cast(DType::F32);
                    let count = record(Scatter { kind: Kind::Sum, ..*self }, &[indices, &hit]);
                    taken(dy) * &hit / taken(&count).maximum(1.0)
                }
            }),
        ])
    }

    fn cpu(&self, call: CpuCall) {
        let (indices, updates, out) = (call.inputs[0].i32(), call.inputs[1].words(), &mut call.outputs[0]);
        let extents = self.places.extents(&out.shape().clone(), call.inputs[0].shape());
        let (f, i) = (bytemuck::cast_slice(updates), bytemuck::cast_slice(updates));
        match (out.spec.dtype, self.kind) {
            (DType::F32, Kind::Sum) => extents.fold(indices, f, out.f32(), 0.0, |a: f32, b: f32| a + b),
            (DType::F32, Kind::Prod) => extents.fold(indices, f, out.f32(), 1.0, |a: f32, b: f32| a * b),
            (DType::F32, Kind::Max) => extents.fold(indices, f, out.f32(), f32::NEG_INFINITY, larger),
            (DType::F32, Kind::Min) => {
                extents.fold(indices, f, out.f32(), f32::INFINITY, |a: f32, b: f32| if a < b || a.is_nan() { a } else { b })
            }
            (DType::I32, Kind::Max) => extents.fold(indices, i, out.i32(), i32::MIN, i32::max),
            (DType::I32, Kind::Min) => extents.fold(indices, i, out.i32(), i32::MAX, i32::min),
            (_, Kind::Sum) => extents.fold(indices, updates, out.words(), 0, u32::wrapping_add),
            (_, Kind::Prod) => extents.fold(indices, updates, out.words(), 1, u32::wrapping_mul),
            (_, Kind::Max) => extents.fold(indices, updates, out.words(), 0, u32::max),
            (_, Kind::Min) => extents.fold(indices, updates, out.words(), u32::MAX, u32::min),
        }
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let extents = self.places.extents(call.outputs[0].shape(), call.inputs[0].shape());
        let dtype = call.outputs[0].spec.dtype;
        let (element, signed) = (dtype.wgsl_storage(), dtype == DType::I32);
        let (start, combine) = match (self.kind, dtype) {
            (Kind::Sum, _) => ("Element(0)", "a + b"),
            (Kind::Prod, _) => ("Element(1)", "a * b"),
            (Kind::Max, DType::F32) => ("-inf_like(f32(args.total))", "nan_max(a, b)"),
            (Kind::Min, DType::F32) => ("inf_like(f32(args.total))", "nan_min(a, b)"),
            (Kind::Max, _) => (if signed { "i32(-2147483647 - 1)" } else { "0u" }, "max(a, b)"),
            (Kind::Min, _) => (if signed { "2147483647i" } else { "4294967295u" }, "min(a, b)"),
        };
        let element = format!(
            "alias Element = {element};\nfn start() -> Element {{ return {start}; }}\nfn combine(a: Element, b: Element) -> Element {{ return {combine}; }}"
        );
        let element = [("element", &element[..])];
        if self.places.along || extents.count <= WALK {
            extents.dispatch(call, compose(self.name(), include_str!("../../shaders/scatter.wgsl"), &element)?);
        } else {
            extents.chain(call, compose(self.name(), include_str!("../../shaders/scatter_chain.wgsl"), &element)?)?;
        }
        Ok(())
    }
}

impl Extents {
    /// Each task owns some rows, or a part of one row's places, and walks the updates in order.
    fn fold<T>(&self, indices: &[i32], updates: &[T], out: &mut [T], start: T, add: impl Fn(T, T) -> T + Copy + Sync)
    where
        T: bytemuck::Pod + Send + Sync,
    {
        let &Extents { outer, length, count, inner, index_strides: [_, _, per_column] } = self;
        let row_size = length * inner;
        let rows = (CHUNK / row_size.max(1)).max(1);
        // Every part walks all indices, so there are few.
        let parts = if rows == 1 && count * inner > CHUNK { 8.min(length) } else { 1 };
        let part = length.div_ceil(parts).max(1);
        let shared = SharedMut::new(out);
        pool::run(outer.div_ceil(rows) * parts, &|task| {
            let (group, first) = (task / parts, (task % parts * part).min(length));
            let last = (first + part).min(length);
            for row in group * rows..((group + 1) * rows).min(outer) {
                // SAFETY: tasks own disjoint rows, or disjoint places of one.
                let out = unsafe { shared.slice((row * length + first) * inner..(row * length + last) * inner) };
                out.fill(start);
                for place in 0..count {
                    let line = &updates[(row * count + place) * inner..][..inner];
                    if per_column == 0 {
                        let at = self.at(indices, row, place, 0);
                        if (first..last).contains(&at) {
                            update2(&mut out[(at - first) * inner..][..inner], line, add);
                        }
                        continue;
                    }
                    for (column, &update) in line.iter().enumerate() {
                        let at = self.at(indices, row, place, column);
                        if (first..last).contains(&at) {
                            let out = &mut out[(at - first) * inner + column];
                            *out = add(*out, update);
                        }
                    }
                }
            }
        });
    }
}

impl Extents {
    /// Chains the updates of each target in order, then lets `kernel` follow the chains.
    fn chain(&self, call: &mut GpuCall, kernel: Kernel) -> Result<()> {
        let (indices, updates, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
        let (ends, next) = (call.scratch(DType::U32, [self.length, 2]), call.scratch(DType::U32, [self.count]));
        let clear = compose("scatter_clear", include_str!("../../shaders/clear.wgsl"), &[])?;
        call.dispatch(clear, &[ends.size().into()], &[], &[&ends], call.linear(ends.size(), 64));
        let args = [self.count.into(), self.length.into()];
        let mark = compose("scatter_mark", include_str!("../../shaders/scatter_mark.wgsl"), &[])?;
        call.dispatch(mark, &args, &[indices], &[&ends], call.linear(self.count, 64));
        let link = compose("scatter_link", include_str!("../../shaders/scatter_link.wgsl"), &[])?;
        call.dispatch(link, &args, &[indices, &ends], &[&next], call.linear(self.count, 64));
        let args = [output.size(), self.length, self.count, self.inner].map(Word::from);
        call.dispatch(kernel, &args, &[&ends, &next, updates], &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

impl Tensor {
    /// This tensor plus `updates` at `indices` along `axis`: the mirror of [`Tensor::take`], whose result has the shape of
    /// `updates`. Updates with equal indices add up, always in the same order.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let sums = Tensor::zeros([3]).scatter_add(&Tensor::from([0, 2, 0]), &Tensor::from([1.0, 2.0, 3.0]), 0);
    /// assert_eq!(sums.to_vec::<f32>()?, [4.0, 0.0, 2.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.scatter")]
    #[doc(alias = "keras.ops.scatter_update")]
    #[track_caller]
    pub fn scatter_add(&self, indices: &Tensor, updates: &Tensor, axis: isize) -> Tensor {
        let axis = fits(self.shape().axis(axis), "scatter_add");
        let places = Places { axis, along: false };
        self + record(Scatter { places, length: self.shape()[axis], kind: Kind::Sum }, &[indices, updates])
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    for (shape, indices, axis) in SHAPES {
        let (length, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        let updates = [&shape[..axis], indices, &shape[axis + 1..]].concat();
        let (low, high) = (-(length as f64) - 2.0, length as f64 + 1.0);
        let target = shape.to_vec();
        let count: usize = indices.iter().product();
        let case = Case::new(
            format!("scatter_add {indices:?} to axis {axis} of {shape:?}"),
            &[shape, indices, &updates],
            move |x| x[0].scatter_add(&x[1], &x[2], axis as isize).square(),
            move |x| {
                let (base, at, updates) = (flat(&x[0]), flat(&x[1]), flat(&x[2]));
                walk(&target, axis, 1, |row, own, column| {
                    let sent = (0..count).filter(|&place| wrap(at[place], length) == own);
                    let sum: f64 = sent.map(|place| updates[(row * count + place) * inner + column]).sum();
                    (base[(row * length + own) * inner + column] + sum).powi(2)
                })
            },
        );
        out.push(case.input(1, DType::I32, low, high).smooth(Smooth::Twice));
    }
    out.push(
        Case::new(
            "scatter_add int32",
            &[&[4, 3], &[5], &[4, 5]],
            |x| x[0].scatter_add(&x[1], &x[2], 1),
            |x| {
                let mut sum = x[0].clone();
                for (place, at) in x[1].iter().enumerate() {
                    (0..4).for_each(|row| sum[[row, wrap(*at, 3)]] += x[2][[row, place]]);
                }
                sum
            },
        )
        .input(0, DType::I32, -9.0, 9.0)
        .input(1, DType::I32, 0.0, 2.0)
        .input(2, DType::I32, -9.0, 9.0)
        .smooth(Smooth::No),
    );
    out
}
