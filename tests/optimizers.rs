//! Optimizers beside Keras': trajectories with every option, bad gradients, and arenas of many chunks.

mod support;

use wgrad::{
    config::{self, Config},
    constraints::{Constraint, MaxNorm, NonNeg},
    prelude::*,
    schedules::{ExponentialDecay, Schedule},
};

/// Trajectories of Keras 3.15, and how they were made.
const TRAJECTORIES: &str = include_str!("fixtures/optimizers.txt");

fn optimizer(case: &str) -> Box<dyn Optimizer> {
    let scaled = |inner: LossScaleOptimizer| inner.initial_scale(8.0).dynamic_growth_steps(3);
    match case {
        "sgd" => Box::new(SGD::new(0.1)),
        "momentum" => Box::new(SGD::new(0.1).momentum(0.9)),
        "nesterov" => Box::new(SGD::new(0.1).momentum(0.9).nesterov(true)),
        "adam" => Box::new(Adam::new(0.05)),
        "adam betas" => Box::new(Adam::new(0.05).beta_1(0.8).beta_2(0.98).epsilon(1e-3)),
        "amsgrad" => Box::new(Adam::new(0.05).beta_2(0.5).amsgrad(true)),
        "weight decay" => Box::new(Adam::new(0.05).weight_decay(0.3)),
        "weight decay without bias" => Box::new(SGD::new(0.1).weight_decay(0.3).exclude_from_weight_decay(&[], &["bias"])),
        "clipnorm" => Box::new(SGD::new(0.1).clipnorm(1.5)),
        "global clipnorm" => Box::new(SGD::new(0.1).global_clipnorm(1.5)),
        "clipvalue" => Box::new(SGD::new(0.1).clipvalue(0.75)),
        "loss scale factor" => Box::new(SGD::new(0.1).loss_scale_factor(3.0)),
        "accumulate" => Box::new(Adam::new(0.05).gradient_accumulation_steps(3)),
        "accumulate, decay, clip" => Box::new(SGD::new(0.1).gradient_accumulation_steps(3).weight_decay(0.3).global_clipnorm(0.5)),
        "ema" => Box::new(SGD::new(0.1).use_ema(true).ema_momentum(0.75)),
        "ema overwrites" => Box::new(SGD::new(0.1).use_ema(true).ema_momentum(0.75).ema_overwrite_frequency(3)),
        "ema, accumulate" => {
            let ema = SGD::new(0.1).use_ema(true).ema_momentum(0.75).ema_overwrite_frequency(2);
            Box::new(ema.gradient_accumulation_steps(2))
        }
        "idle" => Box::new(SGD::new(0.1).momentum(0.9).weight_decay(0.3).use_ema(true).ema_momentum(0.75)),
        "bad" => Box::new(scaled(LossScaleOptimizer::new(Adam::new(0.05)))),
        "bad, clip" => Box::new(scaled(LossScaleOptimizer::new(SGD::new(0.1).global_clipnorm(0.5)))),
        other => panic!("an unknown case: {other}"),
    }
}

/// The gradients of a call, as the fixture says.
fn gradients(case: &str, call: usize) -> Result<[Option<Tensor>; 2]> {
    let mut all: Vec<f32> = (0..8).map(|i| ((7919 * (8 * call + i) % 201) as f32 - 100.0) / 64.0).collect();
    let special = call == 3 || call == 4;
    if case.starts_with("bad") && special {
        all[0] = f32::INFINITY;
    }
    let bias = if case == "idle" && special { None } else { Some(Tensor::from_slice(&all[5..], [3])?) };
    Ok([Some(Tensor::from_slice(&all[..5], [5])?), bias])
}

