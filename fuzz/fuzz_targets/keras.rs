//! `.keras` archives, with the HDF5 file inside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgrad::formats::{hdf5::Group, zip::Archive};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut archive) = Archive::read(bytes.into()) else { return };
    for name in archive.names().to_vec() {
        if let Ok(content) = archive.entry(&name) {
            let _ = Group::read(&content);
        }
    }
});
