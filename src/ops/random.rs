//! Random tensors: Philox words of a key, the same on every device, and the distributions made of them.

use super::{
    Case,
    case::{Reference, Smooth},
    full::generate,
    record,
};
use crate::{
    DType, Device, Error, Result, Shape, Tensor,
    device::cpu::{
        math,
        simd::{map1, multiversion},
    },
    graph::{Access, CpuCall, Draw, GpuCall, GradCx, Key, Op, Params, Specs},
    plan::{Lanes, Pointwise},
    random::{RandomKey, philox, unit_float},
    shape::{Layout, Spec},
};
use smallvec::SmallVec;

/// Words that are made together: sixteen blocks of Philox, side by side in vector registers.
const GROUP: usize = 64;
const BLOCKS: usize = GROUP / 4;

const BITS: Pointwise = Pointwise { name: "random_bits", wgsl: "random_word(i, p)", cpu: |l: Lanes| fill(l, |_| {}) };
/// Numbers from 0 up to but without 1.
pub(super) const UNIT: Pointwise = Pointwise {
    name: "random_unit",
    wgsl: "unit_float(random_word(i, p))",
    cpu: |l: Lanes| fill(l, |words| words.iter_mut().for_each(|word| *word = unit_float(*word).to_bits())),
};
const NORMAL: Pointwise =
    Pointwise { name: "random_normal", wgsl: "box_muller(random_pair(i, p), (i & 1u) != 0u)", cpu: |l: Lanes| fill(l, normal_group) };

/// Makes the words of a block of elements, group by group.
fn fill(l: Lanes, transform: impl Fn(&mut [u32; GROUP])) {
    let key = [l.params[0], l.params[1], l.params[2], l.params[3]];
    let mut done = 0;
    while done < l.out.len() {
        let at = l.first + done;
        let (mut words, skip) = ([0; GROUP], at % GROUP);
        philox_group((at / GROUP * BLOCKS) as u32, key, &mut words);
        transform(&mut words);
        let count = (GROUP - skip).min(l.out.len() - done);
        l.out[done..done + count].copy_from_slice(&words[skip..skip + count]);
        done += count;
    }
}

multiversion! {
    /// The words of blocks `first..first + BLOCKS` of a key (seed, stream, step): `philox` on vectors.
    fn philox_group[](first: u32, key: [u32; 4], words: &mut [u32; GROUP]) {
        let (mut a, mut b, mut c, mut d) = ([0u32; BLOCKS], [0u32; BLOCKS], [key[2]; BLOCKS], [key[3]; BLOCKS]);
        a.iter_mut().enumerate().for_each(|(at, a)| *a = first.wrapping_add(at as u32));
        let (mut low, mut high) = (key[0], key[1]);
        for _ in 0..10 {
            for at in 0..BLOCKS {
                let (first, second) = (u64::from(a[at]) * 0xD251_1F53, u64::from(c[at]) * 0xCD9E_8D57);
                (a[at], b[at], c[at], d[at]) =
                    ((second >> 32) as u32 ^ b[at] ^ low, second as u32, (first >> 32) as u32 ^ d[at] ^ high, first as u32);
            }
            (low, high) = (low.wrapping_add(0x9E37_79B9), high.wrapping_add(0xBB67_AE85));
        }
        for at in 0..BLOCKS {
            words[4 * at..4 * at + 4].copy_from_slice(&[a[at], b[at], c[at], d[at]]);
        }
    }
}

multiversion! {
    /// Pairs of words to pairs of normal numbers, after Box and Muller; `box_muller` in WGSL is its twin.
    fn normal_group[](words: &mut [u32; GROUP]) {
        let (mut cosines, mut sines) = ([0f32; GROUP / 2], [0f32; GROUP / 2]);
        for at in 0..GROUP / 2 {
            let radius = (-2.0 * math::ln(((words[2 * at] >> 8) + 1) as f32 * (1.0 / 16_777_216.0))).sqrt();
            let turns = (words[2 * at + 1] >> 8) as f32 * (1.0 / 4_194_304.0);
            let quadrant = (turns + 0.5) as i32;
            let r = (turns - quadrant as f32) * std::f32::consts::FRAC_PI_2;
            let z = r * r;
            let odd = r + r * z * (-0.166_666_55 + z * (8.332_161e-3 + z * -1.951_529_6e-4));
            let even = 1.0 - 0.5 * z + z * z * (4.166_664_6e-2 + z * (-1.388_731_6e-3 + z * 2.443_315_7e-5));
            let (cosine, sine) = if quadrant & 1 == 0 { (even, odd) } else { (odd, even) };
            cosines[at] = radius * if (quadrant + 1) & 2 == 0 { cosine } else { -cosine };
            sines[at] = radius * if quadrant & 2 == 0 { sine } else { -sine };
        }
        for at in 0..GROUP / 2 {
            (words[2 * at], words[2 * at + 1]) = (cosines[at].to_bits(), sines[at].to_bits());
        }
    }
}