fn follows_keras(case: &str, lines: &[Vec<f64>], end: Option<&[f64]>) -> Result<()> {
    let optimizer = optimizer(case);
    let start = |count: usize, step: f32| (1..=count).map(|i| i as f32 * step).collect::<Vec<f32>>();
    let variables = [
        Variable::new("dense/kernel", Tensor::from_slice(&start(5, 0.125), [5])?),
        Variable::new("dense/bias", Tensor::from_slice(&start(3, -0.25), [3])?),
    ];
    let weights = || -> Result<Vec<f32>> { Ok([variables[0].value().to_vec()?, variables[1].value().to_vec()?].concat()) };
    let compare = |expected: &[f64], what: &str| -> Result<()> {
        for (i, (ours, keras)) in weights()?.into_iter().zip(expected).enumerate() {
            assert!((f64::from(ours) - keras).abs() < 4e-6, "{case}, {what}: weight {i} is {ours}, Keras' {keras}");
        }
        Ok(())
    };
    for (call, expected) in lines.iter().enumerate() {
        let before = weights()?;
        optimizer.apply(&gradients(case, call)?, &variables)?;
        compare(expected, &format!("call {call}"))?;
        assert_eq!(optimizer.iterations()? as f64, expected[8], "{case}, call {call}: iterations");
        if case.starts_with("bad") && (call == 3 || call == 4) {
            assert_eq!(weights()?, before, "{case}, call {call}: a bad gradient leaves every bit");
        }
    }
    if let Some(end) = end {
        optimizer.finalize_variable_values()?;
        compare(end, "final")?;
    }
    Ok(())
}

fn all_follow_keras(_device: &Device) -> Result<()> {
    let mut lines = TRAJECTORIES.lines().filter(|line| !line.starts_with('#')).peekable();
    let numbers = |line: &str| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<f64>>();
    let mut cases = 0;
    while let Some(case) = lines.next() {
        let mut calls: Vec<Vec<f64>> = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
            calls.push(numbers(line));
        }
        let end = if calls.len() > 10 { calls.pop() } else { None };
        assert_eq!(calls.len(), 10, "{case}");
        follows_keras(case, &calls, end.as_deref())?;
        cases += 1;
    }
    assert_eq!(cases, 20);
    Ok(())
}

fn the_scale_follows_keras(_device: &Device) -> Result<()> {
    let optimizer = LossScaleOptimizer::new(SGD::new(0.5).momentum(0.9)).initial_scale(8.0).dynamic_growth_steps(3);
    let w = [Variable::new("w", Tensor::from([1.0f32]))];
    let mut seen = Vec::new();
    for call in 0..10 {
        // Infinite where the factor is, whatever the scale.
        let factor = if call == 3 || call == 4 { f32::INFINITY } else { 1.0 };
        let loss = (w[0].value() * factor).sum(&[]);
        let scaled = optimizer.scale_loss(&loss);
        let gradients = gradient(&scaled, &w)?;
        drop((loss, scaled));
        optimizer.apply(&gradients, &w)?;
        seen.push((optimizer.dynamic_scale()?, optimizer.step_counter()?, optimizer.iterations()?));
    }
    let keras = TRAJECTORIES.lines().skip_while(|line| *line != "bad").skip(1).take(10);
    let keras = keras.map(|line| line.split_whitespace().skip(8).map(|word| word.parse::<f32>().expect("a number")).collect::<Vec<_>>());
    let keras: Vec<_> = keras.map(|row| (row[1], row[2] as u32, row[0] as u64)).collect();
    assert_eq!(seen, keras);
    // Eight good steps with gradient 1: what the scale was played no part.
    let (mut expected, mut velocity) = (1.0f32, 0.0f32);
    for _ in 0..8 {
        velocity = 0.9 * velocity - 0.5;
        expected += velocity;
    }
    assert_eq!(w[0].value().item::<f32>()?, expected);
    Ok(())
}

