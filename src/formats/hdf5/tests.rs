//! Tests of HDF5: what is written is read back, and Python's files of all versions mean the same.

use super::*;
use half::{bf16, f16};

/// A tree with every type of value, many members, and text.
fn tree() -> Group {
    let mut root = Group::default();
    let arrays: [Array; 9] = [
        Array::new(vec![1.5_f32, -2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]).unwrap(),
        Array::new([0.1_f64], Shape::scalar()).unwrap(),
        vec![i64::MIN, 7].into(),
        vec![-5, i32::MAX].into(),
        vec![1_u8, 2, 255].into(),
        vec![true, false, true].into(),
        vec![f16::from_f32(0.5)].into(),
        vec![bf16::from_f32(1.0), bf16::from_f32(-3.0)].into(),
        vec!["mehr".to_string(), String::new(), "größer".repeat(2000)].into(),
    ];
    for array in arrays {
        root.insert(&format!("types/{}", array.dtype()), array).unwrap();
    }
    for index in 0..300 {
        root.insert(&format!("many/{index}"), vec![index].into()).unwrap();
    }
    root.insert("empty", Array::new(Vec::<f32>::new(), [0, 3]).unwrap()).unwrap();
    root.group_mut("layers/dropout/vars").unwrap();
    for (name, length) in [("short", 3), ("long", 70_000)] {
        root.set_text(name, &"x".repeat(length));
    }
    let note = &mut root.datasets.get_mut("empty").unwrap().attributes;
    note.insert("numbers".into(), vec![1.0_f64, 2.0].into());
    note.insert("names".into(), vec!["a".to_string(), "b".into()].into());
    root
}

fn bytes(group: &Group) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoded = group.encode().unwrap();
    encoded.write(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, encoded.size());
    bytes
}

#[test]
fn what_is_written_is_read_back() {
    let mut written = tree();
    let read = Group::read(&bytes(&written)).unwrap();
    // The mark of bfloat16 is an attribute in the file.
    let bfloat = written.group_mut("types").unwrap().datasets.get_mut("bfloat16").unwrap();
    bfloat.attributes.insert("dtype".into(), scalar_text("bfloat16"));
    assert_eq!(read, written);
}

#[test]
fn names_and_attributes_that_hdf5_cannot_hold_are_errors() {
    for name in ["", ".", "a/b", "a\0b"] {
        let mut group = Group::default();
        group.groups.insert(name.into(), Group::default());
        assert!(group.encode().is_err(), "{name:?}");
    }
    let mut group = Group::default();
    group.attributes.insert("large".into(), vec![0_u8; 70_000].into());
    assert!(group.encode().err().unwrap().to_string().contains("\"large\""));
    let mut group = Group::default();
    group.insert("a", vec![1.0_f32].into()).unwrap();
    assert!(group.insert("a/b", vec![1.0_f32].into()).is_err() && group.group_mut("a").is_err());
    group.group_mut("b/c").unwrap();
    assert!(group.insert("b", vec![1.0_f32].into()).is_err());
}

#[test]
fn groups_nest_up_to_a_limit() {
    let nested = |levels: usize| {
        let mut root = Group::default();
        root.group_mut(&vec!["g"; levels].join("/")).unwrap();
        Group::read(&bytes(&root))
    };
    assert!(nested(file::MOST_LEVELS).is_ok());
    let error = nested(file::MOST_LEVELS + 1).unwrap_err().to_string();
    assert!(error.starts_with("/g/g/g") && error.contains("deep"), "{error}");
}

#[test]
fn a_group_that_contains_itself_is_an_error() {
    let mut root = Group::default();
    root.group_mut("a").unwrap();
    let mut bytes = bytes(&root);
    // The entry of `a` is made to lead to the header of the root.
    let header = u64::from_le_bytes(bytes[64..72].try_into().unwrap());
    let node = bytes.windows(4).position(|window| window == b"SNOD").unwrap();
    bytes[node + 16..node + 24].copy_from_slice(&header.to_le_bytes());
    let error = Group::read(&bytes).unwrap_err().to_string();
    assert!(error.contains("circles") || error.contains("deep"), "{error}");
}

#[test]
fn arrays_that_share_their_bytes_cannot_fill_the_memory() {
    let mut root = Group::default();
    for index in 0..100 {
        root.insert(&format!("{index:03}"), vec![0.0_f32; 1000].into()).unwrap();
    }
    let mut bytes = bytes(&root);
    let size = bytes.len() as u64;
    // Every array is said to be nearly the whole file.
    let layout: Vec<u8> = [&[8_u8, 0, 24, 0, 0, 0, 0, 0, 3, 1][..]].concat();
    let dataspace = [1, 0, 16, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0];
    let places = |pattern: &[u8], bytes: &[u8]| -> Vec<usize> {
        (0..bytes.len()).filter(|&at| bytes[at..].starts_with(pattern)).map(|at| at + pattern.len()).collect()
    };
    let (layouts, spaces) = (places(&layout, &bytes), places(&dataspace, &bytes));
    assert_eq!((layouts.len(), spaces.len()), (100, 100));
    for (layout, space) in layouts.into_iter().zip(spaces) {
        bytes[layout..layout + 8].copy_from_slice(&0_u64.to_le_bytes());
        bytes[space..space + 8].copy_from_slice(&(size / 4).to_le_bytes());
    }
    assert!(Group::read(&bytes).unwrap_err().to_string().contains("over each other"));
}
