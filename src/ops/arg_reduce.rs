//! Where the largest or smallest element along an axis stands.

use super::{
    Case,
    case::{Reference, Smooth},
    fits, record,
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{
        cpu::pool::{self, SharedMut},
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs},
    shape::Spec,
};
use smallvec::SmallVec;

/// The place along `axis` of the largest, or else the smallest element.
#[derive(Debug)]
struct ArgReduce {
    axis: usize,
    largest: bool,
}

impl ArgReduce {
    fn extents(&self, shape: &Shape) -> (usize, usize, usize) {
        (shape[..self.axis].iter().product(), shape[self.axis], shape[self.axis + 1..].iter().product())
    }
}

impl Op for ArgReduce {
    fn name(&self) -> &'static str {
        if self.largest { "argmax" } else { "argmin" }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let shape = &inputs[0].shape;
        let result: Shape = shape.iter().enumerate().filter(|(axis, _)| *axis != self.axis).map(|(_, &size)| size).collect();
        if shape[self.axis] == 0 && result.size() > 0 {
            return Err(Error::shape(format!("shape {shape} has no elements along axis {}, and so no extremum", self.axis)));
        }
        Ok(SmallVec::from_iter([Spec { dtype: DType::I32, shape: result }]))
    }

    fn key(&self, key: &mut Key) {
        key.word(self.axis);
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None])
    }

    fn cpu(&self, call: CpuCall) {
        let (input, extents) = (&call.inputs[0], self.extents(call.inputs[0].shape()));
        let (words, out) = (input.words(), call.outputs[0].i32());
        match (input.spec.dtype, self.largest) {
            (DType::F32, true) => search(input.f32(), out, extents, |a, b| !b.is_nan() && (a.is_nan() || a > b)),
            (DType::F32, false) => search(input.f32(), out, extents, |a, b| !b.is_nan() && (a.is_nan() || a < b)),
            (DType::I32, true) => search(input.i32(), out, extents, |a, b| a > b),
            (DType::I32, false) => search(input.i32(), out, extents, |a, b| a < b),
            (_, true) => search(words, out, extents, |a, b| a > b),
            (_, false) => search(words, out, extents, |a, b| a < b),
        }
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, output) = (&call.inputs[0], &call.outputs[0]);
        let (_, length, inner) = self.extents(input.shape());
        let sign = if self.largest { ">" } else { "<" };
        let better =
            if input.spec.dtype == DType::F32 { format!("!is_nan(b) && (is_nan(a) || a {sign} b)") } else { format!("a {sign} b") };
        let element = input.spec.dtype.wgsl_storage();
        let block = format!("alias Element = {element};\nfn better(a: Element, b: Element) -> bool {{ return {better}; }}");
        let kernel = compose(self.name(), include_str!("../../shaders/arg_reduce.wgsl"), &[("element", &block)])?;
        let args = [output.size().into(), length.into(), inner.into()];
        call.dispatch(kernel, &args, &[input], &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

fn search<T: Copy + Sync>(x: &[T], out: &mut [i32], extents: (usize, usize, usize), better: impl Fn(T, T) -> bool + Sync) {
    let (outer, length, inner) = extents;
    let rows = (16 * 1024 / (length * inner).max(1)).max(1);
    let out = SharedMut::new(out);
    pool::for_chunks(outer, rows, &|range| {
        for row in range {
            // SAFETY: each row belongs to one task.
            let out = unsafe { out.slice(row * inner..(row + 1) * inner) };
            for (column, out) in out.iter_mut().enumerate() {
                let line = |at: usize| x[(row * length + at) * inner + column];
                *out = (1..length).fold(0, |best, at| if better(line(at), line(best)) { at } else { best }) as i32;
            }
        }
    });
}

impl Tensor {
    /// The place of the largest element along `axis`, as int32; the first one of several, and NaN counts as largest.
    #[doc(alias = "keras.ops.argmax")]
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("argmax", &[self], &[axis.into()]) {
            return symbol;
        }
        record(ArgReduce { axis: fits(self.shape().axis(axis), "argmax"), largest: true }, &[self])
    }

    /// The place of the smallest element along `axis`, as int32; the first one of several, and NaN counts as smallest.
    #[doc(alias = "keras.ops.argmin")]
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("argmin", &[self], &[axis.into()]) {
            return symbol;
        }
        record(ArgReduce { axis: fits(self.shape().axis(axis), "argmin"), largest: false }, &[self])
    }
}

pub(super) fn cases() -> Vec<Case> {
    fn place(x: &Reference, axis: usize, sign: f64) -> Reference {
        x.map_axis(ndarray::Axis(axis), |line| {
            let key = |x: f64| if x.is_nan() { f64::INFINITY } else { sign * x };
            (0..line.len()).rev().fold(line.len() - 1, |best, at| if key(line[at]) >= key(line[best]) { at } else { best }) as f64
        })
    }
    type Call = fn(&Tensor, isize) -> Tensor;
    let table: [(&str, Call, f64); 2] = [("argmax", Tensor::argmax, 1.0), ("argmin", Tensor::argmin, -1.0)];
    let mut out = Vec::new();
    for (name, call, sign) in table {
        for (shape, axis) in [(&[4, 5][..], 1usize), (&[4, 5], 0), (&[3, 130, 2], 1), (&[7], 0), (&[0, 3], 1)] {
            for dtype in [DType::F32, DType::I32, DType::Bool] {
                let case = Case::new(
                    format!("{name} {dtype} {shape:?} along {axis}"),
                    &[shape],
                    move |x| call(&x[0], axis as isize),
                    move |x| place(&x[0], axis, sign),
                );
                let (low, high) = if dtype == DType::Bool { (0.0, 1.0) } else { (-4.0, 4.0) };
                out.push(case.input(0, dtype, low, high).smooth(Smooth::No));
            }
        }
        let case =
            Case::new(format!("{name} of NaN"), &[&[5, 3]], move |x| call(&x[0].sqrt(), 0), move |x| place(&x[0].mapv(f64::sqrt), 0, sign));
        out.push(case.smooth(Smooth::No));
        let case = Case::new(
            format!("{name} of a transpose"),
            &[&[5, 3]],
            move |x| call(&x[0].transpose(), -1),
            move |x| place(&x[0].t().to_owned(), 1, sign),
        );
        out.push(case.smooth(Smooth::No));
    }
    out
}
