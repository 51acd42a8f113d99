//! A backup: every frame of the journal as it was before it was sealed, with what sealing it again to the
//! same bytes needs, so that the log's chain comes out the same; the store's keys; the settings; and a
//! manifest of what must come out. It can be restored into any engine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::envelope::{BackupKey, BackupLock, Closing, Opening};
use super::keyring::{Keyring, StoreKey};
use super::master::SecretKey;
use super::payload;
use super::seal::{Nonce, Opened, Sealer};
use super::{Row, StoreError, Table, Versioned, name_of};
use crate::audit::frame::{Digest, NO_FRAME};

const FORMAT: u32 = 1;
/// Longest record, bytes: a unit has at most 8 MiB of content.
const RECORD_LIMIT: u32 = 64 << 20;

/// What a backup says of itself before anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The form of the backup.
    pub format: u32,
    /// The version of the program.
    pub program: String,
    /// The practice's ODS code.
    pub practice: String,
    /// When it was begun, UTC.
    pub made: DateTime<Utc>,
    /// Files of settings beside the store: name and text.
    pub settings: Vec<(String, String)>,
}

impl About {
    /// A backup of today's form.
    pub fn new(practice: &str, made: DateTime<Utc>, settings: Vec<(String, String)>) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, program, practice: practice.to_owned(), made, settings }
    }
}

/// What must come out of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Frames, which is also the last one's sequence number.
    pub frames: u64,
    /// The digest of the last frame.
    pub head: Digest,
    /// What each table held after it.
    pub tables: Vec<TableSum>,
}

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    /// The table's number.
    pub table: u8,
    /// Its rows.
    pub rows: u64,
    /// A digest of all of them, in order.
    pub digest: Digest,
}

impl TableSum {
    /// The table's name.
    pub fn name(&self) -> String {
        name_of(self.table)
    }
}

/// A frame on its way into a backup or out of it.
pub(super) struct Plain {
    pub seq: u64,
    pub synced: u64,
    pub opened: Opened,
}

/// One record.
enum Record {
    About(About),
    Key(StoreKey),
    Frame(Plain),
    Manifest(Manifest),
}

/// What an engine gives of itself.
pub(super) trait Export {
    /// The keys of all frames that there are now, the secret among them.
    fn keys(&self) -> Vec<StoreKey>;

    /// At most `max` frames from `from` on, opened.
    fn plain(&self, from: u64, max: usize) -> Result<Vec<Plain>, StoreError>;

    /// The digest of a frame.
    fn digest(&self, seq: u64) -> Result<Digest, StoreError>;

    /// A unit that is none before the last one by now, and what every table held after it. Work goes on meanwhile.
    fn sums(&self) -> Result<(u64, Vec<TableSum>), StoreError>;
}

/// Writes a backup of `engine` to `file`, which must not be there; then reads it again from the disk and compares.
pub(super) fn write(
    engine: &dyn Export,
    about: &About,
    file: &Path,
    lock: &BackupLock,
) -> Result<Manifest, StoreError> {
    if file.exists() {
        return Err(StoreError::Unavailable(format!("{} is there already: give another name", file.display())));
    }
    let (frames, tables) = engine.sums()?;
    let head = if frames == 0 { NO_FRAME } else { engine.digest(frames)? };
    let manifest = Manifest { frames, head, tables };
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let new = file.with_file_name(format!(".{name}.new"));
    let failed = |why: io::Error| match why.kind() {
        io::ErrorKind::StorageFull => StoreError::Full(file.display().to_string()),
        _ => StoreError::Unavailable(format!("the backup {} cannot be written: {why}", file.display())),
    };
    let written = write_records(engine, about, &manifest, &new, lock).map_err(|why| match why {
        Failed::Store(why) => why,
        Failed::File(why) => failed(why),
    });
    let kept = written.and_then(|key| {
        let found = read(&new, &key, &mut |_| Ok(()))?;
        if found != manifest {
            return Err(StoreError::Unavailable(format!(
                "the backup {} does not hold what was written: try another disk",
                file.display()
            )));
        }
        fs::rename(&new, file).and_then(|()| sync_folder_of(file)).map_err(failed)
    });
    if kept.is_err() {
        let _ = fs::remove_file(&new);
    }
    kept.map(|()| manifest)
}

enum Failed {
    Store(StoreError),
    File(io::Error),
}

impl From<io::Error> for Failed {
    fn from(why: io::Error) -> Self {
        Self::File(why)
    }
}

