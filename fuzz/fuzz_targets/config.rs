//! Keras' JSON of layers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgrad::{
    config::{Value, read},
    layers::LayerRef,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(json) = serde_json::from_slice(bytes) else { return };
    if let Ok(layer) = read(|reader| LayerRef::from_json(&json, reader)) {
        let json = layer.to_json();
        read(|reader| LayerRef::from_json(&json, reader)).expect("what was written can be read");
    }
});
