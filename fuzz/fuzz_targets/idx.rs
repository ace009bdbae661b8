//! The idx files of MNIST: the first byte chooses the rank, the rest is the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgrad::formats::idx;

fuzz_target!(|bytes: &[u8]| {
    if let Some((&rank, bytes)) = bytes.split_first() {
        let _ = idx::read(bytes, usize::from(rank % 4));
    }
});
