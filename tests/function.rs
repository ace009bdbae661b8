//! Functions: what a replay computes equals, bit for bit, what recording each step again would.

mod support;

use wgrad::{prelude::*, random, random::RandomKey, random::SeedGenerator};

/// A model with dropout and moving statistics, its optimizer, and its loss.
struct Setup {
    model: Model,
    optimizer: Adam,
    loss: SparseCategoricalCrossentropy,
    weights: Vec<Variable>,
}

impl Setup {
    fn new() -> Result<Self> {
        let model = Seed(3).scope(|| {
            Sequential::new()
                .add(Input::new([6]))
                .add(Dense::new(16).activation(Relu))
                .add(BatchNormalization::new())
                .add(Dropout::new(0.3))
                .add(Dense::new(4))
                .build()
        })?;
        let weights = model.trainable_variables();
        Ok(Self { model, optimizer: Adam::new(0.02), loss: SparseCategoricalCrossentropy::new().from_logits(true), weights })
    }

    fn step(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let tape = GradientTape::new();
        let loss = self.loss.call(y, &self.model.call(x, Training::Yes)?)?;
        self.optimizer.apply(&tape.gradient(&loss, &self.weights)?, &self.weights)?;
        Ok(loss)
    }

    /// The bits of all weights and statistics.
    fn bits(&self) -> Result<Vec<u32>> {
        let values = self.model.variables().iter().map(|variable| variable.value().to_vec::<f32>()).collect::<Result<Vec<_>>>()?;
        Ok(values.concat().into_iter().map(f32::to_bits).collect())
    }
}

fn batch(rows: usize, seed: usize) -> Result<(Tensor, Tensor)> {
    let x: Vec<f32> = (0..rows * 6).map(|i| ((i + seed * 131) * 2_654_435_761 % 2000) as f32 / 1000.0 - 1.0).collect();
    let y: Vec<i32> = x.chunks(6).map(|x| i32::from(x[0] > 0.0) + 2 * i32::from(x[1] > x[2])).collect();
    Ok((Tensor::from_slice(&x, [rows, 6])?, Tensor::from_slice(&y, [rows])?))
}

/// Runs `step` on batches of two sizes, with another learning rate and weights changed from outside on the way.
fn train(setup: &Setup, step: impl Fn(&Tensor, &Tensor) -> Result<Tensor>) -> Result<Vec<u32>> {
    let mut losses = Vec::new();
    for at in 0..30 {
        let (x, y) = batch(if at % 5 == 4 { 7 } else { 20 }, at)?;
        if at == 12 {
            setup.optimizer.set_learning_rate(0.005)?;
        }
        if at == 20 {
            setup.weights[1].assign(&(setup.weights[1].value() * 0.5))?;
        }
        losses.push(step(&x, &y)?);
    }
    losses.into_iter().map(|loss| Ok(loss.item::<f32>()?.to_bits())).collect()
}

fn a_training_step_has_the_same_bits(device: &Device) -> Result<()> {
    let (plain, replayed) = (Setup::new()?, Setup::new()?);
    let losses = train(&plain, |x, y| plain.step(x, y))?;
    let step = function(|[x, y]: [&Tensor; 2]| replayed.step(x, y));
    let before = device.statistics();
    assert_eq!(train(&replayed, |x, y| step.call([x, y]))?, losses);
    assert_eq!(replayed.bits()?, plain.bits()?);
    assert_eq!(replayed.optimizer.iterations()?, 30);
    let now = device.statistics();
    assert!(now.replays - before.replays >= 26, "{} of 30 steps were replayed", now.replays - before.replays);
    Ok(())
}

fn replays_compile_and_reserve_nothing(device: &Device) -> Result<()> {
    let setup = Setup::new()?;
    setup.optimizer.build(&setup.weights)?;
    let step = function(|[x, y]: [&Tensor; 2]| setup.step(x, y));
    let (x, y) = batch(20, 0)?;
    let run = || -> Result<_> {
        for _ in 0..10 {
            step.call([&x, &y])?;
        }
        device.synchronize()?;
        Ok((device.statistics(), device.memory().reserved))
    };
    let (first, second) = (run()?, run()?);
    assert_eq!((first.0.plans, first.0.pipelines, first.1), (second.0.plans, second.0.pipelines, second.1));
    assert_eq!(second.0.replays - first.0.replays, 10, "a plan for each step");
    Ok(())
}

