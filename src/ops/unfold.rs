//! Neighbours along an axis side by side, and the sum of what was side by side: a convolution's taps along the depth.

use super::{
    Case,
    case::{Reference, Smooth},
};
use crate::{
    DType, Error, Result, Tensor,
    device::{
        cpu::pool::{self, SharedMut},
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, Word, apply_one},
    shape::Spec,
};
use smallvec::SmallVec;

/// Windows along the second axis of (N, L, M, C), and the sizes on both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbours {
    /// L.
    pub length: usize,
    /// How many windows there are.
    pub outputs: usize,
    /// How many elements each has.
    pub taps: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Zeros in front of the first element.
    pub before: usize,
}

/// `(N, L, M, C)` to `(N, outputs, M, taps, C)`: `y[n, p, m, t, c] = x[n, p * stride + t * dilation - before, m, c]`, zero outside.
#[derive(Debug)]
struct Unfold(Neighbours);

/// Its transpose: each element is the sum of its copies.
#[derive(Debug)]
struct Fold(Neighbours);

impl Neighbours {
    /// The windows of `x` side by side; a view where each has but one element.
    pub fn unfold(self, x: &Tensor) -> Result<Tensor> {
        let Self { length, outputs, taps, stride, before, .. } = self;
        if (outputs, taps, stride, before) == (length, 1, 1, 0) {
            return Ok(x.expand_dims(3));
        }
        apply_one(Unfold(self), &[x])
    }

    /// The transpose of [`unfold`](Self::unfold).
    pub fn fold(self, windows: &Tensor) -> Result<Tensor> {
        let Self { length, outputs, taps, stride, before, .. } = self;
        if (outputs, taps, stride, before) == (length, 1, 1, 0) {
            return Ok(windows.squeeze(&[3]));
        }
        apply_one(Fold(self), &[windows])
    }

    /// Where tap `tap` of window `at` lies.
    fn place(&self, at: usize, tap: usize) -> Option<usize> {
        (at * self.stride + tap * self.dilation).checked_sub(self.before).filter(|&place| place < self.length)
    }

    /// The window whose tap `tap` lies at `place`.
    fn window(&self, place: usize, tap: usize) -> Option<usize> {
        let distance = (place + self.before).checked_sub(tap * self.dilation)?;
        (distance.is_multiple_of(self.stride) && distance / self.stride < self.outputs).then_some(distance / self.stride)
    }

    fn key(&self, key: &mut Key) {
        key.words(&[self.stride, self.dilation, self.before]);
    }

    fn dispatch(&self, call: &mut GpuCall, name: &str, shader: &str, [middle, inner]: [usize; 2]) -> Result<()> {
        let (input, output) = (&call.inputs[0], &call.outputs[0]);
        let Self { length, outputs, taps, stride, dilation, before } = *self;
        let args = [output.size(), length, outputs, middle, taps, inner, stride, dilation, before].map(Word::from);
        call.dispatch(compose(name, shader, &[])?, &args, &[input], &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

impl Op for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let [n, _, middle, inner] = self.0.check(inputs[0])?;
        Ok(SmallVec::from_iter([Spec::new(DType::F32, [n, self.0.outputs, middle, self.0.taps, inner])]))
    }

    fn key(&self, key: &mut Key) {
        self.0.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![cx.upstream(0).map(|dy| self.0.fold(dy)).transpose()?])
    }