impl From<StoreError> for Failed {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

fn write_records(
    engine: &dyn Export,
    about: &About,
    manifest: &Manifest,
    new: &Path,
    lock: &BackupLock,
) -> Result<BackupKey, Failed> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(new)?;
    let (mut out, key) = Closing::new(BufWriter::new(file), lock)?;
    put(&mut out, b'a', &serde_json::to_vec(about).map_err(io::Error::from)?)?;
    for key in engine.keys() {
        let bytes = [&key.id.to_le_bytes(), key.year.to_le_bytes().as_slice(), key.key.as_slice()].concat();
        put(&mut out, b'k', &Zeroizing::new(bytes))?;
    }
    let mut next = 1;
    while next <= manifest.frames {
        let most = usize::try_from(manifest.frames - next + 1).unwrap_or(usize::MAX).min(256);
        let frames = engine.plain(next, most)?;
        for Plain { seq, synced, opened } in &frames {
            let head = [seq.to_le_bytes(), synced.to_le_bytes()].concat();
            let sealing = [opened.key.to_le_bytes().as_slice(), &opened.nonce].concat();
            put(&mut out, b'f', &[head, sealing, opened.contents.clone()].concat())?;
        }
        let Some(last) = frames.last() else {
            return Err(StoreError::Corrupt(format!("the journal ends before frame {next}")).into());
        };
        next = last.seq + 1;
    }
    put(&mut out, b'm', &serde_json::to_vec(manifest).map_err(io::Error::from)?)?;
    out.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(key)
}

fn put(out: &mut impl Write, kind: u8, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&[kind])?;
    out.write_all(&(bytes.len() as u32).to_le_bytes())?;
    out.write_all(bytes)
}

fn sync_folder_of(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Reads rows of a table behind a key, at most so many.
pub(super) type Scan<'a> = dyn Fn(Table, Option<&[u8]>, usize) -> Result<Vec<Row>, StoreError> + 'a;

/// What every table holds of what `scan` reads, while nobody changes it.
pub(super) fn sums_of(scan: &Scan<'_>) -> Result<Vec<TableSum>, StoreError> {
    Table::ALL.into_iter().map(|table| sum_of(scan, table)).collect()
}

fn sum_of(scan: &Scan<'_>, table: Table) -> Result<TableSum, StoreError> {
    const PAGE: usize = 500;
    let (mut sum, mut after) = (Summing::default(), None::<Vec<u8>>);
    loop {
        let page = scan(table, after.as_deref(), PAGE)?;
        page.iter().for_each(|(key, versioned)| sum.add(key, versioned));
        match page.into_iter().next_back() {
            Some((key, _)) => after = Some(key),
            None => return Ok(sum.of(table as u8)),
        }
    }
}

/// What every table holds, of rows that come in the order of tables and keys; those without a row too.
#[derive(Default)]
pub(super) struct Sums(BTreeMap<u8, Summing>);

impl Sums {
    pub fn add(&mut self, table: u8, key: &[u8], versioned: &Versioned) {
        self.0.entry(table).or_default().add(key, versioned);
    }

    pub fn finish(mut self) -> Vec<TableSum> {
        Table::ALL.into_iter().map(|table| self.0.remove(&(table as u8)).unwrap_or_default().of(table as u8)).collect()
    }
}

#[derive(Default)]
struct Summing {
    rows: u64,
    hasher: blake3::Hasher,
}

impl Summing {
    fn add(&mut self, key: &[u8], versioned: &Versioned) {
        self.rows += 1;
        for bytes in [key, &versioned.seq.to_le_bytes(), &versioned.value] {
            self.hasher.update(&(bytes.len() as u64).to_le_bytes());
            self.hasher.update(bytes);
        }
    }

    fn of(&self, table: u8) -> TableSum {
        TableSum { table, rows: self.rows, digest: self.hasher.finalize().into() }
    }
}

/// What stands in a backup, in the order in which it comes.
pub(super) enum Content {
    /// First.
    About(About),
    /// All keys, before the first frame.
    Keys(Keyring),
    /// A frame, sealed again, to be appended behind the one before, and its place and digest in the log.
    Frame { seq: u64, digest: Digest, synced: u64, sealed: Vec<u8> },
}

/// Reads a backup to its end, hands out what stands in it, and answers the manifest, to which the frames
/// have been compared.
pub(super) fn read(
    file: &Path,
    key: &BackupKey,
    each: &mut dyn FnMut(Content) -> Result<(), StoreError>,
) -> Result<Manifest, StoreError> {
    let failed = |why: io::Error| match why.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
            damaged(file, &why.to_string())
        }
        _ => StoreError::Unavailable(format!("the backup {} cannot be read: {why}", file.display())),
    };
    let input = BufReader::new(File::open(file).map_err(failed)?);
    let mut input = Opening::new(input, key).map_err(failed)?;
    let mut keys = Vec::new();
    let mut ring: Option<Sealer> = None;
    let (mut frames, mut head) = (0, NO_FRAME);
    loop {
        match next_record(&mut input).map_err(failed)? {
            Record::About(about) if about.format > FORMAT => {
                return Err(StoreError::Unavailable(format!(
                    "the backup {} has format {}, and this program reads {FORMAT}: use a newer program",
                    file.display(),
                    about.format
                )));
            }
            Record::About(about) => each(Content::About(about))?,
            Record::Key(key) => keys.push(key),
            Record::Frame(Plain { seq, synced, opened }) => {
                let sealer = match &ring {
                    Some(sealer) => sealer,
                    None => ring.insert(hand_out(std::mem::take(&mut keys), each)?),
                };
                payload::decode(&opened.contents)
                    .map_err(|why| damaged(file, &format!("holds frame {seq}, which cannot be read: {why}")))?;
                if seq != frames + 1 {
                    return Err(damaged(file, &format!("holds frame {seq} where frame {} belongs", frames + 1)));
                }
                let sealed = sealer
                    .seal_frame_again(seq, &head, opened.key, &opened.nonce, &opened.contents)
                    .map_err(|why| damaged(file, &format!("holds frame {seq}, and {why}")))?;
                let mut bytes = Vec::new();
                head = crate::audit::frame::write_frame(&mut bytes, seq, synced, &head, &sealed);
                frames = seq;
                each(Content::Frame { seq, digest: head, synced, sealed })?;
            }
            Record::Manifest(manifest) => {
                if ring.is_none() {
                    hand_out(std::mem::take(&mut keys), each)?;
                }
                input.finish().map_err(failed)?;
                if (manifest.frames, manifest.head) != (frames, head) {
                    return Err(damaged(file, "does not hold the frames that its manifest promises"));
                }
                return Ok(manifest);
            }
        }
    }
}

