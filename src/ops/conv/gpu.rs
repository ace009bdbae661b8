//! The GPU side of convolution: which kernel runs, on what part of the work, with which arguments.

use crate::{
    DType, Result,
    device::{
        cpu::conv::{Axis, Conv2d},
        gpu::{AdapterKind, compose},
    },
    graph::{GpuCall, Word},
};

/// The filter gradient is summed in at most this many chunks, whose partial sums have at most so many values.
const CHUNKS: usize = 64;
const PARTIAL_VALUES: usize = 1 << 22;

/// `y = x * filter`.
pub(super) fn forward(call: &mut GpuCall, conv: &Conv2d) -> Result<()> {
    let (inputs, outputs) = (conv.c / conv.groups, conv.k / conv.groups);
    let weights = Weights { input: conv.k, output: 1, group: outputs };
    let places = [0, conv.oh * conv.ow * conv.k, conv.ow * conv.k, conv.k];
    pass(call, conv, conv.axes(), inputs, outputs, &weights, places)
}

/// The gradient of x. Positions that are equal modulo the stride meet the same taps: each such phase is a convolution of stride one.
pub(super) fn input_gradient(call: &mut GpuCall, conv: &Conv2d) -> Result<()> {
    let (inputs, outputs) = (conv.k / conv.groups, conv.c / conv.groups);
    let weights = Weights { input: 1, output: conv.k, group: inputs };
    let [rows, columns] = conv.axes();
    let [high, wide] = conv.stride;
    for top in 0..high.min(conv.h) {
        for left in 0..wide.min(conv.w) {
            let start = (top * conv.w + left) * conv.c;
            let places = [start, conv.h * conv.w * conv.c, high * conv.w * conv.c, wide * conv.c];
            pass(call, conv, [rows.phase(top), columns.phase(left)], inputs, outputs, &weights, places)?;
        }
    }
    Ok(())
}

/// Steps in the filter from one channel to the next, and from group to group.
struct Weights {
    input: usize,
    output: usize,
    group: usize,
}

/// One launch of the kernel that forward and input gradient share; `inputs` and `outputs` count the channels of one group.
fn pass(
    call: &mut GpuCall,
    conv: &Conv2d,
    [rows, columns]: [Axis; 2],
    inputs: usize,
    outputs: usize,
    weights: &Weights,
    places: [usize; 4],
) -> Result<()> {
    let pixels = conv.n * rows.outputs * columns.outputs;
    let grouped = conv.groups > 1;
    let tap = (conv.c / conv.groups * conv.k) as isize;
    let (row_tap, column_tap) = (tap * conv.kw as isize, tap);
    let mut args: Vec<Word> = if grouped { vec![(pixels * conv.groups * outputs).into(), conv.groups.into()] } else { vec![pixels.into()] };
    args.extend([rows.outputs, columns.outputs, inputs, outputs, rows.source, columns.source, rows.taps, columns.taps].map(Word::from));
    args.extend([rows.step, columns.step].map(Word::from));
    args.extend([rows.offset, columns.offset].map(Word::from));
    args.extend([rows.offset_step, columns.offset_step].map(Word::from));
    args.push((rows.tap as isize * row_tap + columns.tap as isize * column_tap).into());
    args.extend([rows.tap_step * row_tap, columns.tap_step * column_tap].map(Word::from));
    args.extend([weights.input, weights.output].map(Word::from));
    if grouped {
        args.push(weights.group.into());
    }
    args.extend(places.map(Word::from));
    let (kernel, groups) = if grouped {
        let kernel = compose("conv_grouped", include_str!("../../../shaders/conv_grouped.wgsl"), &[])?;
        (kernel, call.linear(pixels * conv.groups * outputs, 64))
    } else {
        let kernel = compose("conv", include_str!("../../../shaders/conv.wgsl"), &[])?;
        let [x, y, _] = call.linear(pixels, 256);
        (kernel, [x, y, outputs.div_ceil(8)])
    };
    let (source, filter, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
    call.dispatch(kernel, &args, &[source, filter], &[output], groups);
    Ok(())
}

/// The gradient of the filter: partial sums over chunks of output rows, then their sum.
pub(super) fn filter_gradient(call: &mut GpuCall, conv: &Conv2d) -> Result<()> {
    let (source, upstream, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
    let (inputs, outputs, size) = (conv.c / conv.groups, conv.k / conv.groups, output.size());
    let [rows, columns] = conv.axes();
    let lines = conv.n * conv.oh;
    let chunk = lines.div_ceil(CHUNKS.min(PARTIAL_VALUES / size.max(1))).max(1);
    let chunks = lines.div_ceil(chunk).max(1);
    let target = if chunks > 1 { call.scratch(DType::F32, [chunks, size]) } else { output.clone() };

    let units = conv.kh * conv.kw * inputs.div_ceil(4);
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
        // Software runs idle invocations too, so its groups are small.
        let group = if call.caps.kind == AdapterKind::Cpu { 8 } else { 64 };
        let file = include_str!("../../../shaders/conv_filter.wgsl");
        let kernel = compose("conv_filter", file, &[("size", &format!("const SIZE = {group}u;"))])?;
        (kernel, [units.div_ceil(group), outputs.div_ceil(8), chunks])
    };
    call.dispatch(kernel, &args, &[source, upstream], &[&target], groups);
    if chunks > 1 {
        let kernel = compose("conv_sum", include_str!("../../../shaders/conv_sum.wgsl"), &[])?;
        call.dispatch(kernel, &[size.into(), chunks.into()], &[&target], &[output], call.linear(size, 64));
    }
    Ok(())
}
