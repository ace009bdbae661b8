//! Joining tensors along an axis, and taking them apart again.

use super::{
    Case,
    case::{Reference, Smooth},
    fits, record,
    view::Range,
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{
        cpu::pool::{self, SharedMut},
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, Word, symbolic, symbolic_all},
    shape::Spec,
};
use smallvec::SmallVec;

/// All inputs one after another along an axis.
#[derive(Debug)]
struct Concat {
    axis: usize,
}

/// Words that one task copies.
const CHUNK: usize = 64 * 1024;

impl Concat {
    /// Words of a row: the sizes from the axis on.
    fn row(&self, shape: &Shape) -> usize {
        shape[self.axis..].iter().product()
    }
}

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let first = inputs[0];
        for other in &inputs[1..] {
            if other.dtype != first.dtype {
                return Err(Error::dtype(format!("inputs are {first} and {other}; wgrad never casts silently, use `cast`")));
            }
            if other.shape.rank() != first.shape.rank() || other.shape.with(self.axis, 0) != first.shape.with(self.axis, 0) {
                let (first, other) = (&first.shape, &other.shape);
                return Err(Error::shape(format!("shapes {first} and {other} must be equal beside axis {}", self.axis)));
            }
        }
        let total = inputs.iter().map(|spec| spec.shape[self.axis]).sum();
        Ok(SmallVec::from_iter([Spec { dtype: first.dtype, shape: first.shape.with(self.axis, total) }]))
    }

    fn key(&self, key: &mut Key) {
        key.word(self.axis);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let mut start = 0;
        let part = |(index, input): (usize, &Tensor)| {
            let size = input.shape()[self.axis];
            start += size;
            cx.upstream(0).filter(|_| cx.needs(index)).map(|dy| dy.section(self.axis, start - size, size))
        };
        Ok(cx.inputs().iter().enumerate().map(part).collect())
    }

    fn cpu(&self, call: CpuCall) {
        let stride = self.row(call.outputs[0].shape());
        let out = SharedMut::new(call.outputs[0].words());
        let mut start = 0;
        for input in call.inputs {
            let (size, words) = (self.row(input.shape()), input.words());
            if size == 0 {
                continue;
            }
            pool::for_chunks(words.len() / size, (CHUNK / size).max(1), &|rows| {
                for row in rows {
                    let first = row * stride + start;
                    // SAFETY: each row belongs to one task.
                    unsafe { out.slice(first..first + size) }.copy_from_slice(&words[row * size..][..size]);
                }
            });
            start += size;
        }
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let kernel = compose("concat", include_str!("../../shaders/copy_into.wgsl"), &[])?;
        let output = call.outputs[0].clone();
        let mut start = 0;
        for input in call.inputs {
            let size = self.row(input.shape());
            let args = [input.size(), size, self.row(output.shape()), start].map(Word::from);
            call.dispatch(kernel.clone(), &args, &[input], &[&output], call.linear(input.size(), 64));
            start += size;
        }
        Ok(())
    }
}

impl Tensor {
    /// All of `tensors` one after another along `axis`; their other axes are equal.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// let (a, b) = (Tensor::from([[1], [2]]), Tensor::from([[3, 4], [5, 6]]));
    /// assert_eq!(Tensor::concat(&[&a, &b], -1).to_vec::<i32>()?, [1, 3, 4, 2, 5, 6]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are no tensors, or shapes or dtypes differ.
    #[doc(alias = "keras.ops.concatenate")]
    #[track_caller]
    pub fn concat(tensors: &[&Tensor], axis: isize) -> Tensor {
        super::require(!tensors.is_empty(), format_args!("concat: no tensors"));
        if let Some(symbol) = symbolic("concat", tensors, &[axis.into()]) {
            return symbol;
        }
        let axis = fits(tensors[0].shape().axis(axis), "concat");
        if let [only] = tensors { (*only).clone() } else { record(Concat { axis }, tensors) }
    }

    /// All of `tensors`, which have one shape, along a new axis at `axis` of the result.
    ///
    /// # Panics
    /// When there are no tensors, or shapes or dtypes differ.
    #[doc(alias = "keras.ops.stack")]
    #[track_caller]
    pub fn stack(tensors: &[&Tensor], axis: isize) -> Tensor {
        if let Some(symbol) = symbolic("stack", tensors, &[axis.into()]) {
            return symbol;
        }
        let raised: Vec<Tensor> = tensors.iter().map(|tensor| tensor.expand_dims(axis)).collect();
        Self::concat(&raised.iter().collect::<Vec<_>>(), axis)
    }

    /// This tensor cut along `axis` into `count` parts of one size, as views.
    ///
    /// # Panics
    /// When the axis' size is no multiple of `count`.
    #[doc(alias = "keras.ops.split")]
    #[track_caller]
    pub fn split(&self, count: usize, axis: isize) -> Vec<Tensor> {
        if let Some(symbols) = symbolic_all("split", &[self], &[count.into(), axis.into()]) {
            return symbols;
        }
        let size = self.shape()[fits(self.shape().axis(axis), "split")];
        super::require(
            count > 0 && size.is_multiple_of(count),
            format_args!("split: axis {axis} of shape {} is not divisible by {count}", self.shape()),
        );
        self.split_sizes(&vec![size / count; count], axis)
    }

