//! The contract that every layer keeps, as a table: shapes, parameters, GPU beside CPU, a step that lowers a loss, frozen layers.

#[path = "layers/augmentation.rs"]
mod augmentation;
#[path = "layers/further.rs"]
mod further;
#[path = "layers/preprocessing.rs"]
mod preprocessing;
mod support;

use wgrad::{layers::DataFormat::ChannelsFirst, prelude::*};

/// A layer, an input (batch included), what comes out, and how many parameters it has, trained ones first.
struct Row {
    name: &'static str,
    layer: fn() -> LayerRef,
    input: &'static [usize],
    output: &'static [usize],
    parameters: (usize, usize),
}

fn rows() -> Vec<Row> {
    let row = |name, layer, input, output, parameters| Row { name, layer, input, output, parameters };
    vec![
        row("Dense", || Dense::new(5).activation(Relu).shared(), &[4, 3], &[4, 5], (20, 0)),
        row("Dense of sequences", || Dense::new(5).use_bias(false).shared(), &[2, 7, 3], &[2, 7, 5], (15, 0)),
        row("Dense softmax", || Dense::new(5).activation(Softmax).shared(), &[4, 3], &[4, 5], (20, 0)),
        row("Conv2D", || Conv2D::new(4, 3).activation(Tanh).shared(), &[2, 8, 7, 3], &[2, 6, 5, 4], (112, 0)),
        row("Conv2D same", || Conv2D::new(4, (3, 5)).strides(2).padding(Same).shared(), &[2, 8, 7, 3], &[2, 4, 4, 4], (184, 0)),
        row(
            "Conv2D groups",
            || Conv2D::new(4, 3).groups(2).dilation_rate(2).use_bias(false).shared(),
            &[2, 8, 7, 6],
            &[2, 4, 3, 4],
            (108, 0),
        ),
        row("Conv1D", || Conv1D::new(4, 3).strides(2).shared(), &[2, 9, 3], &[2, 4, 4], (40, 0)),
        row("Conv1D causal", || Conv1D::new(4, 3).padding(Causal).dilation_rate(2).shared(), &[2, 9, 3], &[2, 9, 4], (40, 0)),
        row("Conv1D channels first", || Conv1D::new(4, 3).data_format(ChannelsFirst).shared(), &[2, 3, 9], &[2, 4, 7], (40, 0)),
        row("Conv3D", || Conv3D::new(4, 2).strides((2, 1, 1)).padding(Same).shared(), &[2, 4, 5, 3, 3], &[2, 2, 5, 3, 4], (100, 0)),
        row("Conv1DTranspose", || Conv1DTranspose::new(4, 3).strides(2).shared(), &[2, 5, 3], &[2, 11, 4], (40, 0)),
        row(
            "Conv2DTranspose",
            || Conv2DTranspose::new(4, 3).strides(2).padding(Same).output_padding(0).activation(Tanh).shared(),
            &[2, 4, 3, 3],
            &[2, 7, 5, 4],
            (112, 0),
        ),
        row("Conv3DTranspose", || Conv3DTranspose::new(2, 2).strides(2).shared(), &[1, 2, 3, 2, 3], &[1, 4, 6, 4, 2], (50, 0)),
        row("DepthwiseConv1D", || DepthwiseConv1D::new(3).depth_multiplier(2).shared(), &[2, 9, 3], &[2, 7, 6], (24, 0)),
        row("DepthwiseConv2D", || DepthwiseConv2D::new(3).padding(Same).strides(2).shared(), &[2, 8, 7, 3], &[2, 4, 4, 3], (30, 0)),
        row("SeparableConv1D", || SeparableConv1D::new(4, 3).padding(Same).shared(), &[2, 9, 3], &[2, 9, 4], (25, 0)),
        row("SeparableConv2D", || SeparableConv2D::new(4, 3).depth_multiplier(2).shared(), &[2, 8, 7, 3], &[2, 6, 5, 4], (82, 0)),
        row("MaxPooling1D", || MaxPooling1D::new(3).strides(2).shared(), &[2, 9, 3], &[2, 4, 3], (0, 0)),
        row("MaxPooling3D", || MaxPooling3D::new(2).padding(Same).shared(), &[2, 5, 4, 3, 3], &[2, 3, 2, 2, 3], (0, 0)),
        row("AveragePooling1D", || AveragePooling1D::new(2).data_format(ChannelsFirst).shared(), &[2, 3, 9], &[2, 3, 4], (0, 0)),
        row("AveragePooling3D", || AveragePooling3D::new([2, 1, 3]).shared(), &[2, 5, 4, 3, 3], &[2, 2, 4, 1, 3], (0, 0)),
        row("AdaptiveMaxPooling1D", || AdaptiveMaxPooling1D::new(4).shared(), &[2, 9, 3], &[2, 4, 3], (0, 0)),
        row("AdaptiveMaxPooling2D", || AdaptiveMaxPooling2D::new([3, 2]).shared(), &[2, 7, 6, 3], &[2, 3, 2, 3], (0, 0)),
        row("AdaptiveMaxPooling3D", || AdaptiveMaxPooling3D::new(2).shared(), &[2, 5, 4, 3, 3], &[2, 2, 2, 2, 3], (0, 0)),
        row("AdaptiveAveragePooling1D", || AdaptiveAveragePooling1D::new(4).shared(), &[2, 9, 3], &[2, 4, 3], (0, 0)),
        row(
            "AdaptiveAveragePooling2D",
            || AdaptiveAveragePooling2D::new(3).data_format(ChannelsFirst).shared(),
            &[2, 3, 7, 6],
            &[2, 3, 3, 3],
            (0, 0),
        ),
        row("AdaptiveAveragePooling3D", || AdaptiveAveragePooling3D::new([3, 2, 1]).shared(), &[2, 5, 4, 3, 3], &[2, 3, 2, 1, 3], (0, 0)),
        row("GlobalAveragePooling1D", || GlobalAveragePooling1D::new().keepdims(true).shared(), &[2, 7, 3], &[2, 1, 3], (0, 0)),
        row("GlobalAveragePooling3D", || GlobalAveragePooling3D::new().shared(), &[2, 3, 4, 2, 3], &[2, 3], (0, 0)),
        row("GlobalMaxPooling1D", || GlobalMaxPooling1D::new().data_format(ChannelsFirst).shared(), &[2, 3, 7], &[2, 3], (0, 0)),
        row("GlobalMaxPooling3D", || GlobalMaxPooling3D::new().keepdims(true).shared(), &[2, 3, 4, 2, 3], &[2, 1, 1, 1, 3], (0, 0)),
        row("UpSampling1D", || UpSampling1D::new(3).shared(), &[2, 4, 3], &[2, 12, 3], (0, 0)),
        row("UpSampling2D", || UpSampling2D::new((2, 3)).shared(), &[2, 4, 3, 3], &[2, 8, 9, 3], (0, 0)),
        row(
            "UpSampling2D bilinear",
            || UpSampling2D::new(2).interpolation(Interpolation::Bilinear).data_format(ChannelsFirst).shared(),
            &[2, 3, 4, 3],
            &[2, 3, 8, 6],
            (0, 0),
        ),
        row("UpSampling3D", || UpSampling3D::new((2, 1, 2)).shared(), &[1, 2, 3, 2, 3], &[1, 4, 3, 4, 3], (0, 0)),
        row("ZeroPadding1D", || ZeroPadding1D::new((1, 2)).shared(), &[2, 4, 3], &[2, 7, 3], (0, 0)),
        row("ZeroPadding2D", || ZeroPadding2D::new([1, 2]).data_format(ChannelsFirst).shared(), &[2, 3, 4, 3], &[2, 3, 6, 7], (0, 0)),
        row("ZeroPadding3D", || ZeroPadding3D::new([(1, 0), (0, 2), (1, 1)]).shared(), &[2, 3, 2, 3, 3], &[2, 4, 4, 5, 3], (0, 0)),
        row("Cropping1D", || Cropping1D::new((1, 2)).shared(), &[2, 6, 3], &[2, 3, 3], (0, 0)),
        row("Cropping2D", || Cropping2D::new([(1, 0), (2, 1)]).shared(), &[2, 5, 6, 3], &[2, 4, 3, 3], (0, 0)),
        row("Cropping3D", || Cropping3D::new(1).data_format(ChannelsFirst).shared(), &[2, 2, 4, 5, 3], &[2, 2, 2, 3, 1], (0, 0)),
        row("MaxPooling2D", || MaxPooling2D::new(2).shared(), &[2, 7, 6, 3], &[2, 3, 3, 3], (0, 0)),
        row("MaxPooling2D same", || MaxPooling2D::new(3).strides(2).padding(Same).shared(), &[2, 7, 6, 3], &[2, 4, 3, 3], (0, 0)),
        row("AveragePooling2D", || AveragePooling2D::new([2, 3]).shared(), &[2, 7, 6, 3], &[2, 3, 2, 3], (0, 0)),
        row("AveragePooling2D same", || AveragePooling2D::new(2).padding(Same).shared(), &[2, 7, 6, 3], &[2, 4, 3, 3], (0, 0)),
        row("GlobalAveragePooling2D", || GlobalAveragePooling2D::new().shared(), &[2, 7, 6, 3], &[2, 3], (0, 0)),
        row(
            "GlobalAveragePooling2D keepdims",
            || GlobalAveragePooling2D::new().keepdims(true).shared(),
            &[2, 7, 6, 3],
            &[2, 1, 1, 3],
            (0, 0),
        ),
        row("GlobalMaxPooling2D", || GlobalMaxPooling2D::new().shared(), &[2, 7, 6, 3], &[2, 3], (0, 0)),
        row("Flatten", || Flatten::new().shared(), &[2, 3, 4], &[2, 12], (0, 0)),
        row("Flatten of scalars", || Flatten::new().shared(), &[2], &[2, 1], (0, 0)),
        row("Reshape", || Reshape::new([-1, 2, 2]).shared(), &[2, 3, 4], &[2, 3, 2, 2], (0, 0)),
        row("Dropout", || Dropout::new(0.4).shared(), &[6, 50], &[6, 50], (0, 0)),
        row("BatchNormalization", || BatchNormalization::new().shared(), &[4, 5, 6, 3], &[4, 5, 6, 3], (6, 6)),
        row("BatchNormalization of rows", || BatchNormalization::new().scale(false).shared(), &[8, 3], &[8, 3], (3, 6)),
        row("BatchNormalization axis 1", || BatchNormalization::new().axis(1).center(false).shared(), &[4, 5, 3], &[4, 5, 3], (5, 10)),
        row("LayerNormalization", || LayerNormalization::new().shared(), &[4, 5, 6], &[4, 5, 6], (12, 0)),
        row("LayerNormalization axes", || LayerNormalization::new().axis([1, 2]).center(false).shared(), &[4, 5, 6], &[4, 5, 6], (30, 0)),
        row("Activation", || Activation::new(Gelu).shared(), &[4, 5], &[4, 5], (0, 0)),
        row("Rescaling", || Rescaling::new(0.5).offset(-1.0).shared(), &[4, 5], &[4, 5], (0, 0)),
        row("SimpleRNN", || SimpleRNN::new(4).shared(), &[3, 5, 2], &[3, 4], (28, 0)),
        row("SimpleRNN backwards", || SimpleRNN::new(4).go_backwards(true).use_bias(false).shared(), &[3, 5, 2], &[3, 4], (24, 0)),
        row("LSTM", || LSTM::new(4).return_sequences(true).shared(), &[3, 5, 2], &[3, 5, 4], (112, 0)),
        row("LSTM step by step", || LSTM::new(4).activation(Softsign).shared(), &[3, 5, 2], &[3, 4], (112, 0)),
        row("GRU", || GRU::new(4).shared(), &[3, 5, 2], &[3, 4], (96, 0)),
        row("GRU resets before", || GRU::new(4).reset_after(false).return_sequences(true).shared(), &[3, 5, 2], &[3, 5, 4], (84, 0)),
        row(
            "RNN of stacked cells",
            || RNN::new(StackedRNNCells::new([LSTMCell::new(4).shared(), SimpleRNNCell::new(3).shared()])).shared(),
            &[3, 5, 2],
            &[3, 3],
            (136, 0),
        ),
        row("Bidirectional", || Bidirectional::new(GRU::new(4).return_sequences(true)).shared(), &[3, 5, 2], &[3, 5, 8], (192, 0)),
        row("Bidirectional sum", || Bidirectional::new(LSTM::new(4)).merge_mode(MergeMode::Sum).shared(), &[3, 5, 2], &[3, 4], (224, 0)),
        row("TimeDistributed", || TimeDistributed::new(Dense::new(3)).shared(), &[2, 4, 5], &[2, 4, 3], (18, 0)),
        row("ConvLSTM1D", || ConvLSTM1D::new(3, 2).strides(2).shared(), &[2, 3, 6, 2], &[2, 3, 3], (132, 0)),
        row(
            "ConvLSTM2D",
            || ConvLSTM2D::new(2, 3).padding(Same).return_sequences(true).shared(),
            &[2, 3, 4, 4, 1],
            &[2, 3, 4, 4, 2],
            (224, 0),
        ),
        row("ConvLSTM3D", || ConvLSTM3D::new(2, 2).shared(), &[2, 2, 3, 3, 3, 1], &[2, 2, 2, 2, 2], (200, 0)),
    ]
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Numbers from -1 to 1 without a pattern, none of them equal.
fn numbers(shape: &[usize]) -> Result<Tensor> {
    let size = shape.iter().product::<usize>();
    let values: Vec<f32> = (0..size).map(|i| (i * 7919 % 10_007) as f32 / 5003.5 - 1.0).collect();
    Tensor::from_slice(&values, shape)
}

/// The layer by itself in a model, with weights of one seed on every device.
fn model(row: &Row) -> Result<Model> {
    Seed(3).scope(|| Sequential::new().add(Input::new(&row.input[1..])).add((row.layer)()).build())
}

/// A loss that is no symmetric function of the output.
fn loss(y: &Tensor) -> Result<Tensor> {
    Ok((y.cast(DType::F32) - numbers(y.shape())? * 0.5f32).square().mean(&[]))
}

fn shapes_and_parameters(row: &Row) -> Result<(), String> {
    let model = model(row).map_err(text)?;
    for training in [Training::No, Training::Yes] {
        let y = model.call(&numbers(row.input).map_err(text)?, training).map_err(text)?;
        assert_eq!(y.shape()[..], *row.output, "{training:?}");
        assert!(y.to_vec::<f32>().map_err(text)?.iter().all(|y| y.is_finite()));
    }
    let size = |variables: Vec<Variable>| variables.iter().map(|variable| variable.spec().size()).sum::<usize>();
    let (all, trained) = (size(model.variables()), size(model.trainable_variables()));
    assert_eq!((trained, all - trained), row.parameters);
    assert_eq!(model.count_params(), all);
    let mut samples = row.input.to_vec();
    samples[0] = 1;
    let one = model.call(&numbers(&samples).map_err(text)?, Training::No).map_err(text)?;
    assert_eq!(one.shape()[1..], row.output[1..], "a batch of one");
    Ok(())
}

/// Outputs, input gradient and weight gradients, in prediction and in training.
fn results(row: &Row) -> Result<Vec<Vec<f32>>> {
    let mut out = Vec::new();
    for training in [Training::No, Training::Yes] {
        let (model, x) = (model(row)?, numbers(row.input)?);
        let tape = GradientTape::persistent();
        tape.watch(&x);
        let y = model.call(&x, training)?;
        let loss = loss(&y)?;
        let input = tape.gradient(&loss, &[&x])?;
        let weights = tape.gradient(&loss, &model.trainable_variables())?;
        assert_eq!(y.dtype(), Policy::current().compute_dtype());
        out.push(y.cast(DType::F32).to_vec()?);
        for gradient in input.into_iter().chain(weights) {
            out.push(gradient.expect("everything has a gradient").to_vec()?);
        }
        for variable in model.variables() {
            out.push(variable.value().to_vec()?);
        }
    }
    Ok(out)
}

fn the_cpu_gives_the_same(row: &Row) -> Result<(), String> {
    let found = results(row).map_err(text)?;
    let expected = Device::cpu().scope(|| results(row)).map_err(text)?;
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let scale = expected.iter().fold(1.0, |scale, x| f32::max(scale, x.abs()));
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 5e-5 * scale, "result {at}: off by {worst}, of {scale}");
    }
    Ok(())
}

