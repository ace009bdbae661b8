//! Safetensors files, read and written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgrad::formats::safetensors::File;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = File::read(bytes) {
        let mut written = Vec::new();
        file.write(&mut written).expect("numbers can be written");
        assert_eq!(File::read(&written).expect("what was written can be read").tensors.len(), file.tensors.len());
    }
});
