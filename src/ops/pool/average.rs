//! Average pooling and its gradient, which are each other's transposes.

use super::{Pooling, float, words};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::cpu::pool2d::{self, Pool2d},
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, apply_one},
    ops::fours::{aligned, fours},
    shape::Spec,
};
use smallvec::SmallVec;

/// The mean of what each window sees.
#[derive(Debug)]
pub(super) struct AveragePool(pub Pooling);

impl Op for AveragePool {
    fn name(&self) -> &'static str {
        "average_pool2d"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        float(inputs[0])?;
        let sizes = self.0.sizes(&inputs[0].shape)?;
        Ok(SmallVec::from_iter([Spec::new(DType::F32, [sizes.n, sizes.oh, sizes.ow, sizes.c])]))
    }

    fn key(&self, key: &mut Key) {
        self.0.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0) else { return Ok(vec![None]) };
        let shape = cx.input(0).shape();
        Ok(vec![Some(apply_one(Share { pooling: self.0, extent: [shape[1], shape[2]] }, &[dy])?)])
    }

    fn takes_epilogue(&self) -> bool {
        true
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let sizes = self.0.sizes(call.inputs[0].shape()).expect("outputs() checked the shape");
        let out = call.outputs[0].f32();
        call.epilogue.lend(|finish| pool2d::average_forward(&sizes, call.inputs[0].f32(), out, finish));
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, output) = (&call.inputs[0], &call.outputs[0]);
        let sizes = self.0.sizes(input.shape())?;
        let total = sizes.n * sizes.oh * sizes.ow * sizes.c.div_ceil(4);
        let (shader, block) = (include_str!("../../../shaders/pool_average.wgsl"), fours(1, "input", "f32", aligned(input, sizes.c)));
        let (args, groups) = (words(total, &sizes), call.linear(total, 64));
        call.dispatch_last("pool_average", shader, &[("input", &block)], &args, &[input], &[output], groups)
    }
}

/// Each output's gradient, shared equally by what its window sees.
#[derive(Debug)]
struct Share {
    pooling: Pooling,
    /// H and W of the input.
    extent: [usize; 2],
}

impl Share {
    fn sizes(&self, upstream: &Shape) -> Result<Pool2d> {
        let [n, _, _, c] = upstream[..] else { return Err(Error::shape(format!("takes (N, OH, OW, C), not {upstream}"))) };
        self.pooling.sizes_back(&[n, self.extent[0], self.extent[1], c].into(), upstream)
    }
}

impl Op for Share {
    fn name(&self) -> &'static str {
        "average_pool2d_gradient"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        float(inputs[0])?;
        let sizes = self.sizes(&inputs[0].shape)?;
        Ok(SmallVec::from_iter([Spec::new(DType::F32, [sizes.n, sizes.h, sizes.w, sizes.c])]))
    }

    fn key(&self, key: &mut Key) {
        self.pooling.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dx) = cx.upstream(0) else { return Ok(vec![None]) };
        Ok(vec![Some(apply_one(AveragePool(self.pooling), &[dx])?)])
    }

    fn takes_epilogue(&self) -> bool {
        true
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let sizes = self.sizes(call.inputs[0].shape()).expect("outputs() checked the shape");
        let out = call.outputs[0].f32();
        call.epilogue.lend(|finish| pool2d::average_backward(&sizes, call.inputs[0].f32(), out, finish));
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (upstream, output) = (&call.inputs[0], &call.outputs[0]);
        let sizes = self.sizes(upstream.shape())?;
        let total = sizes.n * sizes.h * sizes.w * sizes.c.div_ceil(4);
        let block = fours(1, "upstream", "f32", aligned(upstream, sizes.c));
        let (shader, args) = (include_str!("../../../shaders/pool_average_gradient.wgsl"), words(total, &sizes));
        call.dispatch_last("pool_average_gradient", shader, &[("upstream", &block)], &args, &[upstream], &[output], call.linear(total, 64))
    }
}
