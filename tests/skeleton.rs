//! The walking skeleton: an MLP trains on both devices from replayed plans, without compiling or allocating again.

mod support;

use support::rss_kib;
use wgrad::{Statistics, prelude::*};

struct Mlp {
    variables: Vec<Variable>,
    optimizer: Adam,
}

impl Mlp {
    fn new() -> Result<Self> {
        let ramp = |rows: usize, columns: usize| {
            let values: Vec<f32> = (0..rows * columns).map(|i| ((i * 7919 % 1000) as f32 / 1000.0 - 0.5) / (rows as f32).sqrt()).collect();
            Tensor::from_slice(&values, [rows, columns])
        };
        let variables = vec![
            Variable::new("hidden/kernel", ramp(8, 16)?),
            Variable::new("hidden/bias", Tensor::zeros([16])),
            Variable::new("output/kernel", ramp(16, 1)?),
            Variable::new("output/bias", Tensor::zeros([1])),
        ];
        let optimizer = Adam::new(1e-2);
        optimizer.build(&variables)?;
        Ok(Self { variables, optimizer })
    }

    fn step(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        // No version of a variable is held over the step, else the optimizer could not update it in place.
        let value = |at: usize| self.variables[at].value();
        let hidden = (x.matmul(&value(0)) + value(1)).relu();
        let loss = (hidden.matmul(&value(2)) + value(3) - y).square().mean(&[]);
        let gradients = gradient(&loss, &self.variables)?;
        self.optimizer.apply(&gradients, &self.variables)?;
        Ok(loss)
    }
}

/// A batch of a smooth function of eight inputs.
fn batch(rows: usize, seed: usize) -> Result<(Tensor, Tensor)> {
    let x: Vec<f32> = (0..rows * 8).map(|i| ((i + seed * 131) * 2654435761 % 2000) as f32 / 1000.0 - 1.0).collect();
    let y: Vec<f32> = x.chunks(8).map(|x| x[0] * x[1] + x[2].abs() - 0.5 * x[3]).collect();
    Ok((Tensor::from_slice(&x, [rows, 8])?, Tensor::from_slice(&y, [rows, 1])?))
}

fn trains(device: &Device) -> Result<()> {
    let mlp = Mlp::new()?;
    let first = {
        let (x, y) = batch(64, 0)?;
        mlp.step(&x, &y)?.item::<f32>()?
    };
    let compiled = device.statistics();
    let mut last = first;
    for step in 1..400 {
        let (x, y) = batch(64, step)?;
        last = mlp.step(&x, &y)?.item::<f32>()?;
    }
    assert!(last < first / 5.0, "loss went from {first} to {last}");
    let now = device.statistics();
    assert_eq!((now.plans, now.pipelines), (compiled.plans, compiled.pipelines));
    Ok(())
}

fn steps_compile_nothing(device: &Device) -> Result<()> {
    let mlp = Mlp::new()?;
    let run = |rows: usize, steps: usize| -> Result<Statistics> {
        for step in 0..steps {
            let (x, y) = batch(rows, step)?;
            mlp.step(&x, &y)?;
        }
        Ok(device.statistics())
    };
    let first = run(32, 1)?;
    let second = run(32, 5)?;
    assert_eq!((first.plans, first.pipelines), (second.plans, second.pipelines), "step 2 compiles nothing");
    let other = run(48, 3)?;
    assert_eq!((other.plans, other.pipelines), (first.plans + 1, first.pipelines), "another batch size is a plan, but no pipeline");
    Ok(())
}

fn memory_stays_flat(device: &Device) -> Result<()> {
    let mlp = Mlp::new()?;
    let mut early = (0, 0);
    for step in 0..2000 {
        let (x, y) = batch(16 + step % 3, step)?;
        mlp.step(&x, &y)?;
        if step == 200 {
            early = (rss_kib(), device.memory().reserved);
        }
    }
    let late = (rss_kib(), device.memory().reserved);
    assert!(late.0 <= early.0 + 4096, "resident memory grew from {} to {} KiB", early.0, late.0);
    assert!(late.1 <= early.1 + (4 << 20), "device memory grew from {} to {} bytes", early.1, late.1);
    Ok(())
}

fn a_million_ops_drop(_device: &Device) -> Result<()> {
    let mut x = Tensor::from(0.0f32);
    let start = x.clone();
    for _ in 0..1_000_000 {
        x += 1.0f32;
    }
    drop(start);
    assert!(x.item::<f32>()? > 0.0);
    // The same with a tape, which keeps the chain whole until it is dropped.
    let tape = GradientTape::new();
    let mut y = Tensor::from(0.0f32);
    for _ in 0..1_000_000 {
        y = y.stop_gradient();
    }
    drop(tape);
    drop(y);
    Ok(())
}

fn same_bits_twice(_device: &Device) -> Result<()> {
    let weights = || -> Result<Vec<u32>> {
        let mlp = Mlp::new()?;
        for step in 0..20 {
            let (x, y) = batch(64, step)?;
            mlp.step(&x, &y)?;
        }
        Ok(mlp.variables[0].value().to_vec::<f32>()?.into_iter().map(f32::to_bits).collect())
    };
    assert_eq!(weights()?, weights()?);
    Ok(())
}

fn held_values_survive_updates(_device: &Device) -> Result<()> {
    let mlp = Mlp::new()?;
    let before = mlp.variables[0].value();
    let view = before.reshape([128]);
    let copy = before.to_vec::<f32>()?;
    let (x, y) = batch(8, 0)?;
    mlp.step(&x, &y)?;
    mlp.step(&x, &y)?;
    assert_eq!(before.to_vec::<f32>()?, copy, "an old version that somebody holds keeps its value");
    assert_eq!(view.to_vec::<f32>()?, copy, "so does what was recorded from it");
    assert_ne!(mlp.variables[0].value().to_vec::<f32>()?, copy);
    Ok(())
}

fn assigned_values_train_on(_device: &Device) -> Result<()> {
    let mlp = Mlp::new()?;
    let (x, y) = batch(8, 0)?;
    mlp.step(&x, &y)?;
    mlp.variables[1].assign(&Tensor::full([16], 3.0f32))?;
    mlp.step(&x, &y)?;
    let bias = mlp.variables[1].value().to_vec::<f32>()?;
    assert!(bias.iter().all(|b| (b - 3.0).abs() < 0.1), "{bias:?}");
    Ok(())
}

fn a_bad_gradient_changes_nothing(_device: &Device) -> Result<()> {
    let mlp = Mlp::new()?;
    let (x, y) = batch(8, 0)?;
    mlp.step(&x, &y)?;
    let before = mlp.variables[0].value().to_vec::<f32>()?;
    mlp.step(&(&x * f32::NAN), &y)?;
    let error = (0..4).find_map(|_| mlp.step(&x, &y).err()).expect("the flag arrives within a few steps");
    assert_eq!(error.kind(), ErrorKind::NonFinite);
    assert_eq!(mlp.variables[0].value().to_vec::<f32>()?, before);
    Ok(())
}

fn main() {
    type Test = fn(&Device) -> Result<()>;
    let tests: [(&str, Test); 8] = [
        ("an MLP trains", trains),
        ("steps compile nothing", steps_compile_nothing),
        ("memory stays flat", memory_stays_flat),
        ("a million ops drop", a_million_ops_drop),
        ("same bits twice", same_bits_twice),
        ("held values survive updates", held_values_survive_updates),
        ("assigned values train on", assigned_values_train_on),
        ("a bad gradient changes nothing", a_bad_gradient_changes_nothing),
    ];
    support::run(support::trials(tests), true);
}
