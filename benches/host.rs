//! What the host does around kernels: recording, looking a plan up and dropping the graph, per node; a replay; steps of a tiny MLP.
//!
//! `cargo bench --bench host`

use std::time::Instant;
use wgrad::prelude::*;

/// The fastest of many rounds in microseconds, each the mean of some calls.
fn fastest(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..10 {
            run()?;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e5);
    }
    Ok(best)
}

/// `nodes` ops on two elements, of which a third are views and a fifth matrix products.
fn graph(x: &Tensor, w: &Tensor, nodes: usize) -> Tensor {
    let mut y = x.clone();
    for at in 0..nodes {
        y = match at % 15 {
            0 | 5 | 10 => y.matmul(w),
            2 | 7 | 12 | 13 => y.transpose(),
            3 => y.stop_gradient(),
            4 | 9 => y.tanh(),
            _ => &y + x,
        };
    }
    y
}

fn main() -> Result<()> {
    Device::cpu().set_default();
    let (x, w) = (Tensor::from([[0.5f32, 0.25], [-0.5, 0.75]]), Tensor::from([[0.5f32, -0.5], [0.5, 0.5]]));
    for nodes in [300usize, 2000] {
        let recorded = fastest(|| graph(&x, &w, nodes).compute())?;
        let body = function(|[x]: [&Tensor; 1]| Ok(graph(x, &w, nodes)));
        let replayed = fastest(|| body.call::<Tensor>([&x]).map(drop))?;
        let host = (recorded - replayed) / nodes as f64;
        println!("{nodes:5} nodes: record, look up and drop {host:.3} us a node; kernels {:.3} us a node", replayed / nodes as f64);
    }
    let identity = function(|[x]: [&Tensor; 1]| Ok(x + 1.0));
    println!("a replay of one small kernel {:.2} us", fastest(|| identity.call::<Tensor>([&x]).map(drop))?);

    let mlp = || Sequential::new().add(Input::new([784])).add(Dense::new(32).activation(Relu)).add(Dense::new(10)).build();
    let loss_fn = || SparseCategoricalCrossentropy::new().from_logits(true);
    let (model, optimizer) = (mlp()?, Adam::new(1e-3));
    let weights = model.trainable_variables();
    optimizer.build(&weights)?;
    let step = |[x, y]: [&Tensor; 2]| {
        let tape = GradientTape::new();
        let loss = loss_fn().call(y, &model.call(x, Training::Yes)?)?;
        optimizer.apply(&tape.gradient(&loss, &weights)?, &weights)?;
        Ok(loss)
    };
    let pixels: Vec<f32> = (0..30 * 32 * 784).map(|at| (at * 7919 % 1000) as f32 / 1000.0).collect();
    let labels: Vec<i32> = (0..30 * 32).map(|at| at % 10).collect();
    let (x, y) = (Tensor::from_slice(&pixels[..32 * 784], [32, 784])?, Tensor::from_slice(&labels[..32], [32])?);
    println!("a step of the MLP, recorded {:.1} us", fastest(|| step([&x, &y])?.item::<f32>().map(drop))?);
    let replay = function(step);
    println!("a step of the MLP, replayed {:.1} us", fastest(|| replay.call::<Tensor>([&x, &y])?.item::<f32>().map(drop))?);
    let mut fitted = mlp()?;
    fitted.compile(Adam::new(1e-3), loss_fn()).finish()?;
    let (x, y) = (Array::new(pixels, [30 * 32, 784])?, Array::from(labels));
    let fit = fastest(|| fitted.fit((&x, &y)).batch_size(32).verbose(Verbose::Silent).run().map(drop))?;
    println!("a step of the MLP by fit {:.1} us", fit / 30.0);
    Ok(())
}
