//! Max pooling: it remembers where each maximum lies, so that gradient and second gradient are a scatter and a gather.

use super::{Pooling, float, words};
use crate::{
    DType, Error, Result, Tensor,
    device::{
        cpu::{
            pool::{self, SharedMut},
            pool2d,
        },
        gpu::compose,
    },
    graph::{CpuCall, GpuCall, GradCx, Key, Op, Specs, apply_one},
    ops::fours::{aligned, fours},
    shape::Spec,
};
use smallvec::SmallVec;

/// Values, and their places `row * W + column` (int32) in each image.
#[derive(Debug)]
pub(super) struct MaxPool(pub Pooling);

impl Op for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        float(inputs[0])?;
        let sizes = self.0.sizes(&inputs[0].shape)?;
        let shape = [sizes.n, sizes.oh, sizes.ow, sizes.c];
        Ok(SmallVec::from_iter([Spec::new(DType::F32, shape), Spec::new(DType::I32, shape)]))
    }

    fn key(&self, key: &mut Key) {
        self.0.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0) else { return Ok(vec![None]) };
        let shape = cx.input(0).shape();
        let scatter = Scatter { pooling: self.0, extent: [shape[1], shape[2]] };
        Ok(vec![Some(apply_one(scatter, &[dy, &cx.output(1)])?)])
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let sizes = self.0.sizes(call.inputs[0].shape()).expect("outputs() checked the shape");
        let [values, places] = call.outputs else { unreachable!("there are two outputs") };
        pool2d::max_forward(&sizes, call.inputs[0].f32(), values.f32(), places.words());
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (input, values, places) = (&call.inputs[0], &call.outputs[0], &call.outputs[1]);
        let sizes = self.0.sizes(input.shape())?;
        let total = sizes.n * sizes.oh * sizes.ow * sizes.c.div_ceil(4);
        let mut args = words(total, &sizes);
        args.push(f32::NEG_INFINITY.into());
        let input_block = fours(1, "input", "f32", aligned(input, sizes.c));
        let kernel = compose("pool_max", include_str!("../../../shaders/pool_max.wgsl"), &[("input", &input_block)])?;
        call.dispatch(kernel, &args, &[input], &[values, places], call.linear(total, 64));
        Ok(())
    }
}

/// From the outputs' gradient and places: each input's sum over the windows whose maximum it is.
#[derive(Debug)]
struct Scatter {
    pooling: Pooling,
    /// H and W of the input.
    extent: [usize; 2],
}

impl Scatter {
    fn sizes(&self, upstream: &crate::Shape) -> Result<pool2d::Pool2d> {
        let [n, _, _, c] = upstream[..] else { return Err(Error::shape(format!("takes (N, OH, OW, C), not {upstream}"))) };
        self.pooling.sizes_back(&[n, self.extent[0], self.extent[1], c].into(), upstream)
    }
}

impl Op for Scatter {
    fn name(&self) -> &'static str {
        "max_pool2d_gradient"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (upstream, places) = (inputs[0], inputs[1]);
        float(upstream)?;
        check_places(places, upstream)?;
        let sizes = self.sizes(&upstream.shape)?;
        Ok(SmallVec::from_iter([Spec::new(DType::F32, [sizes.n, sizes.h, sizes.w, sizes.c])]))
    }

    fn key(&self, key: &mut Key) {
        self.pooling.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dx) = cx.upstream(0) else { return Ok(vec![None, None]) };
        Ok(vec![Some(apply_one(Gather { pooling: self.pooling }, &[dx, cx.input(1)])?), None])
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
        call.epilogue.lend(|finish| pool2d::max_backward(&sizes, call.inputs[0].f32(), call.inputs[1].words(), out, finish));
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (upstream, places, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
        let sizes = self.sizes(upstream.shape())?;
        let total = sizes.n * sizes.h * sizes.w * sizes.c.div_ceil(4);
        let block = |binding: usize, name: &str, element: &str| fours(binding, name, element, aligned(upstream, sizes.c));
        let (values, marks) = (block(1, "upstream", "f32"), block(2, "places", "i32"));
        let (shader, blocks) = (include_str!("../../../shaders/pool_max_scatter.wgsl"), [("upstream", &*values), ("places", &*marks)]);
        let (args, groups) = (words(total, &sizes), call.linear(total, 64));
        call.dispatch_last("pool_max_scatter", shader, &blocks, &args, &[upstream, places], &[output], groups)
    }
}

/// From an image and places: what lies there. The transpose of [`Scatter`].
#[derive(Debug)]
struct Gather {
    pooling: Pooling,
}

impl Op for Gather {
    fn name(&self) -> &'static str {
        "max_pool2d_gather"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let (image, places) = (inputs[0], inputs[1]);
        float(image)?;
        let output = Spec::new(DType::F32, &places.shape);
        check_places(places, &output)?;
        self.pooling.sizes_back(&image.shape, &places.shape)?;
        Ok(SmallVec::from_iter([output]))
    }

    fn key(&self, key: &mut Key) {
        self.pooling.key(key);
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let Some(dy) = cx.upstream(0) else { return Ok(vec![None, None]) };
        let shape = cx.input(0).shape();
        let scatter = Scatter { pooling: self.pooling, extent: [shape[1], shape[2]] };
        Ok(vec![Some(apply_one(scatter, &[dy, cx.input(1)])?), None])
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let (image, places) = (&call.inputs[0], &call.inputs[1]);
        let (shape, outputs) = (image.shape(), places.shape());
        let (source, output, c) = (shape[1] * shape[2], outputs[1] * outputs[2], shape[3]);
        let (values, places) = (image.f32(), places.i32());
        let out = SharedMut::new(call.outputs[0].f32());
        pool::for_chunks(shape[0] * output, (1usize << 14).div_ceil(c.max(1)), &|range| {
            for pixel in range {
                let part = pixel * c..(pixel + 1) * c;
                // SAFETY: each pixel is written once.
                let out = unsafe { out.slice(part.clone()) };
                for (channel, (out, &place)) in out.iter_mut().zip(&places[part]).enumerate() {
                    let at = |place: usize| values[(pixel / output * source + place) * c + channel];
                    *out = usize::try_from(place).map_or(0.0, at);
                }
            }
        });
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let (image, places, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
        let (shape, outputs) = (image.shape(), output.shape());
        let args = [output.size(), shape[3], outputs[1] * outputs[2] * outputs[3], shape[1] * shape[2]].map(Into::into);
        let kernel = compose("pool_max_gather", include_str!("../../../shaders/pool_max_gather.wgsl"), &[])?;
        call.dispatch(kernel, &args, &[image, places], &[output], call.linear(output.size(), 64));
        Ok(())
    }
}

fn check_places(places: &Spec, values: &Spec) -> Result<()> {
    if places.dtype == DType::I32 && places.shape == values.shape {
        return Ok(());
    }
    Err(Error::invalid(format!("places are int32{}, not {places}", values.shape)))
}
