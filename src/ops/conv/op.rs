//! The op: convolution is bilinear, so output, input gradient and filter gradient are three parts of one trilinear form.

use super::{Windows, gpu};
use crate::{
    DType, Error, Result, Shape, Tensor,
    device::cpu::conv::{self, Conv2d},
    graph::{CpuCall, GpuCall, GradCx, Key, Op, OpRef, Specs, apply_one},
    ops::reduce::column_sums,
    shape::Spec,
};
use smallvec::SmallVec;

/// Which of the three a convolution calculates, from the other two in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// From input and filter.
    Output,
    /// From output (upstream gradient) and filter.
    Input,
    /// From input and output (upstream gradient).
    Filter,
}

/// `sum over all positions and taps of x * filter * y`, derived by one of the three.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    pub part: Part,
    pub windows: Windows,
    pub groups: usize,
    /// H and W for the input gradient, KH and KW for the filter gradient, which their operands do not tell.
    pub extent: [usize; 2],
}

/// That a filter (taps..., C / groups, K) fits the channels of an input (N, space..., C).
pub(super) fn check_channels(groups: usize, x: &Shape, filter: &Shape) -> Result<()> {
    let (&[.., c], &[.., inputs, k]) = (&x[..], &filter[..]) else { unreachable!("the ranks were checked") };
    if groups == 0 {
        return Err(Error::invalid("groups 0: there must be at least 1"));
    }
    if !c.is_multiple_of(groups) || !k.is_multiple_of(groups) {
        return Err(Error::shape(format!(
            "{groups} groups must divide the {c} channels of the input {x} and the {k} of the filter {filter}"
        )));
    }
    if inputs != c / groups {
        return Err(Error::shape(format!(
            "the input {x} has {} channels in each of {groups} groups, but the filter {filter} takes {inputs}: \
             a filter is (taps…, C / groups, K)",
            c / groups
        )));
    }
    if c == 0 || k == 0 {
        return Err(Error::shape(format!("the input {x} and the filter {filter} must have channels")));
    }
    Ok(())
}

impl Convolution {
    /// All sizes, from the operands' shapes.
    pub fn sizes(&self, first: &Shape, second: &Shape) -> Result<Conv2d> {
        let groups = self.groups;
        if first.rank() != 4 || second.rank() != 4 {
            let form = match self.part {
                Part::Output => "an input (N, H, W, C) and a filter (KH, KW, C / groups, K)",
                Part::Input => "an upstream gradient (N, OH, OW, K) and a filter (KH, KW, C / groups, K)",
                Part::Filter => "an input (N, H, W, C) and an upstream gradient (N, OH, OW, K)",
            };
            return Err(Error::shape(format!("takes {form}, not {first} and {second}")));
        }
        if groups == 0 {
            return Err(Error::invalid("groups 0: there must be at least 1"));
        }
        let [a, b] = self.extent;
        let (x, filter, y) = match self.part {
            Part::Output => (first.clone(), second.clone(), None),
            Part::Input => ([first[0], a, b, second[2] * groups].into(), second.clone(), Some(first)),
            Part::Filter => (first.clone(), [a, b, first[3] / groups, second[3]].into(), Some(second)),
        };
        let (&[n, h, w, c], &[kh, kw, _, k]) = (&x[..], &filter[..]) else { unreachable!("the ranks are 4") };
        check_channels(groups, &x, &filter)?;
        let windows = self.windows;
        let placed = windows.place(&x, [kh, kw], &format!("the filter {filter}"))?;
        let ([oh, ow], [pad_top, pad_left]) = (placed.outputs, placed.before);
        if let Some(y) = y
            && y[..] != [n, oh, ow, k]
        {
            let wanted = Shape::from([n, oh, ow, k]);
            return Err(Error::shape(format!("the upstream gradient has shape {y}; input {x} and filter {filter} give {wanted}")));
        }
        let (stride, dilation) = (windows.strides, windows.dilation);
        Ok(Conv2d { n, h, w, c, kh, kw, oh, ow, k, stride, dilation, pad_top, pad_left, groups })
    }

    fn derive(&self, part: Part, extent: [usize; 2], first: &Tensor, second: &Tensor) -> Result<Tensor> {
        apply_one(Convolution { part, windows: self.windows, groups: self.groups, extent }, &[first, second])
    }
}

