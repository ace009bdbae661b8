//! Zip archives, as `.keras` and `.npz` files are: entries read with limits, and written uncompressed with a fixed date.

use super::read_file;
use crate::{Error, ErrorKind, Result};
use std::{
    borrow::Cow,
    io::{Cursor, Read, Seek, Write},
    path::Path,
};
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// More entries than any model has.
const MOST_ENTRIES: usize = 65_536;

/// All entries together may unpack to this many bytes for each one of the archive, and to [`ALWAYS`] in any case.
const MOST_INFLATION: u64 = 100;
const ALWAYS: u64 = 64 << 20;

/// An archive in memory.
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
    archive: ZipArchive<Cursor<Vec<u8>>>,
    names: Vec<String>,
    /// Bytes that may still be unpacked.
    budget: u64,
}

impl Archive {
    /// Reads the archive at `path`.
    ///
    /// # Errors
    /// `Io` when the file cannot be read, else as [`read`](Archive::read), with the path in front.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
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
            return Err(Error::data(format!("the archive has {} entries, more than the {MOST_ENTRIES} that are allowed", archive.len())));
        }
        let name = |name: Result<Cow<str>, ZipError>| {
            let name = name.map_err(|error| error_of(&error))?;
            if inside(&name) { Ok(name.into_owned()) } else { Err(Error::data(format!("entry {name:?} leads out of the archive"))) }
        };
        let names = archive.file_names().map(name).collect::<Result<_>>()?;
        Ok(Self { archive, names, budget })
    }

    /// Names of the entries, in the order of the archive.
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
        let mut entry = self.archive.by_name(name).map_err(|error| error_of(&error))?;
        // What the archive claims is a hint for the first allocation only.
        let mut content = Vec::with_capacity(entry.size().min(ALWAYS).min(self.budget) as usize);
        entry.by_ref().take(self.budget + 1).read_to_end(&mut content).map_err(|error| Error::data(error.to_string()))?;
        self.budget = self.budget.checked_sub(content.len() as u64).ok_or_else(|| {
            Error::data(format!("the archive unpacks to more than {MOST_INFLATION} times its size; nothing that is meant well does"))
        })?;
        Ok(content)
    }
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
    fn a_wrong_checksum_is_an_error() {
        let mut bytes = archive("a", b"some text", CompressionMethod::Stored);
        let at = bytes.windows(4).position(|window| window == b"text").unwrap();
        bytes[at] = b'T';
        assert!(Archive::read(bytes).unwrap().entry("a").unwrap_err().to_string().to_lowercase().contains("checksum"));
    }
}
