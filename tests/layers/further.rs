//! Rows of the table for layers between any axes, normalization, attention, noise, merging, and activations with options.

use super::Row;
use wgrad::{layers, prelude::*};

/// Calls a layer of two inputs with its own and a part of that turned around.
#[derive(Layer, Clone, Debug)]
#[layer(package = "tests")]
struct Twice {
    /// The layer of two inputs.
    #[layer(new)]
    inner: LayerRef,
}

impl SimpleLayer for Twice {
    fn call(&self, call: &mut Call, x: &Tensor) -> Result<Tensor> {
        let outputs = self.inner.call_all(call, &Inputs::new([x, &(x.flip(&[1]) * 0.5)]))?;
        Ok(outputs.tensors()[0].clone())
    }
}

fn twice(layer: impl Into<LayerRef>) -> LayerRef {
    Twice::new(layer).shared()
}

pub fn rows() -> Vec<Row> {
    let row = |name, layer, input, output, parameters| Row { name, layer, input, output, parameters };
    let heads: fn() -> LayerRef = || EinsumDense::new("abc,cde->abde", [2, 3]).bias_axes("de").activation(Tanh).shared();
    vec![
        row("EinsumDense", heads, &[2, 5, 4], &[2, 5, 2, 3], (30, 0)),
        row("EinsumDense of last axes", || EinsumDense::new("...x,xy->...y", [5]).shared(), &[2, 3, 4], &[2, 3, 5], (20, 0)),
        row("Masking", || Masking::new().shared(), &[2, 3, 4], &[2, 3, 4], (0, 0)),
        row("Identity", || Identity::new().shared(), &[2, 3], &[2, 3], (0, 0)),
        row("Permute", || Permute::new([2, 1]).shared(), &[2, 3, 4], &[2, 4, 3], (0, 0)),
        row("RepeatVector", || RepeatVector::new(3).shared(), &[2, 4], &[2, 3, 4], (0, 0)),
        row(
            "Flatten of first channels",
            || Flatten::new().data_format(layers::DataFormat::ChannelsFirst).shared(),
            &[2, 3, 4],
            &[2, 12],
            (0, 0),
        ),
        row("BatchNormalization renorm", || BatchNormalization::new().renorm(true).shared(), &[8, 3], &[8, 3], (6, 15)),
        row("LayerNormalization rms", || LayerNormalization::new().rms_scaling(true).shared(), &[4, 5, 6], &[4, 5, 6], (6, 0)),
        row("GroupNormalization", || GroupNormalization::new().groups(3).shared(), &[2, 3, 3, 6], &[2, 3, 3, 6], (12, 0)),
        row("GroupNormalization axis 1", || GroupNormalization::new().groups(2).axis(1).shared(), &[2, 4, 3, 3], &[2, 4, 3, 3], (8, 0)),
        row("SpectralNormalization", || SpectralNormalization::new(Dense::new(3)).shared(), &[4, 5], &[4, 3], (18, 3)),
        row("RMSNormalization", || RMSNormalization::new().shared(), &[4, 5, 6], &[4, 5, 6], (6, 0)),
        row("Attention", || twice(Attention::new().use_scale(true)), &[2, 4, 6], &[2, 4, 6], (1, 0)),
        row("Attention of sums", || twice(Attention::new().score_mode(layers::ScoreMode::Concat)), &[2, 4, 6], &[2, 4, 6], (1, 0)),
        row("AdditiveAttention", || twice(AdditiveAttention::new()), &[2, 4, 6], &[2, 4, 6], (6, 0)),
        row("MultiHeadAttention", || twice(MultiHeadAttention::new(2, 3).use_gate(true)), &[2, 4, 6], &[2, 4, 6], (210, 0)),
        row("MultiHeadAttention of planes", || twice(MultiHeadAttention::new(2, 3)), &[2, 2, 3, 4], &[2, 2, 3, 4], (118, 0)),
        row("GroupQueryAttention", || twice(GroupQueryAttention::new(3, 4, 2).sliding_window(2)), &[2, 4, 6], &[2, 4, 6], (246, 0)),
        row("Dropout of steps", || Dropout::new(0.4).noise_shape([None, Some(1)]).shared(), &[6, 50], &[6, 50], (0, 0)),
        row("SpatialDropout1D", || SpatialDropout1D::new(0.4).shared(), &[6, 5, 20], &[6, 5, 20], (0, 0)),
        row("SpatialDropout2D", || SpatialDropout2D::new(0.4).shared(), &[6, 2, 3, 20], &[6, 2, 3, 20], (0, 0)),
        row("SpatialDropout3D", || SpatialDropout3D::new(0.4).shared(), &[6, 2, 2, 2, 20], &[6, 2, 2, 2, 20], (0, 0)),
        row("GaussianNoise", || GaussianNoise::new(0.3).shared(), &[6, 50], &[6, 50], (0, 0)),
        row("GaussianDropout", || GaussianDropout::new(0.3).shared(), &[6, 50], &[6, 50], (0, 0)),
        row("AlphaDropout", || AlphaDropout::new(0.3).shared(), &[6, 50], &[6, 50], (0, 0)),
        row("ActivityRegularization", || ActivityRegularization::new().l2(0.1).shared(), &[4, 5], &[4, 5], (0, 0)),
        row("Add", || twice(Add::new()), &[2, 3, 4], &[2, 3, 4], (0, 0)),
        row("Subtract", || twice(Subtract::new()), &[2, 3, 4], &[2, 3, 4], (0, 0)),
        row("Multiply", || twice(Multiply::new()), &[2, 3, 4], &[2, 3, 4], (0, 0)),
        row("Average", || twice(Average::new()), &[2, 3, 4], &[2, 3, 4], (0, 0)),
        row("Maximum", || twice(Maximum::new()), &[2, 3, 4], &[2, 3, 4], (0, 0)),
        row("Minimum", || twice(Minimum::new()), &[2, 3, 4], &[2, 3, 4], (0, 0)),
        row("Concatenate", || twice(Concatenate::new()), &[2, 3, 4], &[2, 3, 8], (0, 0)),
        row("Dot", || twice(Dot::new(2).normalize(true)), &[2, 3, 4], &[2, 3, 3], (0, 0)),
        row("ReLU", || ReLU::new().max_value(0.5).negative_slope(0.1).shared(), &[4, 5], &[4, 5], (0, 0)),
        row("LeakyReLU", || LeakyReLU::new().shared(), &[4, 5], &[4, 5], (0, 0)),
        row("ELU", || ELU::new().alpha(0.5).shared(), &[4, 5], &[4, 5], (0, 0)),
        row("PReLU", || PReLU::new().alpha_initializer(Constant(0.2)).shared(), &[2, 3, 4], &[2, 3, 4], (12, 0)),
        row("PReLU shared", || PReLU::new().shared_axes([1]).shared(), &[2, 3, 4], &[2, 3, 4], (4, 0)),
        row("Softmax", || layers::Softmax::new().axis([1, 2]).shared(), &[2, 3, 4], &[2, 3, 4], (0, 0)),
    ]
}

