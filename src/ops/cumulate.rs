//! Running sums along an axis.

use super::{
    Case,
    case::{Reference, Smooth},
    fits, record,
};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::{
        cpu::{
            pool::{self, SharedMut},
            simd::map2,
        },
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs},
    shape::Spec,
};
use smallvec::SmallVec;

/// Sums of all elements up to each one, or without it; from the end where reversed.
#[derive(Clone, Copy, Debug)]
struct Scan {
    axis: usize,
    reverse: bool,
    exclusive: bool,
}

impl Scan {
    fn extents(&self, shape: &Shape) -> (usize, usize, usize) {
        (shape[..self.axis].iter().product(), shape[self.axis], shape[self.axis + 1..].iter().product())
    }
}

impl Op for Scan {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        if !matches!(inputs[0].dtype, DType::F32 | DType::I32 | DType::U32) {
            return Err(Error::dtype(format!("takes float32, int32 or uint32, not {}; use `cast`", inputs[0])));
        }
        Ok(SmallVec::from_iter([inputs[0].clone()]))
    }

    fn key(&self, key: &mut Key) {
        key.words(&[self.axis, usize::from(self.reverse), usize::from(self.exclusive)]);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![cx.upstream(0).map(|dy| record(Scan { reverse: !self.reverse, ..*self }, &[dy]))])
    }

    fn cpu(&self, call: CpuCall) {
        let (input, extents) = (&call.inputs[0], self.extents(call.inputs[0].shape()));
        match input.spec.dtype {
            DType::F32 => self.sums(input.f32(), call.outputs[0].f32(), extents, |a: f32, b: f32| a + b),
            _ => self.sums(input.words(), call.outputs[0].words(), extents, u32::wrapping_add),
        }
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, output) = (&call.inputs[0], &call.outputs[0]);
        let (outer, length, inner) = self.extents(input.shape());
        if length == 0 {
            return Ok(());
        }
        let element = format!("alias Element = {};", input.spec.dtype.wgsl_storage());
        let kernel = compose("cumsum", include_str!("../../shaders/scan.wgsl"), &[("element", &element)])?;
        let args = [outer * inner, length, inner, self.reverse.into(), self.exclusive.into()].map(Into::into);
        call.dispatch(kernel, &args, &[input], &[output], call.linear(outer * inner, 64));
        Ok(())
    }
}

impl Scan {
    fn sums<T>(&self, x: &[T], out: &mut [T], (outer, length, inner): (usize, usize, usize), add: impl Fn(T, T) -> T + Copy + Sync)
    where
        T: bytemuck::Pod + Send + Sync,
    {
        let size = length * inner;
        let out = SharedMut::new(out);
        pool::for_chunks(outer, (16 * 1024 / size.max(1)).max(1), &|rows| {
            let (mut sum, mut next) = (vec![T::zeroed(); inner], vec![T::zeroed(); inner]);
            for row in rows {
                // SAFETY: each row belongs to one task.
                let out = unsafe { out.slice(row * size..(row + 1) * size) };
                sum.fill(T::zeroed());
                for step in 0..length {
                    let at = if self.reverse { length - 1 - step } else { step } * inner;
                    map2(&sum, &x[row * size + at..][..inner], &mut next, add);
                    out[at..][..inner].copy_from_slice(if self.exclusive { &sum } else { &next });
                    std::mem::swap(&mut sum, &mut next);
                }
            }
        });
    }
}

impl Tensor {
    /// Sums of the elements up to and with each one along `axis`.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// assert_eq!(Tensor::from([1, 2, 3]).cumsum(0).to_vec::<i32>()?, [1, 3, 6]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.cumsum")]
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("cumsum", &[self], &[axis.into()]) {
            return symbol;
        }
        self.cumulative_sum(axis, false, false)
    }

    /// [`Tensor::cumsum`] with options: from the end where `reverse`, each element itself left out where `exclusive`.
    #[doc(alias = "tf.math.cumsum")]
    #[track_caller]
    pub fn cumulative_sum(&self, axis: isize, reverse: bool, exclusive: bool) -> Tensor {
        record(Scan { axis: fits(self.shape().axis(axis), "cumsum"), reverse, exclusive }, &[self])
    }
}

pub(super) fn cases() -> Vec<Case> {
    fn sums(x: &Reference, axis: usize, reverse: bool, exclusive: bool) -> Reference {
        let mut out = x.clone();
        for mut line in out.lanes_mut(ndarray::Axis(axis)) {
            let length = line.len();
            let mut sum = 0.0;
            for step in 0..length {
                let at = if reverse { length - 1 - step } else { step };
                let before = sum;
                sum += line[at];
                line[at] = if exclusive { before } else { sum };
            }
        }
        out
    }
    let mut out = Vec::new();
    for (reverse, exclusive) in [(false, false), (false, true), (true, false), (true, true)] {
        for (shape, axis) in [(&[4, 5][..], 1usize), (&[7, 3], 0), (&[2, 130, 3], 1), (&[3, 0], 1), (&[0, 3], 1)] {
            let case = Case::new(
                format!("cumsum {shape:?} along {axis}, reverse {reverse}, exclusive {exclusive}"),
                &[shape],
                move |x| x[0].cumulative_sum(axis as isize, reverse, exclusive).square(),
                move |x| sums(&x[0], axis, reverse, exclusive).mapv(|y| y * y),
            );
            out.push(case.smooth(Smooth::Twice));
        }
        let case = Case::new(
            format!("cumsum int32 of a transpose, reverse {reverse}, exclusive {exclusive}"),
            &[&[5, 4]],
            move |x| x[0].transpose().cumulative_sum(-1, reverse, exclusive),
            move |x| sums(&x[0].t().to_owned(), 1, reverse, exclusive),
        );
        out.push(case.input(0, DType::I32, -9.0, 9.0).smooth(Smooth::No));
    }
    out
}
