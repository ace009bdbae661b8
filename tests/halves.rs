//! Storage of 16-bit floats, two a word: odd sizes, views that begin inside a word, rounding, and kernels that know only float32.

mod support;

use half::{bf16, f16};
use wgrad::prelude::*;

type Test = fn() -> Result<()>;

const TESTS: &[(&str, Test)] = &[
    ("any number of elements comes back", any_number_comes_back),
    ("views begin inside a word", views_begin_inside_a_word),
    ("casts round inside a fused chain", casts_round_inside_a_chain),
    ("kernels calculate in float32", kernels_calculate_in_float32),
    ("products read halves where they lie", products_read_halves_where_they_lie),
    ("epilogues read halves", epilogues_read_halves),
    ("gradients have the dtype of what they are for", gradients_follow_the_dtype),
    ("dtypes are not mixed", dtypes_are_not_mixed),
    ("halves print as numbers", halves_print_as_numbers),
];

fn main() {
    let tests = TESTS.iter().map(|&(name, test)| (name, move |_: &Device| test()));
    // One at a time: some count the kernels of the whole process.
    support::run(support::trials(tests), true);
}

fn ramp(count: usize) -> Vec<f16> {
    (0..count).map(|at| f16::from_f32(at as f32 * 0.37 - 9.0)).collect()
}

fn any_number_comes_back() -> Result<()> {
    for count in [0, 1, 2, 3, 63, 64, 65, 129, 2047, 2049, 65_537, 70_001] {
        let (short, brain): (Vec<f16>, Vec<bf16>) = (ramp(count), ramp(count).iter().map(|x| bf16::from_f32(x.to_f32())).collect());
        let (x, y) = (Tensor::from_slice(&short, [count])?, Tensor::from_slice(&brain, [count])?);
        assert_eq!(x.to_vec::<f16>()?, short);
        assert_eq!(y.to_vec::<bf16>()?, brain);
        // Through a kernel each.
        assert_eq!((-&x).to_vec::<f16>()?, short.iter().map(|x| -x).collect::<Vec<_>>());
        assert_eq!(y.cast(DType::F32).to_vec::<f32>()?, brain.iter().map(|x| x.to_f32()).collect::<Vec<_>>());
        assert_eq!(x.greater(0.0).to_vec::<bool>()?, short.iter().map(|x| x.to_f32() > 0.0).collect::<Vec<_>>());
    }
    Ok(())
}

fn views_begin_inside_a_word() -> Result<()> {
    let x = Tensor::from_slice(&ramp(35), [7, 5])?;
    let wide = x.cast(DType::F32);
    let whole: Vec<Index> = vec![All, (1..).into()];
    let cuts: [&[Index]; 5] = [&[1.into()], &[(1..4).into()], &whole, &[All.step(-1), (-1).into()], &[(3..).into(), All.step(2)]];
    for cut in cuts {
        let (part, expected) = (x.at(cut), wide.at(cut).to_vec::<f32>()?);
        // Read as a view, and used again as the leaf that it then is.
        assert_eq!(part.to_vec::<f16>()?.iter().map(|x| x.to_f32()).collect::<Vec<_>>(), expected, "{cut:?}");
        assert_eq!((&part + 0.0).cast(DType::F32).to_vec::<f32>()?, expected, "{cut:?}");
        assert_eq!(part.reshape([part.size()]).cast(DType::F32).to_vec::<f32>()?, expected, "{cut:?}");
    }
    let row = x.at(&[3.into()]);
    let sum = (&x + &row).transpose().cast(DType::F32).to_vec::<f32>()?;
    let expected = (&wide + wide.at(&[3.into()])).cast(DType::F16).cast(DType::F32).transpose().to_vec::<f32>()?;
    assert_eq!(sum, expected);
    let one = x.at(&[2.into(), 1.into()]);
    assert_eq!(one.broadcast_to([3]).to_vec::<f16>()?, [ramp(35)[11]; 3]);
    Ok(())
}

fn casts_round_inside_a_chain() -> Result<()> {
    let values = [1.0f32 + 1.0 / 4096.0, 70_000.0, -1e-8, 3.3e-5, 0.1, f32::NAN];
    let x = Tensor::from(values);
    let rounded = ((&x * 1.0).cast(DType::F16).cast(DType::F32) * 3.0).to_vec::<f32>()?;
    let expected = values.map(|x| f16::from_f32(x).to_f32() * 3.0);
    assert!(rounded.iter().zip(&expected).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())), "{rounded:?}, expected {expected:?}");
    assert_eq!(rounded[1], f32::INFINITY, "beyond 65504 there is nothing finite");
    let brain = x.cast(DType::BF16).to_vec::<bf16>()?;
    assert!(brain.iter().zip(values).all(|(found, x)| found.to_bits() == bf16::from_f32(x).to_bits()), "{brain:?}");
    Ok(())
}

