//! Functions of neural networks: softmax, pooling, convolution, normalization, attention, losses.

use super::{
    arguments::Arguments,
    shapes::channels_last,
    table::{NN, Row, row, several},
};
use crate::{
    DType, Result, Shape, Tensor,
    config::Json,
    losses::ctc_loss,
    ops::{
        ConvOptions, Padding, Patches, binary_crossentropy, categorical_crossentropy, dot_product_attention,
        sparse_categorical_crossentropy,
    },
};

const X: &[&str] = &["x"];
const POOL: &str = "pool_size strides=null padding=valid data_format=null";
const CONV: &str = "strides=1 padding=valid data_format=null dilation_rate=1";

pub(super) static ROWS: &[Row] = &[
    row(NN, "Glu", X, "axis=-1", |a| Ok(a.float("x")?.glu(a.option("axis")?))),
    row(NN, "Softmax", X, "axis=-1", |a| softmax(a, Tensor::softmax)),
    row(NN, "LogSoftmax", X, "axis=-1", |a| softmax(a, Tensor::log_softmax)),
    row(NN, "Sparsemax", X, "axis=-1", |a| softmax(a, Tensor::sparsemax)),
    row(NN, "MaxPool", &["inputs"], POOL, |a| pool(a, Tensor::max_pool)),
    row(NN, "AveragePool", &["inputs"], POOL, |a| pool(a, Tensor::average_pool)),
    row(NN, "AdaptiveMaxPool", &["inputs"], "output_size data_format=null", |a| adaptive(a, Tensor::adaptive_max_pool)),
    row(NN, "AdaptiveAveragePool", &["inputs"], "output_size data_format=null", |a| adaptive(a, Tensor::adaptive_average_pool)),
    row(NN, "Conv", &["inputs", "kernel"], CONV, |a| {
        let filter = a.float("kernel")?;
        convolve(a, |x, options| {
            let (channels, own) = (x.shape().last().copied().unwrap_or(1), filter.shape().iter().rev().nth(1).copied().unwrap_or(1));
            x.conv(&filter, &ConvOptions { groups: (channels / own.max(1)).max(1), ..*options })
        })
    }),
    row(NN, "DepthwiseConv", &["inputs", "kernel"], CONV, |a| {
        let filter = a.float("kernel")?;
        convolve(a, |x, options| x.depthwise_conv(&filter, options))
    }),
    row(NN, "SeparableConv", &["inputs", "depthwise_kernel", "pointwise_kernel"], CONV, |a| {
        let (depthwise, pointwise) = (a.float("depthwise_kernel")?, a.float("pointwise_kernel")?);
        convolve(a, |x, options| x.separable_conv(&depthwise, &pointwise, options))
    }),
    row(NN, "ConvTranspose", &["inputs", "kernel"], "strides=1 padding=valid output_padding=null data_format=null dilation_rate=1", |a| {
        let (filter, extra) = (a.float("kernel")?, a.json("output_padding"));
        let extra = if extra.is_null() { None } else { Some(a.sizes("output_padding")?) };
        convolve(a, |x, options| x.conv_transpose(&filter, options, extra.as_deref()))
    }),
    row(NN, "BinaryCrossentropy", &["target", "output"], "from_logits=false", |a| {
        Ok(binary_crossentropy(&a.float("target")?, &a.float("output")?, a.flag("from_logits")?))
    }),
    row(NN, "CategoricalCrossentropy", &["target", "output"], "from_logits=false axis=-1", |a| {
        let [target, output] = classes_last(a)?;
        Ok(categorical_crossentropy(&target, &output, a.flag("from_logits")?))
    }),
    row(NN, "SparseCategoricalCrossentropy", &["target", "output"], "from_logits=false axis=-1", |a| {
        let (target, output) = (a.tensor("target")?.cast(DType::I32), a.float("output")?);
        // Targets may have an axis of size one where the classes are.
        let target = if target.rank() == output.rank() { target.squeeze(&[-1]) } else { target };
        Ok(sparse_categorical_crossentropy(&target, &output.move_axes(&[a.option("axis")?], &[-1]), a.flag("from_logits")?))
    }),
    row(NN, "BatchNorm", &["x", "mean", "variance", "offset", "scale"], "axis epsilon=0.001", |a| {
        let x = a.float("x")?;
        let optional = |name: &str| Ok::<_, crate::Error>(a.optional(name)?.map(|weight| weight.cast(x.dtype())));
        let (mean, variance, offset, scale) = (a.float("mean")?, a.float("variance")?, optional("offset")?, optional("scale")?);
        Ok(x.batch_normalization(&mean, &variance, a.option("axis")?, scale.as_ref(), offset.as_ref(), a.option("epsilon")?))
    }),
    row(NN, "Normalize", X, "axis=-1 order=2 epsilon=null", |a| {
        let (x, order) = (a.float("x")?, a.option::<i32>("order")?);
        let (axes, epsilon) = (a.integers("axis")?.unwrap_or_default(), a.option::<Option<f32>>("epsilon")?.unwrap_or(1e-7));
        if order < 1 {
            return Err(a.error(format_args!("order is a whole number from 1 on, not {order}")));
        }
        if order == 2 {
            let sum = x.square().sum(&axes).keep_dims(x.shape(), &axes);
            return Ok(&x * sum.rsqrt().minimum(1.0 / epsilon));
        }
        let size = if order == 1 { x.abs() } else { x.abs().pow(order) };
        let sum = size.sum(&axes).keep_dims(x.shape(), &axes);
        let norm = if order == 1 { sum } else { sum.pow(1.0 / order as f32) };
        Ok(&x / norm.maximum(epsilon))
    }),
    row(NN, "PSNR", &["x1", "x2"], "max_val", |a| {
        let (x, y) = a.pair()?;
        let error = (x - y).square().mean(&[]);
        Ok((20.0 * a.option::<f32>("max_val")?.log10()) - error.log10() * 10.0)
    }),
    row(
        NN,
        "DotProductAttention",
        &["query", "key", "value", "bias", "mask", "scale"],
        "is_causal=false flash_attention=null attn_logits_soft_cap=null",
        |a| {
            if !a.json("attn_logits_soft_cap").is_null() {
                return Err(a.error("attn_logits_soft_cap exists on TPUs only"));
            }
            let inputs = a.promoted(&["query", "key", "value"], None)?;
            let (bias, mask, scale) = (a.optional("bias")?, a.optional("mask")?.map(|mask| mask.cast(DType::Bool)), a.optional("scale")?);
            dot_product_attention([&inputs[0], &inputs[1], &inputs[2]], bias.as_ref(), mask.as_ref(), scale.as_ref(), a.flag("is_causal")?)
        },
    ),
    row(NN, "RMSNorm", &["x", "scale"], "axis=-1 epsilon=null", |a| {
        let (x, scale) = (a.float("x")?, a.optional("scale")?);
        let mean = x.square().mean(&axes(a)?).keep_dims(x.shape(), &axes(a)?);
        let y = &x * (mean + epsilon(a)?).rsqrt();
        Ok(scale.map_or(y.clone(), |scale| y * scale.cast(x.dtype())))
    }),
    row(NN, "LayerNorm", &["x", "gamma", "beta"], "axis=-1 epsilon=null rms_scaling=false", layer_norm),
    row(NN, "Unfold", X, "kernel_size dilation=1 padding=0 stride=1", |a| a.x()?.unfold(&patches(a)?)),
    row(NN, "Fold", X, "output_size kernel_size dilation=1 padding=0 stride=1", |a| a.x()?.fold(pair(a, "output_size")?, &patches(a)?)),
    row(NN, "CTCLoss", &["target", "output", "target_length", "output_length"], "mask_index=0", |a| {
        let lengths = [a.tensor("target_length")?.cast(DType::I32), a.tensor("output_length")?.cast(DType::I32)];
        ctc_loss(&a.tensor("target")?.cast(DType::I32), &a.float("output")?, [&lengths[0], &lengths[1]], a.size("mask_index")?)
    }),
    several(
        NN,
        "CTCDecode",
        &["inputs", "sequence_lengths"],
        "strategy=greedy beam_width=100 top_paths=1 merge_repeated=true mask_index=0",
        greedy,
    ),
];

