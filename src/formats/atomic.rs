//! Saving a file so that at any moment either the old one or the new one is there, whole.

use crate::{Error, ErrorKind, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// Writes what `content` writes to a temporary file beside `path`, makes sure that it lies on the disk, and renames it.
/// Until then an older file stays as it is; it stays too if anything fails. A link is followed; what is no plain file
/// (a pipe, a device) is written directly.
///
/// ```
/// use std::io::Write;
/// # fn main() -> wgrad::Result<()> {
/// let path = std::env::temp_dir().join("wgrad-atomic-example.txt");
/// wgrad::formats::atomic::write(&path, |file| Ok(file.write_all(b"whole or not at all")?))?;
/// assert_eq!(std::fs::read(&path)?, b"whole or not at all");
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `content` returns, or `Io` when a folder is missing, the disk is full, or the like. The text names `path`.
pub fn write(path: impl AsRef<Path>, content: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    stage(path.as_ref(), content)?.commit()
}

/// A file that is written and lies on the disk, but not yet in its place. It goes away unless it is brought there.
pub(super) struct Staged {
    /// None once it is in its place.
    temporary: Option<PathBuf>,
    target: PathBuf,
}

/// The first half of [`write`].
pub(super) fn stage(path: &Path, content: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<Staged> {
    // A link's target is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let old = fs::metadata(&target).ok();
    let saved = (|| {
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            fill(OpenOptions::new().write(true).open(&target)?, content)?;
            return Ok(Staged { temporary: None, target });
        }
        let temporary = beside(&target)?;
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let staged = Staged { temporary: Some(temporary), target };
        if let Some(old) = old {
            file.set_permissions(old.permissions())?;
        }
        fill(file, content)?.sync_all()?;
        Ok(staged)
    })();
    saved.map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &Error) -> Error {
    Error::new(error.kind(), format!("{}: cannot be saved: {error}", path.display()))
}

impl Staged {
    /// Renames the file, over an older one if there is one.
    pub fn commit(mut self) -> Result<()> {
        let Some(temporary) = self.temporary.take() else { return Ok(()) };
        if let Err(error) = fs::rename(&temporary, &self.target) {
            self.temporary = Some(temporary);
            return Err(cannot(&self.target, &error.into()));
        }
        // The rename itself lies on the disk once the folder does; not every system can do that.
        if let Some(folder) = self.target.parent()
            && let Ok(folder) = File::open(folder)
        {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // What failed is said; that a rest may lie about is not worth hiding it.
            let _ = fs::remove_file(temporary);
        }
    }
}

fn fill(file: File, content: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<File> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    content(&mut out)?;
    out.flush()?;
    out.into_inner().map_err(|error| error.into_error().into())
}

/// A name in the same folder that nobody else uses.
fn beside(path: &Path) -> Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| Error::new(ErrorKind::Io, "this names no file"))?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Ok(path.with_file_name(format!(".{}.{}-{count}.tmp", name.to_string_lossy(), process::id())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty folder of this test.
    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("wgrad-atomic-{test}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_failed_save_leaves_the_old_file_and_nothing_else() {
        let folder = folder("failed");
        let path = folder.join("model.keras");
        write(&path, |file| Ok(file.write_all(b"old")?)).unwrap();
        let error = write(&path, |file| {
            file.write_all(&[0; 1 << 20])?;
            Err(Error::data("the layer has no weights"))
        });
        let error = error.unwrap_err().to_string();
        assert!(error.contains("model.keras") && error.contains("the layer has no weights"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_save_replaces_the_old_file_and_its_links_stay() {
        let folder = folder("replaced");
        let path = folder.join("a.npy");
        write(&path, |file| Ok(file.write_all(b"a longer old file")?)).unwrap();
        write(&path, |file| Ok(file.write_all(b"new")?)).unwrap();
        #[cfg(unix)]
        {
            let link = folder.join("link.npy");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            write(&link, |file| Ok(file.write_all(b"new")?)).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
        assert_eq!(fs::read(&path).unwrap(), b"new");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn folders_that_are_missing_or_stand_in_the_way_are_named() {
        let folder = folder("missing");
        for path in [folder.join("no/such.h5"), folder.clone()] {
            let error = write(&path, |file| Ok(file.write_all(b"x")?)).unwrap_err();
            assert!(error.kind() == ErrorKind::Io && error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_that_names_the_path() {
        let error = write("/dev/full", |file| Ok(file.write_all(&[0; 100])?)).unwrap_err().to_string();
        assert!(error.contains("/dev/full") && error.contains("space"), "{error}");
    }
}
