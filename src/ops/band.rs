//! Linear maps along an axis whose matrix is a band: each result is a weighted sum of some neighbours. Resizing and adaptive means are such.

use super::record;
use crate::{
    DType, Error, Result, Tensor,
    device::{
        cpu::{
            pool::{self, SharedMut},
            simd::multiversion,
        },
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, Word},
    shape::Spec,
};
use smallvec::SmallVec;
use std::sync::Arc;

/// Element p of a result is `sum over t of weights[p, t] * x[starts[p] + t]`; starts do not fall.
#[derive(Debug)]
pub(super) struct Band {
    /// The size of the axis.
    length: usize,
    taps: usize,
    starts: Vec<i32>,
    weights: Vec<f32>,
}

/// A band along the middle one of three axes of input 0; starts and weights, which the kernels read, are inputs 1 and 2.
#[derive(Debug)]
struct Banded(Arc<Band>);

impl Band {
    /// From the start and the weights of each row, for an axis of `length`.
    pub fn new(length: usize, rows: impl Iterator<Item = (usize, Vec<f32>)>) -> Self {
        let rows: Vec<(usize, Vec<f32>)> = rows.collect();
        let taps = rows.iter().map(|(_, weights)| weights.len()).max().unwrap_or(0);
        let padded = rows.iter().flat_map(|(_, weights)| weights.iter().copied().chain(std::iter::repeat_n(0.0, taps - weights.len())));
        Self { length, taps, weights: padded.collect(), starts: rows.iter().map(|&(start, _)| start as i32).collect() }
    }

    /// Records the map along `axis` of a float32 tensor.
    pub fn apply(self, x: &Tensor, axis: usize) -> Tensor {
        let shape = x.shape();
        let flat = [shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product()];
        let result = shape.with(axis, self.starts.len());
        Arc::new(self).record(&x.reshape(flat)).reshape(result)
    }

    fn record(self: Arc<Self>, x: &Tensor) -> Tensor {
        let count = self.starts.len();
        let starts = super::fits(Tensor::from_slice_on(x.device(), &self.starts, [count]), "band");
        let weights = super::fits(Tensor::from_slice_on(x.device(), &self.weights, [count, self.taps]), "band");
        record(Banded(self), &[x, &starts, &weights])
    }

    fn transposed(&self) -> Self {
        let mut rows: Vec<(usize, Vec<f32>)> = vec![(0, Vec::new()); self.length];
        for (from, &start) in self.starts.iter().enumerate() {
            for (tap, &weight) in self.weights[from * self.taps..][..self.taps].iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
                let (first, weights) = &mut rows[start as usize + tap];
                if weights.is_empty() {
                    *first = from;
                }
                // Rows between may have a weight of zero here.
                weights.resize(from - *first, 0.0);
                weights.push(weight);
            }
        }
        Self::new(self.starts.len(), rows.into_iter())
    }
}

impl Op for Banded {
    fn name(&self) -> &'static str {
        "band"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let [outer, length, inner] = inputs[0].shape[..] else {
            return Err(Error::shape(format!("takes three axes, not {}", inputs[0].shape)));
        };
        if inputs[0].dtype != DType::F32 || length != self.0.length {
            return Err(Error::invalid(format!("takes float32 of length {}, not {}; use `cast`", self.0.length, inputs[0])));
        }
        Ok(SmallVec::from_iter([Spec::new(DType::F32, [outer, self.0.starts.len(), inner])]))
    }

    fn key(&self, _key: &mut Key) {}

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let dx = cx.upstream(0).filter(|_| cx.needs(0)).map(|dy| Arc::new(self.0.transposed()).record(dy));
        Ok(vec![dx, None, None])
    }

    fn cpu(&self, call: CpuCall) {
        let [x, starts, weights] = call.inputs else { unreachable!("there are three inputs") };
        let (length, inner, (count, taps)) = (x.shape()[1], x.shape()[2], (weights.shape()[0], weights.shape()[1]));
        let (x, starts, weights) = (x.f32(), starts.i32(), weights.f32());
        let (outer, out) = (call.inputs[0].shape()[0], SharedMut::new(call.outputs[0].f32()));
        pool::for_chunks(outer * count, (1usize << 16).div_ceil((taps * inner).max(1)), &|rows| {
            for row in rows {
                let (sample, at) = (row / count, row % count);
                // SAFETY: each row is written once.
                let out = unsafe { out.slice(row * inner..(row + 1) * inner) };
                let from = (sample * length + starts[at] as usize) * inner;
                weighted_sum(&x[from..], &weights[at * taps..][..taps], out);
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let ([x, starts, weights], output) = (call.inputs, &call.outputs[0]) else { unreachable!("there are three inputs") };
        let sizes = [output.size(), x.shape()[1], weights.shape()[0], weights.shape()[1], x.shape()[2]];
        let kernel = compose("band", include_str!("../../shaders/band.wgsl"), &[])?;
        call.dispatch(kernel, &sizes.map(Word::from), &[x, starts, weights], &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

multiversion! {
    /// Rows of `x` times their weights. What a weight of zero stands for may lie outside, or not be a number.
    fn weighted_sum[](x: &[f32], weights: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        let inner = out.len();
        for (tap, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            for (out, &x) in out.iter_mut().zip(&x[tap * inner..]) {
                *out += weight * x;
            }
        }
    }
}