fn the_body_runs_once_for_each_signature(_device: &Device) -> Result<()> {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let double = function(|[x]: [&Tensor; 1]| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(x + x)
    });
    for round in 0..3 {
        for size in 1..=10usize {
            let x = Tensor::full([size], round as f32 + 0.5);
            assert_eq!(double.call([&x])?.to_vec::<f32>()?, vec![2.0 * round as f32 + 1.0; size]);
        }
        assert_eq!(double.call([&Tensor::from([3i32])])?.to_vec::<i32>()?, [6]);
    }
    assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), 11);
    for size in 11..40usize {
        assert_eq!(double.call([&Tensor::ones([size])])?.size(), size, "more signatures than are kept");
    }
    Ok(())
}

fn variables_are_followed(_device: &Device) -> Result<()> {
    let (scale, count) = (Variable::new("scale", Tensor::from(2.0f32)), Variable::new("count", Tensor::from(0.0f32)));
    let last = Variable::new("last", Tensor::from([0.0f32, 0.0]));
    let scaled = function(|[x]: [&Tensor; 1]| {
        count.assign(&(count.value() + 1.0))?;
        last.assign(x)?;
        Ok([x * scale.value(), count.value() * 1.0])
    });
    let call = |x: [f32; 2]| -> Result<(Vec<f32>, f32)> {
        let [y, n] = scaled.call([&Tensor::from(x)])?;
        Ok((y.to_vec()?, n.item()?))
    };
    assert_eq!(call([1.0, 2.0])?, (vec![2.0, 4.0], 1.0));
    assert_eq!(call([3.0, 4.0])?, (vec![6.0, 8.0], 2.0));
    scale.assign(&Tensor::from(-1.0f32))?;
    count.assign(&(count.value() * 10.0))?;
    assert_eq!(call([5.0, 6.0])?, (vec![-5.0, -6.0], 21.0));
    assert_eq!(last.value().to_vec::<f32>()?, [5.0, 6.0]);
    Ok(())
}

fn captured_tensors_are_constants(_device: &Device) -> Result<()> {
    let (captured, lazy) = (Tensor::from([1.0f32, 2.0]), Tensor::from([10.0f32, 20.0]) * 2.0);
    let add = function(|[x]: [&Tensor; 1]| Ok(x + &captured + &lazy));
    assert_eq!(add.call([&captured])?.to_vec::<f32>()?, [22.0, 44.0], "also where it is the argument too");
    assert_eq!(add.call([&Tensor::from([5.0f32, 5.0])])?.to_vec::<f32>()?, [26.0, 47.0]);
    assert_eq!(add.call([&captured])?.to_vec::<f32>()?, [22.0, 44.0]);
    Ok(())
}

fn random_numbers_advance(_device: &Device) -> Result<()> {
    let (seeds, plain, fixed) = (SeedGenerator::new(9), SeedGenerator::new(9), RandomKey { seed: 1, stream: 2, step: 0 });
    let draw = function(|[]: [&Tensor; 0]| {
        let first = random::uniform(&seeds.next(), [4], 0.0, 1.0);
        Ok([first, random::normal(&seeds.next(), [4], 0.0, 1.0), random::uniform(&fixed, [4], 0.0, 1.0)])
    });
    for _ in 0..4 {
        let [uniform, normal, same] = draw.call([])?;
        assert_eq!(uniform.to_vec::<f32>()?, plain.next().uniform(4));
        let expected = random::normal(&plain.next(), [4], 0.0, 1.0);
        assert_eq!(normal.to_vec::<f32>()?, expected.to_vec::<f32>()?);
        assert_eq!(same.to_vec::<f32>()?, fixed.uniform(4));
    }
    Ok(())
}

fn reading_inside_is_an_error(_device: &Device) -> Result<()> {
    let reads = std::sync::atomic::AtomicBool::new(true);
    let peek = function(|[x]: [&Tensor; 1]| {
        let y = x * 2.0;
        if reads.load(std::sync::atomic::Ordering::Relaxed) && y.to_vec::<f32>()?[0] > 0.0 {
            return Ok(y);
        }
        Ok(y + 1.0)
    });
    let x = Tensor::from([1.0f32]);
    for _ in 0..2 {
        let error = peek.call::<Tensor>([&x]).expect_err("a read");
        assert!(error.to_string().contains("read inside of a function"), "{error}");
    }
    reads.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(peek.call([&x])?.to_vec::<f32>()?, [3.0], "an error leaves it usable");
    let wrong = function(|[x, y]: [&Tensor; 2]| wgrad::losses::MeanSquaredError::new().call(x, y));
    assert!(wrong.call::<Tensor>([&Tensor::zeros([2, 3]), &Tensor::zeros([2, 4])]).is_err());
    let results = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        function(|[x]: [&Tensor; 1]| Ok(x + Tensor::zeros([7]))).call::<Tensor>([&Tensor::zeros([2])])
    }));
    assert!(results.is_err(), "arithmetic on shapes that do not fit panics");
    assert_eq!(x.to_vec::<f32>()?, [1.0], "and reading works afterwards");
    Ok(())
}

