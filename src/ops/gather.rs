//! Taking elements by index tensors, and its mirror: adding updates up at indices, without atomics and in a fixed order.

use super::{
    Case,
    case::{Reference, Smooth},
    fits,
    full::generate,
    record,
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{
        cpu::{
            pool::{self, SharedMut},
            simd::update2,
        },
        gpu::{Kernel, compose},
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Params, Specs, Word},
    plan::{Lanes, Pointwise},
    shape::Spec,
};
use smallvec::SmallVec;

/// How an index tensor names places along an axis.
#[derive(Clone, Copy, Debug)]
struct Places {
    axis: usize,
    /// An index for each element, its shape that of the data but for `axis`; else one list of indices serves all rows and columns.
    along: bool,
}

/// The elements of input 0 at the indices of input 1.
#[derive(Debug)]
struct Gather(Places);

/// A tensor with `length` elements along the axis: the sums of those of input 1 that the indices of input 0 send there.
#[derive(Debug)]
struct Scatter {
    places: Places,
    length: usize,
}

/// The three axes that the kernels see, and how they walk through the indices.
#[derive(Clone, Copy)]
struct Extents {
    outer: usize,
    length: usize,
    count: usize,
    inner: usize,
    index_strides: [usize; 3],
}

/// Up to so many updates each element of a GPU's result looks at all of them; beyond, updates of one target are chained first.
const WALK: usize = 32;
/// Words that one task of a CPU kernel writes.
const CHUNK: usize = 16 * 1024;

impl Places {
    /// For data of `shape`, which is taken from or added to.
    fn extents(self, shape: &[usize], indices: &Shape) -> Extents {
        let (outer, inner): (usize, usize) = (shape[..self.axis].iter().product(), shape[self.axis + 1..].iter().product());
        let count = if self.along { indices[self.axis] } else { indices.size() };
        let index_strides = if self.along { [count * inner, inner, 1] } else { [0, 1, 0] };
        Extents { outer, length: shape[self.axis], count, inner, index_strides }
    }

    /// The shape of what is taken from data of `shape`.
    fn taken(self, shape: &Shape, indices: &Spec) -> Result<Shape> {
        if indices.dtype != DType::I32 {
            return Err(Error::dtype(format!("indices are int32, not {indices}; use `cast`")));
        }
        if self.along {
            let others = |shape: &Shape| shape.with(self.axis, 0);
            if indices.shape.rank() != shape.rank() || others(&indices.shape) != others(shape) {
                return Err(Error::shape(format!(
                    "indices of shape {} differ from shape {shape} beside axis {}",
                    indices.shape, self.axis
                )));
            }
            return Ok(indices.shape.clone());
        }
        Ok(shape[..self.axis].iter().chain(indices.shape.iter()).chain(&shape[self.axis + 1..]).copied().collect())
    }

    fn key(self, key: &mut Key) {
        key.word(self.axis);
        key.word(u8::from(self.along));
    }
}

impl Extents {
    /// The place that an index names: from the end where negative, clamped to the axis.
    fn at(&self, indices: &[i32], row: usize, place: usize, column: usize) -> usize {
        let [a, b, c] = self.index_strides;
        let (index, length) = (i64::from(indices[row * a + place * b + column * c]), self.length as i64);
        (if index < 0 { index + length } else { index }).clamp(0, length - 1) as usize
    }

    fn dispatch(&self, call: &mut GpuCall, kernel: Kernel) {
        let output = &call.outputs[0];
        let mut args: Vec<Word> = [output.size(), self.length, self.count, self.inner].map(Word::from).to_vec();
        args.extend(self.index_strides.map(Word::from));
        let (first, second) = (&call.inputs[0], &call.inputs[1]);
        call.dispatch(kernel, &args, &[first, second], &[output], call.linear(output.size(), 64));
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

impl Op for Gather {
    fn name(&self) -> &'static str {
        if self.0.along { "take_along_axis" } else { "take" }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (data, indices) = (inputs[0], inputs[1]);
        let shape = self.0.taken(&data.shape, indices)?;
        if data.shape[self.0.axis] == 0 && shape.size() > 0 {
            return Err(Error::shape(format!(
                "nothing can be taken from axis {} of shape {} with indices of shape {}",
                self.0.axis, data.shape, indices.shape
            )));
        }
        Ok(SmallVec::from_iter([Spec { dtype: data.dtype, shape }]))
    }

    fn key(&self, key: &mut Key) {
        self.0.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0).filter(|_| cx.needs(0)) else { return Ok(vec![None, None]) };
        let length = cx.input(0).shape()[self.0.axis];
        Ok(vec![Some(record(Scatter { places: self.0, length }, &[cx.input(1), dy])), None])
    }

