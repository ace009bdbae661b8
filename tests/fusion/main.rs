//! What the plan fuses and places has the values of each op by itself: random programs, and one step of every example.

#[path = "../support/mod.rs"]
mod support;

mod examples;
mod programs;

use examples::Example;
use programs::{Program, Weights, programs};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use wgrad::{prelude::*, unfused};

/// Outputs of two training steps, then all weights.
fn train(program: &Program) -> Result<Vec<Vec<f32>>> {
    let mut weights = Weights::default();
    program.outputs(&mut weights);
    let variables = weights.all.clone();
    let optimizer = SGD::new(0.1).momentum(0.5);
    optimizer.build(&variables)?;
    let mut results = Vec::new();
    for _ in 0..2 {
        let tape = GradientTape::new();
        let outputs = program.outputs(&mut weights);
        // Every variable takes part, whatever the program does with it.
        let mut target = Tensor::from(0.0f32);
        for variable in &variables {
            target += variable.value().square().sum(&[]) * 0.01;
        }
        for output in &outputs {
            target += (output * output.sigmoid()).sum(&[]) * (1.0 / output.size().max(1) as f32);
        }
        optimizer.apply(&tape.gradient(&target, &variables)?, &variables)?;
        drop(target);
        for output in outputs {
            results.push(output.to_vec()?);
        }
    }
    for variable in variables {
        results.push(variable.value().to_vec()?);
    }
    Ok(results)
}

/// The largest difference, relative to the larger of 1 and the largest magnitude of the tensor.
fn difference(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    let mut worst = 0.0;
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.len(), b.len());
        let scale = b.iter().fold(1.0f32, |scale, x| scale.max(x.abs()));
        for (a, b) in a.iter().zip(b) {
            let error = (a - b).abs() / scale;
            worst = if error > worst || error.is_nan() { error } else { worst };
        }
    }
    worst
}

/// Largest difference allowed: a few last bits, which sums over thousands of elements and two steps spread.
const TOLERANCE: f32 = 2e-5;

fn random_programs(device: &Device, cases: u32, lines: usize) -> Result<(), String> {
    // The same programs in each run; PROPTEST_RNG_SEED and PROPTEST_CASES ask for others and more.
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(3);
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    let config = Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let (device, kernels) = (device.clone(), std::cell::Cell::new([0, 0]));
    let counted = |at: usize, body: &dyn Fn() -> Result<Vec<Vec<f32>>>| {
        let before = device.statistics().kernels;
        let result = device.scope(body).map_err(|error| TestCaseError::fail(error.to_string()));
        let mut both = kernels.get();
        both[at] += device.statistics().kernels - before;
        kernels.set(both);
        result
    };
    let result = TestRunner::new(config).run(&programs(lines), |program| {
        let fused = counted(0, &|| train(&program))?;
        let plain = counted(1, &|| unfused(|| train(&program)))?;
        let worst = difference(&fused, &plain);
        if worst <= TOLERANCE { Ok(()) } else { Err(TestCaseError::fail(format!("differs by {worst:e}, allowed {TOLERANCE:e}"))) }
    });
    let [fused, plain] = kernels.get();
    result.map_err(|error| error.to_string())?;
    assert!(fused * 3 < plain * 2, "{fused} kernels fused, {plain} unfused");
    Ok(())
}

/// That a step of an example ends with the same weights fused and unfused.
fn same_step(example: &Example) -> Result<()> {
    let weights =
        |epochs| -> Result<Vec<Vec<f32>>> { example.train(epochs)?.variables().iter().map(|variable| variable.value().to_vec()).collect() };
    let (start, fused, plain) = (weights(0)?, weights(1)?, unfused(|| weights(1))?);
    assert!(difference(&fused, &start) > 1e-3, "the step changes something");
    let worst = difference(&fused, &plain);
    // Normalization by the moments of a few samples magnifies what fused kernels round in another order.
    let allowed = 5.0 * TOLERANCE;
    assert!(worst <= allowed, "differs by {worst:e}, allowed {allowed:e}");
    Ok(())
}

fn main() {
    let devices = support::devices();
    let [cpu, gpu] = &devices;
    let mut trials = vec![
        support::trial("random programs", cpu, |device| random_programs(device, 400, 24)),
        support::trial("random programs", gpu, |device| random_programs(device, 60, 24)),
    ];
    for example in &examples::EXAMPLES {
        let test = |_: &Device| same_step(example);
        trials.extend([cpu, gpu].map(|device| support::trial(example.name, device, test)));
    }
    support::run(trials, true);
}