fn a_loop_goes_on_after_a_bad_gradient(_device: &Device) -> Result<()> {
    let optimizer = Adam::new(0.1);
    let w = [Variable::new("w", Tensor::from([1.0f32, 2.0]))];
    let step = |gradient: [f32; 2]| optimizer.apply(&[Some(Tensor::from(gradient))], &w);
    step([1.0, 1.0])?;
    let before = w[0].value().to_vec::<f32>()?;
    step([f32::NAN, 1.0])?;
    let error = (0..4).find_map(|_| step([1.0, 1.0]).err()).expect("the flag arrives within a few steps");
    assert_eq!(error.kind(), ErrorKind::NonFinite);
    assert_eq!((w[0].value().to_vec::<f32>()?, optimizer.iterations()?), (before.clone(), 1), "nothing moves before resume()");
    optimizer.resume()?;
    step([1.0, 1.0])?;
    step([1.0, 1.0])?;
    assert_eq!(optimizer.iterations()?, 3);
    assert!(w[0].value().to_vec::<f32>()?.iter().zip(&before).all(|(now, before)| now < before));
    Ok(())
}

/// Variables of several chunks, of parts of one, and of none.
const SIZES: [usize; 5] = [9001, 64, 0, 4096, 5];

fn wave(count: usize, phase: usize) -> Vec<f32> {
    (0..count).map(|i| (((i * 7919 + phase * 131) % 2001) as f32 - 1000.0) / 997.0).collect()
}

/// Three steps of Adam with clipping over all chunks; the weights.
fn many_chunks(optimizer: &dyn Optimizer) -> Result<Vec<Vec<f32>>> {
    let make = |(at, &size): (usize, &usize)| Ok(Variable::new(format!("w{at}"), Tensor::from_slice(&wave(size, at), [size])?));
    let variables = SIZES.iter().enumerate().map(make).collect::<Result<Vec<_>>>()?;
    for step in 0..3 {
        let one = |(at, &size): (usize, &usize)| Ok(Some(Tensor::from_slice(&wave(size, 10 * step + at), [size])?));
        optimizer.apply(&SIZES.iter().enumerate().map(one).collect::<Result<Vec<_>>>()?, &variables)?;
    }
    variables.iter().map(|variable| variable.value().to_vec()).collect()
}

fn norms_span_chunks(_device: &Device) -> Result<()> {
    let norm = |gradient: &[f32]| gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
    let expected = |each: bool| -> Vec<Vec<f64>> {
        let mut weights: Vec<Vec<f64>> =
            SIZES.iter().enumerate().map(|(at, &size)| wave(size, at).into_iter().map(f64::from).collect()).collect();
        for step in 0..3 {
            let gradients: Vec<Vec<f32>> = SIZES.iter().enumerate().map(|(at, &size)| wave(size, 10 * step + at)).collect();
            let all: f64 = gradients.iter().map(|gradient| norm(gradient)).sum();
            for (weights, gradient) in weights.iter_mut().zip(&gradients) {
                let norm = if each { norm(gradient) } else { all }.sqrt();
                weights.iter_mut().zip(gradient).for_each(|(w, &g)| *w -= 0.1 * f64::from(g) * 3.0 / norm.max(3.0));
            }
        }
        weights
    };
    for each in [true, false] {
        let optimizer = if each { SGD::new(0.1).clipnorm(3.0) } else { SGD::new(0.1).global_clipnorm(3.0) };
        for (ours, exact) in many_chunks(&optimizer)?.iter().zip(expected(each)) {
            for (i, (ours, exact)) in ours.iter().zip(exact).enumerate() {
                assert!((f64::from(*ours) - exact).abs() < 1e-6, "each {each}: weight {i} is {ours} for {exact}");
            }
        }
    }
    Ok(())
}

