//! Training as a user sees it: the same bits in every process, the GPU beside the CPU, flat memory, fit and its friends.

mod support;

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use wgrad::{datasets, prelude::*};

/// A small CNN with everything that draws random numbers or keeps statistics.
fn cnn() -> Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Rescaling::new(1.0 / 255.0))
        .add(Conv2D::new(6, 3).strides(2).activation(Relu))
        .add(BatchNormalization::new())
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.2))
        .add(Dense::new(10))
        .build()?;
    model.compile(SGD::new(0.1).momentum(0.9), SparseCategoricalCrossentropy::new().from_logits(true)).metric(Accuracy::new()).finish()?;
    Ok(model)
}

fn clothes(samples: usize) -> Result<(Array, Array)> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/fashion-mnist-small");
    Ok(datasets::fashion_mnist().data_dir(shipped).download(false).load()?.train.slice(0..samples).arrays())
}

/// A hash of all weights after 100 steps of 16.
fn weights_after_100_steps() -> Result<u64> {
    Seed(11).scope(|| {
        let (x, y) = clothes(1600)?;
        let mut model = cnn()?;
        model.fit((&x, &y)).batch_size(16).verbose(Verbose::Silent).run()?;
        let mut hasher = DefaultHasher::new();
        for variable in model.variables() {
            variable.value().to_vec::<f32>()?.into_iter().for_each(|x| x.to_bits().hash(&mut hasher));
        }
        Ok(hasher.finish())
    })
}

/// The same in a process of its own, on so many threads.
fn in_a_process(device: &str, threads: &str) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output =
        Command::new(program).env("WGRAD_TEST_CHILD", device).env("WGRAD_THREADS", threads).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(text) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn same_bits_in_every_process(device: &Device) -> Result<(), String> {
    let name = if *device == Device::cpu() { "cpu" } else { "gpu" };
    let one = in_a_process(name, "1")?;
    for threads in ["2", "3", "7"] {
        assert_eq!(one, in_a_process(name, threads)?, "1 and {threads} threads");
    }
    Ok(())
}

/// Losses of 100 steps on fixed batches, without dropout's and momentum's help to drift apart.
fn losses() -> Result<Vec<f32>> {
    Seed(5).scope(|| {
        let (x, y) = clothes(640)?;
        let mut model = Sequential::new()
            .add(Input::new([28, 28, 1]))
            .add(Rescaling::new(1.0 / 255.0))
            .add(Conv2D::new(6, 3).strides(2).activation(Relu))
            .add(BatchNormalization::new())
            .add(MaxPooling2D::new(2))
            .add(Flatten::new())
            .add(Dense::new(10))
            .build()?;
        model.compile(SGD::new(0.05), SparseCategoricalCrossentropy::new().from_logits(true)).finish()?;
        let mut losses = Vec::new();
        for batch in (0..20).cycle().take(100) {
            let (x, y) = (part(&x, batch * 32, 32), part(&y, batch * 32, 32));
            let history = model.fit((&x, &y)).batch_size(32).shuffle(false).verbose(Verbose::Silent).run()?;
            losses.push(history["loss"][0] as f32);
        }
        Ok(losses)
    })
}

/// Samples `start..start + count` of bytes.
fn part(array: &Array, start: usize, count: usize) -> Array {
    let wgrad::data::Values::U8(bytes) = array.values() else { unreachable!("datasets are bytes") };
    let stride = bytes.len() / array.samples();
    let mut shape = array.shape().to_vec();
    shape[0] = count;
    Array::new(bytes[start * stride..(start + count) * stride].to_vec(), shape).expect("as many bytes as the shape says")
}

fn follows_the_cpu(device: &Device) -> Result<()> {
    let (ours, reference) = (device.scope(losses)?, Device::cpu().scope(losses)?);
    for step in 0..10 {
        assert!((ours[step] - reference[step]).abs() < 1e-3, "step {step}: {} and {}", ours[step], reference[step]);
    }
    let late = |losses: &[f32]| losses[80..].iter().sum::<f32>() / 20.0;
    assert!((late(&ours) / late(&reference) - 1.0).abs() < 0.03, "steps 81 to 100: {} and {}", late(&ours), late(&reference));
    Ok(())
}

