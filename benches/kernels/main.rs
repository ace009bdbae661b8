//! Each kernel beside the roof: `WGRAD_DEVICE=gpu cargo bench -- conv` for some of them on a GPU, `WGRAD_THREADS` threads on the CPU.

mod roof;

use criterion::Criterion;
use roof::Roof;
use std::time::{Duration, Instant};
use wgrad::prelude::*;

/// A piece of work, what it calculates and moves at least, and for work on the host its number of nodes.
struct Kernel {
    name: String,
    flops: f64,
    bytes: f64,
    nodes: usize,
    run: Box<dyn FnMut() -> Result<Tensor>>,
}

/// Numbers from -1 to 1 without a pattern.
fn tensor(shape: &[usize]) -> Result<Tensor> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (i * 7919 % 20_011) as f32 / 10_005.5 - 1.0).collect();
    Tensor::from_slice(&values, shape)
}

fn kernel(name: impl Into<String>, flops: f64, words: usize, run: impl FnMut() -> Result<Tensor> + 'static) -> Kernel {
    Kernel { name: name.into(), flops, bytes: 4.0 * words as f64, nodes: 0, run: Box::new(run) }
}

/// The gradient of `sum(y * upstream)` for `x`; `y` itself is calculated only where its gradient needs it.
fn gradient_of(y: &Tensor, upstream: &Tensor, x: &Tensor) -> Result<Tensor> {
    let mut gradients = gradient(&(y * upstream).sum(&[]), &[x])?;
    Ok(gradients.swap_remove(0).expect("it depends on x"))
}

fn products() -> Result<Vec<Kernel>> {
    let sizes = [[32, 784, 32], [128, 128, 128], [512, 512, 512], [1024, 1024, 1024], [1024, 128, 512], [2048, 2048, 2048]];
    let product = |[m, k, n]: [usize; 3]| -> Result<Kernel> {
        let (a, b) = (tensor(&[m, k])?, tensor(&[k, n])?);
        Ok(kernel(format!("matmul {m} x {k} x {n}"), 2.0 * (m * k * n) as f64, m * k + k * n + m * n, move || Ok(a.matmul(&b))))
    };
    sizes.into_iter().map(product).collect()
}

fn convolutions() -> Result<Vec<Kernel>> {
    let mut kernels = Vec::new();
    let table: [(usize, &[usize], usize, usize); 4] =
        [(32, &[32, 32], 64, 64), (64, &[32, 32], 3, 32), (64, &[32, 32], 32, 32), (4, &[16, 32, 32], 16, 32)];
    for (n, space, c, k) in table {
        let image = |channels: usize| [&[n], space, &[channels]].concat();
        let (x, filter, dy) = (tensor(&image(c))?, tensor(&[&vec![3; space.len()][..], &[c, k]].concat())?, tensor(&image(k))?);
        let (flops, words) = (2.0 * (dy.size() / k * filter.size()) as f64, x.size() + filter.size() + dy.size());
        let options = ConvOptions { padding: Same, ..Default::default() };
        type Call = fn(&Tensor, [&Tensor; 3]) -> Result<Tensor>;
        let calls: [(&str, Call); 3] = [
            ("forward", |y, _| Ok(y.clone())),
            ("input gradient", |y, [x, _, dy]| gradient_of(y, dy, x)),
            ("filter gradient", |y, [_, filter, dy]| gradient_of(y, dy, filter)),
        ];
        for (what, call) in calls {
            let (x, filter, dy) = (x.clone(), filter.clone(), dy.clone());
            let name = format!("conv {what} {n} x {space:?}, {c} to {k}");
            kernels.push(kernel(name, flops, words, move || call(&x.conv(&filter, &options)?, [&x, &filter, &dy])));
        }
    }
    Ok(kernels)
}