fn one_bad_element_is_found_in_every_chunk(_device: &Device) -> Result<()> {
    for (variable, at) in [(0, 0), (0, 4095), (0, 4096), (0, 9000), (1, 63), (3, 4095), (4, 4)] {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let optimizer = LossScaleOptimizer::new(SGD::new(1.0));
            let variables: Vec<Variable> = SIZES.iter().map(|&size| Variable::new("w", Tensor::zeros([size]))).collect();
            let gradients = SIZES.iter().enumerate().map(|(which, &size)| {
                let mut gradient = wave(size, which);
                if which == variable {
                    gradient[at] = bad;
                }
                Ok(Some(Tensor::from_slice(&gradient, [size])?))
            });
            optimizer.apply(&gradients.collect::<Result<Vec<_>>>()?, &variables)?;
            assert_eq!(optimizer.iterations()?, 0, "{bad} in element {at} of variable {variable}");
            for variable in &variables {
                assert!(variable.value().to_vec::<f32>()?.iter().all(|&w| w == 0.0));
            }
        }
    }
    Ok(())
}

fn a_step_is_two_kernels(device: &Device) -> Result<()> {
    let options: [Box<dyn Optimizer>; 3] = [
        Box::new(Adam::new(0.1)),
        Box::new(Adam::new(0.1).clipnorm(1.0).weight_decay(0.1).use_ema(true)),
        Box::new(LossScaleOptimizer::new(Adam::new(0.1).gradient_accumulation_steps(2))),
    ];
    for optimizer in options {
        let w = [Variable::new("w", Tensor::from([1.0f32, 2.0]))];
        optimizer.build(&w)?;
        let gradients = [Some(Tensor::from([1.0f32, -1.0]))];
        let step = || -> Result<u64> {
            let before = device.statistics().kernels;
            optimizer.apply(&gradients, &w)?;
            Ok(device.statistics().kernels - before)
        };
        step()?;
        let plans = device.statistics().plans;
        assert_eq!(step()?, 3, "a copy of the gradient into its arena, and two for the step: {optimizer:?}");
        optimizer.set_learning_rate(0.01)?;
        step()?;
        assert_eq!(device.statistics().plans, plans, "neither a step nor a learning rate takes a new plan");
    }
    Ok(())
}

fn options_that_contradict_are_refused(_device: &Device) -> Result<()> {
    let w = [Variable::new("w", Tensor::from([1.0f32]))];
    let told = |optimizer: &dyn Optimizer| optimizer.build(&w).expect_err("options that contradict").to_string();
    assert!(told(&SGD::new(0.1).clipnorm(1.0).clipvalue(2.0)).contains("only one of clipnorm"));
    assert!(told(&SGD::new(0.1).gradient_accumulation_steps(1)).contains("2 or more"));
    assert!(told(&SGD::new(0.1).use_ema(true).ema_momentum(1.5)).contains("ema_momentum is 1.5"));
    assert!(told(&SGD::new(0.1).use_ema(true).ema_overwrite_frequency(0)).contains("ema_overwrite_frequency"));
    assert!(told(&SGD::new(0.1).loss_scale_factor(0.0)).contains("loss_scale_factor"));
    assert!(told(&SGD::new(ExponentialDecay::new(0.1, 0, 0.5))).contains("decay_steps"));
    assert!(told(&Lion::new(0.1).beta_1(0.0)).contains("beta_1"));
    assert!(told(&Ftrl::new(0.1).learning_rate_power(0.5)).contains("learning_rate_power"));
    assert!(told(&LossScaleOptimizer::new(SGD::new(0.1)).initial_scale(f32::INFINITY)).contains("initial_scale"));
    Ok(())
}

/// A dense layer behind batch normalizations, so many that one dispatch does not choose for all statistics.
fn small_model(optimizer: impl Optimizer + 'static) -> Result<Model> {
    let input = Sequential::new().add(Input::new([4]));
    let normalized = (0..9).fold(input, |model, _| model.add(BatchNormalization::new()));
    let mut model = normalized.add(Dense::new(1)).build()?;
    model.compile(optimizer, MeanSquaredError::new()).finish()?;
    Ok(model)
}

fn weights(model: &Model) -> Result<Vec<Vec<f32>>> {
    model.variables().iter().map(|variable| variable.value().to_vec()).collect()
}

