//! The command line: `wgrad doctor` says what this machine can do, `wgrad selftest` whether it does it right; the others look at
//! files, change their form, and run them.

mod files;

use clap::{Parser, Subcommand};
use std::{process::ExitCode, time::Instant};
use wgrad::{
    device::gpu::Gpu,
    ops::{self, check},
    prelude::*,
};

/// Keras for Rust on any GPU.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists adapters, limits and the chosen device, and measures a matrix product and a copy.
    Doctor,
    /// Checks every op and a short training run on this GPU against reference and CPU.
    Selftest {
        /// The device to check: gpu or cpu.
        #[arg(long, default_value = "gpu")]
        device: String,
    },
    /// Shows layers, weights and sizes of a file: .keras, .h5, .weights.h5, .safetensors, .npz, .npy.
    Inspect {
        /// The file.
        file: String,
    },
    /// Runs a model over arrays.
    Predict {
        /// A .keras or .h5 file.
        model: String,
        /// A .npy file; of several inputs each as NAME=FILE or POSITION=FILE.
        #[arg(long, required = true)]
        input: Vec<String>,
        /// Where the result goes, a .npy file; of several outputs each as NAME=FILE or POSITION=FILE.
        #[arg(long, required = true)]
        output: Vec<String>,
        /// Samples at a time.
        #[arg(long, default_value_t = 32)]
        batch: usize,
        /// Where it runs: gpu or cpu; the best there is if not given.
        #[arg(long)]
        device: Option<String>,
    },
    /// Writes a file in another form, by the end of its name: .keras, .weights.h5, .safetensors, .npz, .npy.
    Convert {
        /// The file to read.
        from: String,
        /// The file to write.
        to: String,
    },
    /// Shows in what two files differ; fails if they do.
    Diff {
        /// One file.
        one: String,
        /// The other.
        other: String,
    },
    /// Prints the Rust code that builds a model.
    Port {
        /// A .keras or .h5 file.
        model: String,
    },
}

fn main() -> ExitCode {
    env_logger::init();
    let result = match Cli::parse().command {
        Command::Doctor => doctor().map(|()| true),
        Command::Selftest { device } => device.parse().and_then(|device| selftest(&device)),
        Command::Predict { model, input, output, batch, device } => device
            .map_or_else(Device::best, |name| name.parse())
            .and_then(|device| device.scope(|| files::predict(&model, &input, &output, batch)))
            .map(|()| true),
        // Files are read and written without any GPU.
        Command::Inspect { file } => Device::cpu().scope(|| files::inspect(&file)).map(|()| true),
        Command::Convert { from, to } => Device::cpu().scope(|| files::convert(&from, &to)).map(|()| true),
        Command::Diff { one, other } => Device::cpu().scope(|| files::diff(&one, &other)),
        Command::Port { model } => Device::cpu().scope(|| files::port(&model)).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wgrad: {error}");
            ExitCode::FAILURE
        }
    }
}

