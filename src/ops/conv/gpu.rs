//! The GPU side of convolution: which kernel runs, on what part of the work, with which arguments.

use crate::{
    DType, Result,
    device::{
        cpu::conv::{Axis, Conv2d},
        gpu::{Kernel, compose},
    },
    graph::{Arg, GpuCall, Word},
};

/// The filter gradient is summed in at most this many chunks, whose partial sums have at most so many values.
const CHUNKS: usize = 64;
const PARTIAL_VALUES: usize = 1 << 22;

/// `y = x * filter`.
pub(super) fn forward(call: &mut GpuCall, conv: &Conv2d) -> Result<()> {
    let channels = Channels { inputs: conv.c / conv.groups, outputs: conv.k / conv.groups, input_step: conv.k, output_step: 1 };
    let places = [0, conv.oh * conv.ow * conv.k, conv.ow * conv.k, conv.k];
    let weights = weights(call, conv, &channels)?;
    pass(call, conv, &weights, conv.axes(), &channels, places)
}

/// The gradient of x. Positions that are equal modulo the stride meet the same taps: each such phase is a convolution of stride one.
pub(super) fn input_gradient(call: &mut GpuCall, conv: &Conv2d) -> Result<()> {
    let channels = Channels { inputs: conv.k / conv.groups, outputs: conv.c / conv.groups, input_step: 1, output_step: conv.k };
    let weights = weights(call, conv, &channels)?;
    let [rows, columns] = conv.axes();
    let [high, wide] = conv.stride;
    for top in 0..high.min(conv.h) {
        for left in 0..wide.min(conv.w) {
            let start = (top * conv.w + left) * conv.c;
            let places = [start, conv.h * conv.w * conv.c, high * conv.w * conv.c, wide * conv.c];
            pass(call, conv, &weights, [rows.phase(top), columns.phase(left)], &channels, places)?;
        }
    }
    Ok(())
}

/// What a pass sums over and what it gives, in one group, and the steps in the filter from one such channel to the next.
struct Channels {
    inputs: usize,
    outputs: usize,
    input_step: usize,
    output_step: usize,
}

/// The filter as the kernel wants it: in groups as it is, else taps x inputs x outputs, the outputs filled up to a multiple of 4.
fn weights(call: &mut GpuCall, conv: &Conv2d, channels: &Channels) -> Result<Arg> {
    let filter = &call.inputs[1];
    let &Channels { inputs, outputs, input_step, output_step } = channels;
    if conv.groups > 1 || (output_step == 1 && outputs.is_multiple_of(4)) {
        return Ok(filter.clone());
    }
    let padded = outputs.next_multiple_of(4);
    let packed = call.scratch(DType::F32, [conv.kh * conv.kw, inputs, padded]);
    let args = [packed.size(), inputs, outputs, padded, input_step, output_step].map(Word::from);
    let kernel = compose("conv_pack", include_str!("../../../shaders/conv_pack.wgsl"), &[])?;
    call.dispatch(kernel, &args, &[filter], &[&packed], call.linear(packed.size(), 64));
    Ok(packed)
}

/// One launch of the kernel that forward and input gradient share.
fn pass(
    call: &mut GpuCall,
    conv: &Conv2d,
    weights: &Arg,
    [rows, columns]: [Axis; 2],
    channels: &Channels,
    places: [usize; 4],
) -> Result<()> {
    let pixels = conv.n * rows.outputs * columns.outputs;
    let &Channels { inputs, outputs, input_step, output_step } = channels;
    let total = pixels * conv.groups * outputs;
    let grouped = conv.groups > 1;
    let mut args: Vec<Word> = if grouped { vec![total.into(), conv.groups.into()] } else { vec![pixels.into()] };
    args.extend([rows.outputs, columns.outputs, inputs, outputs, rows.source, columns.source, rows.taps, columns.taps].map(Word::from));
    args.extend([rows.step, columns.step].map(Word::from));
    args.extend([rows.offset, columns.offset].map(Word::from));
    args.extend([rows.offset_step, columns.offset_step].map(Word::from));
    args.push((rows.tap * conv.kw + columns.tap).into());
    args.extend([rows.tap_step * conv.kw as isize, columns.tap_step].map(Word::from));
    let (name, shader, groups) = if grouped {
        // From group to group the filter's values of the other kind of channel go on.
        let group_step = if output_step == 1 { outputs } else { inputs };
        args.extend([input_step, output_step, group_step].map(Word::from));
        ("conv_grouped", include_str!("../../../shaders/conv_grouped.wgsl"), call.linear(total, 64))
    } else {
        let [x, y, _] = call.linear(pixels, 64 * 8);
        ("conv", include_str!("../../../shaders/conv.wgsl"), [x, y, outputs.div_ceil(16)])
    };
    args.extend(places.map(Word::from));
    let (source, output) = (&call.inputs[0], &call.outputs[0]);
    call.dispatch_last(name, shader, &[], &args, &[source, weights], &[output], groups)
}