fn fit_scales_the_loss(_device: &Device) -> Result<()> {
    let (good, y) = (Array::new(wave(64 * 4, 3), [64, 4])?, Array::new(wave(64, 5), [64, 1])?);
    let bad = Array::new([&[f32::NAN], &wave(64 * 4 - 1, 3)[..]].concat(), [64, 4])?;
    Seed(3).scope(|| {
        let (mut plain, mut scaled) = (small_model(Adam::new(0.01))?, small_model(LossScaleOptimizer::new(Adam::new(0.01)))?);
        plain.fit((&good, &y)).verbose(Verbose::Silent).run()?;
        scaled.fit((&good, &y)).verbose(Verbose::Silent).run()?;
        let before = weights(&scaled)?;
        for (plain, scaled) in weights(&plain)?.iter().flatten().zip(before.iter().flatten()) {
            assert!((plain - scaled).abs() < 1e-6, "a power of two cancels: {plain} and {scaled}");
        }
        scaled.fit((&bad, &y)).batch_size(64).verbose(Verbose::Silent).run()?;
        assert_eq!(weights(&scaled)?, before, "a skipped step leaves weights and moving statistics");
        scaled.fit((&good, &y)).verbose(Verbose::Silent).run()?;
        assert_ne!(weights(&scaled)?, before, "the next one counts");
        Ok(())
    })
}

fn fit_ends_with_the_average(_device: &Device) -> Result<()> {
    let (x, y) = (Array::new(wave(64 * 4, 3), [64, 4])?, Array::new(wave(64, 5), [64, 1])?);
    let after = |optimizer: SGD, epochs: usize| {
        Seed(3).scope(|| {
            let mut model = small_model(optimizer)?;
            model.fit((&x, &y)).epochs(epochs).batch_size(64).shuffle(false).verbose(Verbose::Silent).run()?;
            model.trainable_variables().iter().map(|variable| variable.value().to_vec::<f32>()).collect::<Result<Vec<_>>>()
        })
    };
    // An average that keeps all of itself is that of the first step.
    assert_eq!(after(SGD::new(0.1).use_ema(true).ema_momentum(1.0), 3)?, after(SGD::new(0.1), 1)?);
    assert_ne!(after(SGD::new(0.1), 3)?, after(SGD::new(0.1), 1)?);
    Ok(())
}

/// Three steps that would leave what is allowed, one of them bad.
fn constraints_hold_within_the_step(device: &Device) -> Result<()> {
    let weight = |values: [f32; 4]| Ok::<_, Error>(Variable::new("w", Tensor::from_slice(&values, [2, 2])?));
    let free = weight([3.0, 0.0, 4.0, 0.5])?;
    let bound = weight([3.0, 0.0, 4.0, 0.5])?.constrained(|w| MaxNorm::new().max_value(1.0).call(w));
    let variables = [free.clone(), bound.clone()];
    let optimizer = LossScaleOptimizer::new(SGD::new(1.0)).initial_scale(1.0);
    optimizer.build(&variables)?;
    let step = |x: f32| {
        let gradient = || Some(Tensor::from_slice(&[x, 0.0, 0.0, 0.0], [2, 2]).expect("four numbers"));
        optimizer.apply(&[gradient(), gradient()], &variables)
    };
    step(f32::INFINITY)?;
    assert_eq!(bound.value().to_vec::<f32>()?, [3.0, 0.0, 4.0, 0.5], "a skipped step changes nothing");
    for _ in 0..3 {
        step(0.0)?;
    }
    let expected = [0.6, 0.0, 0.8, 0.5];
    let near = |found: &[f32]| found.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-5);
    assert!(near(&bound.value().to_vec::<f32>()?), "{:?}", bound.value().to_vec::<f32>()?);
    assert_eq!(free.value().to_vec::<f32>()?, [3.0, 0.0, 4.0, 0.5]);
    let (plans, reserved) = (device.statistics().plans, device.memory().reserved);
    step(0.0)?;
    step(0.0)?;
    assert_eq!((device.statistics().plans, device.memory().reserved), (plans, reserved), "a steady step plans and allocates nothing");
    Ok(())
}