fn hand_out(
    keys: Vec<StoreKey>,
    each: &mut dyn FnMut(Content) -> Result<(), StoreError>,
) -> Result<Sealer, StoreError> {
    let keys = Keyring::from_keys(keys)?;
    let sealer = keys.sealer();
    each(Content::Keys(keys))?;
    Ok(sealer)
}

fn damaged(file: &Path, what: &str) -> StoreError {
    StoreError::Corrupt(format!("the backup {} {what}: take another one; nothing was restored", file.display()))
}

fn next_record(input: &mut impl Read) -> io::Result<Record> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "holds a record that this program does not know");
    let (mut kind, mut length) = ([0], [0; 4]);
    input.read_exact(&mut kind)?;
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > RECORD_LIMIT {
        return Err(wrong());
    }
    let mut bytes = Vec::new();
    input.take(u64::from(length)).read_to_end(&mut bytes)?;
    if bytes.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let record = match kind {
        [b'a'] => serde_json::from_slice(&bytes).ok().map(Record::About),
        [b'm'] => serde_json::from_slice(&bytes).ok().map(Record::Manifest),
        [b'k'] => key_record(&bytes).map(Record::Key),
        [b'f'] => frame_record(&bytes).map(Record::Frame),
        _ => None,
    };
    record.ok_or_else(wrong)
}

fn key_record(bytes: &[u8]) -> Option<StoreKey> {
    let (id, rest) = bytes.split_first_chunk()?;
    let (year, rest) = rest.split_first_chunk()?;
    let key = SecretKey::new(rest.try_into().ok()?);
    Some(StoreKey { id: u32::from_le_bytes(*id), year: i32::from_le_bytes(*year), key })
}

fn frame_record(bytes: &[u8]) -> Option<Plain> {
    let (seq, rest) = bytes.split_first_chunk()?;
    let (synced, rest) = rest.split_first_chunk()?;
    let (key, rest) = rest.split_first_chunk()?;
    let (nonce, rest): (&Nonce, _) = rest.split_first_chunk()?;
    let opened = Opened { key: u32::from_le_bytes(*key), nonce: *nonce, contents: rest.to_vec() };
    Some(Plain { seq: u64::from_le_bytes(*seq), synced: u64::from_le_bytes(*synced), opened })
}
