//! Zip archives, as `.keras` and `.npz` files are: entries read with limits, and written uncompressed with a fixed date.
//! A folder that an archive was unpacked to is read like the archive.

use super::read_file;
use crate::{Error, ErrorKind, Result};
use std::{
    borrow::Cow,
    fs,
    io::{Cursor, Read, Seek, Write},
    path::{Path, PathBuf},
};
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// More entries, and folders within folders, than any model has.
const MOST_ENTRIES: usize = 65_536;
const MOST_LEVELS: usize = 64;

/// All entries together may unpack to this many bytes for each one of the archive, and to [`ALWAYS`] in any case.
const MOST_INFLATION: u64 = 100;
const ALWAYS: u64 = 64 << 20;

/// An archive in memory, or the folder that one was unpacked to.
///
/// ```
/// use wgrad::formats::zip;
/// # fn main() -> wgrad::Result<()> {
/// let mut bytes = std::io::Cursor::new(Vec::new());
/// let mut writer = zip::Writer::new(&mut bytes);
/// writer.entry("config.json", 2, |out| Ok(out.write_all(b"{}")?))?;
/// writer.finish()?;
///
/// let mut archive = zip::Archive::read(bytes.into_inner())?;
/// assert_eq!(archive.names(), ["config.json"]);
/// assert_eq!(archive.entry("config.json")?, b"{}");
/// # Ok(())
/// # }
/// ```
pub struct Archive {
    source: Source,
    names: Vec<String>,
}

enum Source {
    Zip {
        archive: ZipArchive<Cursor<Vec<u8>>>,
        /// Bytes that may still be unpacked.
        budget: u64,
    },
    Folder(PathBuf),
}

impl Archive {
    /// Reads the archive at `path`, or lists the folder there. Links in a folder are not followed.
    ///
    /// # Errors
    /// `Io` when the file cannot be read, else as [`read`](Archive::read), with the path in front.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if path.is_dir() {
            let mut names = Vec::new();
            list(path, "", 0, &mut names).map_err(|error| error.at(path.display()))?;
            return Ok(Self { source: Source::Folder(path.into()), names });
        }
        Self::read(read_file(path)?).map_err(|error| error.at(path.display()))
    }

    /// Reads the list of an archive's entries.
    ///
    /// # Errors
    /// `Data` when this is no zip archive, has too many entries, or one whose name leads out of the archive.
    pub fn read(bytes: Vec<u8>) -> Result<Self> {
        let budget = ALWAYS.max(MOST_INFLATION.saturating_mul(bytes.len() as u64));
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error_of(&error))?;
        if archive.len() > MOST_ENTRIES {
            return Err(too_many(archive.len()));
        }
        let name = |name: Result<Cow<str>, ZipError>| {
            let name = name.map_err(|error| error_of(&error))?;
            if inside(&name) { Ok(name.into_owned()) } else { Err(Error::data(format!("entry {name:?} leads out of the archive"))) }
        };
        let names = archive.file_names().map(name).collect::<Result<_>>()?;
        Ok(Self { source: Source::Zip { archive, budget }, names })
    }

    /// Names of the entries, in the order of the archive, or of the alphabet for those of a folder.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The content of an entry, stored or deflated.
    ///
    /// # Errors
    /// `Data`, with the name, when there is no such entry, its checksum is wrong, it is encrypted or compressed in another way,
    /// or the entries read so far unpack to more than a hundred times the archive.
    pub fn entry(&mut self, name: &str) -> Result<Vec<u8>> {
        self.unpack(name).map_err(|error| error.at(name))
    }

    fn unpack(&mut self, name: &str) -> Result<Vec<u8>> {
        let (archive, budget) = match &mut self.source {
            Source::Zip { archive, budget } => (archive, budget),
            Source::Folder(path) if self.names.iter().any(|listed| listed == name) => return Ok(fs::read(path.join(name))?),
            Source::Folder(path) => return Err(Error::data(format!("there is no such file in {}", path.display()))),
        };
        let mut entry = archive.by_name(name).map_err(|error| error_of(&error))?;
        // What the archive claims is a hint for the first allocation only.
        let mut content = Vec::with_capacity(entry.size().min(ALWAYS).min(*budget) as usize);
        entry.by_ref().take(*budget + 1).read_to_end(&mut content).map_err(|error| Error::data(error.to_string()))?;
        *budget = budget.checked_sub(content.len() as u64).ok_or_else(|| {
            Error::data(format!("the archive unpacks to more than {MOST_INFLATION} times its size; nothing that is meant well does"))
        })?;
        Ok(content)
    }
}

