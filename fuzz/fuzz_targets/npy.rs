//! NumPy's files with one array and with several.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgrad::formats::npy;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(array) = npy::read(bytes) {
        let mut written = Vec::new();
        npy::write(&array, &mut written).expect("memory takes everything");
        assert_eq!(npy::read(&written).expect("what was written can be read").shape(), array.shape());
    }
    let _ = npy::read_npz(bytes.into());
});