fn memory_stays_flat(device: &Device) -> Result<()> {
    let x = Array::new(vec![0.5f32; 40 * 12], [40, 12])?;
    let y = Array::new(vec![1.0f32; 40], [40, 1])?;
    let mut model = Sequential::new().add(Input::new([12])).add(Dense::new(16).activation(Relu)).add(Dense::new(1)).build()?;
    model.compile(Adam::new(1e-3), MeanSquaredError::new()).finish()?;
    let mut early = (0, 0);
    for round in 0..2000 {
        if round == 200 {
            early = (support::rss_kib(), device.memory().reserved);
        }
        model.fit((&x, &y)).batch_size(if round % 2 == 0 { 40 } else { 24 }).verbose(Verbose::Silent).run()?;
        model.predict(&x).batch_size(16 + round % 3).run()?;
    }
    let late = (support::rss_kib(), device.memory().reserved);
    assert!(late.0 <= early.0 + 4096, "resident memory grew from {} to {} KiB", early.0, late.0);
    assert!(late.1 <= early.1 + (4 << 20), "device memory grew from {} to {} bytes", early.1, late.1);
    Ok(())
}

fn fit_learns(_device: &Device) -> Result<()> {
    Seed(1).scope(|| {
        let (x, y) = clothes(1000)?;
        let mut model = cnn()?;
        let history = model.fit((&x, &y)).epochs(3).validation_split(0.2).verbose(Verbose::Silent).run()?;
        assert_eq!(history.epochs(), 3);
        let names: Vec<&str> = history.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["accuracy", "loss", "val_accuracy", "val_loss"]);
        assert!(history["loss"][2] < 0.8 * history["loss"][0] && history["accuracy"][2] > 0.6, "{history:?}");
        let scores = model.evaluate((&x, &y)).verbose(Verbose::Silent).run()?;
        assert!(scores["accuracy"] > 0.6, "{scores:?}");
        let logits = model.predict(&x).run()?;
        assert_eq!(logits.shape()[..], [1000, 10]);
        // The accuracy that evaluate says is the one that predictions have.
        let labels = clothes(1000)?.1;
        let wgrad::data::Values::U8(labels) = labels.values() else { unreachable!("datasets are bytes") };
        let right = logits.argmax(-1).to_vec::<i32>()?.iter().zip(labels).filter(|(a, b)| **a == i32::from(**b)).count();
        assert!((right as f64 / 1000.0 - scores["accuracy"]).abs() < 1e-6, "{right} and {scores:?}");
        Ok(())
    })
}

fn a_stop_flag_ends_fit(_device: &Device) -> Result<()> {
    let (x, y) = clothes(320)?;
    let stop = Arc::new(AtomicBool::new(true));
    let history = cnn()?.fit((&x, &y)).epochs(5).stop_flag(stop.clone()).verbose(Verbose::Silent).run()?;
    assert_eq!(history.epochs(), 1, "the epoch under way is part of the history");
    assert!(stop.load(Ordering::Relaxed));
    Ok(())
}

fn a_bad_batch_changes_nothing(_device: &Device) -> Result<()> {
    let mut x = vec![0.5f32; 64 * 4];
    x[40 * 4] = f32::NAN;
    let (x, y) = (Array::new(x, [64, 4])?, Array::new(vec![1.0f32; 64], [64, 1])?);
    let mut model = Sequential::new().add(Input::new([4])).add(BatchNormalization::new()).add(Dense::new(1)).build()?;
    model.compile(SGD::new(0.1), MeanSquaredError::new()).finish()?;
    let good = (part_f32(&x, 0, 32)?, part_f32(&y, 0, 32)?);
    model.fit((&good.0, &good.1)).verbose(Verbose::Silent).run()?;
    let weights = |model: &Model| model.variables().iter().map(|variable| variable.value().to_vec::<f32>()).collect::<Result<Vec<_>>>();
    let before = weights(&model)?;
    let bad = (part_f32(&x, 32, 32)?, part_f32(&y, 32, 32)?);
    let error = model.fit((&bad.0, &bad.1)).verbose(Verbose::Silent).run().expect_err("a NaN in the data");
    assert_eq!(error.kind(), ErrorKind::NonFinite);
    assert!(error.to_string().contains("input data"), "{error}");
    assert_eq!(weights(&model)?, before, "weights and moving statistics are those from before");
    model.fit((&good.0, &good.1)).verbose(Verbose::Silent).run()?;
    assert_ne!(weights(&model)?, before, "training goes on afterwards");
    Ok(())
}