fn doctor() -> Result<()> {
    println!("wgrad {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    let adapters = Gpu::adapters();
    println!("adapters:{}", if adapters.is_empty() { " none; without a driver everything runs on the CPU" } else { "" });
    for adapter in adapters {
        let caps = &adapter.caps;
        println!("  {adapter}");
        println!(
            "    bindings to {} MiB, buffers to {} MiB, {} storage buffers a kernel",
            caps.max_binding >> 20,
            caps.max_buffer >> 20,
            caps.max_storage_buffers
        );
        println!(
            "    workgroups of {} invocations and {} KiB, f16 {}",
            caps.max_group_threads,
            caps.max_group_memory >> 10,
            if caps.f16 { "yes" } else { "no" }
        );
        let used = ["shader_f16", "subgroup", "timestamp_query", "pipeline_cache", "immediates", "experimental_cooperative_matrix"];
        let features: Vec<&str> = adapter.features.iter().map(String::as_str).filter(|feature| used.contains(feature)).collect();
        println!("    features: {}", features.join(", "));
    }
    let (chosen, why) = Device::best_with_reason()?;
    println!("chosen device: {chosen}: {why}");
    for device in [Ok(Device::cpu()), Device::gpu()].into_iter().flatten() {
        let (product, copy) = device.scope(|| Ok::<_, Error>((matmul_gflops()?, copy_gigabytes()?)))?;
        println!("  {device}: matmul {product:.1} GFLOP/s, copy {copy:.1} GB/s");
    }
    Ok(())
}

/// The best of a few runs, in seconds.
fn seconds(mut run: impl FnMut() -> Result<Tensor>) -> Result<f64> {
    let mut best = f64::INFINITY;
    let started = Instant::now();
    for round in 0..20 {
        let start = Instant::now();
        let result = run()?;
        result.compute()?;
        result.device().synchronize()?;
        if round > 0 {
            best = best.min(start.elapsed().as_secs_f64());
        }
        if round > 1 && started.elapsed().as_secs_f64() > 2.0 {
            break;
        }
    }
    Ok(best)
}

fn matmul_gflops() -> Result<f64> {
    let size = 1024;
    let (a, b) = (Tensor::ones([size, size]), Tensor::ones([size, size]));
    a.compute()?;
    b.compute()?;
    Ok(2.0 * (size as f64).powi(3) / seconds(|| Ok(a.matmul(&b)))? / 1e9)
}

/// Bytes read and written by adding one to a large tensor.
fn copy_gigabytes() -> Result<f64> {
    let size = 8 << 20;
    let x = Tensor::ones([size]);
    x.compute()?;
    Ok(8.0 * size as f64 / seconds(|| Ok(&x + 1.0f32))? / 1e9)
}

fn selftest(device: &Device) -> Result<bool> {
    println!("checking {device}");
    let (start, mut failed, mut checked) = (Instant::now(), 0, 0);
    let mut worst: Vec<(String, f64)> = Vec::new();
    for case in ops::catalog() {
        checked += 1;
        let name = case.name.split([' ', '[']).next().unwrap_or_default().to_owned();
        match device.scope(|| check::values(&case, device)) {
            Ok(error) => match worst.iter_mut().find(|(known, _)| *known == name) {
                Some((_, largest)) => *largest = largest.max(error),
                None => worst.push((name, error)),
            },
            Err(text) => {
                failed += 1;
                println!("  FAILED {}: {text}", case.name);
            }
        }
    }
    worst.sort_by(|one, other| other.1.total_cmp(&one.1));
    println!("largest error of each op, relative to the larger of 1 and the result:");
    for line in worst.chunks(3) {
        println!("  {}", line.iter().map(|(name, error)| format!("{name:<32}{error:<10.1e}")).collect::<String>().trim_end());
    }
    let (ours, reference) = (device.scope(training_run)?, Device::cpu().scope(training_run)?);
    let apart = ours.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let trains = apart < 1e-2 && ours[49] < ours[0] / 2.0;
    println!(
        "50 training steps: loss {:.4} to {:.4}, at most {apart:.1e} from the CPU's: {}",
        ours[0],
        ours[49],
        if trains { "ok" } else { "FAILED" }
    );
    let passed = failed == 0 && trains;
    println!("{}: {checked} cases, {failed} failed, {:.1} s", if passed { "passed" } else { "FAILED" }, start.elapsed().as_secs_f64());
    Ok(passed)
}

/// The losses of 50 steps of a small CNN on made-up pictures: bright or dark halves.
fn training_run() -> Result<Vec<f64>> {
    Seed(3).scope(|| {
        let mut pixels = Vec::new();
        let mut labels = Vec::new();
        for sample in 0..32usize {
            let label = sample % 4;
            pixels.extend((0..64usize).map(|at| {
                let bright = [at % 8 < 4, at % 8 >= 4, at < 32, at >= 32][label];
                f32::from(u8::from(bright)) + 0.1 * ((sample * 64 + at) as f32 * 78.233).sin()
            }));
            labels.push(label as i32);
        }
        let (x, y) = (Array::new(pixels, [32, 8, 8, 1])?, Array::from(labels));
        let mut model = Sequential::new()
            .add(Input::new([8, 8, 1]))
            .add(Conv2D::new(8, 3).activation(Relu))
            .add(MaxPooling2D::new(2))
            .add(BatchNormalization::new())
            .add(Flatten::new())
            .add(Dense::new(4))
            .build()?;
        model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::new().from_logits(true)).finish()?;
        let history = model.fit((&x, &y)).epochs(50).batch_size(32).shuffle(false).verbose(Verbose::Silent).run()?;
        Ok(history["loss"].to_vec())
    })
}
