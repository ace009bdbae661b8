//! scratch bench
use std::time::Instant;
use wgrad::ops::sparse_categorical_crossentropy;
use wgrad::prelude::*;
fn main() -> Result<()> {
    let device: Device = std::env::args().nth(1).unwrap_or("cpu".into()).parse()?;
    let batch: usize = 64;
    device.scope(|| {
        let start0 = Instant::now();
        let mut n = 0usize;
        let mut var = |shape: &[usize]| {
            let size: usize = shape.iter().product();
            let fan: usize = shape[..shape.len() - 1].iter().product::<usize>().max(1);
            let v: Vec<f32> =
                (0..size).map(|i| (((i + n) * 2654435761) % 2000) as f32 / 1000.0 - 1.0).map(|x| x / (fan as f32).sqrt()).collect();
            n += 1;
            Ok::<_, Error>(Variable::new(format!("v{n}"), Tensor::from_slice(&v, shape)?))
        };
        let vars = vec![
            var(&[3, 3, 3, 32])?,
            var(&[32])?,
            var(&[3, 3, 32, 32])?,
            var(&[32])?,
            var(&[3, 3, 32, 64])?,
            var(&[64])?,
            var(&[3, 3, 64, 64])?,
            var(&[64])?,
            var(&[4096, 512])?,
            var(&[512])?,
            var(&[512, 10])?,
            var(&[10])?,
        ];
        let opt = Adam::new(1e-3);
        opt.build(&vars)?;
        let x: Vec<f32> = (0..batch * 32 * 32 * 3).map(|i| ((i * 7919) % 1000) as f32 / 1000.0).collect();
        let x = Tensor::from_slice(&x, [batch, 32, 32, 3])?;
        let y: Vec<i32> = (0..batch).map(|i| (i % 10) as i32).collect();
        let y = Tensor::from(y);
        let v = |i: usize| vars[i].value();
        let o = Conv2dOptions { padding: Padding::Same, ..Default::default() };
        let step = || -> Result<f32> {
            let h = (x.conv2d(&v(0), &o)? + v(1)).relu();
            let h = (h.conv2d(&v(2), &o)? + v(3)).relu();
            let h = h.max_pool2d([2, 2], None, Padding::Valid)?;
            let h = (h.conv2d(&v(4), &o)? + v(5)).relu();
            let h = (h.conv2d(&v(6), &o)? + v(7)).relu();
            let h = h.max_pool2d([2, 2], None, Padding::Valid)?;
            let h = h.reshape([batch, 4096]);
            let h = (h.matmul(&v(8)) + v(9)).relu();
            let logits = h.matmul(&v(10)) + v(11);
            drop(h);
            let loss = sparse_categorical_crossentropy(&y, &logits, true).mean(&[]);
            drop(logits);
            let grads = gradient(&loss, &vars)?;
            opt.apply(&grads, &vars)?;
            drop(grads);
            loss.item::<f32>()
        };
        println!("first {} after {:?}", step()?, start0.elapsed());
        let mut times = vec![];
        for _ in 0..std::env::args().nth(2).and_then(|s| s.parse().ok()).unwrap_or(30) {
            let t = Instant::now();
            step()?;
            times.push(t.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "median {:.2} ms min {:.2} ms stats {:?} mem {:?}",
            times[times.len() / 2],
            times[0],
            device.statistics(),
            device.memory()
        );
        Ok(())
    })
}