/// Words to integers below a range, plus an offset: the range and the offset are parameters.
#[derive(Debug)]
struct Integers {
    range: u32,
    low: u32,
}

const INTEGERS: Pointwise = Pointwise {
    name: "random_integers",
    wgsl: "bitcast<i32>(mul_wide(x, p.x).x + p.y)",
    cpu: |l: Lanes| {
        let (range, low) = (u64::from(l.params[0]), l.params[1]);
        map1(l.inputs[0], l.out, move |x: u32| (((u64::from(x) * range) >> 32) as u32).wrapping_add(low));
    },
};

impl Op for Integers {
    fn name(&self) -> &'static str {
        INTEGERS.name
    }
    fn outputs(&self, inputs: &[&Spec]) -> Result<Specs> {
        if inputs[0].dtype != DType::U32 {
            return Err(Error::dtype(format!("takes random words, uint32, not {}", inputs[0])));
        }
        Ok(SmallVec::from_iter([Spec::new(DType::I32, &inputs[0].shape)]))
    }
    fn key(&self, _key: &mut Key) {}
    fn params(&self) -> Params {
        SmallVec::from_slice(&[self.range, self.low])
    }
    fn grad(&self, _cx: &GradCx) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None])
    }
    fn access(&self, _index: usize, _layout: &Layout) -> Access {
        Access::Strided
    }
    fn pointwise(&self) -> Option<Pointwise> {
        Some(INTEGERS)
    }
    fn cpu(&self, _call: CpuCall) {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }
    fn gpu(&self, _call: &mut GpuCall) -> Result<()> {
        unreachable!("the plan fuses pointwise ops, also single ones")
    }
}

pub(super) fn random(device: &Device, row: Pointwise, dtype: DType, shape: Shape, key: &RandomKey) -> Tensor {
    let params = [key.seed as u32, (key.seed >> 32) as u32, key.stream, key.step as u32];
    generate(device, row, Spec { dtype, shape }, SmallVec::from_slice(&params), Draw::of(key.step))
}

/// Random words (uint32) of `shape`: those of [`RandomKey::bits`], on the current device.
///
/// ```
/// use wgrad::{prelude::*, random::{self, RandomKey}};
/// let key = RandomKey { seed: 42, stream: 0, step: 0 };
/// assert_eq!(random::bits(&key, [5]).to_vec::<u32>()?, key.bits(5));
/// # Ok::<(), wgrad::Error>(())
/// ```
pub fn bits(key: &RandomKey, shape: impl Into<Shape>) -> Tensor {
    random(&Device::current_or_cpu(), BITS, DType::U32, shape.into(), key)
}

/// Floats from `low` up to `high`, which only rounding can reach: `low + (high - low) * u`, where u are the numbers of
/// [`RandomKey::uniform`], which are equal on every device.
///
/// ```
/// use wgrad::{prelude::*, random::{self, RandomKey}};
/// let key = RandomKey { seed: 42, stream: 0, step: 0 };
/// assert_eq!(random::uniform(&key, [5], 0.0, 1.0).to_vec::<f32>()?, key.uniform(5));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.random.uniform")]
pub fn uniform(key: &RandomKey, shape: impl Into<Shape>, low: f32, high: f32) -> Tensor {
    let unit = random(&Device::current_or_cpu(), UNIT, DType::F32, shape.into(), key);
    if (low, high) == (0.0, 1.0) { unit } else { unit * (high - low) + low }
}