fn policies_give_nearly_the_same(row: &Row) -> Result<(), String> {
    let expected = results(row).map_err(text)?;
    for (policy, tolerance) in [(Policy::MixedFloat16, 1e-2), (Policy::MixedBfloat16, 6e-2)] {
        let found = policy.scope(|| results(row)).map_err(text)?;
        assert_eq!(found.len(), expected.len());
        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let scale = expected.iter().fold(1.0, |scale, x| f32::max(scale, x.abs()));
            let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= tolerance * scale, "{policy}, result {at}: off by {worst}, of {scale}");
        }
    }
    Ok(())
}

fn a_step_lowers_the_loss(row: &Row) -> Result<(), String> {
    let run = || -> Result<(f32, f32)> {
        let (model, x) = (model(row)?, numbers(row.input)?);
        let variables = model.trainable_variables();
        // Both calls are of one step: what drops out is the same.
        let call = |x: &Tensor| model.layers()[0].call(&mut Call::new(Training::Yes, 3, 0), x);
        let (before, next) = {
            let tape = GradientTape::persistent();
            tape.watch(&x);
            let loss = loss(&call(&x)?)?;
            let gradients = tape.gradient(&loss, &variables)?;
            // A layer without weights learns through its input.
            let input = tape.gradient(&loss, &[&x])?.swap_remove(0).expect("the input has a gradient");
            let next = if variables.is_empty() { &x - input } else { x.clone() };
            next.compute()?;
            let before = loss.item::<f32>()?;
            if !variables.is_empty() {
                SGD::new(0.05).apply(&gradients, &variables)?;
            }
            (before, next)
        };
        Ok((before, loss(&call(&next)?)?.item()?))
    };
    let (before, after) = run().map_err(text)?;
    assert!(after < before, "the loss went from {before} to {after}");
    Ok(())
}

