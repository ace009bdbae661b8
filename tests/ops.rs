//! The op catalog: on every device, against its f64 reference, and its gradients against central differences.

use libtest_mimic::{Arguments, Failed, Trial};
use std::sync::Arc;
use wgrad::{
    Device,
    ops::{self, case::Smooth, check},
};

fn main() {
    let gpu = Device::gpu();
    if let (Err(error), Ok("1")) = (&gpu, std::env::var("WGRAD_REQUIRE_GPU").as_deref()) {
        eprintln!("WGRAD_REQUIRE_GPU is set, but: {error}");
        std::process::exit(1);
    }
    let mut trials = Vec::new();
    for case in ops::catalog().into_iter().map(Arc::new) {
        for (name, device) in [("cpu", Ok(Device::cpu())), ("gpu", gpu.clone())] {
            let ignored = device.is_err();
            let mut add = |what: &str, test: fn(&ops::Case, &Device) -> Result<f64, String>| {
                let title = format!("{name}: {}: {what}", case.name);
                let (case, device) = (case.clone(), device.clone());
                let run = move || match device {
                    Ok(device) => device.scope(|| test(&case, &device)).map(|_| ()).map_err(Failed::from),
                    Err(_) => Ok(()),
                };
                trials.push(Trial::test(title, run).with_ignored_flag(ignored));
            };
            add("values", check::values);
            if case.smooth >= Smooth::Once {
                add("gradient", check::gradient);
            }
            if case.smooth >= Smooth::Twice {
                add("second order", check::second_order);
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
