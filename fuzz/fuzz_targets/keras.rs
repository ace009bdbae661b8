//! `.keras` archives: models that are read can be saved.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgrad::{Device, models::read_model};

fuzz_target!(|bytes: &[u8]| {
    Device::cpu().scope(|| {
        if let Ok(model) = read_model(bytes.into()) {
            model.to_json().expect("what was read can be written");
        }
    });
});