    fn cpu(&self, call: CpuCall) {
        let &[n, length, middle, inner] = &call.inputs[0].shape()[..] else { unreachable!("outputs() checked the rank") };
        let (x, out) = (call.inputs[0].f32(), SharedMut::new(call.outputs[0].f32()));
        let (from, to) = (middle * inner, middle * self.0.taps * inner);
        pool::for_chunks(n * self.0.outputs, (1usize << 15).div_ceil(to.max(1)), &|windows| {
            for window in windows {
                let (sample, at) = (window / self.0.outputs, window % self.0.outputs);
                // SAFETY: each window is written once.
                let out = unsafe { out.slice(window * to..(window + 1) * to) };
                for tap in 0..self.0.taps {
                    let source = self.0.place(at, tap).map(|place| &x[(sample * length + place) * from..][..from]);
                    for m in 0..middle {
                        let out = &mut out[(m * self.0.taps + tap) * inner..][..inner];
                        match source {
                            Some(source) => out.copy_from_slice(&source[m * inner..][..inner]),
                            None => out.fill(0.0),
                        }
                    }
                }
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let &[_, _, middle, inner] = &call.inputs[0].shape()[..] else { unreachable!("outputs() checked the rank") };
        self.0.dispatch(call, "unfold", include_str!("../../shaders/unfold.wgsl"), [middle, inner])
    }
}

impl Op for Fold {
    fn name(&self) -> &'static str {
        "fold"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let [n, _, middle, _, inner] = self.0.check(inputs[0])?;
        Ok(SmallVec::from_iter([Spec::new(DType::F32, [n, self.0.length, middle, inner])]))
    }

    fn key(&self, key: &mut Key) {
        self.0.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![cx.upstream(0).map(|dx| self.0.unfold(dx)).transpose()?])
    }

    fn cpu(&self, call: CpuCall) {
        let &[n, outputs, middle, taps, inner] = &call.inputs[0].shape()[..] else { unreachable!("outputs() checked the rank") };
        let (windows, out) = (call.inputs[0].f32(), SharedMut::new(call.outputs[0].f32()));
        let (from, to) = (middle * taps * inner, middle * inner);
        pool::for_chunks(n * self.0.length, (1usize << 15).div_ceil(from.max(1)), &|places| {
            for place in places {
                let sample = place / self.0.length;
                // SAFETY: each place is written once.
                let out = unsafe { out.slice(place * to..(place + 1) * to) };
                out.fill(0.0);
                for tap in 0..taps {
                    let Some(window) = self.0.window(place % self.0.length, tap) else { continue };
                    let window = &windows[(sample * outputs + window) * from..][..from];
                    for m in 0..middle {
                        for (out, &value) in out[m * inner..][..inner].iter_mut().zip(&window[(m * taps + tap) * inner..]) {
                            *out += value;
                        }
                    }
                }
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let &[_, _, middle, _, inner] = &call.inputs[0].shape()[..] else { unreachable!("outputs() checked the rank") };
        self.0.dispatch(call, "fold", include_str!("../../shaders/fold.wgsl"), [middle, inner])
    }
}

impl Neighbours {
    fn check<const RANK: usize>(&self, input: &Spec) -> Result<[usize; RANK]> {
        if input.dtype != DType::F32 {
            return Err(Error::dtype(format!("takes float32, not {input}; use `cast`")));
        }
        input.shape[..].try_into().map_err(|_| Error::shape(format!("takes {RANK} axes, not {}", input.shape)))
    }
}

pub(super) fn cases() -> Vec<Case> {
    let table = [
        Neighbours { length: 6, outputs: 6, taps: 3, stride: 1, dilation: 1, before: 1 },
        Neighbours { length: 7, outputs: 3, taps: 2, stride: 3, dilation: 2, before: 0 },
        Neighbours { length: 5, outputs: 4, taps: 3, stride: 2, dilation: 2, before: 4 },
    ];
    let mut out = Vec::new();
    for neighbours in table {
        let Neighbours { length, outputs, taps, .. } = neighbours;
        let unfolded = move |x: &Reference| {
            Reference::from_shape_fn(vec![2, outputs, 3, taps, 5], |at| {
                neighbours.place(at[1], at[3]).map_or(0.0, |place| x[[at[0], place, at[2], at[4]]])
            })
        };
        let folded = move |y: &Reference| {
            let mut out = Reference::zeros(vec![2, length, 3, 5]);
            for (at, &value) in y.indexed_iter() {
                if let Some(place) = neighbours.place(at[1], at[3]) {
                    out[[at[0], place, at[2], at[4]]] += value;
                }
            }
            out
        };
        let call = move |x: &[Tensor]| neighbours.unfold(&x[0]).expect("it fits").square();
        let reference = move |x: &[Reference]| unfolded(&x[0]).mapv(|y| y * y);
        out.push(Case::new(format!("unfold {neighbours:?}"), &[&[2, length, 3, 5]], call, reference));
        let call = move |x: &[Tensor]| neighbours.fold(&x[0]).expect("it fits").square();
        let reference = move |x: &[Reference]| folded(&x[0]).mapv(|y| y * y);
        out.push(Case::new(format!("fold {neighbours:?}"), &[&[2, outputs, 3, taps, 5]], call, reference));
    }
    out.into_iter().map(|case| case.smooth(Smooth::Twice)).collect()
}
