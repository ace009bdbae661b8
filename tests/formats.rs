//! File formats: what Python wrote reads as what it meant, and no damaged file does more than return an error.

use std::{
    fs,
    path::{Path, PathBuf},
};
use wgrad::{
    Result,
    data::{Array, Values},
    formats::{hdf5::Group, npy, safetensors, zip},
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Reads a file in memory, for its errors only.
type Loader = fn(&[u8]) -> Result<()>;

fn read_zip(bytes: &[u8]) -> Result<()> {
    let mut archive = zip::Archive::read(bytes.into())?;
    archive.names().to_vec().iter().try_for_each(|name| archive.entry(name).map(drop))
}

const SAMPLES: [(&str, Loader); 11] = [
    ("keras/seq.weights.h5", |bytes| Group::read(bytes).map(drop)),
    ("keras/seq_legacy.h5", |bytes| Group::read(bytes).map(drop)),
    ("formats/earliest.h5", |bytes| Group::read(bytes).map(drop)),
    ("formats/latest.h5", |bytes| Group::read(bytes).map(drop)),
    ("formats/chunks_earliest.h5", |bytes| Group::read(bytes).map(drop)),
    ("formats/chunks_latest.h5", |bytes| Group::read(bytes).map(drop)),
    ("formats/fortran.npy", |bytes| npy::read(bytes).map(drop)),
    ("formats/stored.npz", |bytes| npy::read_npz(bytes.into()).map(drop)),
    ("formats/compressed.npz", |bytes| npy::read_npz(bytes.into()).map(drop)),
    ("formats/sample.safetensors", |bytes| safetensors::File::read(bytes).map(drop)),
    ("keras/misc.keras", read_zip),
];

#[test]
fn damaged_files_are_errors_or_other_values_but_nothing_else() {
    for (name, load) in SAMPLES {
        let bytes = fs::read(fixture(name)).unwrap();
        load(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        for length in (0..bytes.len()).step_by(bytes.len() / 300 + 1) {
            let _ = load(&bytes[..length]);
        }
        let mut state = 1_u64;
        let mut random = |below: usize| {
            // Knuth's generator; the high bits are good.
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        for _ in 0..2000 {
            let mut damaged = bytes.clone();
            for _ in 0..=random(3) {
                let (at, width) = (random(damaged.len()), [1, 1, 2, 4, 8][random(5)]);
                let value = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
                damaged.iter_mut().skip(at).take(width).for_each(|byte| *byte = value);
            }
            let _ = load(&damaged);
        }
    }
}

#[test]
fn hdf5_of_every_layout_means_the_same() {
    let [earliest, latest] = ["formats/earliest.h5", "formats/latest.h5"].map(|name| Group::open(fixture(name)).unwrap());
    assert_eq!(earliest, latest);
    let array = |path: &str| &earliest.dataset(path).unwrap().array;
    assert_eq!(array("types/f4"), &Array::new(vec![0.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0], [2, 3]).unwrap());
    assert_eq!(array("types/big_f4"), array("types/f4"));
    assert_eq!(array("types/i8"), &Array::new(vec![0_i64, 1, 2, 3, 4, 5], [2, 3]).unwrap());
    assert_eq!(array("types/bool").values(), &Values::Bool(vec![true, false]));
    assert_eq!(array("types/text").values(), &Values::Str(["x", "", "größe"].map(String::from).into()));
    assert_eq!((&array("types/scalar").shape()[..], array("types/scalar").values()), (&[][..], &Values::I64(vec![7])));
    assert_eq!(array("types/bfloat16"), &[1.0, -3.0].map(half::bf16::from_f32).to_vec().into());
    assert_eq!(array("types/none"), &vec![0.0_f32; 4].into());
    assert_eq!(array("types/empty").shape()[..], [0, 3]);
    assert_eq!(array("many/member_39").values(), &Values::F32(vec![39.0]));
    assert_eq!((earliest.group("many").unwrap().datasets.len(), earliest.attributes.len()), (40, 18));
    assert_eq!(earliest.text("long"), Some(&*"y".repeat(5000)));
    assert_eq!(earliest.attributes["layer_names"].values(), &Values::Str(["a", "bb", "größe"].map(String::from).into()));
    assert_eq!(earliest.attributes["fixed"].values(), &Values::Str(["dense/kernel:0", "bias"].map(String::from).into()));
    assert_eq!(earliest.group("a/b/c/d").unwrap().text("name"), Some("deep"));
}

#[test]
fn chunks_are_found_by_every_index() {
    let [earliest, latest] = ["formats/chunks_earliest.h5", "formats/chunks_latest.h5"].map(|name| Group::open(fixture(name)).unwrap());
    assert_eq!(earliest, latest);
    let array = |name: &str| &latest.datasets[name].array;
    let numbers = |name: &str, shape: &[usize]| {
        let found: Vec<f64> = match array(name).values() {
            Values::I32(values) => values.iter().map(|&x| x.into()).collect(),
            Values::F32(values) => values.iter().map(|&x| x.into()).collect(),
            Values::F64(values) => values.clone(),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(array(name).shape()[..], *shape, "{name}");
        assert!((0_u32..).zip(&found).all(|(at, &x)| x == f64::from(at)), "{name}: {found:?}");
    };
    for (name, shape) in [
        ("single", &[3, 4][..]),
        ("single_deflated", &[3, 4]),
        ("fixed", &[5, 7, 3]),
        ("fixed_deflated", &[5, 7, 3]),
        ("pages", &[1100]),
        ("growing", &[300, 3]),
        ("growing_second", &[3, 12]),
        ("growing_twice", &[6, 9]),
        ("growing_deflated", &[6, 9]),
        ("row", &[3, 5]),
    ] {
        numbers(name, shape);
    }
    assert_eq!(array("text").values(), &Values::Str(["x", "größe", "", "yz"].map(String::from).into()));
    let holes = |at: usize| if (8..16).contains(&at) && at % 4 < 2 { 1.0 } else { 7.0 };
    assert_eq!(array("holes").values(), &Values::F32((0..24).map(holes).collect()));
    assert_eq!((array("nothing").values(), array("filled").values()), (&Values::I64(vec![0; 3]), &Values::I64(vec![-5; 3])));
}

#[test]
fn hdf5_that_is_not_supported_is_refused_by_name() {
    let error = Group::open(fixture("formats/refused.h5")).unwrap_err().to_string();
    assert!(error.contains("refused.h5: /lzf: ") && error.contains("filter 32000 (lzf)"), "{error}");
    let error = Group::open(fixture("formats/bomb.h5")).unwrap_err().to_string();
    assert!(error.contains("/zeros: ") && error.contains("16 times"), "{error}");
    let error = Group::open(fixture("keras/hand.keras")).unwrap_err().to_string();
    assert!(error.contains("no HDF5 file"), "{error}");
}

#[test]
fn numpy_files_mean_what_python_saved() {
    let [stored, compressed] = ["formats/stored.npz", "formats/compressed.npz"].map(|name| npy::open_npz(fixture(name)).unwrap());
    assert_eq!(stored, compressed);
    let array = |name: &str| &stored.iter().find(|(found, _)| found == name).unwrap().1;
    let floats = Array::new(vec![0.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0], [2, 3]).unwrap();
    assert_eq!((array("f4"), array("big_f4")), (&floats, &floats));
    let integers = Array::new(vec![0_i64, 1, 2, 3, 4, 5], [2, 3]).unwrap();
    for name in ["i8", "big_i8", "u4", "u8"] {
        assert_eq!(array(name), &integers, "{name}");
    }
    assert_eq!(array("bool"), &vec![true, false].into());
    assert_eq!(array("text"), &["x", "", "größe"].map(String::from).to_vec().into());
    assert_eq!(array("bytes"), &["dense/kernel:0", "bias"].map(String::from).to_vec().into());
    assert_eq!((array("scalar").values(), array("scalar").shape().rank()), (&Values::F64(vec![0.5]), 0));
    assert_eq!(array("empty").shape()[..], [0, 3]);
    let row_major = Array::new((0..24_u8).map(f32::from).collect::<Vec<_>>(), [2, 3, 4]).unwrap();
    assert_eq!((array("row_major"), array("fortran")), (&row_major, &row_major));
    assert_eq!(npy::open(fixture("formats/fortran.npy")).unwrap(), row_major);
    let error = npy::open(fixture("formats/objects.npy")).unwrap_err().to_string();
    assert!(error.contains("objects.npy: ") && error.contains("would run code"), "{error}");
}

#[test]
fn safetensors_mean_what_python_saved() {
    let file = safetensors::File::open(fixture("formats/sample.safetensors")).unwrap();
    assert_eq!(file.metadata["format"], "pt");
    assert_eq!(file.tensors["weight"], Array::new((0..6_u8).map(f32::from).collect::<Vec<_>>(), [2, 3]).unwrap());
    assert_eq!(file.tensors["half"], vec![half::f16::from_f32(0.5); 2].into());
    assert_eq!(file.tensors["brain"], vec![half::bf16::from_f32(-3.0); 2].into());
    assert_eq!(file.tensors["count"], Array::new([7_i64], wgrad::Shape::scalar()).unwrap());
}

#[test]
fn a_keras_archive_has_its_entries() {
    let mut archive = zip::Archive::open(fixture("keras/seq.keras")).unwrap();
    assert_eq!(archive.names(), ["metadata.json", "config.json", "model.weights.h5"]);
    let weights = Group::read(&archive.entry("model.weights.h5").unwrap()).unwrap();
    assert_eq!(weights.dataset("layers/dense/vars/1").unwrap().array.shape()[..], [5]);
}

#[test]
fn keras_weights_are_where_keras_puts_them() {
    let weights = Group::open(fixture("keras/seq.weights.h5")).unwrap();
    assert_eq!(weights.dataset("layers/conv2d/vars/0").unwrap().array.shape()[..], [3, 3, 3, 4]);
    assert_eq!(weights.group("layers/batch_normalization/vars").unwrap().datasets.len(), 4);
    let legacy = Group::open(fixture("keras/seq_legacy.h5")).unwrap();
    assert!(legacy.text("model_config").unwrap().contains("\"Sequential\""));
}