fn frozen_layers_stay(row: &Row) -> Result<(), String> {
    let run = || -> Result<()> {
        let (model, x) = (model(row)?, numbers(row.input)?);
        model.layers()[0].set_trainable(false);
        assert!(model.trainable_variables().is_empty());
        let values = || model.variables().iter().map(|variable| variable.value().to_vec::<f32>()).collect::<Result<Vec<_>>>();
        let before = values()?;
        let trained = model.call(&x, Training::Yes)?.to_vec::<f32>()?;
        assert_eq!(values()?, before);
        let class = model.layers()[0].class_name();
        let draws = ["Dropout", "Noise", "Random", "Mix", "Pipeline", "Beside"].iter().any(|part| class.contains(part));
        if !draws {
            assert_eq!(trained, model.call(&x, Training::No)?.to_vec::<f32>()?);
        }
        Ok(())
    };
    run().map_err(text)
}

fn dropout_scales_what_stays(_device: &Device) -> Result<(), String> {
    let run = || -> Result<()> {
        let x = Tensor::full([100, 100], 3.0f32);
        let call = |rate: f32, training| -> Result<Vec<f32>> {
            Seed(5).scope(|| Sequential::new().add(Input::new([100])).add(Dropout::new(rate)).build())?.call(&x, training)?.to_vec()
        };
        let dropped = call(0.25, Training::Yes)?;
        assert!(dropped.iter().all(|&y| y == 0.0 || (y - 4.0).abs() < 1e-6));
        let zeros = dropped.iter().filter(|&&y| y == 0.0).count();
        assert!((2300..2700).contains(&zeros), "{zeros} of 10000");
        assert_eq!(call(0.25, Training::Yes)?, dropped, "a seed and a step decide");
        for (rate, training, expected) in
            [(0.25, Training::No, 3.0), (0.0, Training::Yes, 3.0), (1.0, Training::Yes, 0.0), (1.0, Training::No, 3.0)]
        {
            assert!(call(rate, training)?.iter().all(|&y| y == expected), "rate {rate}, {training:?}");
        }
        Ok(())
    };
    run().map_err(text)
}

