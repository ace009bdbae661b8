//! The command line and the debug switches, each in a process of its own.

mod support;

use std::process::{Command, Output};
use wgrad::Device;

/// `wgrad` with these arguments and this switch.
fn wgrad(arguments: &[&str], switch: (&str, &str)) -> Result<Output, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_wgrad")).args(arguments).env(switch.0, switch.1).output();
    output.map_err(|error| error.to_string())
}

/// The output of a selftest that passes.
fn selftest(device: &Device, switch: (&str, &str)) -> Result<Output, String> {
    let name = if *device == Device::cpu() { "cpu" } else { "gpu" };
    let output = wgrad(&["selftest", "--device", name], switch)?;
    if output.status.success() { Ok(output) } else { Err(String::from_utf8_lossy(&output.stdout).into_owned()) }
}

fn trace_names_kernels(device: &Device) -> Result<(), String> {
    let output = selftest(device, ("WGRAD_TRACE", "1"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(text.lines().any(|line| line.contains("matmul") && line.contains("GB/s")), "no kernel in {text}");
    Ok(())
}

fn unfused_is_right(device: &Device) -> Result<(), String> {
    selftest(device, ("WGRAD_FUSION", "0")).map(|_| ())
}

fn eager_is_right(device: &Device) -> Result<(), String> {
    selftest(device, ("WGRAD_EAGER", "1")).map(|_| ())
}

fn checked_is_right(device: &Device) -> Result<(), String> {
    selftest(device, ("WGRAD_CHECKED", "1")).map(|_| ())
}

fn each_kernel_is_validated(device: &Device) -> Result<(), String> {
    selftest(device, ("WGRAD_VALIDATE", "1")).map(|_| ())
}

fn dump_writes_plans_and_shaders(device: &Device) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("wgrad-dump-{}", std::process::id()));
    selftest(device, ("WGRAD_DUMP", &folder.to_string_lossy()))?;
    let files: Vec<_> = std::fs::read_dir(&folder).map_err(|error| error.to_string())?.flatten().map(|file| file.path()).collect();
    let named = |start: &'static str| {
        files.iter().filter(move |file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start)))
    };
    let plans: Vec<String> = named("plan-").filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    let shaders = named("matmul").count();
    let _ = std::fs::remove_dir_all(&folder);
    // A plan of the training run: the layer's convolution with bias and activation behind it.
    let is_training = |plan: &&String| plan.contains("conv2d+add+relu  [conv2d (Conv2D)]") && plan.contains("slots, of ");
    assert!(plans.iter().any(|plan| is_training(&plan)), "no such plan among {}", plans.len());
    assert!(*device == Device::cpu() || shaders > 0, "{files:?}");
    Ok(())
}

fn doctor_reports(_: &Device) -> Result<(), String> {
    let output = wgrad(&["doctor"], ("RUST_LOG", ""))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("chosen device: ") && text.contains("GFLOP/s"), "{text}");
    Ok(())
}

fn an_unknown_device_is_an_error(_: &Device) -> Result<(), String> {
    let output = wgrad(&["doctor"], ("WGRAD_DEVICE", "tpu"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("unknown device \"tpu\""), "{text}");
    Ok(())
}

fn no_adapter_is_an_error(_: &Device) -> Result<(), String> {
    let output = wgrad(&["selftest", "--device", "gpu"], ("WGPU_ADAPTER_NAME", "no such adapter"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("adapter"), "{text}");
    Ok(())
}

fn main() {
    type Test = fn(&Device) -> Result<(), String>;
    let both: [(&str, Test); 4] = [
        ("WGRAD_TRACE names kernels", trace_names_kernels),
        ("WGRAD_FUSION=0 is right", unfused_is_right),
        ("WGRAD_EAGER=1 is right", eager_is_right),
        ("WGRAD_DUMP writes plans and shaders", dump_writes_plans_and_shaders),
    ];
    let cpu: [(&str, Test); 3] = [
        ("doctor reports", doctor_reports),
        ("an unknown device is an error", an_unknown_device_is_an_error),
        ("no adapter is an error", no_adapter_is_an_error),
    ];
    let gpu: [(&str, Test); 2] =
        [("WGRAD_CHECKED=1 is right", checked_is_right), ("WGRAD_VALIDATE=1 finds no difference", each_kernel_is_validated)];
    let devices = support::devices();
    let mut trials = Vec::new();
    for (device, own) in devices.iter().zip([&cpu[..], &gpu[..]]) {
        trials.extend(both.iter().chain(own).map(|&(name, test)| support::trial(name, device, test)));
    }
    support::run(trials, true);
}