/// Layers with inputs that are wrong for them, and what they say.
pub fn wrong_inputs() -> Vec<(LayerRef, &'static [usize], &'static str)> {
    vec![
        (EinsumDense::new("ab,bc->", [3]).shared(), &[8], "leaves a size of the kernel"),
        (EinsumDense::new("abc,cd->abd", [3]).shared(), &[8], "an input of 2 axes does not fit the equation"),
        (EinsumDense::new("ab,bc->ac", [3]).bias_axes("b").shared(), &[8], "bias_axes names 'b', which is no axis of the output"),
        (Embedding::new(0, 3).shared(), &[8], "must be at least 1"),
        (Permute::new([1, 3]).shared(), &[8, 8], "dims [1, 3] are no order of the axes 1 to 2"),
        (RepeatVector::new(2).shared(), &[8, 8], "expected (N, D), got (None, 8, 8)"),
        (GroupNormalization::new().groups(3).shared(), &[8], "3 groups do not divide the 8 channels"),
        (SpatialDropout2D::new(0.5).shared(), &[8], "expected 4 axes, got (None, 8)"),
        (GaussianNoise::new(-1.0).shared(), &[8], "stddev is a number from 0 to 1, got -1"),
        (GaussianDropout::new(1.0).shared(), &[8], "noise without end"),
        (AlphaDropout::new(0.5).noise_shape([3, 3]).shared(), &[8], "does not broadcast to input (None, 8)"),
        (ReLU::new().max_value(-1.0).shared(), &[8], "must not be negative"),
        (MultiHeadAttention::new(0, 3).shared(), &[8, 8], "must be at least 1"),
        (twice(MultiHeadAttention::new(2, 3).attention_axes([3])), &[8, 8], "they lie between the batch axis and the last one"),
        (twice(GroupQueryAttention::new(3, 4, 3)), &[8, 8], "num_key_value_heads 3 does not divide num_query_heads 4"),
        (Attention::new().shared(), &[8, 8], "expected query and value"),
        (twice(Attention::new()), &[8], "expected query (B, T, D)"),
        (SpectralNormalization::new(Flatten::new()).shared(), &[8], "Flatten has neither a kernel nor embeddings"),
        (Subtract::new().shared(), &[8], "expected two inputs, got 1"),
        (twice(Dot::new(0)), &[8], "name the batch axis"),
    ]
}

