//! Files that come packed: a feed as a folder or a zip of one, a file by itself or in gzip.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use zip::ZipArchive;
use zip::result::ZipError;

use super::outlet::{file_name, whole_file};
use super::{SetAside, SourceError, folder};

/// Tables shrink to a tenth or so when packed. A file that grows to more than this many times what it takes
/// in the zip is made to fill a memory or a disk.
const MOST_GROWTH: u64 = 200;
/// What any packed file may grow to, however small it is in the zip, in bytes.
const ALWAYS_FITS: u64 = 16 << 20;
/// More files than this are no feed.
const MOST_FILES: usize = 10_000;

/// What is in a folder or a zip, at its top or in its only folder.
pub(super) struct Files {
    pub(super) names: Vec<FeedFile>,
    /// Files that must not be opened.
    pub(super) refused: Vec<SetAside>,
    zip: Option<RefCell<ZipArchive<File>>>,
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct FeedFile {
    /// Its name without any folder.
    pub(super) name: String,
    at: At,
}

#[derive(Debug, Clone)]
enum At {
    Path(PathBuf),
    InZip(usize),
}

/// Why a packed file was not read to its end.
#[derive(Debug, thiserror::Error)]
#[error(
    "the packed file grows to more than {MOST_GROWTH} times its size: what came before was read; ask the supplier for it again"
)]
pub(super) struct GrowsTooFar;

impl FeedFile {
    /// Where it lies, if it is in no zip.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.at {
            At::Path(path) => Some(path),
            At::InZip(_) => None,
        }
    }
}

impl Files {
    /// Looks into `path`. `what` names the feed for sentences: `a batch of SystmOne tables`.
    ///
    /// # Errors
    /// When it can be neither listed nor opened as a zip.
    pub(super) fn list(path: &Path, what: &str) -> Result<Self, SourceError> {
        let unlisted = |error: io::Error| {
            let why = error.kind();
            SourceError(format!("{} cannot be read ({why}): name the folder or the zip of {what}", path.display()))
        };
        if std::fs::metadata(path).map_err(unlisted)?.is_dir() {
            let lying = folder::look(path, 0).map_err(unlisted)?;
            let of = |path: PathBuf| FeedFile { name: file_name(&path), at: At::Path(path) };
            let refused = lying.links.iter().map(|link| whole_file(link, folder::LEADS_OUT)).collect();
            return Ok(Self { names: lying.files.into_iter().map(of).collect(), refused, zip: None });
        }
        let archive = ZipArchive::new(File::open(path).map_err(unlisted)?).map_err(|_| {
            SourceError(format!(
                "{} is not a whole zip: it may still be on its way, or was cut off; pull again when it has arrived",
                path.display()
            ))
        })?;
        Self::in_zip(path, archive, what)
    }

    fn in_zip(path: &Path, mut archive: ZipArchive<File>, what: &str) -> Result<Self, SourceError> {
        if archive.len() > MOST_FILES {
            return Err(SourceError(format!(
                "{} holds more than {MOST_FILES} files and is not {what}: name the right zip",
                path.display()
            )));
        }
        let (mut names, mut refused) = (Vec::new(), Vec::new());
        for place in 0..archive.len() {
            let Ok(file) = archive.by_index_raw(place) else {
                refused.push(whole_file(path, "a file in the zip has no readable entry: ask for the zip again"));
                continue;
            };
            if file.is_dir() {
                continue;
            }
            match file.enclosed_name() {
                Some(inside) if !file.is_symlink() => {
                    names.push(FeedFile { name: file_name(&inside), at: At::InZip(place) });
                }
                // The name itself is a stranger's and is not repeated.
                _ => refused.push(whole_file(
                    path,
                    "a file in the zip names a place outside it: it was left out; ask the supplier who made the zip",
                )),
            }
        }
        names.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { names, refused, zip: Some(RefCell::new(archive)) })
    }

    /// The file with this name, whatever its case.
    pub(super) fn named(&self, name: &str) -> Option<&FeedFile> {
        self.names.iter().find(|file| file.name.eq_ignore_ascii_case(name))
    }

    /// Opens a file and hands its bytes to `read`.
    pub(super) fn with<T>(&self, file: &FeedFile, read: impl FnOnce(io::Result<&mut dyn Read>) -> T) -> T {
        match (&file.at, &self.zip) {
            (At::Path(path), _) => match open(path) {
                Ok(mut opened) => read(Ok(&mut opened)),
                Err(error) => read(Err(error)),
            },
            (At::InZip(place), Some(zip)) => match zip.borrow_mut().by_index(*place) {
                Ok(opened) => {
                    let left = opened.compressed_size().saturating_mul(MOST_GROWTH).max(ALWAYS_FITS);
                    let mut unpacked = Growing { input: BufReader::new(opened), left };
                    if !is_gzip(&file.name) {
                        return read(Ok(&mut unpacked));
                    }
                    // What is packed twice may not grow further for that.
                    read(Ok(&mut Growing { input: MultiGzDecoder::new(BufReader::new(unpacked)), left }))
                }
                Err(error) => read(Err(of_zip(&error))),
            },
            (At::InZip(_), None) => read(Err(io::ErrorKind::NotFound.into())),
        }
    }
}

/// Opens a file that may be packed with gzip, by its name.
///
/// # Errors
/// When the system does not let it be opened.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let file = File::open(path)?;
    if !is_gzip(&file_name(path)) {
        return Ok(Box::new(file));
    }
    let left = file.metadata()?.len().saturating_mul(MOST_GROWTH).max(ALWAYS_FITS);
    Ok(Box::new(Growing { input: MultiGzDecoder::new(BufReader::new(file)), left }))
}

fn is_gzip(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".gz")
}

fn of_zip(error: &ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error.kind().into(),
        ZipError::UnsupportedArchive(_) => io::ErrorKind::Unsupported.into(),
        _ => io::ErrorKind::InvalidData.into(),
    }
}

/// Reads what is packed, up to what can be honest.
struct Growing<R> {
    input: R,
    left: u64,
}

impl<R: Read> Read for Growing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(into)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| io::Error::other(GrowsTooFar))?;
        Ok(length)
    }
}
