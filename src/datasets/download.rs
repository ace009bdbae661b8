//! Fetches the official files of a dataset: streamed to a temporary folder, checked against size and SHA-256, then moved into place.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::{
    MOST_BYTES,
    catalog::{Dataset, Official},
    tar,
};
use crate::{Error, ErrorKind, Result};

/// Puts all files of `dataset` into `folder`, from the first of `mirrors` that has them all intact.
///
/// # Errors
/// `Io`, with what went wrong at each mirror; then `folder` is as it was.
pub(super) fn fetch(dataset: &Dataset, mirrors: &[&str], folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::from(error).at(folder.display());
    let mut reasons = String::new();
    for mirror in mirrors {
        let parent = folder.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(failed)?;
        let temporary = Temporary::new(parent).map_err(failed)?;
        match fetch_from(dataset, mirror, &temporary.0) {
            Ok(()) => {
                fs::create_dir_all(folder).map_err(failed)?;
                return dataset
                    .files
                    .iter()
                    .try_for_each(|file| fs::rename(temporary.0.join(file.name), folder.join(file.name)).map_err(failed));
            }
            Err(error) => drop(write!(reasons, "{}{error}", if reasons.is_empty() { "" } else { "; " })),
        }
    }
    Err(Error::new(ErrorKind::Io, reasons))
}

fn fetch_from(dataset: &Dataset, mirror: &str, folder: &Path) -> Result<()> {
    let Some(archive) = dataset.archive else {
        return dataset.files.iter().try_for_each(|file| {
            let url = format!("{mirror}/{}", file.name);
            get(&url).and_then(|mut body| save(&mut body, folder, file)).map_err(|error| error.at(url))
        });
    };
    let url = format!("{mirror}/{archive}");
    let body = get(&url).map_err(|error| error.at(&url))?;
    unpack(GzDecoder::new(body), dataset.files, folder).map_err(|error| error.at(url))
}

/// Saves the members of a tar stream that are `files`, whatever folder they are in there.
fn unpack(stream: impl Read, files: &[Official], folder: &Path) -> Result<()> {
    let mut missing: Vec<&Official> = files.iter().collect();
    let mut members = tar::Members::new(stream.take(MOST_BYTES));
    while let Some((name, mut content)) = members.next()? {
        let base = name.rsplit('/').next().unwrap_or_default();
        if let Some(index) = missing.iter().position(|file| file.name == base) {
            save(&mut content, folder, missing.swap_remove(index))?;
        }
    }
    match missing.first() {
        Some(file) => Err(Error::data(format!("the archive holds no {}", file.name))),
        None => Ok(()),
    }
}

/// Writes `content` to the folder while counting and hashing it; anything but the official bytes is an error.
fn save(content: &mut impl Read, folder: &Path, file: &Official) -> Result<()> {
    let mut out = File::create(folder.join(file.name))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut found = 0;
    loop {
        let count = content.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        found += count as u64;
        if found > file.bytes {
            break;
        }
        hash.update(&buffer[..count]);
        out.write_all(&buffer[..count])?;
    }
    if found != file.bytes {
        let more = if found > file.bytes { "at least " } else { "" };
        return Err(Error::data(format!("{}: expected {} bytes, found {more}{found}", file.name, file.bytes)));
    }
    let digest = hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    if digest != file.sha256 {
        return Err(Error::data(format!("{}: expected SHA-256 {}, found {digest}", file.name, file.sha256)));
    }
    out.sync_all()?;
    Ok(())
}

/// The body of `url`, which tells on stderr how far it has been read.
fn get(url: &str) -> Result<impl Read> {
    let config =
        ureq::Agent::config_builder().timeout_connect(Some(Duration::from_secs(15))).timeout_per_read(Some(Duration::from_secs(60)));
    let response = config.build().new_agent().get(url).call().map_err(|error| Error::new(ErrorKind::Io, error.to_string()))?;
    let total = response.body().content_length();
    let body = response.into_body().into_with_config().limit(MOST_BYTES).reader();
    Ok(Reporting { body, report: Report::new(url, total, std::io::stderr().is_terminal()) })
}

struct Reporting<R> {
    body: R,
    report: Report,
}

impl<R: Read> Read for Reporting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.body.read(buffer)?;
        self.report.advance(count as u64);
        Ok(count)
    }
}

/// One line on stderr per file: redrawn five times a second on a terminal, else written once.
struct Report {
    url: String,
    total: Option<u64>,
    done: u64,
    redraw: bool,
    drawn: Instant,
}

