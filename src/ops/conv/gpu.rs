//! The GPU side of convolution: which kernel runs, on what part of the work, with which arguments.

use crate::{
    DType, Result,
    device::{
        cpu::conv::{Axis, Conv2d},
        gpu::{AdapterKind, compose},
    },
    graph::{Arg, GpuCall, Word},
    ops::product::{Core, Order, SOFTWARE_THREADS, SUMS, operand},
};

/// The filter gradient is summed in chunks until a card has this many tiles; partial sums have at most so many values.
const TILES: usize = 512;
const PARTIAL_VALUES: usize = 1 << 22;

/// `y = x * filter`.
pub(super) fn forward(call: &mut GpuCall, conv: &Conv2d) -> Result<()> {
    let channels = Channels { inputs: conv.c / conv.groups, outputs: conv.k / conv.groups, input_step: conv.k, output_step: 1 };
    let places = [0, conv.oh * conv.ow * conv.k, conv.ow * conv.k, conv.k];
    pass(call, conv, conv.axes(), &channels, places)
}

/// The gradient of x. Positions that are equal modulo the stride meet the same taps: each such phase is a convolution of stride one.
pub(super) fn input_gradient(call: &mut GpuCall, conv: &Conv2d) -> Result<()> {
    let channels = Channels { inputs: conv.k / conv.groups, outputs: conv.c / conv.groups, input_step: 1, output_step: conv.k };
    let [rows, columns] = conv.axes();
    let [high, wide] = conv.stride;
    for top in 0..high.min(conv.h) {
        for left in 0..wide.min(conv.w) {
            let start = (top * conv.w + left) * conv.c;
            let places = [start, conv.h * conv.w * conv.c, high * conv.w * conv.c, wide * conv.c];
            pass(call, conv, [rows.phase(top), columns.phase(left)], &channels, places)?;
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

/// One launch of the kernel that forward and input gradient share.
fn pass(call: &mut GpuCall, conv: &Conv2d, [rows, columns]: [Axis; 2], channels: &Channels, places: [usize; 4]) -> Result<()> {
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
    args.extend([input_step, output_step].map(Word::from));
    let core = Core::of(call.caps);
    // From group to group the filter's values of the other kind of channel go on.
    let group_step = if output_step == 1 { outputs } else { inputs };
    let (name, shader, groups) = if grouped {
        args.push(group_step.into());
        ("conv_grouped", include_str!("../../../shaders/conv_grouped.wgsl"), call.linear(total, 64))
    } else {
        ("conv", include_str!("../../../shaders/conv.wgsl"), call.linear(core.tiles(pixels, outputs), 1))
    };
    args.extend(places.map(Word::from));
    let (source, filter, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
    let order = if output_step == 1 { Order::Columns.in_fours(outputs, filter) } else { Order::Rows.in_fours(inputs, filter) };
    let (left, right) = (operand(1, "source", Order::Columns.in_fours(inputs, source)), operand(2, "weights", order));
    let blocks = [("product", core.text), ("source", &*left), ("weights", &*right)];
    call.dispatch_last(name, shader, if grouped { &[] } else { &blocks }, &args, &[source, filter], &[output], groups)
}

/// The gradient of the filter, and of a bias where there is a second output: partial sums over chunks of output lines where there are few tiles, then their sum.
pub(super) fn filter_gradient(call: &mut GpuCall, conv: &Conv2d) -> Result<()> {
    let (source, upstream, output) = (&call.inputs[0], &call.inputs[1], &call.outputs[0]);
    let (inputs, outputs, size) = (conv.c / conv.groups, conv.k / conv.groups, output.size());
    let (grouped, taps, core) = (conv.groups > 1, conv.kh * conv.kw, Core::of(call.caps));
    let [rows, columns] = conv.axes();
    let lines = conv.n * conv.oh;
    let bias = call.outputs.get(1);
    // A row of ones gives the bias.
    let filter_rows = taps * inputs.next_multiple_of(4) + if bias.is_some() { 4 } else { 0 };
    let tiles = if grouped { size.div_ceil(64) } else { core.tiles(filter_rows, outputs) };
    let wanted = if call.caps.kind == AdapterKind::Cpu { SOFTWARE_THREADS } else { TILES }.div_ceil(tiles.max(1));
    let chunk = lines.div_ceil(wanted.clamp(1, (PARTIAL_VALUES / size.max(1)).max(1))).max(1);
    let chunks = lines.div_ceil(chunk).max(1);
    let targets: Vec<Arg> = (call.outputs.iter())
        .map(|output| if chunks > 1 { call.scratch(DType::F32, [chunks, output.size()]) } else { output.clone() })
        .collect();

    let mut args: Vec<Word> = if grouped { vec![(chunks * size).into(), conv.groups.into()] } else { vec![taps.into()] };
    args.extend([inputs, outputs, rows.outputs, columns.outputs, rows.source, columns.source, columns.taps].map(Word::from));
    args.extend([rows.step, columns.step].map(Word::from));
    args.extend([rows.offset, columns.offset].map(Word::from));
    args.extend([rows.offset_step, columns.offset_step, lines, chunk].map(Word::from));
    let (kernel, groups) = if grouped {
        args.push(size.into());
        let kernel = compose("conv_grouped_filter", include_str!("../../../shaders/conv_grouped_filter.wgsl"), &[])?;
        (kernel, call.linear(chunks * size, 64))
    } else {
        args.push(chunks.into());
        let left = operand(1, "source", Order::Columns.in_fours(inputs, source));
        let right = operand(2, "upstream", Order::Columns.in_fours(outputs, upstream));
        let blocks = [("product", core.text), ("source", &*left), ("upstream", &*right), ("sums", SUMS)];
        let blocks = &blocks[..3 + usize::from(bias.is_some())];
        (compose("conv_filter", include_str!("../../../shaders/conv_filter.wgsl"), blocks)?, call.linear(tiles * chunks, 1))
    };
    call.dispatch(kernel, &args, &[source, upstream], &targets.iter().collect::<Vec<_>>(), groups);
    if chunks > 1 {
        let kernel = compose("conv_sum", include_str!("../../../shaders/conv_sum.wgsl"), &[])?;
        for (partial, output) in targets.iter().zip(call.outputs) {
            let size = output.size();
            call.dispatch(kernel.clone(), &[size.into(), chunks.into()], &[partial], &[output], call.linear(size, 64));
        }
    }
    Ok(())
}
