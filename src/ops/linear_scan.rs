//! Linear recurrences along an axis, and running products, which are one.

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

/// `y[t] = a[t] * y[t - 1] + b[t]` with `y[0] = b[0]`; from the end where reversed; with the `a` of the step before where shifted.
#[derive(Clone, Copy, Debug)]
struct LinearScan {
    axis: usize,
    reverse: bool,
    shifted: bool,
}

impl LinearScan {
    fn extents(&self, shape: &Shape) -> (usize, usize, usize) {
        (shape[..self.axis].iter().product(), shape[self.axis], shape[self.axis + 1..].iter().product())
    }

    /// `x` moved by one step along the scan, or back: what has no neighbour becomes zero.
    fn moved(&self, x: &Tensor, back: bool) -> Tensor {
        let (mut width, rest) = (vec![(0, 0); x.rank()], x.shape()[self.axis] - 1);
        let down = self.reverse != back;
        width[self.axis] = if down { (0, 1) } else { (1, 0) };
        x.section(self.axis, usize::from(down), rest).pad(&width, 0.0)
    }
}

impl Op for LinearScan {
    fn name(&self) -> &'static str {
        "linear_scan"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        if let Some(other) = inputs.iter().find(|spec| spec.dtype != DType::F32) {
            return Err(Error::dtype(format!("takes float32, not {other}; use `cast`")));
        }
        if inputs[0].shape != inputs[1].shape {
            return Err(Error::shape(format!("shapes {} and {} differ", inputs[0].shape, inputs[1].shape)));
        }
        Ok(SmallVec::from_iter([inputs[0].clone()]))
    }

    fn key(&self, key: &mut Key) {
        key.words(&[self.axis, usize::from(self.reverse), usize::from(self.shifted)]);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0) else { return Ok(vec![None, None]) };
        let (y, back) = (cx.output(0), Self { reverse: !self.reverse, shifted: !self.shifted, ..*self });
        let db = record(back, &[cx.input(0), dy]);
        let da = cx.needs(0).then(|| if self.shifted { self.moved(&db, true) * &y } else { &db * self.moved(&y, false) });
        Ok(vec![da, Some(db)])
    }

    fn cpu(&self, call: CpuCall) {
        let (outer, length, inner) = self.extents(call.inputs[0].shape());
        let (a, b, size) = (call.inputs[0].f32(), call.inputs[1].f32(), length * inner);
        let out = SharedMut::new(call.outputs[0].f32());
        pool::for_chunks(outer, (16 * 1024 / size.max(1)).max(1), &|rows| {
            for row in rows {
                // SAFETY: each row belongs to one task.
                let out = unsafe { out.slice(row * size..(row + 1) * size) };
                let (a, b) = (&a[row * size..][..size], &b[row * size..][..size]);
                let mut before = None;
                for step in 0..length {
                    let at = if self.reverse { length - 1 - step } else { step } * inner;
                    for column in 0..inner {
                        out[at + column] = match before {
                            None => b[at + column],
                            Some(before) => a[if self.shifted { before } else { at } + column] * out[before + column] + b[at + column],
                        };
                    }
                    before = Some(at);
                }
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (outer, length, inner) = self.extents(call.inputs[0].shape());
        if length == 0 {
            return Ok(());
        }
        let kernel = compose("linear_scan", include_str!("../../shaders/linear_scan.wgsl"), &[])?;
        let args = [outer * inner, length, inner, self.reverse.into(), self.shifted.into()].map(Into::into);
        let (inputs, output) = (call.inputs, &call.outputs[0]);
        call.dispatch(kernel, &args, &[&inputs[0], &inputs[1]], &[output], call.linear(outer * inner, 64));
        Ok(())
    }
}

impl Tensor {
    /// Products of the elements up to and with each one along `axis`. The gradient holds at zeros too.
    ///
    /// ```
    /// use wgrad::prelude::*;
    /// assert_eq!(Tensor::from([1.0, 2.0, 3.0]).cumprod(0).to_vec::<f32>()?, [1.0, 2.0, 6.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[doc(alias = "keras.ops.cumprod")]
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Tensor {
        if let Some(symbol) = crate::graph::symbolic("cumprod", &[self], &[axis.into()]) {
            return symbol;
        }
        let axis = fits(self.shape().axis(axis), "cumprod");
        if self.size() == 0 {
            return self.clone();
        }
        let mut width = vec![(0, 0); self.rank()];
        width[axis] = (0, self.shape()[axis] - 1);
        record(LinearScan { axis, reverse: false, shifted: false }, &[self, &self.section(axis, 0, 1).pad(&width, 0.0)])
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    for (shape, axis) in [(&[4, 5][..], 1usize), (&[7, 3], 0), (&[2, 9, 3], 1), (&[3, 1], 1), (&[3, 0], 1), (&[0, 3], 1)] {
        let products = move |x: &[Reference]| {
            let mut out = x[0].clone();
            out.accumulate_axis_inplace(ndarray::Axis(axis), |before, now| *now *= before);
            out
        };
        let call = move |x: &[Tensor]| x[0].cumprod(axis as isize);
        out.push(Case::new(format!("cumprod {shape:?} along {axis}"), &[shape], call, products).smooth(Smooth::Twice));
        for (reverse, shifted) in [(false, false), (true, false), (false, true), (true, true)] {
            let scan = LinearScan { axis, reverse, shifted };
            let case = Case::new(
                format!("linear_scan {shape:?} along {axis}, reverse {reverse}, shifted {shifted}"),
                &[shape, shape],
                move |x| record(scan, &[&x[0], &x[1]]),
                move |x| recurrence(scan, &x[0], &x[1]),
            );
            out.push(case.smooth(if shape.contains(&0) { Smooth::No } else { Smooth::Twice }));
        }
    }
    out
}

/// The recurrence, line by line.
fn recurrence(scan: LinearScan, a: &Reference, b: &Reference) -> Reference {
    let mut out = b.clone();
    let axis = ndarray::Axis(scan.axis);
    for (mut y, a) in out.lanes_mut(axis).into_iter().zip(a.lanes(axis)) {
        let length = y.len();
        let at = |step: usize| if scan.reverse { length - 1 - step } else { step };
        for step in 1..length {
            let (now, before) = (at(step), at(step - 1));
            y[now] += a[if scan.shifted { before } else { now }] * y[before];
        }
    }
    out
}