impl Report {
    fn new(url: &str, total: Option<u64>, redraw: bool) -> Self {
        let report = Self { url: url.to_string(), total, done: 0, redraw, drawn: Instant::now() };
        eprint!("{}{}", report.line(), if redraw { "" } else { "\n" });
        report
    }

    fn advance(&mut self, bytes: u64) {
        self.done += bytes;
        if self.redraw && self.drawn.elapsed() >= Duration::from_millis(200) {
            self.drawn = Instant::now();
            eprint!("\r{}", self.line());
        }
    }

    fn line(&self) -> String {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        match (self.total, self.redraw) {
            (Some(total), true) => format!("Downloading {}: {:.1} of {:.1} MB", self.url, megabytes(self.done), megabytes(total)),
            (Some(total), false) => format!("Downloading {} ({:.1} MB)", self.url, megabytes(total)),
            (None, true) => format!("Downloading {}: {:.1} MB", self.url, megabytes(self.done)),
            (None, false) => format!("Downloading {}", self.url),
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.redraw {
            eprintln!("\r{}", self.line());
        }
    }
}

/// A folder that is removed again, whatever happens.
struct Temporary(PathBuf);

impl Temporary {
    fn new(parent: &Path) -> std::io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(".download-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::catalog::Format;
    use std::net::TcpListener;

    /// Answers one request per response, on a free port; gives the address.
    fn serve(responses: Vec<Vec<u8>>) -> &'static str {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for response in responses {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                stream.write_all(&response).unwrap();
            }
        });
        address.leak()
    }

    fn ok(body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    fn dataset(archive: Option<&'static str>) -> Dataset {
        const HELLO: Official =
            Official { name: "hello.bin", bytes: 5, sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" };
        Dataset { title: "Hello", folders: &["hello"], classes: &[], format: Format::Cifar, mirrors: &[], archive, files: &[HELLO] }
    }

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("wgrad-download-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn a_file_arrives_from_the_first_mirror_that_has_it_intact() {
        let missing = serve(vec![b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()]);
        let (wrong, right) = (serve(vec![ok(b"jello")]), serve(vec![ok(b"hello")]));
        let cache = folder("mirrors");
        fetch(&dataset(None), &[missing, wrong, right], &cache.join("hello")).unwrap();
        assert_eq!(fs::read(cache.join("hello/hello.bin")).unwrap(), b"hello");
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1, "the temporary folders are gone");
        fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn a_failed_download_leaves_nothing_and_names_every_reason() {
        let short = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhel".to_vec();
        let mirrors = [serve(vec![ok(b"jello")]), serve(vec![ok(b"hell")]), serve(vec![ok(b"hello!")]), serve(vec![short])];
        let cache = folder("failed");
        let text = fetch(&dataset(None), &mirrors, &cache.join("hello")).unwrap_err().to_string();
        for reason in ["expected SHA-256 2cf24dba", "expected 5 bytes, found 4", "expected 5 bytes, found at least 6", mirrors[3]] {
            assert!(text.contains(reason), "{reason} is not in {text}");
        }
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
        fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn members_of_an_archive_arrive_and_a_missing_one_is_named() {
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            ok(&encoder.finish().unwrap())
        };
        let full = tar::archive(&[("hello/readme.html", b"<p>"), ("hello/hello.bin", b"hello")]);
        let other = tar::archive(&[("hello/readme.html", b"<p>")]);
        let mirrors = [serve(vec![gzip(&other)]), serve(vec![gzip(&full)])];
        let cache = folder("archive");
        let text = fetch(&dataset(Some("hello.tar.gz")), &mirrors[..1], &cache.join("hello")).unwrap_err().to_string();
        assert!(text.ends_with("/hello.tar.gz: the archive holds no hello.bin"), "{text}");
        fetch(&dataset(Some("hello.tar.gz")), &mirrors[1..], &cache.join("hello")).unwrap();
        assert_eq!(fs::read(cache.join("hello/hello.bin")).unwrap(), b"hello");
        fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn progress_is_one_line() {
        let mut report = Report { url: "u".into(), total: Some(2_000_000), done: 0, redraw: false, drawn: Instant::now() };
        assert_eq!(report.line(), "Downloading u (2.0 MB)");
        report.advance(500_000);
        report.redraw = true;
        assert_eq!(report.line(), "Downloading u: 0.5 of 2.0 MB");
    }
}