/// Kernels that take as long as memory does: the words they must read and write, for each element.
fn streams() -> Result<Vec<Kernel>> {
    type Call = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let table: [(&str, &[usize], usize, Call); 17] = [
        ("add", &[4 << 20], 3, |x, dy| Ok(x + dy)),
        ("exp", &[4 << 20], 2, |x, _| Ok(x.exp())),
        ("tanh", &[4 << 20], 2, |x, _| Ok(x.tanh())),
        ("gelu", &[4 << 20], 2, |x, _| Ok(x.gelu())),
        ("gelu gradient", &[4 << 20], 3, |x, dy| gradient_of(&x.gelu(), dy, x)),
        ("chain of 5", &[4 << 20], 3, |x, dy| Ok(((x * 2.0 + dy).tanh() * x).relu())),
        ("exp in cache", &[64 << 10], 2, |x, _| Ok(x.exp())),
        ("sum of all", &[4 << 20], 1, |x, _| Ok(x.sum(&[]))),
        ("sum of rows", &[4096, 1024], 1, |x, _| Ok(x.sum(&[1]))),
        ("sum of columns", &[4096, 1024], 1, |x, _| Ok(x.sum(&[0]))),
        ("transpose", &[2048, 2048], 2, |x, dy| Ok(x.transpose() + dy.at(&[Index::from(0..1)]))),
        ("softmax", &[4096, 512], 2, |x, _| Ok(x.softmax(-1))),
        ("softmax gradient", &[4096, 512], 4, |x, dy| gradient_of(&x.softmax(-1), dy, x)),
        ("layer norm", &[4096, 512], 2, |x, _| Ok(x.layer_norm(&[-1], None, None, 1e-5))),
        ("layer norm gradient", &[4096, 512], 3, |x, dy| gradient_of(&x.layer_norm(&[-1], None, None, 1e-5), dy, x)),
        ("max pool", &[64, 32, 32, 32], 1, |x, _| x.max_pool(&[2], None, Valid)),
        ("average pool", &[64, 32, 32, 32], 1, |x, _| x.average_pool(&[2], None, Valid)),
    ];
    let stream = |(name, shape, words, call): (&str, &[usize], usize, Call)| -> Result<Kernel> {
        let (x, dy) = (tensor(shape)?, tensor(shape)?);
        Ok(kernel(name, 0.0, words * x.size(), move || call(&x, &dy)))
    };
    table.into_iter().map(stream).collect()
}

/// A step of Adam on two million parameters: four words read, three written each.
fn adam() -> Result<Kernel> {
    let size = 2 << 20;
    let (variable, gradient) = (Variable::new("w", tensor(&[size])?), tensor(&[size])?);
    let optimizer = Adam::new(1e-3);
    optimizer.build(std::slice::from_ref(&variable))?;
    Ok(kernel("adam", 0.0, 7 * size, move || {
        optimizer.apply(&[Some(gradient.clone())], std::slice::from_ref(&variable))?;
        Ok(variable.value())
    }))
}

/// What the host does for a node: record, find the plan, run almost nothing, drop; or only run it, replayed by `function`.
fn host() -> Result<[Kernel; 2]> {
    const NODES: usize = 300;
    let chain = |x: &Tensor| (0..NODES / 2).fold(x.clone(), |y, _| (y * 0.5f32).tanh());
    let (x, y) = (tensor(&[1])?, tensor(&[1])?);
    let replay = function(move |[x]: [&Tensor; 1]| Ok(chain(x)));
    let mut both =
        [kernel("record, look up, run, drop", 0.0, 0, move || Ok(chain(&x))), kernel("replay", 0.0, 0, move || replay.call([&y]))];
    both.iter_mut().for_each(|kernel| kernel.nodes = NODES);
    Ok(both)
}

/// Lets criterion time a kernel, and gives the best time of a call in seconds; nothing if the kernel was not asked for.
fn time(criterion: &mut Criterion, kernel: &mut Kernel) -> Option<f64> {
    let mut best = None;
    let mut run = || {
        let result = (kernel.run)().and_then(|tensor| tensor.compute().and_then(|()| tensor.device().synchronize()));
        result.expect("the kernel runs");
    };
    criterion.bench_function(&kernel.name, |bencher| {
        bencher.iter_custom(|count| {
            let mut total = Duration::ZERO;
            for _ in 0..count {
                let start = Instant::now();
                run();
                total += start.elapsed();
                let seconds = start.elapsed().as_secs_f64();
                best = Some(best.map_or(seconds, |best: f64| best.min(seconds)));
            }
            total
        });
    });
    best
}

fn main() -> Result<()> {
    let device = Device::best()?;
    device.set_default();
    let (quick, long) = (Duration::from_millis(150), Duration::from_millis(400));
    let mut criterion = Criterion::default().sample_size(10).warm_up_time(quick).measurement_time(long).configure_from_args();
    let roof = Roof::measure(&device)?;
    let mut kernels: Vec<Kernel> = [products()?, convolutions()?, streams()?].into_iter().flatten().collect();
    kernels.push(adam()?);
    kernels.extend(host()?);
    let mut rows = Vec::new();
    for kernel in &mut kernels {
        let Some(seconds) = time(&mut criterion, kernel) else { continue };
        let share = 100.0 * roof.seconds(kernel.flops, kernel.bytes) / seconds;
        let (gflops, gigabytes) = (kernel.flops / seconds / 1e9, kernel.bytes / seconds / 1e9);
        rows.push(match kernel.nodes {
            0 => format!("| {} | {:.1} | {gflops:.0} | {gigabytes:.1} | {share:.0}% |", kernel.name, seconds * 1e6),
            nodes => format!("| {} | {:.1} | {:.3} µs a node | | |", kernel.name, seconds * 1e6, seconds * 1e6 / nodes as f64),
        });
    }
    println!("\n{device}; roof {:.0} GFLOP/s of multiply-adds, {:.1} GB/s of a copy\n", roof.gflops, roof.gigabytes);
    println!("| kernel | µs | GFLOP/s | GB/s | of the roof |\n|---|---|---|---|---|\n{}", rows.join("\n"));
    criterion.final_summary();
    Ok(())
}
