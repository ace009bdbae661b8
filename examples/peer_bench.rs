//! Times the cases that benches of other frameworks have under the same names, prints them and writes JSON.
//!
//! `cargo run --release --example peer_bench -- --device cpu --threads 2 --json wgrad.json`

#[path = "support/args.rs"]
mod args;

use std::time::Instant;
use wgrad::prelude::*;

/// Median and best of a case, in milliseconds.
struct Timing {
    case: &'static str,
    median: f64,
    best: f64,
}

/// Runs a case for so many seconds, at least five times, after three for warming up.
struct Bench {
    seconds: f64,
    timings: Vec<Timing>,
}

impl Bench {
    fn measure(&mut self, case: &'static str, mut run: impl FnMut() -> Result<()>) -> Result<()> {
        for _ in 0..3 {
            run()?;
        }
        let (begin, mut times) = (Instant::now(), Vec::new());
        while times.len() < 5 || (begin.elapsed().as_secs_f64() < self.seconds && times.len() < 1000) {
            let start = Instant::now();
            run()?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let (median, best) = (times[times.len() / 2], times[0]);
        println!("{case:<20} median {median:10.3} ms  best {best:10.3} ms");
        self.timings.push(Timing { case, median, best });
        Ok(())
    }
}

fn cnn() -> Result<Model> {
    let conv = |filters: usize| Conv2D::new(filters, 3).padding(Same).activation(Relu);
    let mut model = Sequential::new()
        .add(Input::new([32, 32, 3]))
        .add(conv(32))
        .add(conv(32))
        .add(MaxPooling2D::new(2))
        .add(conv(64))
        .add(conv(64))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dense::new(512).activation(Relu))
        .add(Dense::new(10))
        .build()?;
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::new().from_logits(true)).finish()?;
    Ok(model)
}

fn mlp() -> Result<Model> {
    let mut model = Sequential::new().add(Input::new([784])).add(Dense::new(32).activation(Relu)).add(Dense::new(10)).build()?;
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::new().from_logits(true)).finish()?;
    Ok(model)
}

/// A training step by hand; the loss is read.
fn step(model: Model) -> Result<impl Fn(&Tensor, &Tensor) -> Result<f32>> {
    let (optimizer, loss_fn) = (Adam::new(1e-3), SparseCategoricalCrossentropy::new().from_logits(true));
    let variables = model.trainable_variables();
    optimizer.build(&variables)?;
    Ok(move |x: &Tensor, y: &Tensor| {
        let tape = GradientTape::new();
        let loss = loss_fn.call(y, &model.call(x, Training::Yes)?)?;
        let gradients = tape.gradient(&loss, &variables)?;
        optimizer.apply(&gradients, &variables)?;
        loss.item()
    })
}

fn numbers(shape: &[usize]) -> Vec<f32> {
    (0..shape.iter().product::<usize>()).map(|i| ((i * 7919 % 2000) as f32 / 1000.0 - 1.0) * 0.5).collect()
}

fn tensor(shape: &[usize]) -> Result<Tensor> {
    Tensor::from_slice(&numbers(shape), shape)
}

/// Waits for a tensor.
fn done(tensor: &Tensor) -> Result<()> {
    tensor.compute()?;
    tensor.device().synchronize()
}

/// A line of `/proc/self/status` in KiB; 0 where the system has none.
fn status_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

fn main() -> Result<()> {
    let begin = Instant::now();
    let args = args::Args::parse(&["--device", "--threads", "--json", "--seconds"]);
    let threads: usize = args.number("--threads", 2);
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("WGRAD_THREADS", threads.to_string()) };
    args.text("--device").unwrap_or("cpu").parse::<Device>()?.set_default();
    set_random_seed(1);
    let mut bench = Bench { seconds: args.number("--seconds", 3.0), timings: Vec::new() };

    let (x, labels) = (tensor(&[64, 32, 32, 3])?, Tensor::from((0..64).map(|i| i % 10).collect::<Vec<i32>>()));
    let train = step(cnn()?)?;
    train(&x, &labels)?;
    let first_step = begin.elapsed().as_secs_f64();
    println!("{}: first finished step {first_step:.3} s after main began", Device::current()?);
    bench.measure("cnn_step", || train(&x, &labels).map(|_| ()))?;

    let mut model = cnn()?;
    let pictures = Array::new(numbers(&[30 * 64, 32, 32, 3]), [30 * 64, 32, 32, 3])?;
    let classes = Array::from((0..30 * 64).map(|i| i % 10).collect::<Vec<i32>>());
    bench.measure("cnn_fit_30_steps", || model.fit((&pictures, &classes)).batch_size(64).verbose(Verbose::Silent).run().map(|_| ()))?;
    let one = tensor(&[1, 32, 32, 3])?;
    bench.measure("cnn_infer_b64", || done(&model.call(&x, Training::No)?))?;
    bench.measure("cnn_infer_b1", || done(&model.call(&one, Training::No)?))?;

    let (x, labels) = (tensor(&[32, 784])?, Tensor::from((0..32).map(|i| i % 10).collect::<Vec<i32>>()));
    let train = step(mlp()?)?;
    bench.measure("mlp_step", || train(&x, &labels).map(|_| ()))?;

    for (case, size) in [("matmul_512", 512), ("matmul_1024", 1024), ("matmul_2048", 2048)] {
        let (a, b) = (tensor(&[size, size])?, tensor(&[size, size])?);
        bench.measure(case, || done(&a.matmul(&b)))?;
    }
    let (x, filter, upstream) = (tensor(&[32, 32, 32, 64])?, tensor(&[3, 3, 64, 64])?, tensor(&[32, 32, 32, 64])?);
    let options = Conv2dOptions { padding: Same, ..Default::default() };
    bench.measure("conv_fwd", || done(&x.conv2d(&filter, &options)?))?;
    bench.measure("conv_fwd_bwd", || {
        let target = (x.conv2d(&filter, &options)? * &upstream).sum(&[]);
        gradient(&target, &[&x, &filter])?.iter().flatten().try_for_each(done)
    })?;

    let peak = status_kib("VmHWM:") / 1024;
    println!("peak memory {peak} MiB");
    if let Some(path) = args.text("--json") {
        let cases: Vec<String> = bench
            .timings
            .iter()
            .map(|t| format!("    \"{}\": {{\"median_ms\": {:.4}, \"min_ms\": {:.4}}}", t.case, t.median, t.best))
            .collect();
        let rest = format!("    \"first_step_s\": {first_step:.4},\n    \"peak_rss_mib\": {peak}");
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(
            "{{\n  \"name\": \"wgrad\",\n  \"version\": \"{version}\",\n  \"threads\": {threads},\n  \"cases\": {{\n{},\n{rest}\n  }}\n}}\n",
            cases.join(",\n")
        );
        std::fs::write(path, text).map_err(|error| Error::from(error).at(path))?;
    }
    Ok(())
}