impl Op for Convolution {
    fn name(&self) -> &'static str {
        match self.part {
            Part::Output => "conv2d",
            Part::Input => "conv2d_input_gradient",
            Part::Filter => "conv2d_filter_gradient",
        }
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        if inputs.iter().any(|input| input.dtype != DType::F32) {
            return Err(Error::dtype(format!("takes float32, not {} and {}; use `cast`", inputs[0], inputs[1])));
        }
        let Conv2d { n, h, w, c, kh, kw, oh, ow, k, groups, .. } = self.sizes(&inputs[0].shape, &inputs[1].shape)?;
        let shape = match self.part {
            Part::Output => [n, oh, ow, k],
            Part::Input => [n, h, w, c],
            Part::Filter => [kh, kw, c / groups, k],
        };
        Ok(SmallVec::from_iter([Spec::new(DType::F32, shape)]))
    }

    fn key(&self, key: &mut Key) {
        key.words(&self.windows.words());
        key.word(self.groups);
    }

    fn flops(&self, inputs: &[Spec], _outputs: &[Spec]) -> u64 {
        let sizes = self.sizes(&inputs[0].shape, &inputs[1].shape);
        sizes.map_or(0, |s| 2 * (s.n * s.oh * s.ow * s.k * s.kh * s.kw * s.c / s.groups) as u64)
    }

    fn grad(&self, cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        let (first, second, Some(upstream)) = (cx.input(0), cx.input(1), cx.upstream(0)) else { return Ok(vec![None, None]) };
        let image = |x: &Tensor| [x.shape()[1], x.shape()[2]];
        let taps = |filter: &Tensor| [filter.shape()[0], filter.shape()[1]];
        // The upstream gradient takes the place of the part that this op calculates.
        let (x, filter, y) = match self.part {
            Part::Output => (first, second, upstream),
            Part::Input => (upstream, second, first),
            Part::Filter => (first, upstream, second),
        };
        let by_x = || self.derive(Part::Input, image(x), y, filter);
        let by_filter = || self.derive(Part::Filter, taps(filter), x, y);
        let by_y = || self.derive(Part::Output, [0; 2], x, filter);
        let of = |index: usize, by: &dyn Fn() -> Result<Tensor>| if cx.needs(index) { by().map(Some) } else { Ok(None) };
        Ok(match self.part {
            Part::Output => vec![of(0, &by_x)?, of(1, &by_filter)?],
            Part::Input => vec![of(0, &by_y)?, of(1, &by_filter)?],
            Part::Filter => vec![of(0, &by_x)?, of(1, &by_y)?],
        })
    }

    fn takes_epilogue(&self) -> bool {
        self.part != Part::Filter
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let (first, second) = (&call.inputs[0], &call.inputs[1]);
        let sizes = self.sizes(first.shape(), second.shape()).expect("outputs() checked the shapes");
        let (first, second, out) = (first.f32(), second.f32(), call.outputs[0].f32());
        match self.part {
            Part::Output => call.epilogue.lend(|finish| conv::forward(&sizes, first, second, out, finish)),
            Part::Input => call.epilogue.lend(|finish| conv::input_grad(&sizes, first, second, out, finish)),
            Part::Filter => conv::filter_grad(&sizes, first, second, out),
        }
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let sizes = self.sizes(call.inputs[0].shape(), call.inputs[1].shape())?;
        match self.part {
            Part::Output => gpu::forward(call, &sizes),
            Part::Input => gpu::input_gradient(call, &sizes),
            Part::Filter => gpu::filter_gradient(call, &sizes),
        }
    }

    fn with_column_sums(&self, _inputs: &[&Spec]) -> Option<(usize, OpRef)> {
        (self.part == Part::Filter && self.groups == 1).then(|| (1, FilterAndBias(self.clone()).into()))
    }
}

/// The gradient of the filter together with that of a bias.
#[derive(Debug)]
struct FilterAndBias(Convolution);

impl Op for FilterAndBias {
    fn name(&self) -> &'static str {
        "conv2d_filter_and_bias_gradient"
    }

    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        let mut specs = self.0.outputs(inputs)?;
        specs.push(Spec::new(DType::F32, [inputs[1].shape[3]]));
        Ok(specs)
    }

    fn flops(&self, inputs: &[Spec], outputs: &[Spec]) -> u64 {
        self.0.flops(inputs, outputs) + inputs[1].size() as u64
    }

    fn key(&self, key: &mut Key) {
        self.0.key(key);
    }

    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        unreachable!("only plans make it")
    }

    fn reads_halves(&self) -> bool {
        true
    }

    fn cpu(&self, call: CpuCall) {
        let (x, dy) = (&call.inputs[0], &call.inputs[1]);
        let sizes = self.0.sizes(x.shape(), dy.shape()).expect("outputs() checked the shapes");
        let [filter, bias] = call.outputs else { unreachable!("there are two outputs") };
        conv::filter_grad(&sizes, x.f32(), dy.f32(), filter.f32());
        column_sums(dy.f32(), bias.f32());
    }

    fn gpu(&self, call: &mut GpuCall) -> Result<()> {
        let sizes = self.0.sizes(call.inputs[0].shape(), call.inputs[1].shape())?;
        gpu::filter_gradient(call, &sizes)
    }
}
