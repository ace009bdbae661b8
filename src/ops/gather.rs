//! Taking elements by index tensors.

use super::{
    Case,
    case::{Reference, Smooth},
    fits, record,
    reduce::Kind,
    scatter::Scatter,
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{
        cpu::pool::{self, SharedMut},
        gpu::{Kernel, compose},
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, Word},
    shape::Spec,
};
use smallvec::SmallVec;

/// How an index tensor names places along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub axis: usize,
    /// An index for each element, its shape that of the data but for `axis`; else one list of indices serves all rows and columns.
    pub along: bool,
}

/// The elements of input 0 at the indices of input 1.
#[derive(Debug)]
pub(super) struct Gather(pub Places);

/// The three axes that the kernels see, and how they walk through the indices.
#[derive(Clone, Copy)]
pub(super) struct Extents {
    pub outer: usize,
    pub length: usize,
    pub count: usize,
    pub inner: usize,
    pub index_strides: [usize; 3],
}

/// Words that one task of a CPU kernel writes.
pub(super) const CHUNK: usize = 16 * 1024;

impl Places {
    /// For data of `shape`, which is taken from or added to.
    pub fn extents(self, shape: &[usize], indices: &Shape) -> Extents {
        let (outer, inner): (usize, usize) = (shape[..self.axis].iter().product(), shape[self.axis + 1..].iter().product());
        let count = if self.along { indices[self.axis] } else { indices.size() };
        let index_strides = if self.along { [count * inner, inner, 1] } else { [0, 1, 0] };
        Extents { outer, length: shape[self.axis], count, inner, index_strides }
    }

    /// The shape of what is taken from data of `shape`.
    pub fn taken(self, shape: &Shape, indices: &Spec) -> Result<Shape> {
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

    pub fn key(self, key: &mut Key) {
        key.word(self.axis);
        key.word(u8::from(self.along));
    }
}

impl Extents {
    /// The place that an index names: from the end where negative, clamped to the axis.
    pub fn at(&self, indices: &[i32], row: usize, place: usize, column: usize) -> usize {
        let [a, b, c] = self.index_strides;
        let (index, length) = (i64::from(indices[row * a + place * b + column * c]), self.length as i64);
        (if index < 0 { index + length } else { index }).clamp(0, length - 1) as usize
    }

    pub fn dispatch(&self, call: &mut GpuCall, kernel: Kernel) {
        let output = &call.outputs[0];
        let mut args: Vec<Word> = [output.size(), self.length, self.count, self.inner].map(Word::from).to_vec();
        args.extend(self.index_strides.map(Word::from));
        let (first, second) = (&call.inputs[0], &call.inputs[1]);
        call.dispatch(kernel, &args, &[first, second], &[output], call.linear(output.size(), 64));
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
        Ok(vec![Some(record(Scatter { places: self.0, length, kind: Kind::Sum }, &[cx.input(1), dy])), None])
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
        if let Some(symbol) = crate::graph::symbolic("take", &[self, indices], &[axis.into()]) {
            return symbol;
        }
        let axis = fits(self.shape().axis(axis), "take");
        record(Gather(Places { axis, along: false }), &[self, indices])
    }

    /// For each element of `indices` (int32, of this rank) the element at that place along `axis`, everything else being equal;
    /// other axes broadcast. Indices count and are clamped as in [`Tensor::take`].
    #[doc(alias = "keras.ops.take_along_axis")]
    #[track_caller]
    pub fn take_along_axis(&self, indices: &Tensor, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("take_along_axis", &[self, indices], &[axis.into()]) {
            return symbol;
        }
        let axis = fits(self.shape().axis(axis), "take_along_axis");
        let places = Places { axis, along: true };
        if self.rank() != indices.rank() {
            return record(Gather(places), &[self, indices]); // which says what is wrong
        }
        let others = fits(self.shape().with(axis, 1).broadcast(&indices.shape().with(axis, 1)), "take_along_axis");
        let data = self.broadcast_to(others.with(axis, self.shape()[axis]));
        record(Gather(places), &[&data, &indices.broadcast_to(others.with(axis, indices.shape()[axis]))])
    }
}

/// The reference: `element(row, place, column)` of a result of `shape`, whose axis `axis` stands for `axes` axes.
pub(super) fn walk(shape: &[usize], axis: usize, axes: usize, element: impl Fn(usize, usize, usize) -> f64) -> Reference {
    let (count, inner): (usize, usize) = (shape[axis..axis + axes].iter().product(), shape[axis + axes..].iter().product());
    let size = shape.iter().product::<usize>();
    let elements = (0..size).map(|i| element(i / (inner * count), i / inner % count, i % inner)).collect();
    Reference::from_shape_vec(shape.to_vec(), elements).expect("as many elements")
}

pub(super) fn wrap(index: f64, length: usize) -> usize {
    (if index < 0.0 { index + length as f64 } else { index }).clamp(0.0, length as f64 - 1.0) as usize
}

pub(super) fn flat(x: &Reference) -> Vec<f64> {
    x.iter().copied().collect()
}

/// Data, indices and axis of the cases of taking and adding.
pub(super) const SHAPES: [(&[usize], &[usize], usize); 8] = [
    (&[5, 3], &[4], 0),
    (&[2, 6, 3], &[3, 2], 1),
    (&[3, 7], &[], 1),
    (&[70, 33], &[90], 0),
    (&[2, 9, 3], &[7, 20], 1),
    (&[400, 2], &[50], 0),
    (&[4, 0], &[3], 0),
    (&[4, 3], &[0], 0),
];

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    for (shape, indices, axis) in SHAPES {
        let length = shape[axis];
        let shape_of = |indices: &[usize]| [&shape[..axis], indices, &shape[axis + 1..]].concat();
        let (taken, axes, inner) = (shape_of(indices), indices.len(), shape[axis + 1..].iter().product::<usize>());
        let (low, high) = (-(length as f64) - 2.0, length as f64 + 1.0);
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
    out
}