/// Normal floats: those of [`RandomKey::normal`] within 4 ulp, times `deviation`, plus `mean`.
///
/// ```
/// use wgrad::{prelude::*, random::{self, RandomKey}};
/// let noise = random::normal(&RandomKey::new(42, "noise", 0), [2, 3], 0.0, 0.1);
/// assert_eq!(noise.shape()[..], [2, 3]);
/// ```
#[doc(alias = "keras.random.normal")]
pub fn normal(key: &RandomKey, shape: impl Into<Shape>, mean: f32, deviation: f32) -> Tensor {
    let unit = random(&Device::current_or_cpu(), NORMAL, DType::F32, shape.into(), key);
    if (mean, deviation) == (0.0, 1.0) { unit } else { unit * deviation + mean }
}

/// Normal floats within two deviations of the mean: those of [`RandomKey::truncated_normal`], drawn on the host.
///
/// ```
/// use wgrad::{prelude::*, random::{self, RandomKey}};
/// let numbers = random::truncated_normal(&RandomKey::new(42, "noise", 0), [100], 0.0, 1.0);
/// assert!(numbers.to_vec::<f32>()?.iter().all(|z| z.abs() <= 2.0));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.random.truncated_normal")]
#[track_caller]
pub fn truncated_normal(key: &RandomKey, shape: impl Into<Shape>, mean: f32, deviation: f32) -> Tensor {
    let shape = shape.into();
    let values: Vec<f32> = key.truncated_normal(shape.size()).into_iter().map(|z| z * deviation + mean).collect();
    super::fits(Tensor::from_slice_on(&Device::current_or_cpu(), &values, shape), "truncated_normal")
}

/// Integers (int32) from `low` up to but without `high`, equal on every device: the upper word of `word * (high - low)`.
/// Some are more likely than others by at most one part in `2^32 / (high - low)`.
///
/// ```
/// use wgrad::{prelude::*, random::{self, RandomKey}};
/// let dice = random::integers(&RandomKey::new(42, "dice", 0), [100], 1, 7);
/// assert!(dice.to_vec::<i32>()?.iter().all(|eyes| (1..=6).contains(eyes)));
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Panics
/// When there is no integer between them.
#[doc(alias = "keras.random.randint")]
#[track_caller]
pub fn integers(key: &RandomKey, shape: impl Into<Shape>, low: i32, high: i32) -> Tensor {
    assert!(low < high, "integers: no integer is at least {low} and less than {high}");
    record(Integers { range: high.wrapping_sub(low) as u32, low: low as u32 }, &[&bits(key, shape)])
}

impl Tensor {
    /// The numbers of [`uniform`] from 0 to 1, where this tensor lives.
    pub(crate) fn uniform_like(&self, shape: impl Into<Shape>, key: &RandomKey) -> Tensor {
        random(self.device(), UNIT, DType::F32, shape.into(), key)
    }

    /// The numbers of [`normal`] with mean 0 and deviation 1, where this tensor lives.
    pub(crate) fn normals(&self, shape: impl Into<Shape>, key: &RandomKey) -> Tensor {
        random(self.device(), NORMAL, DType::F32, shape.into(), key)
    }

    /// The numbers of [`normal`] in this tensor's shape and dtype, where it lives.
    pub(crate) fn normal_like(&self, key: &RandomKey, mean: f32, deviation: f32) -> Tensor {
        (self.normals(self.shape(), key) * deviation + mean).cast(self.dtype())
    }
}

impl RandomKey {
    /// The first `count` normal numbers of mean 0 and deviation 1.
    pub fn normal(&self, count: usize) -> Vec<f32> {
        let mut words = self.bits(count.next_multiple_of(GROUP));
        words.as_chunks_mut().0.iter_mut().for_each(normal_group);
        words.into_iter().take(count).map(f32::from_bits).collect()
    }

    /// The numbers of [`RandomKey::normal`], those beyond -2 and 2 drawn again until they lie within.
    pub fn truncated_normal(&self, count: usize) -> Vec<f32> {
        let seed = [self.seed as u32, (self.seed >> 32) as u32];
        // Each number has further words of its own, so that none depends on what came before.
        let again = |at: usize| {
            (0..).find_map(|attempt| {
                let mut words = [0; GROUP];
                for (block, words) in words.chunks_exact_mut(4).enumerate() {
                    words.copy_from_slice(&philox(
                        [at as u32, 1 + attempt * BLOCKS as u32 + block as u32, self.stream, self.step as u32],
                        seed,
                    ));
                }
                normal_group(&mut words);
                words.into_iter().map(f32::from_bits).find(|z| z.abs() <= 2.0)
            })
        };
        let mut numbers = self.normal(count);
        for (at, z) in numbers.iter_mut().enumerate().filter(|(_, z)| z.abs() > 2.0) {
            *z = again(at).expect("95 of 100 normal numbers lie within");
        }
        numbers
    }
}