/// Appends the names of the files below `folder`, each behind `prefix`, to `names`.
fn list(folder: &Path, prefix: &str, level: usize, names: &mut Vec<String>) -> Result<()> {
    if level > MOST_LEVELS {
        return Err(Error::data(format!("{prefix} lies more than {MOST_LEVELS} folders deep")));
    }
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        // A name that is no text is not one of ours.
        let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else { continue };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&entry.path(), &format!("{name}/"), level + 1, names)?;
        } else if kind.is_file() {
            names.push(name);
        }
        if names.len() > MOST_ENTRIES {
            return Err(too_many(names.len()));
        }
    }
    Ok(())
}

fn too_many(entries: usize) -> Error {
    Error::data(format!("the archive has {entries} entries, more than the {MOST_ENTRIES} that are allowed"))
}

/// Whether a name stays in the folder that an archive would be unpacked to, on every system.
fn inside(name: &str) -> bool {
    let climbs = name.split(['/', '\\']).any(|part| part == "..");
    !(name.is_empty() || climbs || name.starts_with(['/', '\\']) || name.contains(['\0', ':']))
}

/// Writes an archive as Keras does: nothing is compressed, and everything is from the first day that zip knows.
pub struct Writer<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Writer<W> {
    /// An archive without entries.
    pub fn new(out: W) -> Self {
        Self(ZipWriter::new(out))
    }

    /// Writes an entry of `size` bytes.
    ///
    /// # Errors
    /// What `content` returns, an entry that exists already, or those of the file.
    pub fn entry(&mut self, name: &str, size: u64, content: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(size >= u32::MAX.into());
        self.0.start_file(name, options).map_err(|error| error_of(&error).at(name))?;
        content(&mut self.0).map_err(|error| error.at(name))
    }

    /// Writes the list of entries; without it the archive cannot be read.
    ///
    /// # Errors
    /// Those of the file.
    pub fn finish(self) -> Result<W> {
        self.0.finish().map_err(|error| error_of(&error))
    }
}

fn error_of(error: &ZipError) -> Error {
    match error {
        ZipError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Error::new(ErrorKind::Io, error.to_string()),
        _ => Error::data(format!("zip: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zip::write::FullFileOptions;

    fn archive(name: &str, content: &[u8], method: CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(name, FullFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn stored_and_deflated_entries_are_read() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let mut read = Archive::read(archive("assets/a.txt", b"text", method)).unwrap();
            assert_eq!(read.entry("assets/a.txt").unwrap(), b"text");
            assert!(read.entry("b").unwrap_err().to_string().starts_with("b: "));
        }
    }

    #[test]
    fn names_that_lead_out_of_the_archive_are_refused() {
        for name in ["../a", "a/../../b", "/etc/passwd", "..\\a", "C:\\a", "\\\\host\\a"] {
            assert!(!inside(name), "{name}");
        }
        assert!(inside("assets/..a/b..c") && inside("a"));
        // As an attacker writes it, not as a library does.
        let mut bytes = archive("xx/a", b"", CompressionMethod::Stored);
        while let Some(at) = bytes.windows(4).position(|window| window == b"xx/a") {
            bytes[at..at + 2].copy_from_slice(b"..");
        }
        let error = Archive::read(bytes).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("\"../a\" leads out"), "{error}");
    }

    #[test]
    fn an_archive_that_inflates_without_end_is_an_error() {
        let zeros = vec![0; ALWAYS as usize + 1];
        let mut read = Archive::read(archive("zeros", &zeros, CompressionMethod::Deflated)).unwrap();
        let error = read.entry("zeros").unwrap_err().to_string();
        assert!(error.contains("zeros: ") && error.contains("100 times"), "{error}");
    }

    #[test]
    fn a_folder_is_read_like_an_archive() {
        let folder = std::env::temp_dir().join(format!("wgrad-zip-folder-{}", std::process::id()));
        fs::create_dir_all(folder.join("assets/a")).unwrap();
        fs::write(folder.join("config.json"), "{}").unwrap();
        fs::write(folder.join("assets/a/b.txt"), "text").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/hosts", folder.join("link")).unwrap();
        let mut read = Archive::open(&folder).unwrap();
        assert_eq!(read.names(), ["assets/a/b.txt", "config.json"]);
        assert_eq!(read.entry("assets/a/b.txt").unwrap(), b"text");
        for name in ["link", "../a", "assets"] {
            assert!(read.entry(name).unwrap_err().to_string().contains("no such file"), "{name}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let mut bytes = archive("a", b"some text", CompressionMethod::Stored);
        let at = bytes.windows(4).position(|window| window == b"text").unwrap();
        bytes[at] = b'T';
        assert!(Archive::read(bytes).unwrap().entry("a").unwrap_err().to_string().to_lowercase().contains("checksum"));
    }
}