fn batch_normalization_moves_its_statistics(_device: &Device) -> Result<(), String> {
    let run = || -> Result<()> {
        let model = Sequential::new().add(Input::new([2])).add(BatchNormalization::new().momentum(0.9)).build()?;
        let x = Tensor::from([[1.0f32, 10.0], [3.0, 30.0]]);
        let y = model.call(&x, Training::Yes)?.to_vec::<f32>()?;
        let normal = |distance: f32, variance: f32| distance / (variance + 1e-3).sqrt();
        for (y, expected) in y.iter().zip([normal(-1.0, 1.0), normal(-10.0, 100.0), normal(1.0, 1.0), normal(10.0, 100.0)]) {
            assert!((y - expected).abs() < 1e-5, "{y}, expected {expected}");
        }
        let names: Vec<String> = model.variables().iter().map(|variable| variable.name().to_owned()).collect();
        assert_eq!(
            names.iter().map(|name| name.rsplit('/').next().unwrap_or_default()).collect::<Vec<_>>(),
            ["gamma", "beta", "moving_mean", "moving_variance"]
        );
        let moving: Vec<f32> = model.variables()[2..].iter().map(|v| v.value().to_vec::<f32>()).collect::<Result<Vec<_>>>()?.concat();
        for (found, expected) in moving.iter().zip([0.2, 2.0, 1.0, 10.9]) {
            assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
        }
        let y = model.call(&x, Training::No)?.to_vec::<f32>()?;
        assert!((y[1] - 8.0 / 10.901f32.sqrt()).abs() < 1e-5, "{y:?}");
        Ok(())
    };
    run().map_err(text)
}