fn axes(a: &Arguments) -> Result<Vec<isize>> {
    Ok(a.integers("axis")?.unwrap_or_default())
}

fn epsilon(a: &Arguments) -> Result<f32> {
    Ok(a.option::<Option<f32>>("epsilon")?.unwrap_or(1e-7))
}

/// Along one axis, or over several taken together.
fn softmax(a: &Arguments, run: fn(&Tensor, isize) -> Tensor) -> Result<Tensor> {
    let x = a.float("x")?;
    match a.integers("axis")? {
        None => Ok(run(&x.reshape([x.size()]), 0).reshape(x.shape())),
        Some(axes) if axes.len() == 1 => Ok(run(&x, axes[0])),
        Some(axes) => {
            let places: Vec<isize> = (-(axes.len() as isize)..0).collect();
            let moved = x.move_axes(&axes, &places);
            let flat: Shape = moved.shape()[..x.rank() - axes.len()]
                .iter()
                .copied()
                .chain([axes.iter().map(|&axis| x.shape().axis(axis).map_or(1, |axis| x.shape()[axis])).product()])
                .collect();
            Ok(run(&moved.reshape(flat), -1).reshape(moved.shape()).move_axes(&places, &axes))
        }
    }
}

fn pool(a: &Arguments, run: impl Fn(&Tensor, &[usize], Option<&[usize]>, Padding) -> Result<Tensor>) -> Result<Tensor> {
    let strides = if a.json("strides").is_null() { None } else { Some(a.sizes("strides")?) };
    channels_last(a, &a.float("inputs")?, |x| run(x, &a.sizes("pool_size")?, strides.as_deref(), a.option("padding")?))
}