/// What layers do that the table does not show, by numbers worked out by hand.
pub fn numbers_by_hand(_device: &Device) -> Result<(), String> {
    let run = || -> Result<()> {
        an_embedding_goes_both_ways()?;
        noise_has_the_right_size()?;
        a_normalized_kernel_stays_so_in_training()?;
        masks_are_merged()
    };
    run().map_err(|error| error.to_string())
}

fn call(layer: &LayerRef, training: Training, inputs: &Inputs) -> Result<layers::Outputs> {
    layer.call_all(&mut Call::new(training, 5, 0), inputs)
}

fn an_embedding_goes_both_ways() -> Result<()> {
    let layer = ReversibleEmbedding::new(3, 2).mask_zero(true).logit_soft_cap(10.0).shared();
    let numbers = Tensor::from([[2, 0]]);
    call(&layer, Training::No, &Inputs::from(&numbers))?;
    layer.variables()[0].assign(&Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]))?;
    let outputs = call(&layer, Training::No, &Inputs::from(&numbers))?;
    assert_eq!(outputs.one()?.to_vec::<f32>()?, [5.0, 6.0, 1.0, 2.0]);
    assert_eq!(outputs.mask(0).expect("zeros are masked").to_vec::<bool>()?, [true, false]);
    let back = Inputs::from(&Tensor::from([[1.0f32, 1.0]])).with("reverse", Argument::Value(true.into()));
    let found = call(&layer, Training::No, &back)?.one()?.to_vec::<f32>()?;
    for (found, logit) in found.into_iter().zip([3.0f32, 7.0, 11.0]) {
        assert!((found - 10.0 * (logit / 10.0).tanh()).abs() < 1e-4, "{found} of {logit}");
    }
    Ok(())
}

fn noise_has_the_right_size() -> Result<()> {
    // Mean and standard deviation of what comes out of numbers of mean 0 and standard deviation 1.
    let x = wgrad::random::normal(&wgrad::random::RandomKey { seed: 1, stream: 2, step: 3 }, [200, 100], 0.0, 1.0);
    for (layer, mean, deviation) in [
        (AlphaDropout::new(0.3).shared(), 0.0, 1.0),
        (GaussianNoise::new(0.5).shared(), 0.0, 1.25f32.sqrt()),
        (GaussianDropout::new(0.5).shared(), 0.0, 2f32.sqrt()),
    ] {
        let y = call(&layer, Training::Yes, &Inputs::from(&x))?.one()?.clone();
        let (found, spread) = (y.mean(&[]).item::<f32>()?, y.std(&[]).item::<f32>()?);
        assert!((found - mean).abs() < 0.03 && (spread - deviation).abs() < 0.03, "{layer:?}: {found} and {spread}");
    }
    // Whole maps are dropped, or scaled.
    let y = call(&SpatialDropout2D::new(0.5).shared(), Training::Yes, &Inputs::from(&Tensor::ones([8, 3, 3, 16])))?;
    let (least, most) = (y.one()?.min(&[1, 2]), y.one()?.max(&[1, 2]));
    assert_eq!(least.to_vec::<f32>()?, most.to_vec::<f32>()?);
    let dropped = least.to_vec::<f32>()?.iter().filter(|&&y| y == 0.0).count();
    assert!((40..90).contains(&dropped), "{dropped} of 128");
    Ok(())
}

