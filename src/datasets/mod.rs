//! The image datasets that first programs train on (Fashion-MNIST, MNIST, CIFAR-10), read from their official files.
//!
//! ```no_run
//! let data = wgrad::datasets::fashion_mnist().load()?;
//! assert_eq!(data.train.shape, [60_000, 28, 28, 1]);
//! println!("the first picture shows: {}", data.train.class(0));
//! # Ok::<(), wgrad::Error>(())
//! ```
//! Data is looked for in [`data_dir`](Loader::data_dir), in the folders that the environment variable `WGRAD_DATA` lists, and in the
//! cache; else it is downloaded to the cache (cargo feature `download`) and checked against its SHA-256.

mod catalog;
mod cifar;
#[cfg(feature = "download")]
mod download;
mod find;
mod idx;
#[cfg(feature = "download")]
mod tar;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use crate::{Device, Error, Result, Tensor, data::Array};
use catalog::{Dataset, Format};

/// No dataset file may hold more than this many bytes once inflated: a bound for what a broken or hostile file can make us allocate.
const MOST_BYTES: u64 = 1 << 30;

/// Fashion-MNIST: 60,000 + 10,000 grey 28x28 pictures of ten sorts of clothing (Zalando SE, MIT licence).
/// Source: <https://github.com/zalandoresearch/fashion-mnist>.
///
/// ```no_run
/// let data = wgrad::datasets::fashion_mnist().load()?;
/// assert_eq!(data.train.shape, [60_000, 28, 28, 1]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.datasets.fashion_mnist")]
pub fn fashion_mnist() -> Loader {
    Loader::new(&catalog::FASHION_MNIST)
}

/// MNIST: 60,000 + 10,000 grey 28x28 pictures of handwritten digits (LeCun, Cortes and Burges, 1998).
///
/// ```no_run
/// let digits = wgrad::datasets::mnist().load()?;
/// assert_eq!(digits.test.shape, [10_000, 28, 28, 1]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.datasets.mnist")]
pub fn mnist() -> Loader {
    Loader::new(&catalog::MNIST)
}

/// CIFAR-10: 50,000 + 10,000 colour 32x32 pictures of ten sorts of things (Krizhevsky, 2009), in its binary version.
/// Those of `data_batch_1.bin` to `data_batch_5.bin` that are present are loaded, so a folder may hold a subset.
/// Source: <https://www.cs.toronto.edu/~kriz/cifar.html>.
///
/// ```no_run
/// let data = wgrad::datasets::cifar10().load()?;
/// assert_eq!(data.test.shape, [10_000, 32, 32, 3]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[doc(alias = "keras.datasets.cifar10")]
pub fn cifar10() -> Loader {
    Loader::new(&catalog::CIFAR10)
}

/// Where a dataset may come from; [`load`](Loader::load) finds and reads it.
///
/// ```no_run
/// let digits = wgrad::datasets::mnist().data_dir("data").download(false).load()?;
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "call .load() to read the dataset"]
pub struct Loader {
    dataset: &'static Dataset,
    data_dir: Option<PathBuf>,
    download: bool,
}

/// A dataset: pictures to train on and pictures to test with.
///
/// ```no_run
/// let data = wgrad::datasets::mnist().load()?;
/// let ((x, y), (x_test, y_test)) = (data.train.arrays(), data.test.arrays());
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The pictures to train on.
    pub train: Images,
    /// The pictures to test with.
    pub test: Images,
}

/// Labelled pictures of one size.
///
/// ```
/// use wgrad::datasets::Images;
/// let two = Images { images: vec![0, 255], labels: vec![0, 1], shape: [2, 1, 1, 1], classes: &["black", "white"] };
/// assert_eq!((two.len(), two.class(1)), (2, "white"));
/// assert_eq!(two.slice(1..2).image(0), [255]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Images {
    /// N·H·W·C bytes, channels last, row by row from the top left; 0 is black.
    pub images: Vec<u8>,
    /// N labels, each an index into `classes`.
    pub labels: Vec<u8>,
    /// `[N, H, W, C]`.
    pub shape: [usize; 4],
    /// What each label means.
    pub classes: &'static [&'static str],
}

impl Loader {
    fn new(dataset: &'static Dataset) -> Self {
        Self { dataset, data_dir: None, download: true }
    }

    /// Looks first in `path` and its subfolder of the dataset's usual name (`fashion-mnist`, `mnist`, `cifar10`).
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Whether data that is nowhere on this machine may be downloaded; true by default.
    pub fn download(mut self, download: bool) -> Self {
        self.download = download;
        self
    }