/// A model whose one weight is 1: its prediction is its input.
fn scale() -> Result<Model> {
    let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1).use_bias(false).kernel_initializer(Ones)).build()?;
    let compile = model.compile(SGD::new(0.1), MeanSquaredError::new());
    compile.metric(wgrad::metrics::MeanSquaredError::new()).weighted_metric(RootMeanSquaredError::new()).finish()?;
    Ok(model)
}

fn samples_count_by_weight_or_class(_device: &Device) -> Result<()> {
    let (x, y) = (Array::new(vec![1.0f32, 2.0], [2, 1])?, Array::new(vec![0, 1], [2, 1])?);
    let weight = |model: &Model| model.variables()[0].value().item::<f32>();
    // Both errors are 1, so the gradient is the mean of 2 * weight * x.
    let mut model = scale()?;
    let history = model.fit((&x, &y)).sample_weight(&vec![1.0f32, 0.5]).verbose(Verbose::Silent).run()?;
    assert!((weight(&model)? - 0.8).abs() < 1e-6 && (history["loss"][0] - 0.75).abs() < 1e-6, "{} {history:?}", weight(&model)?);
    let mut model = scale()?;
    model.fit((&x, &y)).class_weight([(1, 0.5)]).verbose(Verbose::Silent).run()?;
    assert!((weight(&model)? - 0.8).abs() < 1e-6, "{}", weight(&model)?);
    // Only weighted metrics look at weights.
    let scores = scale()?.evaluate((&x, &y)).sample_weight(&vec![0.0f32, 4.0]).verbose(Verbose::Silent).run()?;
    assert!((scores["loss"] - 2.0).abs() < 1e-6 && (scores["root_mean_squared_error"] - 1.0).abs() < 1e-6, "{scores:?}");
    assert!((scores["mean_squared_error"] - 1.0).abs() < 1e-6, "{scores:?}");

    let text = |run: Result<History>| run.expect_err("weights that cannot work").to_string();
    let (short, both) = (vec![1.0f32], vec![1.0f32, 1.0]);
    assert!(text(scale()?.fit((&x, &y)).sample_weight(&short).run()).contains("2 inputs (shape (2, 1)) for 1 sample weights"));
    assert!(text(scale()?.fit((&x, &y)).sample_weight(&both).class_weight([(0, 2.0)]).run()).contains("exclude each other"));
    Ok(())
}

fn part_f32(array: &Array, start: usize, count: usize) -> Result<Array> {
    let wgrad::data::Values::F32(values) = array.values() else { unreachable!("made of floats") };
    let stride = values.len() / array.samples();
    Array::new(values[start * stride..(start + count) * stride].to_vec(), [count, stride])
}

fn main() {
    if let Ok(device) = std::env::var("WGRAD_TEST_CHILD") {
        let hash = device.parse::<Device>().and_then(|device| device.scope(weights_after_100_steps));
        return println!("{}", hash.expect("the parent shows this"));
    }
    type Test = fn(&Device) -> Result<()>;
    let tests: [(&str, Test); 6] = [
        ("fit learns", fit_learns),
        ("memory stays flat", memory_stays_flat),
        ("follows the CPU", follows_the_cpu),
        ("samples count by weight or class", samples_count_by_weight_or_class),
        ("a stop flag ends fit", a_stop_flag_ends_fit),
        ("a bad batch changes nothing", a_bad_batch_changes_nothing),
    ];
    let processes = support::devices().map(|device| support::trial("same bits in every process", &device, same_bits_in_every_process));
    support::run(processes.into_iter().chain(support::trials(tests)).collect(), true);
}