    /// This tensor cut along `axis` into parts of these sizes, as views.
    ///
    /// # Panics
    /// When the sizes do not add up to the axis' size.
    #[doc(alias = "keras.ops.split")]
    #[track_caller]
    pub fn split_sizes(&self, sizes: &[usize], axis: isize) -> Vec<Tensor> {
        let ends = sizes.iter().scan(0, |end, size| Some(std::mem::replace(end, *end + size))).skip(1).collect::<Vec<_>>();
        if let Some(symbols) = symbolic_all("split", &[self], &[ends.into(), axis.into()]) {
            return symbols;
        }
        let at = fits(self.shape().axis(axis), "split");
        super::require(
            sizes.iter().sum::<usize>() == self.shape()[at],
            format_args!("split: sizes {sizes:?} do not add up to axis {axis} of shape {}", self.shape()),
        );
        let mut start = 0;
        let mut part = |&size: &usize| {
            start += size;
            self.section(at, start - size, size)
        };
        sizes.iter().map(&mut part).collect()
    }

    /// The parts along `axis`, without that axis, as views.
    #[doc(alias = "keras.ops.unstack")]
    #[track_caller]
    pub fn unstack(&self, axis: isize) -> Vec<Tensor> {
        if let Some(symbols) = symbolic_all("unstack", &[self], &[serde_json::Value::Null, axis.into()]) {
            return symbols;
        }
        let size = self.shape()[fits(self.shape().axis(axis), "unstack")];
        self.split_sizes(&vec![1; size], axis).iter().map(|part| part.squeeze(&[axis])).collect()
    }

    /// `size` elements along `axis` from `start` on, as a view.
    pub(super) fn section(&self, axis: usize, start: usize, size: usize) -> Tensor {
        let whole = self.shape().iter().map(|&size| Range { start: 0, size, step: 1 });
        let mut ranges: SmallVec<[Range; 4]> = whole.collect();
        ranges[axis] = Range { start, size, step: 1 };
        self.slice_ranges(ranges)
    }
}

/// The reference of `concat`.
pub(super) fn joined(parts: &[&Reference], axis: usize) -> Reference {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    ndarray::concatenate(ndarray::Axis(axis), &views).expect("cases fit").as_standard_layout().into_owned()
}

pub(super) fn cases() -> Vec<Case> {
    let square = |x: Reference| x.mapv(|x| x * x);
    let mut out = Vec::new();
    let tables: [(&[&[usize]], usize); 6] = [
        (&[&[2, 3], &[2, 5]], 1),
        (&[&[2, 3], &[4, 3], &[1, 3]], 0),
        (&[&[2, 3, 4], &[2, 1, 4]], 1),
        (&[&[3], &[0], &[2]], 0),
        (&[&[0, 2], &[0, 3]], 1),
        (&[&[70, 33], &[70, 1]], 1),
    ];
    for (shapes, axis) in tables {
        let case = Case::new(
            format!("concat {shapes:?} along {axis}"),
            shapes,
            move |x| Tensor::concat(&x.iter().collect::<Vec<_>>(), axis as isize).square(),
            move |x| square(joined(&x.iter().collect::<Vec<_>>(), axis)),
        );
        out.push(case.smooth(Smooth::Twice));
    }
    out.push(
        Case::new(
            "concat of transposes, int32",
            &[&[2, 3], &[4, 3]],
            |x| Tensor::concat(&[&x[0].transpose(), &x[1].transpose()], -1),
            |x| joined(&[&x[0].t().to_owned(), &x[1].t().to_owned()], 1),
        )
        .input(0, DType::I32, -9.0, 9.0)
        .input(1, DType::I32, -9.0, 9.0)
        .smooth(Smooth::No),
    );
    for axis in [0, 1, 2] {
        let case = Case::new(
            format!("stack along {axis}"),
            &[&[2, 3], &[2, 3], &[2, 3]],
            move |x| Tensor::stack(&x.iter().collect::<Vec<_>>(), axis as isize).square(),
            move |x| {
                let views: Vec<_> = x.iter().map(|x| x.view()).collect();
                square(ndarray::stack(ndarray::Axis(axis), &views).expect("cases fit").as_standard_layout().into_owned())
            },
        );
        out.push(case.smooth(Smooth::Twice));
    }
    // One part is left out, so that its gradient is zeros.
    let mut split = Case::new("split", &[&[4, 6]], |x| x[0].clone(), |x| x[0].clone());
    split.call = Box::new(|x| Ok([x[0].split(3, 1), x[0].split_sizes(&[1, 3], 0)].concat().iter().skip(1).map(Tensor::square).collect()));
    split.reference = Box::new(move |x| {
        let part = |slice: ndarray::ArrayViewD<f64>| square(slice.to_owned());
        vec![
            part(x[0].slice(ndarray::s![.., 2..4]).into_dyn()),
            part(x[0].slice(ndarray::s![.., 4..]).into_dyn()),
            part(x[0].slice(ndarray::s![..1, ..]).into_dyn()),
            part(x[0].slice(ndarray::s![1.., ..]).into_dyn()),
        ]
    });
    out.push(split);
    let mut unstack = Case::new("unstack", &[&[3, 2]], |x| x[0].clone(), |x| x[0].clone());
    unstack.call = Box::new(|x| Ok(x[0].unstack(-1)));
    unstack.reference = Box::new(|x| x[0].columns().into_iter().map(|column| column.to_owned().into_dyn()).collect());
    out.push(unstack);
    out
}