fn layers_hand_their_constraints_on(_device: &Device) -> Result<()> {
    let (x, y) = (Array::new(wave(64 * 4, 3), [64, 4])?, Array::new(vec![-9.0f32; 64], [64, 1])?);
    let dense = Dense::new(1).kernel_constraint(NonNeg).bias_constraint(NonNeg).kernel_initializer(Constant(1.0));
    let mut model = Sequential::new().add(Input::new([4])).add(dense).build()?;
    model.compile(Adam::new(0.5), MeanSquaredError::new()).finish()?;
    model.fit((&x, &y)).epochs(3).verbose(Verbose::Silent).run()?;
    let all: Vec<f32> = weights(&model)?.concat();
    assert!(all.iter().all(|&w| w >= 0.0) && all.contains(&0.0), "{all:?}");
    Ok(())
}

/// Halves the rate with each step.
#[derive(Schedule, Clone, Debug)]
#[schedule(package = "test")]
struct Halving {
    /// The first rate.
    #[schedule(new)]
    rate: f32,
}

impl Schedule for Halving {
    fn call(&self, step: u64) -> f32 {
        self.rate * 0.5f32.powi(step as i32)
    }
}

/// A skipped step does not count, however late the host hears of it.
fn a_schedule_counts_good_steps(device: &Device) -> Result<()> {
    let optimizer = LossScaleOptimizer::new(SGD::new(Halving::new(1.0))).initial_scale(1.0);
    let w = [Variable::new("w", Tensor::from([0.0f32]))];
    optimizer.build(&w)?;
    let step = function(|[g]: [&Tensor; 1]| optimizer.apply(&[Some(g.clone())], &w));
    let (good, bad) = (Tensor::from([-1.0f32]), Tensor::from([f32::NAN]));
    for (at, gradient) in [&good, &good, &bad, &good, &bad, &good].into_iter().enumerate() {
        let scale = optimizer.dynamic_scale()?; // waits
        step.call([&(gradient * scale)])?;
        if at == 1 {
            let plans = device.statistics().plans;
            step.call([&(gradient * scale)])?;
            assert_eq!(device.statistics().plans, plans, "a new rate takes no new plan");
        }
    }
    // 1 + 1/2 + 1/4 + 1/8 + 1/16, the last two scaled down twice and up again.
    assert_eq!(w[0].value().item::<f32>()?, 1.9375);
    assert_eq!(optimizer.learning_rate(), 0.03125);
    let fast = LossScaleOptimizer::new(SGD::new(Halving::new(1.0))).initial_scale(1.0);
    let v = [Variable::new("v", Tensor::from([0.0f32]))];
    for gradient in [&good, &bad, &bad, &bad, &bad, &bad, &(&good / 32.0)] {
        fast.apply(&[Some(gradient.clone())], &v)?; // without waiting
    }
    assert_eq!(v[0].value().item::<f32>()?, 1.5);
    assert!(optimizer.set_learning_rate(1.0).unwrap_err().to_string().contains("schedule"));
    Ok(())
}

