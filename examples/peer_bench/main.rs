//! Times the cases that benches of other frameworks have under the same names, prints them and writes JSON.
//!
//! `cargo run --release --example peer_bench -- --device cpu --threads 2 --json wgrad.json`, with `--cases conv,cnn` for some of them;
//! `--compare wgrad.json torch.json tensorflow.json` puts files side by side.

#[path = "../support/args.rs"]
mod args;
mod bench;
mod compare;
mod gpt;
mod lstm;

use bench::{Bench, Work, done};
use std::time::Instant;
use wgrad::prelude::*;

fn cnn() -> Result<Model> {
    let conv = |filters: usize| Conv2D::new(filters, 3).padding(Same).activation(Relu);
    let blocks = Sequential::new().add(Input::new([32, 32, 3])).add(conv(32)).add(conv(32)).add(MaxPooling2D::new(2));
    let blocks = blocks.add(conv(64)).add(conv(64)).add(MaxPooling2D::new(2));
    blocks.add(Flatten::new()).add(Dense::new(512).activation(Relu)).add(Dense::new(10)).build()
}

fn mlp() -> Result<Model> {
    Sequential::new().add(Input::new([784])).add(Dense::new(32).activation(Relu)).add(Dense::new(10)).build()
}

fn loss_fn() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy::new().from_logits(true)
}

/// A training step by hand, compiled by `function`; the loss is read.
fn step(model: Model) -> Result<impl Fn(&Tensor, &Tensor) -> Result<f32>> {
    let optimizer = Adam::new(1e-3);
    let variables = model.trainable_variables();
    optimizer.build(&variables)?;
    let step = function(move |[x, y]: [&Tensor; 2]| {
        let tape = GradientTape::new();
        let loss = loss_fn().call(y, &model.call(x, Training::Yes)?)?;
        optimizer.apply(&tape.gradient(&loss, &variables)?, &variables)?;
        Ok(loss)
    });
    Ok(move |x: &Tensor, y: &Tensor| step.call([x, y])?.item())
}

/// Numbers from -0.5 to 0.5 without a pattern.
fn numbers(shape: &[usize]) -> Vec<f32> {
    (0..shape.iter().product::<usize>()).map(|i| ((i * 7919 % 2000) as f32 / 1000.0 - 1.0) * 0.5).collect()
}

fn tensor(shape: &[usize]) -> Result<Tensor> {
    Tensor::from_slice(&numbers(shape), shape)
}

fn classes(shape: &[usize], count: usize) -> Vec<i32> {
    (0..shape.iter().product::<usize>()).map(|i| (i * 7919 % 1009 % count) as i32).collect()
}

/// A model with a batch to train on: its inputs with their shape, and labels.
struct Task {
    name: &'static str,
    model: fn() -> Result<Model>,
    input: &'static [usize],
    /// Inputs are this many classes instead of numbers.
    tokens: Option<usize>,
    labels: &'static [usize],
    label_classes: usize,
    /// What a step works through.
    work: Work,
}

const TASKS: [Task; 3] = [
    Task {
        name: "cnn",
        model: cnn,
        input: &[64, 32, 32, 3],
        tokens: None,
        labels: &[64],
        label_classes: 10,
        work: Some((64.0, "images_per_s")),
    },
    Task {
        name: "gpt",
        model: gpt::gpt,
        input: &[16, gpt::CONTEXT],
        tokens: Some(gpt::VOCABULARY),
        labels: &[16, gpt::CONTEXT],
        label_classes: gpt::VOCABULARY,
        work: Some((1024.0, "tokens_per_s")),
    },
    Task {
        name: "mlp",
        model: mlp,
        input: &[32, 784],
        tokens: None,
        labels: &[32],
        label_classes: 10,
        work: Some((32.0, "samples_per_s")),
    },
];

impl Task {
    /// `batches` batches of inputs and labels.
    fn data(&self, batches: usize) -> Result<(Array, Array)> {
        let many = |shape: &[usize]| [&[shape[0] * batches], &shape[1..]].concat();
        let (input, labels) = (many(self.input), many(self.labels));
        let x = match self.tokens {
            Some(count) => Array::new(classes(&input, count), input)?,
            None => Array::new(numbers(&input), input)?,
        };
        Ok((x, Array::new(classes(&labels, self.label_classes), labels)?))
    }