    /// Finds and reads the dataset. The first place that holds any file of it counts: what is wrong there is an error, not a reason
    /// to look further.
    ///
    /// # Errors
    /// `Data` for files that are truncated, corrupt or do not belong together, `Io` if the data is nowhere or cannot be read; the text
    /// names the file and offset, or every place that was looked at and how to get the data by hand.
    pub fn load(self) -> Result<Split> {
        let cache = find::cache_dir();
        let places = find::places(self.dataset, self.data_dir.as_deref(), std::env::var_os("WGRAD_DATA").as_deref(), cache.as_deref());
        if let Some(folder) = self.found(&places) {
            return read(self.dataset, folder);
        }
        let reason = match (&cache, self.download) {
            (_, false) => "downloading is switched off".to_string(),
            (None, _) => "there is no cache folder to download to (set XDG_CACHE_HOME or HOME)".to_string(),
            (Some(cache), true) => match download_to(self.dataset, &cache.join(self.dataset.folders[0])) {
                Ok(folder) => return read(self.dataset, &folder),
                Err(error) => error.to_string(),
            },
        };
        Err(find::not_found(self.dataset, &places, &reason))
    }

    /// The first of `places` that holds the dataset; a `data_dir` that was given in vain is worth a warning.
    fn found<'a>(&self, places: &'a [PathBuf]) -> Option<&'a Path> {
        let folder = places.iter().find(|place| self.dataset.is_in(place)).map(PathBuf::as_path);
        if let Some(wanted) = &self.data_dir
            && !folder.is_some_and(|folder| folder.starts_with(wanted))
        {
            log::warn!("{} is not in {}; looking elsewhere", self.dataset.title, wanted.display());
        }
        folder
    }
}

#[cfg(feature = "download")]
fn download_to(dataset: &Dataset, folder: &Path) -> Result<PathBuf> {
    download::fetch(dataset, dataset.mirrors, folder)?;
    Ok(folder.to_path_buf())
}

#[cfg(not(feature = "download"))]
fn download_to(_dataset: &Dataset, _folder: &Path) -> Result<PathBuf> {
    Err(Error::new(crate::ErrorKind::Io, "this build has no cargo feature `download`"))
}

fn read(dataset: &Dataset, folder: &Path) -> Result<Split> {
    let (train, test) = match dataset.format {
        Format::Idx => (idx::images(folder, "train", dataset.classes)?, idx::images(folder, "t10k", dataset.classes)?),
        Format::Cifar => (cifar::train(folder, dataset.classes)?, cifar::test(folder, dataset.classes)?),
    };
    Ok(Split { train, test })
}

impl Images {
    /// Pictures and labels as `fit` takes them: `(N, H, W, C)` and `(N,)`, bytes both.
    pub fn arrays(&self) -> (Array, Array) {
        let x = Array::new(self.images.clone(), self.shape).expect("a dataset's pictures fill its shape");
        (x, Array::from(self.labels.clone()))
    }

    /// The pictures of `range`, as a set of their own.
    ///
    /// # Panics
    /// When the range ends behind the last picture.
    pub fn slice(&self, range: Range<usize>) -> Images {
        let [_, height, width, channels] = self.shape;
        let size = height * width * channels;
        Images {
            images: self.images[range.start * size..range.end * size].to_vec(),
            labels: self.labels[range.clone()].to_vec(),
            shape: [range.len(), height, width, channels],
            classes: self.classes,
        }
    }

    /// The pictures at `indices` and their labels as tensors on the current device, for a training loop by hand.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn batch(&self, indices: &[usize]) -> Result<(Tensor, Tensor)> {
        let device = Device::current()?;
        let pixels: Vec<u8> = indices.iter().flat_map(|&at| self.image(at).iter().copied()).collect();
        let labels: Vec<i32> = indices.iter().map(|&at| self.labels[at].into()).collect();
        let [_, height, width, channels] = self.shape;
        let x = Tensor::from_slice_on(&device, &pixels, [indices.len(), height, width, channels])?;
        Ok((x, Tensor::from_slice_on(&device, &labels, [indices.len()])?))
    }

    /// The number of pictures, N.
    pub fn len(&self) -> usize {
        self.shape[0]
    }

    /// Whether there are no pictures; a loaded dataset always has some.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The H·W·C bytes of picture `index`. Panics if there is no such picture.
    pub fn image(&self, index: usize) -> &[u8] {
        let size: usize = self.shape[1..].iter().product();
        &self.images[index * size..(index + 1) * size]
    }

    /// What picture `index` shows. Panics if there is no such picture.
    pub fn class(&self, index: usize) -> &'static str {
        self.classes[usize::from(self.labels[index])]
    }
}

/// The shape only: nobody wants 47 million bytes in a message.
impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Images {{ shape: {:?}, classes: {} }}", self.shape, self.classes.len())
    }
}

/// A label that names no class, with its place in the file.
fn label_error(label: u8, classes: usize, index: usize, offset: usize) -> Error {
    Error::data(format!("label {label} of example {index} (offset {offset}) is out of range: expected 0 to {}", classes - 1))
}
