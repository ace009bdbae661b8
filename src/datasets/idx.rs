//! MNIST and Fashion-MNIST: four idx files that belong together.

use std::path::{Path, PathBuf};

use super::{Images, label_error};
use crate::{Error, Result, formats::idx};

/// Height and width of every picture of this family.
const SIDE: usize = 28;

/// Whether `folder` holds any of the four files.
pub(super) fn is_in(folder: &Path) -> bool {
    ["train", "t10k"].iter().any(|part| path(folder, part, "images", 3).is_some() || path(folder, part, "labels", 1).is_some())
}

/// Reads the images and labels of `part` (`train` or `t10k`) and checks that they belong together.
pub(super) fn images(folder: &Path, part: &str, classes: &'static [&'static str]) -> Result<Images> {
    let missing = |kind: &str, rank: usize| {
        let found = path(folder, part, kind, rank);
        found.ok_or_else(|| Error::data(format!("{}: no {part}-{kind}-idx{rank}-ubyte.gz, nor one without .gz", folder.display())))
    };
    let (images_path, labels_path) = (missing("images", 3)?, missing("labels", 1)?);
    let (sizes, images) = idx::open(&images_path, 3)?;
    let (_, labels) = idx::open(&labels_path, 1)?;

    if sizes[1..] != [SIDE, SIDE] {
        let text = format!("offset 8: expected images of 28x28 pixels, found {}x{}", sizes[1], sizes[2]);
        return Err(Error::data(text).at(images_path.display()));
    }
    if sizes[0] != labels.len() {
        let (images, labels) = (sizes[0], labels.len());
        return Err(Error::data(format!("{images} images, but {labels} labels in {}", labels_path.display())).at(images_path.display()));
    }
    if let Some(index) = labels.iter().position(|&label| usize::from(label) >= classes.len()) {
        return Err(label_error(labels[index], classes.len(), index, 8 + index).at(labels_path.display()));
    }
    Ok(Images { images, labels, shape: [sizes[0], SIDE, SIDE, 1], classes })
}

/// The file as it is published, or unpacked.
fn path(folder: &Path, part: &str, kind: &str, rank: usize) -> Option<PathBuf> {
    let name = format!("{part}-{kind}-idx{rank}-ubyte");
    [format!("{name}.gz"), name].into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
}