fn gradients_flow_through(_device: &Device) -> Result<()> {
    let square = function(|[x]: [&Tensor; 1]| Ok(x * x));
    let outer = function(|[x]: [&Tensor; 1]| Ok(square.call::<Tensor>([x])? + 1.0));
    let x = Tensor::from(3.0f32);
    for _ in 0..3 {
        assert_eq!(outer.call([&x])?.item::<f32>()?, 10.0);
        let tape = GradientTape::new();
        tape.watch(&x);
        let y: Tensor = outer.call([&x])?;
        assert_eq!(tape.gradient(&y, &[&x])?[0].as_ref().map(Tensor::item::<f32>).transpose()?, Some(6.0));
    }
    let cut = gradient(&outer.call([&x])?, &[&x]).expect_err("the function forgot how");
    assert_eq!(cut.kind(), ErrorKind::Gradient);
    Ok(())
}

fn held_versions_survive(_device: &Device) -> Result<()> {
    let (setup, plain) = (Setup::new()?, Setup::new()?);
    let step = function(|[x, y]: [&Tensor; 2]| setup.step(x, y));
    let (x, y) = batch(20, 0)?;
    let mut held: Vec<(Tensor, Vec<f32>)> = Vec::new();
    for at in 0..6 {
        if at % 2 == 1 {
            let version = setup.weights[0].value();
            held.push((version.clone(), version.to_vec()?));
        }
        step.call([&x, &y])?;
        plain.step(&x, &y)?;
    }
    for (version, values) in held {
        assert_eq!(version.to_vec::<f32>()?, values);
    }
    assert_eq!(setup.bits()?, plain.bits()?);
    Ok(())
}

fn two_optimizers_and_a_clip(_device: &Device) -> Result<()> {
    let train = |replayed: bool| -> Result<Vec<f32>> {
        let (a, b) = (Variable::new("a", Tensor::from([1.0f32, -2.0])), Variable::new("b", Tensor::from([0.5f32])));
        let (first, second) = (SGD::new(0.1).momentum(0.9), Adam::new(0.1));
        let body = |[x]: [&Tensor; 1]| {
            let loss = (a.value() * x + b.value()).square().sum(&[]);
            first.apply(&gradient(&loss, &[&a])?, std::slice::from_ref(&a))?;
            let loss = (a.value() * x - b.value()).square().sum(&[]);
            second.apply(&gradient(&loss, &[&b])?, std::slice::from_ref(&b))?;
            a.assign(&a.value().clip(-0.9, 0.9))?;
            Ok(loss)
        };
        let step = function(body);
        for at in 0..8 {
            let x = Tensor::from([at as f32 * 0.1, 1.0]);
            if replayed {
                step.call::<Tensor>([&x])?
            } else {
                body([&x])?
            };
        }
        Ok([a.value().to_vec::<f32>()?, b.value().to_vec::<f32>()?].concat())
    };
    assert_eq!(train(true)?, train(false)?);
    Ok(())
}

fn a_bad_gradient_is_reported(_device: &Device) -> Result<()> {
    let setup = Setup::new()?;
    let step = function(|[x, y]: [&Tensor; 2]| setup.step(x, y));
    let (x, y) = batch(20, 0)?;
    for _ in 0..3 {
        step.call::<Tensor>([&x, &y])?;
    }
    let before = setup.weights[0].value().to_vec::<f32>()?;
    step.call::<Tensor>([&(&x * f32::NAN), &y])?;
    let error = (0..4).find_map(|_| step.call::<Tensor>([&x, &y]).err()).expect("the flag arrives within a few steps");
    assert_eq!(error.kind(), ErrorKind::NonFinite);
    assert_eq!(setup.weights[0].value().to_vec::<f32>()?, before);
    Ok(())
}

fn threads_share_a_function(_device: &Device) -> Result<()> {
    let device = Device::current()?;
    let scale = Variable::new("scale", Tensor::from(3.0f32));
    let triple = function(|[x]: [&Tensor; 1]| Ok(x * scale.value()));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (triple, device) = (&triple, &device);
                scope.spawn(move || {
                    device.scope(|| -> Result<()> {
                        for round in 0..50 {
                            let x = (thread * 100 + round) as f32;
                            assert_eq!(triple.call([&Tensor::full([5], x)])?.to_vec::<f32>()?, [3.0 * x; 5]);
                        }
                        Ok(())
                    })
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })
}

