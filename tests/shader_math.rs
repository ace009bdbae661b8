//! The functions of `shaders/lib` on an adapter, against f64, in units in the last place. Ignored without an adapter.

use std::process::ExitCode;
use std::sync::Arc;

use half::{bf16, f16};
use libtest_mimic::{Arguments, Failed, Trial};
use wgrad::Result;
use wgrad::device::gpu::{Binding, Dispatch, Gpu, Item, Program, Settings, compose};

const FILE: &str = "@group(0) @binding(1) var<storage, read> input: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<u32>>;
// <begin use math>
// <end use math>
// <begin use half>
// <end use half>
// <begin use random>
// <end use random>
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let words = input[id.x];
    let x = bitcast<f32>(words.x);
    let y = bitcast<f32>(words.y);
    // <begin body>
    output[id.x] = words;
    // <end body>
}
";

/// A function of one f32: WGSL name, reference, the largest error in ulp, and where it is tested.
struct Unary(&'static str, fn(f64) -> f64, f64, [f32; 2]);

const UNARY: &[Unary] = &[
    Unary("exp_accurate", f64::exp, 2.0, [-87.0, 89.0]),
    Unary("expm1", f64::exp_m1, 3.0, [-100.0, 89.0]),
    Unary("log_accurate", f64::ln, 2.0, [0.0, 1e38]),
    Unary("log1p", f64::ln_1p, 3.0, [-1.5, 1e38]),
    Unary("erf", erf, 4.0, [-6.0, 6.0]),
    Unary("tanh_safe", f64::tanh, 4.0, [-200.0, 200.0]),
    Unary("sigmoid", |x| 1.0 / (1.0 + (-x).exp()), 4.0, [-87.0, 200.0]),
    Unary("softplus", |x| if x > 40.0 { x } else { x.exp().ln_1p() }, 4.0, [-87.0, 200.0]),
    Unary("sinh_safe", f64::sinh, 6.0, [-90.0, 90.0]),
    Unary("cosh_safe", f64::cosh, 6.0, [-90.0, 90.0]),
    Unary("asinh_safe", f64::asinh, 4.0, [-1e38, 1e38]),
    Unary("acosh_safe", f64::acosh, 4.0, [0.5, 1e38]),
    Unary("atanh_safe", f64::atanh, 5.0, [-1.1, 1.1]),
    Unary("exp2_safe", f64::exp2, 2.0, [-126.0, 128.0]),
    Unary("asin_safe", f64::asin, 6.0, [-1.1, 1.1]),
    Unary("acos_safe", f64::acos, 4.0, [-1.1, 1.1]),
    Unary("atan_safe", f64::atan, 4.0, [-1e38, 1e38]),
    Unary("sin_safe", f64::sin, 4.0, [-3.1, 3.1]),
    Unary("cos_safe", f64::cos, 4.0, [-1.5, 1.5]),
    Unary("tan_safe", f64::tan, 6.0, [-1.5, 1.5]),
];

type Case = Box<dyn FnOnce(&Arc<Gpu>) -> std::result::Result<(), Failed> + Send>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = Gpu::adapters().is_empty();
    let trial = |name: &str, case: Case| {
        let run = move || case(&Gpu::open_with(&Settings { checked: true, ..Settings::from_env() })?);
        Trial::test(name, run).with_ignored_flag(missing)
    };
    let mut trials: Vec<_> = UNARY.iter().map(|unary| trial(unary.0, Box::new(move |gpu| check_unary(gpu, unary)))).collect();
    trials.push(trial("pow_safe", Box::new(pow)));
    trials.push(trial("nan_max_and_min", Box::new(nan_max_and_min)));
    trials.push(trial("classification", Box::new(classification)));
    trials.push(trial("philox_known_answers", Box::new(philox_known_answers)));
    trials.push(trial("mul_wide", Box::new(mul_wide)));
    trials.push(trial("halves_round_to_even", Box::new(halves_round_to_even)));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Runs `body` once per input.
fn map(gpu: &Arc<Gpu>, body: &str, inputs: &[[u32; 4]]) -> Result<Vec<[u32; 4]>> {
    let groups = inputs.len().div_ceil(64);
    let size = groups as u64 * 64 * 16;
    let (input, output) = (gpu.alloc(size)?, gpu.alloc(size)?);
    let bytes: Vec<u8> = inputs.iter().flatten().flat_map(|word| word.to_ne_bytes()).collect();
    gpu.upload(&input, 0, &bytes)?;
    let bind = |slot, write| Binding { slot, offset: 0, size, write };
    let dispatch = Dispatch {
        kernel: compose("map", FILE, &[("body", body)])?,
        args: vec![],
        dynamic: vec![],
        bindings: vec![bind(0, false), bind(1, true)],
        groups: [groups as u32, 1, 1],
    };
    Program::new(gpu, vec![Item::Dispatch(dispatch)])?.run(&[input, output.clone()], &[])?;
    let bytes = gpu.read(&output, 0, inputs.len() as u64 * 16)?;
    let words: Vec<u32> = bytes.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().expect("four bytes"))).collect();
    Ok(words.chunks_exact(4).map(|chunk| chunk.try_into().expect("four words")).collect())
}