/// The gradient of the filter: partial sums over chunks of output rows, then their sum.
pub(super) fn filter_gradient(call: &mut GpuCall, conv: &Conv2d) -> Result<()> {
    let (source, upstream, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
    let (inputs, outputs, size) = (conv.c / conv.groups, conv.k / conv.groups, output.size());
    let [rows, columns] = conv.axes();
    let lines = conv.n * conv.oh;
    let chunk = lines.div_ceil((PARTIAL_VALUES / size.max(1)).clamp(1, CHUNKS)).max(1);
    let chunks = lines.div_ceil(chunk).max(1);
    let target = if chunks > 1 { call.scratch(DType::F32, [chunks, size]) } else { output.clone() };

    let units = conv.kh * conv.kw * inputs.div_ceil(8);
    let grouped = conv.groups > 1;
    let mut args: Vec<Word> = if grouped { vec![(chunks * size).into(), conv.groups.into()] } else { vec![units.into()] };
    args.extend([inputs, outputs, rows.outputs, columns.outputs, rows.source, columns.source, columns.taps].map(Word::from));
    args.extend([rows.step, columns.step].map(Word::from));
    args.extend([rows.offset, columns.offset].map(Word::from));
    args.extend([rows.offset_step, columns.offset_step, lines, chunk, size].map(Word::from));
    let (kernel, groups) = if grouped {
        let kernel = compose("conv_grouped_filter", include_str!("../../../shaders/conv_grouped_filter.wgsl"), &[])?;
        (kernel, call.linear(chunks * size, 64))
    } else {
        args.push(chunks.into());
        let [x, y, _] = call.linear(units * chunks, 64);
        (filter_kernel(source, upstream)?, [x, y, outputs.div_ceil(16)])
    };
    call.dispatch(kernel, &args, &[source, upstream], &[&target], groups);
    if chunks > 1 {
        let kernel = compose("conv_sum", include_str!("../../../shaders/conv_sum.wgsl"), &[])?;
        call.dispatch(kernel, &[size.into(), chunks.into()], &[&target], &[output], call.linear(size, 64));
    }
    Ok(())
}

/// The kernel of the filter gradient; channels in multiples of 4 are read four at a time.
fn filter_kernel(source: &Arg, upstream: &Arg) -> Result<Kernel> {
    let by_four = |arg: &Arg| arg.shape()[3].is_multiple_of(4) && arg.size() > 0;
    let aligned = |binding: usize, name: &str, channels: &str| {
        format!(
            "@group(0) @binding({binding}) var<storage, read> {name}: array<vec4<f32>>;\n\
             fn load_{name}(start: u32, channel: u32) -> vec4<f32> {{\n    \
             return {name}[(start + min(channel, args.{channels} - 4u)) / 4u];\n}}"
        )
    };
    let (source_block, upstream_block) = (aligned(1, "source", "inputs"), aligned(2, "upstream", "outputs"));
    let mut blocks = Vec::new();
    if by_four(source) {
        blocks.push(("source", source_block.as_str()));
    }
    if by_four(upstream) {
        blocks.push(("upstream", upstream_block.as_str()));
    }
    compose("conv_filter", include_str!("../../../shaders/conv_filter.wgsl"), &blocks)
}