fn an_assigned_view_is_not_overwritten(_device: &Device) -> Result<()> {
    let (w, old) = (Variable::new("w", Tensor::from([1.0f32, 2.0])), Variable::new("old", Tensor::from([[0.0f32, 0.0]])));
    let optimizer = SGD::new(1.0);
    for round in 0..3 {
        let before = w.value().to_vec::<f32>()?;
        let loss = w.value().square().sum(&[]);
        old.assign(&w.value().reshape([1, 2]))?;
        optimizer.apply(&gradient(&loss, &[&w])?, std::slice::from_ref(&w))?;
        drop(loss);
        assert_eq!(old.value().to_vec::<f32>()?, before, "round {round}");
    }
    Ok(())
}

/// Trains for three epochs of nine batches, the last of which is smaller; weights, history and scores.
fn fit(run_eagerly: bool) -> Result<(Vec<f32>, Vec<f64>, Vec<f32>)> {
    let (x, y) = batch(68, 1)?;
    let mut model = Setup::new()?.model;
    let loss = SparseCategoricalCrossentropy::new().from_logits(true);
    model.compile(Adam::new(0.01), loss).metric(Accuracy::new()).run_eagerly(run_eagerly).finish()?;
    let history = Seed(4).scope(|| model.fit((&x, &y)).epochs(3).batch_size(8).verbose(Verbose::Silent).run())?;
    let mut scores = [history["loss"].to_vec(), history["accuracy"].to_vec()].concat();
    scores.extend(model.evaluate((&x, &y)).batch_size(8).verbose(Verbose::Silent).run()?.iter().map(|(_, score)| score));
    let weights = model.variables().iter().map(|variable| variable.value().to_vec()).collect::<Result<Vec<_>>>()?.concat();
    Ok((weights, scores, model.predict(&x).batch_size(8).run()?.to_vec()?))
}

fn fit_replays(device: &Device) -> Result<()> {
    let before = device.statistics();
    fit(false)?;
    let now = device.statistics();
    // Two sizes of batches each: 27 steps of training, 9 of evaluation and 9 of prediction.
    assert_eq!(now.replays - before.replays, 25 + 7 + 7);
    fit(false)?;
    assert_eq!(device.statistics().plans, now.plans, "another run compiles nothing");
    Ok(())
}

fn run_eagerly_is_right(device: &Device) -> Result<()> {
    let compiled = fit(false)?;
    let before = device.statistics();
    let eager = fit(true)?;
    let predictions = 7;
    assert_eq!(device.statistics().replays - before.replays, predictions, "nothing is replayed in fit and evaluate");
    let close = |a: f64, b: f64, what| assert!((a - b).abs() < 2e-3 * a.abs().max(1.0), "{what}: {a} and {b}");
    compiled.0.iter().zip(&eager.0).for_each(|(a, b)| close(f64::from(*a), f64::from(*b), "weight"));
    compiled.1.iter().zip(&eager.1).for_each(|(a, b)| close(*a, *b, "score"));
    compiled.2.iter().zip(&eager.2).for_each(|(a, b)| close(f64::from(*a), f64::from(*b), "prediction"));
    Ok(())
}

fn main() {
    type Test = fn(&Device) -> Result<()>;
    let tests: [(&str, Test); 15] = [
        ("a training step has the same bits", a_training_step_has_the_same_bits),
        ("replays compile and reserve nothing", replays_compile_and_reserve_nothing),
        ("the body runs once for each signature", the_body_runs_once_for_each_signature),
        ("variables are followed", variables_are_followed),
        ("captured tensors are constants", captured_tensors_are_constants),
        ("random numbers advance", random_numbers_advance),
        ("reading inside is an error", reading_inside_is_an_error),
        ("gradients flow through", gradients_flow_through),
        ("held versions survive", held_versions_survive),
        ("two optimizers and a clip", two_optimizers_and_a_clip),
        ("a bad gradient is reported", a_bad_gradient_is_reported),
        ("threads share a function", threads_share_a_function),
        ("an assigned view is not overwritten", an_assigned_view_is_not_overwritten),
        ("fit replays", fit_replays),
        ("run_eagerly is right", run_eagerly_is_right),
    ];
    support::run(support::trials(tests), true);
}
