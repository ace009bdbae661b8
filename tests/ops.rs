//! The op catalog: on every device, against its f64 reference, and its gradients against central differences.

mod support;

use std::sync::Arc;
use wgrad::{
    DType, Device,
    device::gpu::{AdapterKind, Gpu, Settings},
    ops::{self, Case, case::Smooth, check},
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
        let checks: [(&str, Smooth, Check); 3] = [
            ("values", Smooth::No, check::values),
            ("gradient", Smooth::Once, check::gradient),
            ("second order", Smooth::Twice, check::second_order),
        ];
        for (what, _, check) in checks.into_iter().filter(|(_, needed, _)| case.smooth >= *needed) {
            for device in devices.iter().chain(Some(&card).filter(|_| case.fused)) {
                let (name, own) = (format!("{}: {what}", case.name), case.clone());
                trials.push(support::trial(&name, device, move |device| check(&own, device).map(|_| ())));
                if case.fused {
                    let (name, case) = (format!("{}: {what}, unfused", case.name), case.clone());
                    trials.push(support::trial(&name, device, move |device| unfused(|| check(&case, device)).map(|_| ())));
                }
            }
        }
    }
    support::run(trials, false);
}