pub(super) fn cases() -> Vec<Case> {
    const KEYS: [RandomKey; 2] =
        [RandomKey { seed: 0x0123_4567_89ab_cdef, stream: 7, step: 3 }, RandomKey { seed: 42, stream: u32::MAX, step: 0 }];
    fn shaped(shape: &[usize], values: impl IntoIterator<Item = f64>) -> Reference {
        Reference::from_shape_vec(shape.to_vec(), values.into_iter().collect()).expect("as many numbers")
    }
    fn normals(key: &RandomKey, count: usize) -> Vec<f64> {
        let turn = |[a, b]: [u32; 2]| {
            let unit = |word: u32| f64::from(word >> 8) / 16_777_216.0;
            let (radius, angle) = ((-2.0 * (unit(a) + 1.0 / 16_777_216.0).ln()).sqrt(), std::f64::consts::TAU * unit(b));
            [radius * angle.cos(), radius * angle.sin()]
        };
        key.bits(count + 1).chunks_exact(2).flat_map(|pair| turn([pair[0], pair[1]])).take(count).collect()
    }
    let mut out = Vec::new();
    for key in KEYS {
        for shape in [&[5][..], &[130, 37], &[0], &[]] {
            let size: usize = shape.iter().product();
            let mut add =
                |name: &str, tolerance: f64, call: fn(&RandomKey, &[usize]) -> Tensor, reference: fn(&RandomKey, usize) -> Vec<f64>| {
                    let (of_call, of_reference) = (shape.to_vec(), shape.to_vec());
                    let case = Case::new(
                        format!("random {name} {shape:?} of stream {}", key.stream),
                        &[],
                        move |_| call(&key, &of_call),
                        move |_| shaped(&of_reference, reference(&key, size)),
                    );
                    out.push(case.smooth(Smooth::No).tolerance(tolerance, tolerance));
                };
            add("bits", 0.0, |key, shape| bits(key, shape), |key, size| key.bits(size).into_iter().map(f64::from).collect());
            let unit: fn(&RandomKey, usize) -> Vec<f64> = |key, size| key.uniform(size).into_iter().map(f64::from).collect();
            add("uniform", 0.0, |key, shape| uniform(key, shape, 0.0, 1.0), unit);
            add(
                "uniform -3 to 5",
                1e-7,
                |key, shape| uniform(key, shape, -3.0, 5.0),
                |key, size| key.uniform(size).into_iter().map(|u| 8.0 * f64::from(u) - 3.0).collect(),
            );
            add("normal", 2e-7, |key, shape| normal(key, shape, 0.0, 1.0), normals);
            add(
                "integers",
                0.0,
                |key, shape| integers(key, shape, -5, 12),
                |key, size| key.bits(size).into_iter().map(|word| ((u64::from(word) * 17) >> 32) as f64 - 5.0).collect(),
            );
            add(
                "integers of all",
                0.0,
                |key, shape| integers(key, shape, i32::MIN, i32::MAX),
                |key, size| {
                    key.bits(size)
                        .into_iter()
                        .map(|word| ((u64::from(word) * u64::from(u32::MAX)) >> 32) as f64 - 2_147_483_648.0)
                        .collect()
                },
            );
            add(
                "truncated_normal",
                0.0,
                |key, shape| truncated_normal(key, shape, 0.0, 1.0),
                |key, size| key.truncated_normal(size).into_iter().map(f64::from).collect(),
            );
        }
    }
    // Two keys in one kernel, and the elements of another tensor in another order.
    out.push(Case::new(
        "random in a fused kernel",
        &[&[37, 11]],
        |x| {
            let unit = |key| uniform(key, [11, 37], 0.0, 1.0).cast(x[0].dtype());
            x[0].transpose() * unit(&KEYS[0]) - unit(&KEYS[1])
        },
        |x| {
            let unit = |key: RandomKey| shaped(&[11, 37], key.uniform(11 * 37).into_iter().map(f64::from));
            &x[0].t() * &unit(KEYS[0]) - unit(KEYS[1])
        },
    ));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: RandomKey = RandomKey { seed: 1, stream: 2, step: 3 };

    fn moments(x: &[f32]) -> (f64, f64) {
        let count = x.len() as f64;
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        (mean, x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count)
    }

    /// Largest distance of the empirical distribution from `expected` (Kolmogorov and Smirnov), times the root of the count.
    fn distance(mut x: Vec<f32>, expected: impl Fn(f64) -> f64) -> f64 {
        x.sort_by(f32::total_cmp);
        let count = x.len() as f64;
        let at = |(rank, &x): (usize, &f32)| {
            let p = expected(f64::from(x));
            (p - rank as f64 / count).abs().max((p - (rank + 1) as f64 / count).abs())
        };
        x.iter().enumerate().map(at).fold(0.0, f64::max) * count.sqrt()
    }

    fn normal_below(x: f64) -> f64 {
        0.5 + 0.5 * f64::from(math::erf((x / std::f64::consts::SQRT_2) as f32))
    }

    #[test]
    fn philox_knows_the_third_answer_of_random123() {
        let counter = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(philox(counter, [0xa409_3822, 0x299f_31d0]), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn groups_of_blocks_equal_single_blocks_on_each_level() {
        crate::device::cpu::simd::on_each_level(|level| {
            let mut words = [0; GROUP];
            philox_group(u32::MAX - 3, [9, 8, 7, 6], &mut words);
            for (at, block) in words.chunks_exact(4).enumerate() {
                assert_eq!(block, philox([(u32::MAX - 3).wrapping_add(at as u32), 0, 7, 6], [9, 8]), "{level:?}, block {at}");
            }
        });
    }

    #[test]
    fn uniforms_are_uniform() {
        let x = KEY.uniform(100_000);
        let (mean, variance) = moments(&x);
        assert!((mean - 0.5).abs() < 0.003 && (variance - 1.0 / 12.0).abs() < 0.001, "{mean} {variance}");
        assert!(x.iter().all(|x| (0.0..1.0).contains(x)));
        // 1.95 is passed once in a thousand keys.
        assert!(distance(x, |x| x) < 1.95);
    }

    #[test]
    fn normals_are_normal() {
        let x = KEY.normal(100_001);
        let (mean, variance) = moments(&x);
        assert!(x.len() == 100_001 && mean.abs() < 0.01 && (variance - 1.0).abs() < 0.015, "{mean} {variance}");
        let pairs = x.chunks_exact(2).map(|pair| f64::from(pair[0] * pair[1])).sum::<f64>() / 50_000.0;
        assert!(pairs.abs() < 0.015, "neighbours correlate by {pairs}");
        assert!(distance(x, normal_below) < 1.95);
    }

    #[test]
    fn truncated_normals_are_normals_within_two_deviations() {
        let x = KEY.truncated_normal(100_000);
        let (mean, variance) = moments(&x);
        assert!(x.iter().all(|x| x.abs() <= 2.0) && mean.abs() < 0.01 && (variance - 0.7737).abs() < 0.01, "{mean} {variance}");
        let (low, high) = (normal_below(-2.0), normal_below(2.0));
        assert!(distance(x, |x| (normal_below(x) - low) / (high - low)) < 1.95);
    }

    #[test]
    fn integers_come_equally_often() -> Result<()> {
        let x = Device::cpu().scope(|| integers(&KEY, [90_000], -4, 5).to_vec::<i32>())?;
        let mut counts = [0; 9];
        x.iter().for_each(|x| counts[(x + 4) as usize] += 1);
        let chi = counts.iter().map(|&count| (f64::from(count) - 10_000.0).powi(2) / 10_000.0).sum::<f64>();
        assert!(chi < 26.1, "{counts:?}"); // passed once in a thousand keys
        Ok(())
    }

    #[test]
    fn permutations_hold_each_place_once_and_move_it() {
        let order = KEY.permutation(10_000);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..10_000));
        assert!(order.iter().enumerate().filter(|(at, place)| at == *place).count() < 10);
        let mean = order[..5_000].iter().sum::<usize>() as f64 / 5_000.0;
        assert!((mean - 5_000.0).abs() < 150.0, "{mean}");
    }
}