    fn cpu(&self, call: CpuCall) {
        let (data, indices) = (call.inputs[0].words(), call.inputs[1].i32());
        let extents = self.0.extents(call.inputs[0].shape(), call.inputs[1].shape());
        let Extents { length, count, inner, .. } = extents;
        let out = SharedMut::new(call.outputs[0].words());
        pool::for_chunks(extents.outer * count, (CHUNK / inner.max(1)).max(1), &|lines| {
            for line in lines {
                let (row, place) = (line / count, line % count);
                // SAFETY: each line belongs to one task.
                let out = unsafe { out.slice(line * inner..(line + 1) * inner) };
                if self.0.along {
                    for (column, out) in out.iter_mut().enumerate() {
                        *out = data[(row * length + extents.at(indices, row, place, column)) * inner + column];
                    }
                } else if inner > 0 {
                    out.copy_from_slice(&data[(row * length + extents.at(indices, row, place, 0)) * inner..][..inner]);
                }
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let extents = self.0.extents(call.inputs[0].shape(), call.inputs[1].shape());
        extents.dispatch(call, compose(self.name(), include_str!("../../shaders/gather.wgsl"), &[])?);
        Ok(())
    }
}

impl Op for Scatter {
    fn name(&self) -> &'static str {
        "scatter_add"
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
        Ok(vec![None, cx.upstream(0).map(|dy| record(Gather(self.places), &[dy, cx.input(0)]))])
    }

    fn cpu(&self, call: CpuCall) {
        let (indices, updates, out) = (call.inputs[0].i32(), call.inputs[1].words(), &mut call.outputs[0]);
        let extents = self.places.extents(&out.shape().clone(), call.inputs[0].shape());
        match out.spec.dtype {
            DType::F32 => extents.add_up(indices, bytemuck::cast_slice(updates), out.f32(), |a: f32, b: f32| a + b),
            _ => extents.add_up(indices, updates, out.words(), u32::wrapping_add),
        }
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let extents = self.places.extents(call.outputs[0].shape(), call.inputs[0].shape());
        let element = format!("alias Element = {};", call.outputs[0].spec.dtype.wgsl_storage());
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
    fn add_up<T>(&self, indices: &[i32], updates: &[T], out: &mut [T], add: impl Fn(T, T) -> T + Copy + Sync)
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
                out.fill(T::zeroed());
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

/// The index of each element.
const IOTA: Pointwise = Pointwise {
    name: "iota",
    wgsl: "i32(i)",
    cpu: |l: Lanes| l.out.iter_mut().enumerate().for_each(|(at, out)| *out = (l.first + at) as u32),
};

impl Tensor {
    /// The elements along `axis` at `indices`, an int32 tensor of any shape, which takes the place of the axis.
    /// Negative indices count from the end. An index outside is clamped to the nearest place: where indices come from data,
    /// their range is checked on the host.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let rows = Tensor::from([[1, 2], [3, 4], [5, 6]]);
    /// assert_eq!(rows.take(&Tensor::from([2, 0, -2]), 0).to_vec::<i32>()?, [5, 6, 1, 2, 3, 4]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.take")]
    #[track_caller]
    pub fn take(&self, indices: &Tensor, axis: isize) -> Tensor {
        let axis = fits(self.shape().axis(axis), "take");
        record(Gather(Places { axis, along: false }), &[self, indices])
    }

    /// For each element of `indices` (int32, of this rank) the element at that place along `axis`, everything else being equal;
    /// other axes broadcast. Indices count and are clamped as in [`Tensor::take`].
    #[doc(alias = "keras.ops.take_along_axis")]
    #[track_caller]
    pub fn take_along_axis(&self, indices: &Tensor, axis: isize) -> Tensor {
        let axis = fits(self.shape().axis(axis), "take_along_axis");
        let places = Places { axis, along: true };
        if self.rank() != indices.rank() {
            return record(Gather(places), &[self, indices]); // which says what is wrong
        }
        let others = fits(self.shape().with(axis, 1).broadcast(&indices.shape().with(axis, 1)), "take_along_axis");
        let data = self.broadcast_to(others.with(axis, self.shape()[axis]));
        record(Gather(places), &[&data, &indices.broadcast_to(others.with(axis, indices.shape()[axis]))])
    }

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
        self + record(Scatter { places, length: self.shape()[axis] }, &[indices, updates])
    }

    /// A new last axis of size `classes` that is 1 where its place equals this int32 tensor, else 0; all zeros for values outside.
    #[doc(alias = "keras.ops.one_hot")]
    #[track_caller]
    pub fn one_hot(&self, classes: usize) -> Tensor {
        let places = generate(self.device(), IOTA, Spec::new(DType::I32, [classes]), Params::new());
        self.expand_dims(-1).equal(&places).cast(DType::F32)
    }
}

/// The reference: `element(row, place, column)` of a result of `shape`, whose axis `axis` stands for `axes` axes.
fn walk(shape: &[usize], axis: usize, axes: usize, element: impl Fn(usize, usize, usize) -> f64) -> Reference {
    let (count, inner): (usize, usize) = (shape[axis..axis + axes].iter().product(), shape[axis + axes..].iter().product());
    let size = shape.iter().product::<usize>();
    let elements = (0..size).map(|i| element(i / (inner * count), i / inner % count, i % inner)).collect();
    Reference::from_shape_vec(shape.to_vec(), elements).expect("as many elements")
}

fn wrap(index: f64, length: usize) -> usize {
    (if index < 0.0 { index + length as f64 } else { index }).clamp(0.0, length as f64 - 1.0) as usize
}

fn flat(x: &Reference) -> Vec<f64> {
    x.iter().copied().collect()
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    for (shape, indices, axis) in [
        (&[5, 3][..], &[4][..], 0),
        (&[2, 6, 3], &[3, 2], 1),
        (&[3, 7], &[], 1),
        (&[70, 33], &[90], 0),
        (&[2, 9, 3], &[7, 20], 1),
        (&[400, 2], &[50], 0),
        (&[4, 0], &[3], 0),
        (&[4, 3], &[0], 0),
    ] {
        let length = shape[axis];
        let shape_of = |indices: &[usize]| [&shape[..axis], indices, &shape[axis + 1..]].concat();
        let (taken, axes, inner) = (shape_of(indices), indices.len(), shape[axis + 1..].iter().product::<usize>());
        let (low, high) = (-(length as f64) - 2.0, length as f64 + 1.0);
        let (updates, target) = (taken.clone(), shape.to_vec());
        let case = Case::new(
            format!("take {indices:?} from axis {axis} of {shape:?}"),
            &[shape, indices],
            move |x| x[0].take(&x[1], axis as isize).square(),
            move |x| {
                let (data, at) = (flat(&x[0]), flat(&x[1]));
                walk(&taken, axis, axes, |row, place, column| data[(row * length + wrap(at[place], length)) * inner + column].powi(2))
            },
        );
        out.push(case.input(1, DType::I32, low, high).smooth(Smooth::Twice));
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
    let along = |shape: &'static [usize], count: usize, axis: usize| {
        let mut indices = shape.to_vec();
        indices[axis] = count;
        let (length, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        let taken = indices.clone();
        let case = Case::new(
            format!("take_along_axis {indices:?} from axis {axis} of {shape:?}"),
            &[shape, &indices],
            move |x| x[0].take_along_axis(&x[1], axis as isize).square(),
            move |x| {
                let (data, at) = (flat(&x[0]), flat(&x[1]));
                walk(&taken, axis, 1, |row, place, column| {
                    let index = at[(row * count + place) * inner + column];
                    data[(row * length + wrap(index, length)) * inner + column].powi(2)
                })
            },
        );
        case.input(1, DType::I32, -(length as f64), length as f64 - 1.0).smooth(Smooth::Twice)
    };
    out.extend([along(&[4, 5], 1, 1), along(&[4, 5, 3], 7, 1), along(&[6, 5], 2, 0), along(&[1], 4, 0)]);
    out.push(
        Case::new(
            "take of a transpose, int32",
            &[&[3, 4], &[2]],
            |x| x[0].transpose().take(&x[1], -1),
            |x| {
                let data = x[0].t().to_owned();
                Reference::from_shape_fn(vec![4, 2], |at| data[[at[0], wrap(x[1][at[1]], 3)]])
            },
        )
        .input(0, DType::I32, -9.0, 9.0)
        .input(1, DType::I32, 0.0, 2.0)
        .smooth(Smooth::No),
    );
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
    for shape in [&[5][..], &[2, 3], &[0]] {
        let reference = |x: &[Reference]| {
            let shape = [x[0].shape(), &[4]].concat();
            walk(&shape, x[0].ndim(), 1, |row, place, _| f64::from(flat(&x[0])[row] == place as f64))
        };
        out.push(
            Case::new(format!("one_hot {shape:?}"), &[shape], |x| x[0].one_hot(4), reference)
                .input(0, DType::I32, -1.0, 4.0)
                .smooth(Smooth::No),
        );
    }
    out
}
