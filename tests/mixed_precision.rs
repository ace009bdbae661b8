//! Training under dtype policies: it learns as in float32, and an overflow under a scaled loss changes no weight.

mod support;

use wgrad::{datasets, prelude::*};

type Test = fn() -> Result<()>;

const TESTS: &[(&str, Test)] = &[
    ("policies are taken when a layer is made", policies_are_taken_early),
    ("fit learns as in float32", fit_learns_as_in_float32),
    ("an overflow changes no weight", an_overflow_changes_no_weight),
    ("errors name the policy", errors_name_the_policy),
];

fn main() {
    let tests = TESTS.iter().map(|&(name, test)| (name, move |_: &Device| test()));
    support::run(support::trials(tests), false);
}

fn cnn() -> Result<Model> {
    Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Rescaling::new(1.0 / 255.0))
        .add(Conv2D::new(8, 3).strides(2).activation(Relu))
        .add(BatchNormalization::new())
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dense::new(10).activation(Softmax))
        .build()
}

fn clothes(samples: usize) -> Result<(Array, Array)> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/fashion-mnist-small");
    Ok(datasets::fashion_mnist().data_dir(shipped).download(false).load()?.train.slice(0..samples).arrays())
}

fn policies_are_taken_early() -> Result<()> {
    assert_eq!(Policy::current(), Policy::Float32);
    let layer = Policy::MixedFloat16.scope(|| {
        let inner = Policy::MixedBfloat16.scope(|| Dense::new(2).name("inner"));
        assert_eq!((inner.policy(), Policy::current()), (Policy::MixedBfloat16, Policy::MixedFloat16));
        Dense::new(2).name("outer")
    });
    assert_eq!((layer.policy(), Policy::current()), (Policy::MixedFloat16, Policy::Float32));
    for policy in [Policy::Float32, Policy::MixedFloat16, Policy::MixedBfloat16] {
        assert_eq!(policy.name().parse::<Policy>()?, policy);
    }
    let error = "float8".parse::<Policy>().unwrap_err().to_string();
    assert!(error.contains("expected one of float32"), "{error}");
    let model = Policy::MixedFloat16.scope(cnn)?;
    assert!(model.variables().iter().all(|variable| variable.spec().dtype == DType::F32));
    let pixels = Tensor::zeros([2, 28, 28, 1]).cast(DType::U8);
    assert_eq!(model.call(&pixels, Training::No)?.dtype(), DType::F16);
    Ok(())
}

fn fit_learns_as_in_float32() -> Result<()> {
    let (x, y) = clothes(1000)?;
    let mut losses = Vec::new();
    for policy in [Policy::Float32, Policy::MixedFloat16, Policy::MixedBfloat16] {
        let mut model = Seed(5).scope(|| policy.scope(cnn))?;
        model.compile(Adam::new(3e-3), SparseCategoricalCrossentropy::new()).metric(Accuracy::new()).finish()?;
        let history = model.fit((&x, &y)).epochs(3).batch_size(50).verbose(Verbose::Silent).run()?;
        losses.push(*history.get("loss").and_then(<[f64]>::last).expect("three epochs"));
        let logs = model.evaluate((&x, &y)).verbose(Verbose::Silent).run()?;
        assert!(logs["accuracy"] > 0.6, "{policy}: {logs:?}");
    }
    assert!(losses.iter().all(|loss| (loss - losses[0]).abs() < 0.05 * losses[0]), "{losses:?}");
    Ok(())
}

fn an_overflow_changes_no_weight() -> Result<()> {
    let (x, y) = clothes(64)?;
    let mut model = Seed(5).scope(|| Policy::MixedFloat16.scope(cnn))?;
    // Beyond float16 whatever the gradient is; every overflow halves it.
    let optimizer = LossScaleOptimizer::new(SGD::new(0.05)).initial_scale(2f32.powi(40));
    model.compile(optimizer, SparseCategoricalCrossentropy::new()).finish()?;
    let weights = |model: &Model| model.trainable_variables().iter().map(|v| v.value().to_vec::<f32>()).collect::<Result<Vec<_>>>();
    let before = weights(&model)?;
    model.fit((&x, &y)).batch_size(16).verbose(Verbose::Silent).run()?;
    assert_eq!(weights(&model)?, before, "four steps whose gradients overflow");
    model.fit((&x, &y)).epochs(10).batch_size(16).verbose(Verbose::Silent).run()?;
    let after = weights(&model)?;
    assert!(after != before && after.iter().flatten().all(|w| w.is_finite()), "the scale found its size");
    Ok(())
}

fn errors_name_the_policy() -> Result<()> {
    let error = Policy::MixedFloat16.scope(|| Sequential::new().add(Input::new([5])).add(Conv2D::new(2, 3)).build()).unwrap_err();
    assert!(error.to_string().contains("conv2d (Conv2D, mixed_float16)"), "{error}");
    Ok(())
}
