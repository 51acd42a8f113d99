//! What the service has derived from everything it keeps, put aside in one file so that the next start need not
//! derive it anew. It is sealed like all else, bound to the log it was derived from, and may be lost at any time.
//!
//! A piece is `length | last | sealed`; its number and whether it is the last are what it is sealed under, so that a
//! cut, a swap or a piece of another time does not open. The first says from which frame it all was derived, and in
//! which form.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::seal::{Sealer, peek};
use crate::audit::frame::Digest;

const FILE: &str = "derived";
const NEW: &str = "derived.new";
/// The number that stands for this file where a value is sealed under its table's. The view's own are 0, 253 and 254.
const TABLE: u8 = 252;
/// Longest piece that is read, bytes.
const PIECE_LIMIT: u32 = 64 << 20;

/// From what something was derived.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The last frame.
    pub seq: u64,
    /// Its digest.
    pub head: &'a Digest,
    /// What tells forms of the derived apart.
    pub form: &'a [u8],
}

impl Origin<'_> {
    fn bytes(&self) -> Vec<u8> {
        [self.head.as_slice(), self.form].concat()
    }
}

/// Puts `pieces` aside, in place of those that were.
pub fn write(
    directory: &Path,
    sealer: &Sealer,
    origin: Origin<'_>,
    pieces: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
) -> io::Result<()> {
    let (path, new) = (directory.join(FILE), directory.join(NEW));
    let mut write = || -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let mut next = Some(Ok(origin.bytes()));
        let mut number = 0;
        while let Some(piece) = next {
            next = pieces.next();
            let last = next.is_none();
            let (sealed, _) = sealer
                .seal(TABLE, &name(number, last), origin.seq, &piece.map_err(io::Error::other)?)
                .map_err(io::Error::other)?;
            out.write_all(&(sealed.len() as u32).to_le_bytes())?;
            out.write_all(&[u8::from(last)])?;
            out.write_all(&sealed)?;
            number += 1;
        }
        // Not synced: a power cut may tear it, which is noticed, and costs no more than its absence.
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&new, &path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

/// The sequence number of the frame from which what was put aside was derived, as it says itself.
pub fn seq_of(directory: &Path) -> Option<u64> {
    let mut pieces = Pieces::open(directory)?;
    Some(peek(&pieces.next()?.1)?.0)
}

/// Hands out the pieces, in any order, to several threads. `false`, if there are none of that origin or not all of
/// them could be read or used; what was handed out is worth nothing then.
pub fn read(directory: &Path, sealer: &Sealer, origin: Origin<'_>, each: &(dyn Fn(&[u8]) -> bool + Sync)) -> bool {
    let Some(mut pieces) = Pieces::open(directory) else { return false };
    let open = |(name, sealed): (Vec<u8>, Vec<u8>)| {
        sealer.unseal(TABLE, &name, &sealed).filter(|(seq, _)| *seq == origin.seq).map(|(_, piece)| piece)
    };
    if pieces.next().and_then(open).is_none_or(|first| first != origin.bytes()) {
        return false;
    }
    let pieces = Mutex::new(pieces);
    let work = || loop {
        let next = pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(sealed) = next else { return true };
        if !open(sealed).is_some_and(|piece| each(&piece)) {
            return false;
        }
    };
    let all = thread::scope(|scope| {
        let helper = scope.spawn(work);
        let ours = work();
        helper.join().unwrap_or(false) && ours
    });
    all && pieces.into_inner().unwrap_or_else(PoisonError::into_inner).at_end
}

/// Sealed pieces, each under its name.
struct Pieces {
    file: BufReader<File>,
    number: u32,
    /// Whether the last was read.
    at_end: bool,
}

impl Pieces {
    fn open(directory: &Path) -> Option<Self> {
        let file = File::open(directory.join(FILE)).ok()?;
        Some(Self { file: BufReader::with_capacity(1 << 20, file), number: 0, at_end: false })
    }

    fn next(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        if self.at_end {
            return None;
        }
        let (mut length, mut last) = ([0; 4], [0]);
        self.file.read_exact(&mut length).ok()?;
        self.file.read_exact(&mut last).ok()?;
        let length = u32::from_le_bytes(length);
        if length > PIECE_LIMIT {
            return None;
        }
        let mut sealed = vec![0; length as usize];
        self.file.read_exact(&mut sealed).ok()?;
        self.at_end = last == [1];
        self.number += 1;
        Some((name(self.number - 1, self.at_end), sealed))
    }
}

fn name(number: u32, last: bool) -> Vec<u8> {
    [number.to_be_bytes().as_slice(), &[u8::from(last)]].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::sync::Mutex;

    use super::*;

    const HEAD: Digest = [7; 32];

    fn sealer(key: u8) -> Sealer {
        Sealer::new([(1, &[key; 32])].into_iter())
    }

    fn origin(seq: u64) -> Origin<'static> {
        Origin { seq, head: &HEAD, form: b"a form" }
    }

    fn found(directory: &Path, key: u8, origin: Origin<'_>) -> Option<Vec<Vec<u8>>> {
        let pieces = Mutex::new(Vec::new());
        let keep = |piece: &[u8]| {
            pieces.lock().unwrap().push(piece.to_vec());
            true
        };
        let whole = read(directory, &sealer(key), origin, &keep);
        let mut pieces = pieces.into_inner().unwrap();
        pieces.sort();
        whole.then_some(pieces)
    }

    #[test]
    fn what_was_put_aside_comes_back_whole_of_its_origin_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let pieces: Vec<Vec<u8>> = (0..5).map(|byte| vec![byte; 3000]).collect();
        assert_eq!((found(folder.path(), 1, origin(9)), seq_of(folder.path())), (None, None));
        write(folder.path(), &sealer(1), origin(9), &mut pieces.clone().into_iter().map(Ok)).unwrap();
        assert_eq!(found(folder.path(), 1, origin(9)).unwrap(), pieces);
        assert_eq!(seq_of(folder.path()), Some(9));
        let others = [
            (1, origin(8)),
            (2, origin(9)),
            (1, Origin { head: &[8; 32], ..origin(9) }),
            (1, Origin { form: b"another", ..origin(9) }),
        ];
        for (key, other) in others {
            assert_eq!(found(folder.path(), key, other), None, "{other:?}");
        }
        let path = folder.path().join(FILE);
        let sound = fs::read(&path).unwrap();
        assert!(!sound.windows(20).any(|window| window == [3; 20]), "it is not sealed");
        for at in (0..sound.len()).step_by(211) {
            let mut flipped = sound.clone();
            flipped[at] ^= 1;
            fs::write(&path, flipped).unwrap();
            assert_eq!(found(folder.path(), 1, origin(9)), None, "flipped at {at}");
            fs::write(&path, &sound[..at]).unwrap();
            assert_eq!(found(folder.path(), 1, origin(9)), None, "cut at {at}");
        }
        // What breaks off leaves what was there.
        let mut broken = [Ok(vec![1]), Err("no".to_owned())].into_iter();
        assert!(write(folder.path(), &sealer(1), origin(11), &mut broken).is_err());
        fs::write(&path, &sound).unwrap();
        assert_eq!(found(folder.path(), 1, origin(9)).unwrap(), pieces);
        // Nothing derived is something too.
        write(folder.path(), &sealer(1), origin(10), &mut std::iter::empty()).unwrap();
        assert_eq!(found(folder.path(), 1, origin(10)), Some(Vec::new()));
    }
}
