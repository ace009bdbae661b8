//! Convolution against naive loops in f64, in all three directions.

use super::conv::{Conv2d, filter_grad, forward, input_grad};
use super::{finish::Finish, pool, simd};

fn values(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / 16777216.0 - 0.5
    };
    (0..len).map(|_| next()).collect()
}

/// Calls `body(x index, filter index, y index)` for each product in the convolution's definition.
fn for_each_product(conv: &Conv2d, mut body: impl FnMut(usize, usize, usize)) {
    let (inputs, outputs) = (conv.c / conv.groups, conv.k / conv.groups);
    for s in 0..conv.n {
        for (p, q) in (0..conv.oh).flat_map(|p| (0..conv.ow).map(move |q| (p, q))) {
            for (i, j) in (0..conv.kh).flat_map(|i| (0..conv.kw).map(move |j| (i, j))) {
                let row = (p * conv.stride[0] + i * conv.dilation[0]).wrapping_sub(conv.pad_top);
                let column = (q * conv.stride[1] + j * conv.dilation[1]).wrapping_sub(conv.pad_left);
                if row >= conv.h || column >= conv.w {
                    continue;
                }
                for (ci, ko) in (0..inputs).flat_map(|ci| (0..conv.k).map(move |ko| (ci, ko))) {
                    let channel = ko / outputs * inputs + ci;
                    let x = ((s * conv.h + row) * conv.w + column) * conv.c + channel;
                    body(x, ((i * conv.kw + j) * inputs + ci) * conv.k + ko, ((s * conv.oh + p) * conv.ow + q) * conv.k + ko);
                }
            }
        }
    }
}

fn compare(name: &str, conv: &Conv2d, expected: &[f64], run: impl Fn(&mut [f32], Finish)) {
    let mut got = vec![f32::NAN; expected.len()];
    run(&mut got, None);
    for (at, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        assert!((f64::from(got) - expected).abs() < 2e-5 * (1.0 + expected.abs()), "{name} at {at}: {got}, not {expected}; {conv:?}");
    }
    let mut alone = vec![f32::NAN; expected.len()];
    pool::inline(|| run(&mut alone, None));
    assert!(got.iter().zip(&alone).all(|(x, y)| x.to_bits() == y.to_bits()), "{name}: threads change the bits; {conv:?}");
    if name != "filter_grad" {
        let index = |first: usize, out: &mut [f32]| out.iter_mut().enumerate().for_each(|(i, out)| *out += (first + i) as f32);
        index(0, &mut got);
        run(&mut alone, Some(&index));
        assert!(got == alone, "{name}: not each element is finished once; {conv:?}");
    }
}

fn check(conv: &Conv2d) {
    let x = values(conv.n * conv.h * conv.w * conv.c, 1);
    let filter = values(conv.kh * conv.kw * conv.c / conv.groups * conv.k, 2);
    let dy = values(conv.n * conv.oh * conv.ow * conv.k, 3);
    let (mut y, mut dx, mut df) = (vec![0f64; dy.len()], vec![0f64; x.len()], vec![0f64; filter.len()]);
    for_each_product(conv, |a, b, c| {
        y[c] += f64::from(x[a]) * f64::from(filter[b]);
        dx[a] += f64::from(dy[c]) * f64::from(filter[b]);
        df[b] += f64::from(x[a]) * f64::from(dy[c]);
    });
    compare("forward", conv, &y, |out, finish| forward(conv, &x, &filter, out, finish));
    compare("input_grad", conv, &dx, |out, finish| input_grad(conv, &dy, &filter, out, finish));
    compare("filter_grad", conv, &df, |out, _| filter_grad(conv, &x, &dy, out));
}

/// `pads` are top, bottom, left, right; the output size follows.
fn conv(
    image: [usize; 4],
    taps: [usize; 2],
    k: usize,
    stride: [usize; 2],
    dilation: [usize; 2],
    pads: [usize; 4],
    groups: usize,
) -> Conv2d {
    let [n, h, w, c] = image;
    let size =
        |axis: usize, len: usize| (len + pads[2 * axis] + pads[2 * axis + 1] - (taps[axis] - 1) * dilation[axis] - 1) / stride[axis] + 1;
    let (oh, ow) = (size(0, h), size(1, w));
    Conv2d { n, h, w, c, kh: taps[0], kw: taps[1], oh, ow, k, stride, dilation, pad_top: pads[0], pad_left: pads[2], groups }
}