fn pairs(values: &[(f32, f32)]) -> Vec<[u32; 4]> {
    values.iter().map(|(x, y)| [x.to_bits(), y.to_bits(), 0, 0]).collect()
}

/// How far `got` is from `wanted`, in units in the last place of f32; denormals count as zero.
fn ulps(got: f32, wanted: f64) -> f64 {
    let rounded = wanted as f32;
    if rounded.is_nan() || got.is_nan() {
        return if rounded.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if rounded.is_infinite() || got.is_infinite() {
        // At the very edge of the range, the largest floats may round either way.
        let edge = rounded.abs().min(got.abs()) > 3.402e38 && rounded.signum() == got.signum();
        return if rounded == got || edge { 0.0 } else { f64::INFINITY };
    }
    let smallest = f64::from(f32::MIN_POSITIVE);
    if wanted.abs() < 2.0 * smallest && f64::from(got.abs()) < 2.0 * smallest {
        return 0.0;
    }
    let unit = (wanted.abs().log2().floor() - 23.0).exp2();
    (f64::from(got) - wanted).abs() / unit
}

fn check_unary(gpu: &Arc<Gpu>, unary: &Unary) -> std::result::Result<(), Failed> {
    let Unary(name, reference, bound, [low, high]) = *unary;
    let mut inputs = vec![0.0, -0.0, 1.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, low, high];
    inputs.extend((0..20_000).map(|index| low + (high - low) * (index as f32 / 20_000.0)));
    // Every magnitude, both signs.
    inputs.extend((0..20_000).map(|index| (index as f32 / 20_000.0 * 200.0 - 100.0).exp2() * if index % 2 == 0 { 1.0 } else { -1.0 }));
    inputs.extend((0..20_000).map(|index| (index as f32 / 10_000.0 - 1.0) * 3.0));
    inputs.retain(|x| !x.is_finite() || (low..=high).contains(x));
    let words: Vec<_> = inputs.iter().map(|&x| (x, 0.0)).collect();
    let outputs = map(gpu, &format!("output[id.x] = vec4<u32>(bitcast<u32>({name}(x)), words.yzw);"), &pairs(&words))?;
    let mut worst = (0.0, 0.0, 0.0);
    for (&x, output) in inputs.iter().zip(&outputs) {
        let got = f32::from_bits(output[0]);
        let error = ulps(got, reference(x.into()));
        if error > worst.0 {
            worst = (error, x, got);
        }
    }
    if std::env::var_os("SHOW_ULP").is_some() {
        eprintln!("{name}: {:.2} ulp at {:e}", worst.0, worst.1);
    }
    let (error, x, got) = worst;
    if error > bound {
        Err(format!("{name}({x:e}) is {got:e}, off by {error:.1} ulp; it should be {:e}", reference(x.into())).into())
    } else {
        Ok(())
    }
}

/// erf in f64: its series near 0, the continued fraction of erfc beyond.
fn erf(x: f64) -> f64 {
    let t = x.abs();
    if x.is_nan() || t > 6.0 {
        return if x.is_nan() { x } else { x.signum() };
    }
    if t < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..100 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let mut fraction = 0.0;
    for n in (1..=80).rev() {
        fraction = f64::from(n) / 2.0 / (t + fraction);
    }
    let erfc = (-t * t).exp() / (t + fraction) * 0.5 * std::f64::consts::FRAC_2_SQRT_PI;
    x.signum() * (1.0 - erfc)
}

fn pow(gpu: &Arc<Gpu>) -> std::result::Result<(), Failed> {
    let special =
        [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 1.5, -1.5, 1e30, -1e30, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let mut inputs: Vec<_> = special.iter().flat_map(|&x| special.iter().map(move |&y| (x, y))).collect();
    for index in 0..40_000 {
        let (x, y) = (index % 200, index / 200);
        inputs.push(((x as f32 / 10.0 - 10.0).exp2(), (y as f32 - 100.0) / 9.0));
        inputs.push((-1.0 - x as f32 / 7.0, (y - 100) as f32 / 4.0));
    }
    let outputs = map(gpu, "output[id.x] = vec4<u32>(bitcast<u32>(pow_safe(x, y)), words.yzw);", &pairs(&inputs))?;
    let mut worst: (f64, f32, f32, f32) = (0.0, 0.0, 0.0, 0.0);
    for (&(x, y), output) in inputs.iter().zip(&outputs) {
        let got = f32::from_bits(output[0]);
        let error = ulps(got, f64::from(x).powf(y.into()));
        if error > worst.0 {
            worst = (error, x, y, got);
        }
    }
    let (error, x, y, got) = worst;
    if std::env::var_os("SHOW_ULP").is_some() {
        eprintln!("pow_safe: {error:.2} ulp at {x:e} {y:e}");
    }
    if error > 4.0 { Err(format!("pow_safe({x:e}, {y:e}) is {got:e}, off by {error:.1} ulp").into()) } else { Ok(()) }
}

fn nan_max_and_min(gpu: &Arc<Gpu>) -> std::result::Result<(), Failed> {
    let values = [1.0, -2.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let inputs: Vec<_> = values.iter().flat_map(|&x| values.iter().map(move |&y| (x, y))).collect();
    let body = "output[id.x] = vec4<u32>(bitcast<u32>(nan_max(x, y)), bitcast<u32>(nan_min(x, y)), 0u, 0u);";
    for (&(x, y), output) in inputs.iter().zip(map(gpu, body, &pairs(&inputs))?) {
        let [larger, smaller] = [output[0], output[1]].map(f32::from_bits);
        if x.is_nan() || y.is_nan() {
            assert!(larger.is_nan() && smaller.is_nan(), "{x} {y}: {larger} {smaller}");
        } else {
            assert_eq!((larger, smaller), (x.max(y), x.min(y)));
        }
    }
    Ok(())
}

fn classification(gpu: &Arc<Gpu>) -> std::result::Result<(), Failed> {
    let values = [0.0, -1.0, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN].map(|x| (x, 0.0));
    let body = "output[id.x] = vec4<u32>(u32(is_nan(x)), u32(is_inf(x)), u32(is_finite(x)), 0u);";
    for ((x, _), output) in values.iter().zip(map(gpu, body, &pairs(&values))?) {
        assert_eq!(output, [x.is_nan().into(), x.is_infinite().into(), x.is_finite().into(), 0], "{x}");
    }
    Ok(())
}

/// The known-answer vectors of Random123.
fn philox_known_answers(gpu: &Arc<Gpu>) -> std::result::Result<(), Failed> {
    let known = [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ];
    for (counter, key, wanted) in known {
        let body = format!("output[id.x] = philox4x32_10(words, vec2<u32>({}u, {}u));", key[0], key[1]);
        assert_eq!(map(gpu, &body, &[counter])?[0], wanted);
    }
    Ok(())
}

fn mul_wide(gpu: &Arc<Gpu>) -> std::result::Result<(), Failed> {
    let inputs: Vec<[u32; 4]> =
        (0..10_000u32).map(|index| [index.wrapping_mul(0x9e37_79b9), !index.wrapping_mul(0x85eb_ca6b), 0, 0]).collect();
    for (input, output) in inputs.iter().zip(map(gpu, "output[id.x] = vec4<u32>(mul_wide(words.x, words.y), 0u, 0u);", &inputs)?) {
        let product = u64::from(input[0]) * u64::from(input[1]);
        assert_eq!([output[0], output[1]], [(product >> 32) as u32, product as u32]);
    }
    Ok(())
}

/// All halves, and the floats on, beside and between them, by bits.
fn halves_round_to_even(gpu: &Arc<Gpu>) -> std::result::Result<(), Failed> {
    let halves: Vec<[u32; 4]> = (0..=0xffff).map(|half| [half, 0, 0, 0]).collect();
    let body = "output[id.x] = vec4<u32>(bitcast<u32>(f32_of_f16(words.x)), bitcast<u32>(f32_of_bf16(words.x)), 0u, 0u);";
    let wide = map(gpu, body, &halves)?;
    for (half, output) in (0..=u16::MAX).zip(&wide) {
        let (short, brain) = (f16::from_bits(half), bf16::from_bits(half));
        for (found, wanted) in [(output[0], short.to_f32()), (output[1], brain.to_f32())] {
            assert!(found == wanted.to_bits() || (wanted.is_nan() && f32::from_bits(found).is_nan()), "{half:#x}: {found:#x}");
        }
    }
    for kind in [0, 1] {
        let around = |at: usize| [wide[at][kind], (wide[at][kind] + wide[(at + 1) % wide.len()][kind]).wrapping_shr(1)];
        let mut inputs: Vec<u32> = (0..wide.len()).flat_map(around).flat_map(|x| [x.wrapping_sub(1), x, x.wrapping_add(1)]).collect();
        inputs.extend([65_519.99f32, 65_520.0, f32::MAX, f32::INFINITY, f32::NAN, 2.98e-8, 2.99e-8].map(f32::to_bits));
        let name = ["f16", "bf16"][kind];
        let quads: Vec<[u32; 4]> = inputs.iter().map(|&x| [x, 0, 0, 0]).collect();
        for (&bits, output) in inputs.iter().zip(map(gpu, &format!("output[id.x] = vec4<u32>({name}_of_f32(x), 0u, 0u, 0u);"), &quads)?) {
            let x = f32::from_bits(bits);
            let wanted = if kind == 0 { f16::from_f32(x).to_bits() } else { bf16::from_f32(x).to_bits() };
            assert_eq!(output[0], u32::from(wanted), "{name} of {x:e} ({bits:#x})");
        }
    }
    Ok(())
}
