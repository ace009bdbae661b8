//! Where a dataset may be on this machine, and what to tell people when it is nowhere.

use std::{
    ffi::OsStr,
    fmt::Write,
    path::{Path, PathBuf},
};

use super::catalog::{ALL, Dataset};
use crate::{Error, ErrorKind};

/// The folders to look in, in order: `data_dir` and its subfolders, the folders of `WGRAD_DATA` (`listed`), the cache.
pub(super) fn places(dataset: &Dataset, data_dir: Option<&Path>, listed: Option<&OsStr>, cache: Option<&Path>) -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Some(data_dir) = data_dir {
        places.push(data_dir.to_path_buf());
        places.extend(subfolders(dataset, data_dir));
    }
    for folder in listed.map(std::env::split_paths).into_iter().flatten().filter(|folder| !folder.as_os_str().is_empty()) {
        places.extend(subfolders(dataset, &folder));
        if !belongs_to_another(dataset, &folder) {
            places.push(folder);
        }
    }
    if let Some(cache) = cache {
        places.extend(subfolders(dataset, cache));
    }
    places
}

fn subfolders(dataset: &Dataset, folder: &Path) -> impl Iterator<Item = PathBuf> {
    dataset.folders.iter().map(|name| folder.join(name))
}

/// MNIST and Fashion-MNIST name their files alike, so the folder's name decides.
fn belongs_to_another(dataset: &Dataset, folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default();
    ALL.iter().any(|other| other.title != dataset.title && other.folders.iter().any(|&taken| name == taken))
}

/// The folder for downloads: `wgrad` in `$XDG_CACHE_HOME` or `~/.cache`, on Windows in `%LOCALAPPDATA%`.
pub(super) fn cache_dir() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) { absolute("LOCALAPPDATA") } else { None };
    base.or_else(|| absolute("XDG_CACHE_HOME")).or_else(|| Some(absolute("HOME")?.join(".cache"))).map(|base| base.join("wgrad"))
}

/// The error for data that is nowhere: the places that were looked at, why nothing was downloaded, and how to get it by hand.
pub(super) fn not_found(dataset: &Dataset, places: &[PathBuf], reason: &str) -> Error {
    let mut text = format!("{} was not found. Looked in:", dataset.title);
    for place in places {
        let _ = write!(text, "\n  {}", place.display());
    }
    if places.is_empty() {
        text.push_str("\n  no folder at all: none was given and there is no cache folder");
    }
    let _ = write!(text, "\nIt was not downloaded: {reason}.\nTo get it by hand, download");
    let names: Vec<_> = dataset.archive.map_or_else(|| dataset.files.iter().map(|file| file.name).collect(), |name| vec![name]);
    for name in names {
        let _ = write!(text, "\n  {}/{name}", dataset.mirrors[0]);
    }
    text.push_str(if dataset.archive.is_some() { "\nunpack it, and give" } else { "\nand give" });
    text.push_str(" the folder to .data_dir(..) or name it in the environment variable WGRAD_DATA.");
    Error::new(ErrorKind::Io, text)
}
