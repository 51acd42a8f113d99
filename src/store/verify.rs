//! Reads all of a journal, and all that is sealed in it, and says what is wrong.

use std::path::Path;

use super::keyring::Keyring;
use super::master::Master;
use super::seal::Sealer;
use super::{Report, StoreError, payload};
use crate::audit::frame::RawFrame;
use crate::audit::{Place, read_chain};

/// Verifies the journal of the store in `directory` without opening the store: every digest and the chain;
/// with the master also that every unit can be read. An interrupted append at its end counts as damage
/// here; opening the store cuts it.
///
/// # Errors
/// [`StoreError::Unavailable`] when the files cannot be read or the master is the wrong one.
pub fn verify_offline(directory: &Path, master: Option<&Master>) -> Result<Report, StoreError> {
    let keys = master.map(|master| Keyring::open(directory, master)).transpose()?.flatten();
    report(&directory.join("journal"), None, keys.map(|keys| keys.sealer()).as_ref())
}

/// What is wrong with the journal up to `until`; its contents are read where there is a sealer.
///
/// # Errors
/// [`StoreError::Unavailable`] when the files cannot be read.
pub fn report(journal: &Path, until: Option<Place>, sealer: Option<&Sealer>) -> Result<Report, StoreError> {
    let each = |_, frame: &RawFrame<'_>| match sealer {
        Some(sealer) => {
            let opened = sealer.open_frame(frame.seq, &frame.previous, frame.payload)?;
            payload::decode(&opened.contents).map(drop)
        }
        None => Ok(()),
    };
    let chain = read_chain(journal, until, &each)
        .map_err(|why| StoreError::Unavailable(format!("cannot read the journal in {}: {why}", journal.display())))?;
    let head = (chain.seq > 0).then_some((chain.seq, chain.head));
    let mut damage = chain.damage;
    if chain.loose > 0 {
        damage.push(format!(
            "{} bytes behind frame {} are no whole frame: an append that was interrupted, or damage to what followed",
            chain.loose, chain.seq
        ));
    }
    if chain.end.is_none() {
        damage.push(format!("there is no journal in {}", journal.display()));
    }
    Ok(Report { frames: chain.frames, head, contents_read: sealer.is_some(), damage })
}