fn kernels_calculate_in_float32() -> Result<()> {
    let (x, y) = (Tensor::from_slice(&ramp(40), [5, 8])?, Tensor::from_slice(&ramp(48), [8, 6])?);
    let wide = |t: &Tensor| t.cast(DType::F32);
    let product = x.matmul(&y);
    assert_eq!(product.dtype(), DType::F16);
    assert_eq!(product.to_vec::<f16>()?, wide(&x).matmul(&wide(&y)).cast(DType::F16).to_vec::<f16>()?);
    // 5000 times 40 is beyond float16, its mean is not; the sum is infinite only once it is rounded.
    let many = Tensor::full([5000], 40.0f32).cast(DType::F16);
    assert_eq!(many.mean(&[]).item::<f16>()?.to_f32(), 40.0);
    assert_eq!(many.sum(&[]).item::<f16>()?, f16::INFINITY);
    Ok(())
}

fn products_read_halves_where_they_lie() -> Result<()> {
    let device = Device::current()?;
    let (x, y) = (Tensor::from_slice(&ramp(40), [5, 8])?, Tensor::from_slice(&ramp(48), [6, 8])?);
    let product = x.matmul(&y.transpose());
    let before = device.statistics().kernels;
    product.compute()?;
    let kernels = device.statistics().kernels - before;
    // Widening both is two kernels more.
    assert_eq!(kernels, if device == Device::Cpu { 4 } else { 2 });
    Ok(())
}

fn epilogues_read_halves() -> Result<()> {
    let (x, y) = (Tensor::from_slice(&ramp(40), [5, 8])?, Tensor::from_slice(&ramp(48), [8, 6])?);
    let (rows, row) = (Tensor::from_slice(&ramp(30), [5, 6])?, Tensor::from_slice(&ramp(6), [6])?);
    let wide = [&x, &y, &rows, &row].map(|t| t.cast(DType::F32));
    wide.iter().try_for_each(Tensor::compute)?;
    let plain = (wide[0].matmul(&wide[1]) + &wide[2] + &wide[3]).relu();
    // The casts of what is added stand in the epilogue of the product, and the result's behind it.
    let product = wide[0].matmul(&wide[1]);
    let fused = (product + rows.cast(DType::F32) + row.cast(DType::F32)).relu();
    assert_eq!(fused.to_vec::<f32>()?, plain.to_vec::<f32>()?);
    let halves = (wide[0].matmul(&wide[1]) + rows.cast(DType::F32) + row.cast(DType::F32)).relu().cast(DType::F16);
    assert_eq!(halves.to_vec::<f16>()?, plain.cast(DType::F16).to_vec::<f16>()?);
    Ok(())
}

fn gradients_follow_the_dtype() -> Result<()> {
    let w = Variable::new("w", Tensor::from_slice(&ramp(12), [4, 3])?.cast(DType::F32));
    let x = Tensor::from_slice(&ramp(8), [2, 4])?;
    let tape = GradientTape::new();
    tape.watch(&x);
    let loss = x.matmul(&w.value().cast(DType::F16)).relu().cast(DType::F32).sum(&[]);
    let gradients = [tape.gradient(&loss, &[&x])?.remove(0), gradient(&loss, &[&w])?.remove(0)].map(|g| g.expect("it depends on both"));
    assert_eq!([gradients[0].dtype(), gradients[1].dtype()], [DType::F16, DType::F32]);
    let wide = Variable::new("wide", x.cast(DType::F32));
    let plain = gradient(&wide.value().matmul(&w.value()).relu().sum(&[]), &[&wide, &w])?;
    for (found, expected) in gradients.iter().zip(plain) {
        let (found, expected) = (found.cast(DType::F32).to_vec::<f32>()?, expected.expect("it depends on both").to_vec::<f32>()?);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-3 * b.abs().max(1.0)), "{found:?}, expected {expected:?}");
    }
    Ok(())
}

fn dtypes_are_not_mixed() -> Result<()> {
    let x = Tensor::from_slice(&ramp(4), [2, 2])?;
    let filters = Tensor::ones([1, 1, 2, 2]);
    let error = x.reshape([1, 1, 2, 2]).conv(&filters, &ConvOptions::default()).unwrap_err().to_string();
    assert!(error.contains("inputs are float16 and float32(1, 1, 2, 2); wgrad never casts silently"), "{error}");
    let error = x.to_vec::<f32>().unwrap_err().to_string();
    assert!(error.contains("the tensor is float16, not float32"), "{error}");
    Ok(())
}

fn halves_print_as_numbers() -> Result<()> {
    assert_eq!(Tensor::from([f16::from_f32(1.5), f16::NEG_INFINITY]).to_string(), "[ 1.5 -inf]");
    Ok(())
}