fn adaptive(a: &Arguments, run: fn(&Tensor, &[usize]) -> Result<Tensor>) -> Result<Tensor> {
    channels_last(a, &a.float("inputs")?, |x| {
        let sizes = a.sizes("output_size")?;
        let all = if sizes.len() == 1 { vec![sizes[0]; x.rank().saturating_sub(2)] } else { sizes };
        run(x, &all)
    })
}

fn convolve(a: &Arguments, run: impl Fn(&Tensor, &ConvOptions) -> Result<Tensor>) -> Result<Tensor> {
    let (strides, dilation) = (a.sizes("strides")?, a.sizes("dilation_rate")?);
    let padding = match a.json("padding") {
        Json::String(name) => a.option("padding").map_err(|_| a.error(format_args!("no such padding: {name}")))?,
        other => return Err(a.error(format_args!("padding is valid or same, not {other}"))),
    };
    let options = ConvOptions { strides: &strides, padding, dilation_rate: &dilation, groups: 1 };
    channels_last(a, &a.float("inputs")?, |x| run(x, &options))
}

/// Targets and outputs with the classes last.
fn classes_last(a: &Arguments) -> Result<[Tensor; 2]> {
    let axis = a.option("axis")?;
    Ok([a.float("target")?.move_axes(&[axis], &[-1]), a.float("output")?.move_axes(&[axis], &[-1])])
}

fn layer_norm(a: &Arguments) -> Result<Tensor> {
    let x = a.float("x")?;
    let (epsilon, reduced) = (epsilon(a)?, x.shape().axes(&axes(a)?)?);
    // Weights have the sizes of the axes, in order.
    let spread = |name: &str| {
        let weight = a.optional(name)?.map(|weight| weight.cast(x.dtype()));
        let shape: Shape = (0..x.rank()).map(|axis| if reduced.contains(&axis) { x.shape()[axis] } else { 1 }).collect();
        Ok::<_, crate::Error>(weight.map(|weight| if weight.size() == shape.size() { weight.reshape(shape) } else { weight }))
    };
    let (gamma, beta, axes) = (spread("gamma")?, spread("beta")?, axes(a)?);
    let (mean, variance) = x.moments(&axes);
    let variance = variance.keep_dims(x.shape(), &axes);
    if a.flag("rms_scaling")? {
        let y = &x * (variance + epsilon).rsqrt();
        return Ok(gamma.map_or(y.clone(), |gamma| y * gamma));
    }
    Ok(x.normalize(&mean.keep_dims(x.shape(), &axes), &variance, gamma.as_ref(), beta.as_ref(), epsilon))
}

/// One number or two.
fn pair(a: &Arguments, name: &str) -> Result<[usize; 2]> {
    match a.sizes(name)?[..] {
        [both] => Ok([both; 2]),
        [rows, columns] => Ok([rows, columns]),
        _ => Err(a.error(format_args!("{name} is one number or two"))),
    }
}

fn patches(a: &Arguments) -> Result<Patches> {
    let pair = |name: &str| pair(a, name);
    Ok(Patches { kernel_size: pair("kernel_size")?, dilation: pair("dilation")?, padding: pair("padding")?, stride: pair("stride")? })
}

/// The best class of each step, repetitions and blanks left out, -1 behind; and the score of the path.
fn greedy(a: &Arguments) -> Result<Vec<Tensor>> {
    if a.json("strategy") != "greedy" {
        return Err(a.error("of strategies greedy is known"));
    }
    let (x, lengths, blank) = (a.float("inputs")?, a.tensor("sequence_lengths")?.cast(DType::I32), a.size("mask_index")? as i32);
    let [n, steps, _] = x.shape()[..] else { return Err(a.misfit("expected (N, T, K) and (N,)")) };
    let best = x.argmax(-1);
    let places = best.ones_like().cumsum(-1) - 1;
    let inside = places.less(lengths.expand_dims(-1));
    let before = best.pad(&[(0, 0), (1, 0)], -1.0).at(&[crate::All, (..steps as isize).into()]);
    let fresh = best.not_equal(&before);
    let fresh = if a.flag("merge_repeated")? { fresh } else { fresh.logical_or(&fresh.logical_not()) };
    let kept = fresh.logical_and(&best.not_equal(blank)).logical_and(&inside);
    // What is kept moves to the front.
    let order = Tensor::where_(&kept, &places, &(&places + steps as i32)).argsort(-1);
    let moved = best.take_along_axis(&order, -1);
    let count = kept.cast(DType::I32).sum(&[-1]).expand_dims(-1);
    let labels = Tensor::where_(&places.less(count), &moved, &(moved.zeros_like() - 1));
    let score = Tensor::where_(&inside, &x.max(&[-1]), &x.max(&[-1]).zeros_like()).sum(&[-1]);
    Ok(vec![labels.reshape([1, n, steps]), -score.expand_dims(-1)])
}