/// Five steps, the state by way of arrays into a fresh optimizer, and five more: the bits are those of ten steps in a row.
fn state_survives(_device: &Device) -> Result<()> {
    let make: [fn() -> Box<dyn Optimizer>; 4] = [
        || Box::new(Adam::new(0.1).amsgrad(true).use_ema(true).gradient_accumulation_steps(2)),
        || Box::new(Nadam::new(ExponentialDecay::new(0.1, 3, 0.5))),
        || Box::new(Muon::new(0.1).use_ema(true).gradient_accumulation_steps(2)),
        || Box::new(LossScaleOptimizer::new(RMSprop::new(0.1).momentum(0.5).centered(true)).dynamic_growth_steps(3)),
    ];
    let gradient = |step: usize| Tensor::from_slice(&wave(6, step), [3, 2]).map(Some);
    for make in make {
        let (straight, w) = (make(), [Variable::new("w", Tensor::from_slice(&wave(6, 50), [3, 2])?)]);
        for step in 0..10 {
            straight.apply(&[gradient(step)?], &w)?;
        }
        let (before, after) = (make(), make());
        let v = [Variable::new("w", Tensor::from_slice(&wave(6, 50), [3, 2])?)];
        for step in 0..10 {
            if step == 5 {
                after.build(&v)?;
                after.set_variables(&before.variables()?.into_iter().map(|(_, values)| values).collect::<Vec<_>>())?;
            }
            let optimizer = if step < 5 { &before } else { &after };
            optimizer.apply(&[gradient(step)?], &v)?;
        }
        assert_eq!(v[0].value().to_vec::<f32>()?, w[0].value().to_vec::<f32>()?, "{straight:?}");
        assert_eq!(after.variables()?, straight.variables()?);
    }
    let (optimizer, w) = (Adam::new(0.1), [Variable::new("w", Tensor::from([1.0f32]))]);
    optimizer.build(&w)?;
    let told = |values: &[Array]| optimizer.set_variables(values).unwrap_err().to_string();
    assert!(told(&[Array::from(vec![1i64])]).contains("has 4 variables, the saved one 1"));
    let wrong = vec![Array::new([1i64], [])?, Array::new([0.5f32], [])?, Array::from(vec![1.0f32, 2.0]), Array::from(vec![1.0f32])];
    assert_eq!(told(&wrong), "adam/w_momentum: float32 of shape (2,) cannot be taken");
    Ok(())
}

fn main() {
    type Test = fn(&Device) -> Result<()>;
    let tests: [(&str, Test); 15] = [
        ("all follow Keras", all_follow_keras),
        ("the scale follows Keras", the_scale_follows_keras),
        ("a loop goes on after a bad gradient", a_loop_goes_on_after_a_bad_gradient),
        ("norms span chunks", norms_span_chunks),
        ("one bad element is found in every chunk", one_bad_element_is_found_in_every_chunk),
        ("a step is two kernels", a_step_is_two_kernels),
        ("fit scales the loss", fit_scales_the_loss),
        ("fit ends with the average", fit_ends_with_the_average),
        ("options that contradict are refused", options_that_contradict_are_refused),
        ("constraints hold within the step", constraints_hold_within_the_step),
        ("layers hand their constraints on", layers_hand_their_constraints_on),
        ("a schedule counts good steps", a_schedule_counts_good_steps),
        ("state survives", state_survives),
        ("each variable goes to its optimizer", each_to_its_own),
        ("fit takes several optimizers", fit_takes_several),
    ];
    support::run(support::trials(tests), true);
}

/// Two variables of an encoder, and one that no pattern fits.
fn encoder() -> [Variable; 3] {
    let names = ["encoder/kernel", "encoder/bias", "head/kernel"];
    std::array::from_fn(|at| Variable::new(names[at], Tensor::from_slice(&wave(5, at), [5]).expect("five numbers")))
}