fn a_normalized_kernel_stays_so_in_training() -> Result<()> {
    let mut model = Sequential::new().add(Input::new([3])).add(SpectralNormalization::new(Dense::new(2))).build()?;
    let [kernel, vector_u, bias] = &model.variables()[..] else { panic!("there are three weights") };
    kernel.assign(&Tensor::from([[0.5f32, 1.0], [1.5, 2.0], [2.5, 3.0]]))?;
    vector_u.assign(&Tensor::from([[0.6f32, 0.8]]))?;
    model.compile(SGD::new(0.1), MeanSquaredError::new()).finish()?;
    let (x, y) = ([[1.0f32, 0.0, 2.0], [0.0, 1.0, -1.0]], [[1.0f32, 0.0], [0.0, 1.0]]);
    let history = model
        .fit((&Array::from(&ndarray::arr2(&x)), &Array::from(&ndarray::arr2(&y))))
        .epochs(3)
        .batch_size(2)
        .verbose(Verbose::Silent)
        .run()?;
    // Keras' numbers for the same.
    let near = |found: &[f32], expected: &[f32]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
    let losses: Vec<f32> = history["loss"].iter().map(|&loss| loss as f32).collect();
    assert!(near(&losses, &[0.923_045_9, 0.551_027_24, 0.308_999_24]), "{losses:?}");
    let found = [kernel, bias].map(|variable| variable.value().to_vec::<f32>());
    assert!(near(&found[0].clone()?, &[0.093_219_97, 0.068_741_7, 0.417_818_37, 0.676_745_4, 0.541_026_9, 0.233_143_21]), "{found:?}");
    assert!(near(&found[1].clone()?, &[-0.004_316_742, -0.023_358_397]), "{found:?}");
    assert!(near(&vector_u.value().to_vec::<f32>()?, &[0.693_655_1, 0.720_307_35]));
    Ok(())
}

fn masks_are_merged() -> Result<()> {
    let steps = |values: [f32; 3]| Tensor::from(values).reshape([1, 3, 1]);
    let (x, y) = (steps([1.0, 5.0, 2.0]), steps([4.0, 3.0, 6.0]));
    let masks = [Tensor::from([[true, true, false]]), Tensor::from([[true, false, false]])];
    let inputs = masks.iter().enumerate().fold(Inputs::new([&x, &y]), |inputs, (at, mask)| inputs.with_mask(at, Some(mask.clone())));
    // Keras' numbers: what is masked in one input alone does not count; where both are, a product is zero.
    for (layer, expected) in [
        (Maximum::new().shared(), [4.0f32, 5.0, 2.0]),
        (Minimum::new().shared(), [1.0, 5.0, 2.0]),
        (Multiply::new().shared(), [4.0, 5.0, 0.0]),
        (Add::new().shared(), [5.0, 8.0, 8.0]),
    ] {
        let outputs = call(&layer, Training::No, &inputs)?;
        assert_eq!(outputs.one()?.to_vec::<f32>()?, expected, "{layer:?}");
        assert_eq!(outputs.mask(0).expect("both have masks").to_vec::<bool>()?, [true, true, false], "{layer:?}");
    }
    let joined = call(&Concatenate::new().axis(1).shared(), Training::No, &inputs)?;
    assert_eq!(joined.mask(0).expect("both have masks").to_vec::<bool>()?, [true, true, false, true, false, false]);
    Ok(())
}
