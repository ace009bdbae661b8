//! HDF5 files: whatever is read can be written, and reads the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgrad::formats::hdf5::Group;

fuzz_target!(|bytes: &[u8]| {
    let Ok(tree) = Group::read(bytes) else { return };
    // Names and sizes that only damaged files have are refused.
    if let Ok(encoded) = tree.encode() {
        let mut written = Vec::new();
        encoded.write(&mut written).expect("memory takes everything");
        Group::read(&written).expect("what was written can be read");
    }
});
