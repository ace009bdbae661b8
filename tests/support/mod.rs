//! What the tests with cases for both devices share: without an adapter the GPU's are listed as ignored.

use libtest_mimic::{Arguments, Failed, Trial};
use std::fmt::Display;
use wgrad::{Device, Result};

/// The CPU, and the GPU if there is one. With `WGRAD_REQUIRE_GPU=1` a missing one ends the program.
pub fn devices() -> [(&'static str, Result<Device>); 2] {
    let gpu = Device::gpu();
    if let (Err(error), Ok("1")) = (&gpu, std::env::var("WGRAD_REQUIRE_GPU").as_deref()) {
        eprintln!("WGRAD_REQUIRE_GPU is set, but: {error}");
        std::process::exit(1);
    }
    [("cpu", Ok(Device::cpu())), ("gpu", gpu)]
}

/// A test called `device: name` that runs with `device` as the current one.
pub fn trial<E: Display>(
    name: &str,
    device: &(&str, Result<Device>),
    test: impl FnOnce(&Device) -> Result<(), E> + Send + 'static,
) -> Trial {
    let (title, device) = (format!("{}: {name}", device.0), device.1.clone());
    let ignored = device.is_err();
    let run = move || match device {
        Ok(device) => device.scope(|| test(&device)).map_err(|error| Failed::from(error.to_string())),
        Err(error) => Err(error.to_string().into()),
    };
    Trial::test(title, run).with_ignored_flag(ignored)
}

/// The named tests, on each device.
#[allow(dead_code, reason = "some tests differ by device")]
pub fn trials<T>(tests: impl IntoIterator<Item = (&'static str, T)>) -> Vec<Trial>
where
    T: Fn(&Device) -> Result<()> + Copy + Send + 'static,
{
    let devices = devices();
    tests.into_iter().flat_map(|(name, test)| devices.each_ref().map(|device| trial(name, device, test))).collect()
}

/// Runs the tests; one at a time where they look at counters or memory of the process.
pub fn run(trials: Vec<Trial>, alone: bool) -> ! {
    let mut arguments = Arguments::from_args();
    if alone {
        arguments.test_threads = Some(1);
    }
    libtest_mimic::run(&arguments, trials).exit()
}

/// Resident memory of this process in KiB; 0 where the system does not say.
#[allow(dead_code, reason = "not every test looks at memory")]
pub fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
