//! Tests of the loaders with tiny files: what they give, and that every kind of broken file is refused by name, offset and size.

use std::{fs, io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};

use super::{catalog, find, *};
use crate::ErrorKind;

/// A fresh folder that goes away with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wgrad-datasets-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.0.join(name).parent().unwrap()).unwrap();
        fs::write(self.0.join(name), bytes).unwrap();
    }

    /// Four good idx files: two training pictures and one to test with.
    fn with_idx(self) -> Self {
        self.write(TRAIN_IMAGES, &gzip(&images(2)));
        self.write(TRAIN_LABELS, &gzip(&labels(&[9, 0])));
        self.write("t10k-images-idx3-ubyte", &images(1));
        self.write("t10k-labels-idx1-ubyte", &labels(&[3]));
        self
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte.gz";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte.gz";

fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let magic = 0x800 + sizes.len() as u32;
    let header = std::iter::once(&magic).chain(sizes).flat_map(|number| number.to_be_bytes());
    header.chain(data.iter().copied()).collect()
}

fn images(count: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..count * 784).map(|index| (index % 251) as u8).collect();
    idx(&[count as u32, 28, 28], &data)
}

fn labels(labels: &[u8]) -> Vec<u8> {
    idx(&[labels.len() as u32], labels)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Records whose red, green and blue planes are 10, 20 and 30 plus the label.
fn cifar(labels: &[u8]) -> Vec<u8> {
    labels
        .iter()
        .flat_map(|&label| [vec![label], vec![10 + label; 1024], vec![20 + label; 1024], vec![30 + label; 1024]].concat())
        .collect()
}

fn refused(folder: &Folder, file: &str, bytes: &[u8], expected: &str) {
    folder.write(file, bytes);
    let error = read(&catalog::FASHION_MNIST, &folder.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    let text = error.to_string();
    assert!(text.contains(file) && text.contains(expected), "{expected:?} is not in {text:?}");
}

#[test]
fn idx_files_are_read_gzipped_or_not() {
    let folder = Folder::new("idx").with_idx();
    let split = fashion_mnist().data_dir(&folder.0).load().unwrap();
    assert_eq!((split.train.shape, split.test.shape), ([2, 28, 28, 1], [1, 28, 28, 1]));
    assert_eq!((&split.train.labels[..], &split.test.labels[..]), (&[9, 0][..], &[3][..]));
    assert_eq!((split.train.class(0), split.test.class(0)), ("Ankle boot", "Dress"));
    assert_eq!(split.train.image(1)[..3], [31, 32, 33], "784 % 251 = 31");
    assert_eq!((split.train.len(), split.train.images.len(), split.train.is_empty()), (2, 2 * 784, false));
    assert_eq!(format!("{:?}", split.train), "Images { shape: [2, 28, 28, 1], classes: 10 }");
    assert_eq!(mnist().data_dir(&folder.0).load().unwrap().train.class(0), "9");
}

#[test]
fn idx_files_with_wrong_headers_are_refused() {
    let folder = Folder::new("headers").with_idx();
    refused(&folder, TRAIN_IMAGES, &labels(&[1]), "truncated at offset 9: the header ends at 16, found 9 bytes");
    refused(&folder, TRAIN_IMAGES, &labels(&[0; 99]), "wrong magic at offset 0: expected 0x00000803");
    refused(&folder, TRAIN_IMAGES, b"<!DOCTYPE html><html>", "found 0x3c21444f");
    refused(&folder, TRAIN_IMAGES, b"", "truncated at offset 0: the header ends at 16, found 0 bytes");
    refused(&folder, TRAIN_IMAGES, &idx(&[u32::MAX; 3], &[]), "offset 4: declares 4294967295x4294967295x4294967295 bytes, more than");
    refused(
        &folder,
        TRAIN_IMAGES,
        &gzip(&idx(&[1 << 21, 28, 28], &[])),
        "offset 4: declares 2097152x28x28 bytes, more than the 1073741824",
    );
    refused(&folder, TRAIN_IMAGES, &gzip(&idx(&[0, 28, 28], &[])), "offset 4: declares 0x28x28 bytes, so there are no examples");
    refused(&folder, TRAIN_IMAGES, &idx(&[2, 4, 4], &[0; 32]), "offset 8: expected images of 28x28 pixels, found 4x4");
}

#[test]
fn idx_files_of_the_wrong_size_are_refused() {
    let folder = Folder::new("sizes").with_idx();
    let good = images(2);
    let end = good.len();
    refused(&folder, TRAIN_IMAGES, &good[..500], "truncated at offset 500: the data ends at 1584, found 500 bytes");
    refused(&folder, TRAIN_IMAGES, &gzip(&good[..500]), "truncated at offset 500: the data ends at 1584, found 500 bytes");
    refused(&folder, TRAIN_IMAGES, &[&good, &b"abc"[..]].concat(), "trailing bytes at offset 1584: expected 1584 bytes, found 1587");
    refused(&folder, TRAIN_IMAGES, &gzip(&[&good, &b"abc"[..]].concat()), "trailing bytes at offset 1584: expected 1584 bytes, found 1587");
    refused(&folder, TRAIN_IMAGES, &[gzip(&good), b"abcd".to_vec()].concat(), "4 bytes after the end of the gzip stream");
    assert_eq!(end, 1584);
}

#[test]
fn corrupt_gzip_streams_are_refused() {
    let folder = Folder::new("gzip").with_idx();
    let good = gzip(&images(2));
    for length in 2..good.len() {
        folder.write(TRAIN_IMAGES, &good[..length]);
        let text = read(&catalog::FASHION_MNIST, &folder.0).unwrap_err().to_string();
        assert!(text.contains(TRAIN_IMAGES) && text.contains("truncated"), "{length}: {text}");
    }
    let mut wrong_sum = good.clone();
    let sum = good.len() - 8;
    wrong_sum[sum] ^= 1;
    refused(&folder, TRAIN_IMAGES, &wrong_sum, "corrupt gzip stream");
    refused(&folder, TRAIN_IMAGES, &[&good[..10], &[0xff; 99]].concat(), "corrupt gzip stream");
}

#[test]
fn labels_must_fit_images_and_classes() {
    let folder = Folder::new("labels").with_idx();
    refused(&folder, TRAIN_LABELS, &labels(&[1, 2, 3]), "2 images, but 3 labels in");
    refused(&folder, TRAIN_LABELS, &labels(&[1, 10]), "label 10 of example 1 (offset 9) is out of range: expected 0 to 9");
    fs::remove_file(folder.0.join(TRAIN_LABELS)).unwrap();
    let error = fashion_mnist().data_dir(&folder.0).load().unwrap_err();
    assert!(error.to_string().ends_with("no train-labels-idx1-ubyte.gz, nor one without .gz"), "{error}");
}

#[test]
fn cifar_batches_that_are_present_are_read_with_channels_last() {
    let folder = Folder::new("cifar");
    folder.write("cifar10-small/data_batch_1.bin", &cifar(&[1, 2]));
    folder.write("cifar10-small/data_batch_3.bin", &cifar(&[9]));
    folder.write("cifar10-small/test_batch.bin", &cifar(&[0]));
    let split = cifar10().data_dir(&folder.0).load().unwrap();
    assert_eq!((split.train.shape, split.test.shape), ([3, 32, 32, 3], [1, 32, 32, 3]));
    assert_eq!((&split.train.labels[..], split.train.class(2)), (&[1, 2, 9][..], "truck"));
    assert_eq!(split.train.image(1)[..6], [12, 22, 32, 12, 22, 32]);
    assert_eq!(split.train.images.len(), 3 * 3072);
}

#[test]
fn broken_cifar_batches_are_refused() {
    let folder = Folder::new("cifar-broken");
    let reason = |bytes: &[u8]| {
        folder.write("data_batch_1.bin", bytes);
        cifar10().data_dir(&folder.0).load().unwrap_err().to_string()
    };
    assert!(reason(&cifar(&[1])).ends_with("no test_batch.bin"));
    folder.write("test_batch.bin", &cifar(&[0]));
    let good = cifar(&[1, 2]);
    let expected =
        "data_batch_1.bin: truncated at offset 5000: the record of 3073 bytes that starts at 3073 ends at 6146, found 5000 bytes";
    assert!(reason(&good[..5000]).ends_with(expected));
    assert!(reason(&[]).contains("truncated at offset 0"));
    assert!(reason(&[good, vec![0]].concat()).contains("the record of 3073 bytes that starts at 6146"));
    assert!(reason(&cifar(&[1, 77])).ends_with("label 77 of example 1 (offset 3073) is out of range: expected 0 to 9"));
    fs::remove_file(folder.0.join("data_batch_1.bin")).unwrap();
    let error = cifar10().data_dir(&folder.0).load().unwrap_err();
    assert!(error.to_string().ends_with("none of data_batch_1.bin to data_batch_5.bin"));
}

#[test]
fn places_come_in_order_and_similar_datasets_are_kept_apart() {
    let listed = std::env::join_paths(["/all", "/sets/mnist"]).unwrap();
    let places = |dataset| find::places(dataset, Some(Path::new("/mine")), Some(&listed), Some(Path::new("/cache")));
    let expected = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
    let fashion = ["/mine", "/mine/fashion-mnist", "/all/fashion-mnist", "/all", "/sets/mnist/fashion-mnist", "/cache/fashion-mnist"];
    assert_eq!(places(&catalog::FASHION_MNIST), expected(&fashion));
    let digits = ["/mine", "/mine/mnist", "/all/mnist", "/all", "/sets/mnist/mnist", "/sets/mnist", "/cache/mnist"];
    assert_eq!(places(&catalog::MNIST), expected(&digits));
    assert_eq!(find::places(&catalog::CIFAR10, None, None, None), expected(&[]));
}

#[test]
fn data_that_is_nowhere_is_an_error_that_says_how_to_get_it() {
    let places = [PathBuf::from("/one"), PathBuf::from("/two")];
    let expected = "CIFAR-10 was not found. Looked in:\n  /one\n  /two\nIt was not downloaded: no network.\nTo get it by hand, download\n  \
        https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz\nunpack it, and give the folder to .data_dir(..) or name it in the \
        environment variable WGRAD_DATA.";
    assert_eq!(find::not_found(&catalog::CIFAR10, &places, "no network").to_string(), expected);
    let text = find::not_found(&catalog::MNIST, &[], "no network").to_string();
    assert_eq!(text.matches("-ubyte.gz\n").count(), 4, "{text}");
}

#[test]
fn the_shipped_subset_of_fashion_mnist_is_balanced() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/fashion-mnist-small");
    let split = fashion_mnist().data_dir(folder).download(false).load().unwrap();
    for (part, per_class) in [(split.train, 600), (split.test, 100)] {
        assert_eq!(part.shape, [10 * per_class, 28, 28, 1]);
        let count = |class: u8| part.labels.iter().filter(|&&label| label == class).count();
        assert_eq!((0..10).map(count).collect::<Vec<_>>(), [per_class; 10]);
    }
}