fn wrong_inputs_are_explained(_device: &Device) -> Result<(), String> {
    type Case = (LayerRef, &'static [usize], &'static str);
    let cases: Vec<Case> = vec![
        (Dense::new(3).shared(), &[], "expected (N, ..., D), got (None,); add an axis for the features"),
        (Conv2D::new(3, 3).shared(), &[8, 8], "expected (N, H, W, C), got (None, 8, 8); images have an axis of channels"),
        (Conv2D::new(4, 3).groups(3).shared(), &[8, 8, 4], "3 groups must divide the 4 filters and the input's 4 channels"),
        (Conv2D::new(4, 3).strides(2).dilation_rate(2).shared(), &[8, 8, 4], "only one of them may be above 1"),
        (Conv2D::new(4, 3).padding(Causal).shared(), &[8, 8, 4], "causal padding is for Conv1D"),
        (Conv2D::new(4, 9).shared(), &[8, 8, 4], "spans 9 x 9, but the input (None, 8, 8, 4) has only 8 x 8 positions"),
        (Conv2D::new(0, 3).shared(), &[8, 8, 4], "must be at least 1"),
        (Conv1D::new(4, 3).shared(), &[8], "expected (N, T, C), got (None, 8); sequences have an axis of channels"),
        (Conv3D::new(4, 3).data_format(ChannelsFirst).shared(), &[3, 8, 8], "expected (N, C, D, H, W), got (None, 3, 8, 8); volumes"),
        (Conv2DTranspose::new(4, 3).output_padding(1).shared(), &[8, 8, 4], "the output padding less than the strides"),
        (DepthwiseConv2D::new(3).depth_multiplier(0).shared(), &[8, 8, 4], "depth_multiplier 0 must be at least 1"),
        (AdaptiveMaxPooling2D::new(0).shared(), &[8, 8, 4], "output size [0, 0]"),
        (UpSampling2D::new(0).shared(), &[8, 8, 4], "size [0, 0] must be at least 1"),
        (Cropping2D::new([4, 0]).shared(), &[8, 8, 4], "cropping (4, 4) leaves nothing of axis 1 of the input (None, 8, 8, 4)"),
        (MaxPooling2D::new(2).shared(), &[8], "expected (N, H, W, C), got (None, 8)"),
        (AveragePooling2D::new(9).shared(), &[8, 8, 4], "the window [9, 9] spans 9 x 9"),
        (GlobalMaxPooling2D::new().shared(), &[8], "expected (N, H, W, C), got (None, 8)"),
        (Reshape::new([5]).shared(), &[8], "target_shape [5] does not fit a sample of input (None, 8), which has 8 elements"),
        (Reshape::new([-1, -1]).shared(), &[8], "at most one is -1"),
        (Dropout::new(1.5).shared(), &[8], "rate is a share from 0 to 1, got 1.5"),
        (BatchNormalization::new().axis(4).shared(), &[8], "axis 4 is outside of shape (None, 8)"),
        (LayerNormalization::new().axis([]).shared(), &[8], "axis names no axis"),
        (LSTM::new(3).shared(), &[8], "expected (N, T, ...), got (None, 8); add an axis for the features"),
        (LSTM::new(0).shared(), &[8, 2], "units must be at least 1, got 0"),
        (GRU::new(3).shared(), &[8, 2, 2], "expected (N, D) for each step, got (None, 2, 2)"),
        (RNN::new(Dense::new(3)).shared(), &[8, 2], "Dense is no cell of a recurrent layer"),
        (ConvLSTM2D::new(3, 3).shared(), &[8, 2], "expected (N, space..., C) of 4 axes for each step, got (None, 2)"),
        (TimeDistributed::new(Dense::new(3)).shared(), &[8], "expected (N, T, ...) of at least three axes, got (None, 8)"),
    ];
    for (layer, sample, expected) in
        cases.into_iter().chain(further::wrong_inputs()).chain(preprocessing::wrong_inputs()).chain(augmentation::wrong_inputs())
    {
        // The layer itself, or the one inside.
        let classes: Vec<_> =
            std::iter::once(layer.class_name()).chain(layer.children().iter().map(|(_, inner)| inner.class_name())).collect();
        let error = Sequential::new().add(Input::new(sample)).add(layer).build().expect_err(expected).to_string();
        assert!(classes.iter().any(|class| error.contains(class)) && error.contains(expected), "{error}\n  expected: {expected}");
    }
    // A built layer, called with another input.
    for (layer, built, called) in [
        (Dense::new(3).shared(), &[4][..], &[2, 5][..]),
        (Conv2D::new(4, 3).groups(2).shared(), &[8, 8, 4], &[2, 8, 8, 2]),
        (Conv1D::new(3, 3).shared(), &[8, 4], &[2, 8, 5]),
        (BatchNormalization::new().shared(), &[8, 4], &[2, 8, 5]),
        (LayerNormalization::new().shared(), &[8, 4], &[2, 8, 5]),
    ] {
        let _model = Sequential::new().add(Input::new(built)).add(layer.clone()).build().map_err(text)?;
        let error = layer.call(&mut Call::new(Training::No, 0, 0), &Tensor::zeros(called)).expect_err("another input").to_string();
        assert!(error.contains("the layer was built for another input"), "{error}");
    }
    Ok(())
}