    /// One batch on the device.
    fn batch(&self) -> Result<(Tensor, Tensor)> {
        let x = match self.tokens {
            Some(count) => Tensor::from_slice(&classes(self.input, count), self.input)?,
            None => tensor(self.input)?,
        };
        Ok((x, Tensor::from_slice(&classes(self.labels, self.label_classes), self.labels)?))
    }

    /// A step by hand, `fit`, and inference for the batch and for one sample.
    fn measure(&self, bench: &mut Bench) -> Result<()> {
        const STEPS: usize = 30;
        let name = self.name;
        let (x, y) = self.batch()?;
        let train = step((self.model)()?)?;
        bench.measure(&format!("{name}_step"), self.work, || train(&x, &y).map(drop))?;
        drop(train);

        let mut model = (self.model)()?;
        model.compile(Adam::new(1e-3), loss_fn()).finish()?;
        let (pictures, labels) = self.data(STEPS)?;
        bench.measure_parts(&format!("{name}_fit_step"), STEPS, self.work, || {
            model.fit((&pictures, &labels)).batch_size(self.input[0]).verbose(Verbose::Silent).run().map(drop)
        })?;

        let one = x.at(&[Index::from(0..1)]);
        one.compute()?;
        let infer = function(|[x]: [&Tensor; 1]| model.call(x, Training::No));
        for x in [&x, &one] {
            bench.measure(&format!("{name}_infer_b{}", x.shape()[0]), None, || done(&[infer.call([x])?]))?;
        }
        Ok(())
    }
}

fn measure_kernels(bench: &mut Bench) -> Result<()> {
    for size in [512usize, 1024, 2048] {
        let (a, b) = (tensor(&[size, size])?, tensor(&[size, size])?);
        let work = Some((2.0 * (size as f64).powi(3) / 1e9, "gflops"));
        bench.measure(&format!("matmul_{size}"), work, || done(&[a.matmul(&b)]))?;
    }
    let (x, filter, upstream) = (tensor(&[32, 32, 32, 64])?, tensor(&[3, 3, 64, 64])?, tensor(&[32, 32, 32, 64])?);
    let options = ConvOptions { padding: Same, ..Default::default() };
    let flops = 2.0 * (32 * 32 * 32 * 64 * 64 * 9) as f64 / 1e9;
    bench.measure("conv_fwd", Some((flops, "gflops")), || done(&[x.conv(&filter, &options)?]))?;
    bench.measure("conv_fwd_bwd", Some((3.0 * flops, "gflops")), || {
        // The loss too, else the forward pass is not needed.
        let target = (x.conv(&filter, &options)? * &upstream).sum(&[]);
        let gradients = gradient(&target, &[&x, &filter])?.into_iter().flatten();
        done(&[target].into_iter().chain(gradients).collect::<Vec<_>>())
    })
}

fn main() -> Result<()> {
    let begin = Instant::now();
    let args = args::Args::parse(&["--device", "--threads", "--json", "--seconds", "--cases", "--compare"]);
    if args.flag("--compare") {
        return compare::compare(&args.rest("--compare"));
    }
    let threads: usize = args.number("--threads", 2);
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("WGRAD_THREADS", threads.to_string()) };
    let device: Device = args.text("--device").unwrap_or("cpu").parse()?;
    device.set_default();
    set_random_seed(1);
    let only = args.text("--cases").map(|parts| parts.split(',').map(str::to_owned).collect()).unwrap_or_default();
    let mut bench = Bench { seconds: args.number("--seconds", 3.0), only, cases: Default::default() };
    println!("{device}");

    if bench.wants("first_step") {
        let (x, y) = TASKS[0].batch()?;
        step(cnn()?)?(&x, &y)?;
        bench.first_step(begin);
    }
    measure_kernels(&mut bench)?;
    for task in TASKS {
        task.measure(&mut bench)?;
    }
    let (lstm, x) = (lstm::Lstm::new(tensor)?, tensor(&[32, lstm::STEPS, lstm::FEATURES])?);
    let gradients = function(|[x]: [&Tensor; 1]| lstm.gradients(x));
    bench.measure("lstm_fwd_bwd", None, || done(&gradients.call([&x])?))?;

    let result = bench.finish(&device, threads);
    if let Some(path) = args.text("--json") {
        let text = serde_json::to_string_pretty(&result).map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))?;
        std::fs::write(path, text + "\n").map_err(|error| Error::from(error).at(path))?;
    }
    Ok(())
}