fn each_to_its_own(_device: &Device) -> Result<()> {
    let make = || {
        let optimizer = MultiOptimizer::new(SGD::new(0.1).momentum(0.9)).optimizer("encoder/.*", Adam::new(0.01));
        optimizer.optimizer("encoder/bias", RMSprop::new(0.02))
    };
    let (several, variables, alone) = (make(), encoder(), encoder());
    let single: [Box<dyn Optimizer>; 3] = [Box::new(Adam::new(0.01)), Box::new(RMSprop::new(0.02)), Box::new(SGD::new(0.1).momentum(0.9))];
    let gradients = |step: usize| (0..3).map(|at| Tensor::from_slice(&wave(5, step * 7 + at), [5]).ok()).collect::<Vec<_>>();
    let values = |variables: &[Variable; 3]| variables.iter().map(|variable| variable.value().to_vec::<f32>()).collect::<Result<Vec<_>>>();
    for step in 0..4 {
        several.apply(&gradients(step), &variables)?;
        for ((optimizer, gradient), variable) in single.iter().zip(gradients(step)).zip(&alone) {
            optimizer.apply(&[gradient], std::slice::from_ref(variable))?;
        }
        assert_eq!(values(&variables)?, values(&alone)?, "step {step}");
    }
    // Keras' order: the count of all, its rate, then one optimizer behind the other, the default one last.
    let saved = several.variables()?;
    let paths: Vec<&str> = saved.iter().map(|(path, _)| path.as_str()).collect();
    let expected = [
        "multi_optimizer/iteration",
        "multi_optimizer/learning_rate",
        "adam/iteration",
        "adam/learning_rate",
        "adam/encoder_kernel_momentum",
        "adam/encoder_kernel_velocity",
        "rm_sprop/iteration",
        "rm_sprop/learning_rate",
        "rm_sprop/encoder_bias_velocity",
        "sgd/iteration",
        "sgd/learning_rate",
        "sgd/head_kernel_momentum",
    ];
    assert_eq!((paths, several.iterations()?), (expected.to_vec(), 4));
    // Another one that takes config, state and values goes on as this one does.
    let mut options = config::Options::new();
    several.options(&mut options);
    let json = serde_json::json!({ "class_name": "MultiOptimizer", "config": options });
    let other: Box<dyn Optimizer> = config::read(|reader| config::Value::from_json(&json, reader))?;
    let copies = encoder();
    copies.iter().zip(&variables).try_for_each(|(copy, variable)| copy.assign(&variable.value()))?;
    other.build(&copies)?;
    other.set_variables(&saved.into_iter().map(|(_, values)| values).collect::<Vec<_>>())?;
    several.apply(&gradients(4), &variables)?;
    other.apply(&gradients(4), &copies)?;
    assert_eq!(values(&copies)?, values(&variables)?);

    let told = |optimizer: MultiOptimizer| optimizer.build(&encoder()).expect_err("a wrong use").to_string();
    let sgd = || SGD::new(0.1);
    assert!(told(make().optimizer(".*/kernel", sgd())).contains("encoder/kernel fits both \"encoder/.*\" and \".*/kernel\""));
    assert!(told(make().optimizer("(", sgd())).contains("pattern \"(\""));
    assert!(told(MultiOptimizer::new(LossScaleOptimizer::new(sgd()))).contains("inside"));
    assert!(told(MultiOptimizer::new(sgd()).clipnorm(1.0)).contains("set on the optimizers inside"));
    assert!(make().set_learning_rate(1.0).is_err());
    Ok(())
}

fn fit_takes_several(device: &Device) -> Result<()> {
    let (x, y) = (Array::new(wave(64 * 4, 3), [64, 4])?, Array::new(wave(64, 5), [64, 1])?);
    Seed(3).scope(|| {
        let several = MultiOptimizer::new(SGD::new(0.1)).optimizer(".*/(bias|beta)", SGD::new(0.1)).loss_scale_factor(4.0);
        let (mut several, mut plain) = (small_model(several)?, small_model(SGD::new(0.1).loss_scale_factor(4.0))?);
        let fit = |model: &mut Model| model.fit((&x, &y)).epochs(2).verbose(Verbose::Silent).run().map(drop);
        fit(&mut plain)?;
        fit(&mut several)?;
        for (several, plain) in weights(&several)?.iter().flatten().zip(weights(&plain)?.iter().flatten()) {
            assert!((several - plain).abs() < 1e-6, "one rate is one rate: {several} and {plain}");
        }
        let plans = device.statistics().plans;
        fit(&mut several)?;
        assert_eq!(device.statistics().plans, plans, "steps take no new plans");
        Ok(())
    })
}