fn main() {
    type RowTest = fn(&Row) -> Result<(), String>;
    let by_row: [(&str, RowTest); 5] = [
        ("shapes and parameters", shapes_and_parameters),
        ("the CPU gives the same", the_cpu_gives_the_same),
        ("policies give nearly the same", policies_give_nearly_the_same),
        ("a step lowers the loss", a_step_lowers_the_loss),
        ("frozen layers stay", frozen_layers_stay),
    ];
    type Test = fn(&Device) -> Result<(), String>;
    let others: [(&str, Test); 4] = [
        ("numbers by hand", further::numbers_by_hand),
        ("dropout scales what stays", dropout_scales_what_stays),
        ("batch normalization moves its statistics", batch_normalization_moves_its_statistics),
        ("wrong inputs are explained", wrong_inputs_are_explained),
    ];
    let mut trials = Vec::new();
    for device in support::devices() {
        for (what, test) in by_row {
            if device.0 == "cpu" && what == "the CPU gives the same" {
                continue;
            }
            trials.extend(
                rows()
                    .into_iter()
                    .chain(further::rows())
                    .chain(preprocessing::rows())
                    .chain(augmentation::rows())
                    .map(|row| support::trial(&format!("{}: {what}", row.name), &device, move |_| test(&row))),
            );
        }
        trials.extend(others.iter().map(|&(name, test)| support::trial(name, &device, test)));
    }
    support::run(trials, false)
}
