//! What each dataset is: its classes, the folders it lives in, and the size and SHA-256 of every official file.

use std::path::Path;

use super::{cifar, idx};

/// How the files of a dataset are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    /// Four idx files, gzipped or not: images and labels, `train` and `t10k`.
    Idx,
    /// `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, records of a label and three colour planes.
    Cifar,
}

/// Everything that is known about a dataset without its files.
#[derive(Debug)]
pub(super) struct Dataset {
    /// Its name in messages.
    pub title: &'static str,
    /// Names that its folder goes by; the first is the one in the cache.
    pub folders: &'static [&'static str],
    /// What the labels 0, 1, 2, ... mean.
    pub classes: &'static [&'static str],
    pub format: Format,
    /// Addresses of folders that hold `files`, or `archive`; tried in order.
    pub mirrors: &'static [&'static str],
    /// The .tar.gz at the mirrors that holds `files`, if they come in one.
    pub archive: Option<&'static str>,
    pub files: &'static [Official],
}

/// A file as its authors published it.
#[derive(Debug)]
#[cfg_attr(not(feature = "download"), expect(dead_code, reason = "only downloads are checked against size and hash"))]
pub(super) struct Official {
    pub name: &'static str,
    pub bytes: u64,
    pub sha256: &'static str,
}

impl Dataset {
    /// Whether `folder` holds any file of this dataset.
    pub(super) fn is_in(&self, folder: &Path) -> bool {
        match self.format {
            Format::Idx => idx::is_in(folder),
            Format::Cifar => cifar::is_in(folder),
        }
    }
}

const fn official(name: &'static str, bytes: u64, sha256: &'static str) -> Official {
    Official { name, bytes, sha256 }
}

pub(super) static FASHION_MNIST: Dataset = Dataset {
    title: "Fashion-MNIST",
    folders: &["fashion-mnist"],
    classes: &["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
    format: Format::Idx,
    mirrors: &[
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    ],
    archive: None,
    files: &[
        official("train-images-idx3-ubyte.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        official("train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        official("t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        official("t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ],
};

pub(super) static MNIST: Dataset = Dataset {
    title: "MNIST",
    folders: &["mnist"],
    classes: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    format: Format::Idx,
    mirrors: &["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"],
    archive: None,
    files: &[
        official("train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        official("train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        official("t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        official("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ],
};

pub(super) static CIFAR10: Dataset = Dataset {
    title: "CIFAR-10",
    folders: &["cifar10", "cifar-10-batches-bin", "cifar10-small"],
    classes: &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    format: Format::Cifar,
    mirrors: &["https://www.cs.toronto.edu/~kriz"],
    archive: Some("cifar-10-binary.tar.gz"),
    files: &[
        official("data_batch_1.bin", 30_730_000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        official("data_batch_2.bin", 30_730_000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
        official("data_batch_3.bin", 30_730_000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
        official("data_batch_4.bin", 30_730_000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
        official("data_batch_5.bin", 30_730_000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
        official("test_batch.bin", 30_730_000, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ],
};

/// Every dataset, so that a folder named after one is never taken for another.
pub(super) static ALL: [&Dataset; 3] = [&FASHION_MNIST, &MNIST, &CIFAR10];