#[test]
fn shapes_small_and_odd() {
    let all = |_| {
        check(&conv([2, 7, 9, 5], [3, 3], 6, [1, 1], [1, 1], [1, 1, 1, 1], 1));
        check(&conv([1, 8, 35, 3], [3, 3], 33, [1, 1], [1, 1], [1, 1, 1, 1], 1));
        check(&conv([2, 9, 10, 4], [3, 3], 17, [2, 2], [1, 1], [0, 1, 0, 1], 1));
        check(&conv([1, 11, 13, 3], [5, 4], 7, [3, 2], [1, 1], [2, 1, 1, 3], 1));
        check(&conv([1, 11, 13, 3], [3, 3], 7, [1, 1], [2, 3], [2, 2, 3, 3], 1));
        check(&conv([1, 12, 14, 2], [3, 3], 5, [2, 3], [2, 2], [1, 2, 3, 0], 1));
        check(&conv([1, 12, 12, 2], [3, 3], 5, [2, 2], [3, 3], [3, 3, 3, 3], 1));
        check(&conv([3, 5, 6, 7], [1, 1], 9, [1, 1], [1, 1], [0; 4], 1));
        check(&conv([3, 5, 6, 7], [1, 1], 9, [2, 2], [1, 1], [0; 4], 1));
        check(&conv([2, 6, 6, 3], [2, 2], 4, [3, 3], [1, 1], [0; 4], 1));
        // Strides beyond the taps of one axis only.
        check(&conv([1, 8, 9, 2], [3, 2], 3, [2, 3], [1, 1], [0, 1, 0, 0], 1));
        check(&conv([2, 9, 8, 3], [2, 3], 6, [3, 2], [1, 1], [0; 4], 1));
        check(&conv([2, 3, 2, 3], [5, 5], 4, [1, 1], [1, 1], [2, 2, 2, 2], 1));
        check(&conv([1, 1, 1, 3], [3, 3], 4, [1, 1], [1, 1], [3, 4, 5, 1], 1));
        check(&conv([2, 1, 40, 3], [1, 7], 4, [1, 1], [1, 2], [0, 0, 12, 0], 1));
    };
    all(simd::level());
    simd::on_each_level(all);
}

#[test]
fn groups() {
    let all = |_| {
        check(&conv([2, 7, 8, 6], [3, 3], 6, [1, 1], [1, 1], [1, 1, 1, 1], 6));
        check(&conv([2, 7, 8, 37], [3, 2], 37, [2, 1], [1, 2], [0, 1, 1, 1], 37));
        check(&conv([2, 7, 8, 3], [3, 3], 12, [2, 2], [1, 1], [1, 1, 1, 1], 3));
        check(&conv([1, 9, 8, 6], [3, 3], 4, [1, 3], [2, 1], [2, 2, 0, 0], 2));
        check(&conv([1, 4, 4, 40], [1, 1], 80, [1, 1], [1, 1], [0; 4], 4));
    };
    all(simd::level());
    simd::on_each_level(all);
}

#[test]
fn shapes_that_make_many_tasks() {
    check(&conv([5, 17, 16, 32], [3, 3], 48, [1, 1], [1, 1], [1, 1, 1, 1], 1));
    check(&conv([4, 16, 16, 24], [3, 3], 70, [2, 2], [1, 1], [0, 1, 0, 1], 1));
    check(&conv([33, 4, 4, 40], [3, 3], 40, [1, 1], [1, 1], [1, 1, 1, 1], 1));
    check(&conv([2, 30, 30, 32], [3, 3], 32, [1, 1], [1, 1], [0; 4], 1));
    check(&conv([20, 12, 12, 48], [3, 3], 48, [1, 1], [1, 1], [1, 1, 1, 1], 48));
}
