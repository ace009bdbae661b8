//! The op catalog: on every device, against its f64 reference, and its gradients against central differences.

mod support;

use std::sync::Arc;
use wgrad::{
    DType, Device, Result, Tensor,
    device::gpu::{AdapterKind, Gpu, Settings},
    ops::{self, Case, ConvOptions, Padding, case::Smooth, check},
    unfused,
};

type Check = fn(&Case, &Device) -> Result<f64, String>;

fn main() {
    let devices = support::devices();
    // A software driver also tests the kernels that real cards get.
    let card = Settings { kind: Some(AdapterKind::Discrete), ..Settings::from_env() };
    let card = ("gpu as a card", Gpu::open_with(&card).map(Device::Gpu));
    let mut trials = Vec::new();
    for case in ops::catalog().into_iter().map(Arc::new) {
        let floats = case.inputs.iter().any(|draw| draw.dtype == DType::F32);
        for (dtype, device) in [DType::F16, DType::BF16].into_iter().flat_map(|dtype| devices.iter().map(move |device| (dtype, device))) {
            if floats {
                let (name, case) = (format!("{}: {dtype}", case.name), case.clone());
                trials.push(support::trial(&name, device, move |device| check::halves(&case, device, dtype).map(|_| ())));
            }
        }
        let checks: [(&str, Smooth, Check); 4] = [
            ("values", Smooth::No, check::values),
            ("not finite", Smooth::No, check::non_finite),
            ("gradient", Smooth::Once, check::gradient),
            ("second order", Smooth::Twice, check::second_order),
        ];
        for (what, _, check) in checks.into_iter().filter(|(_, needed, _)| case.smooth >= *needed) {
            for device in devices.iter().chain(Some(&card).filter(|_| case.fused || case.cards)) {
                let (name, own) = (format!("{}: {what}", case.name), case.clone());
                trials.push(support::trial(&name, device, move |device| check(&own, device).map(|_| ())));
                if case.fused {
                    let (name, case) = (format!("{}: {what}, unfused", case.name), case.clone());
                    trials.push(support::trial(&name, device, move |device| unfused(|| check(&case, device)).map(|_| ())));
                }
            }
        }
    }
    for device in devices.iter().chain(Some(&card)) {
        let test = |_: &Device| non_finite_values_reach_what_depends_on_them();
        trials.push(support::trial("non_finite_values_reach_what_depends_on_them", device, test));
    }
    support::run(trials, false);
}

/// And nothing else: tiles that reach over an edge read what they do not use.
fn non_finite_values_reach_what_depends_on_them() -> Result<()> {
    let same = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let with_one = |length: usize, place: usize| (0..length).map(|at| if at == place { bad } else { 1.0 }).collect::<Vec<f32>>();
        let check = |what: &str, values: &Tensor, expected: &dyn Fn(usize) -> f32| -> Result<()> {
            for (at, value) in values.to_vec::<f32>()?.into_iter().enumerate() {
                let wanted = expected(at);
                assert!(value == wanted || (value.is_nan() && wanted.is_nan()), "{what} with {bad}: {value} at {at}, not {wanted}");
            }
            Ok(())
        };
        let a = Tensor::from_slice(&with_one(33 * 18, 5 * 18 + 3), [33, 18])?;
        let other = Tensor::ones([18, 40]);
        check("matmul", &a.matmul(&other), &|at| if at / 40 == 5 { bad } else { 18.0 })?;
        check("matmul", &other.transpose().matmul(&a.transpose()), &|at| if at % 33 == 5 { bad } else { 18.0 })?;

        let image = Tensor::from_slice(&with_one(6 * 6 * 4, (2 * 6 + 3) * 4), [1, 6, 6, 4])?;
        let taps = |at: usize| (at.min(1) + (5 - at).min(1) + 1) as f32;
        check("conv", &image.conv(&Tensor::ones([3, 3, 4, 8]), &same)?, &|at| {
            let (row, column) = (at / 48, at / 8 % 6);
            if row.abs_diff(2) <= 1 && column.abs_diff(3) <= 1 { bad } else { 4.0 * taps(row) * taps(column) }
        })?;
        let largest = if bad.is_nan() { bad } else { bad.max(1.0) };
        check("max_pool", &image.max_pool(&[2], None, Padding::Valid)?, &|at| if at == (3 + 1) * 4 { largest } else { 1.0 })?;
        check("average_pool", &image.average_pool(&[2], None, Padding::Valid)?, &|at| if at == (3 + 1) * 4 { bad } else { 1.0 })?;
    }
    Ok(())
}
