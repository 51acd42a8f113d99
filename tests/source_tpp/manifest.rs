//! What the manifest promises, and what is said where the batch does not keep it.

use anteroom::source::{Change, Covers};

use crate::kit::*;

fn covers(read: &Read) -> &Covers {
    let covers = read.0.iter().find_map(|change| if let Change::Covers(covers) = change { Some(covers) } else { None });
    covers.unwrap()
}

#[test]
fn a_batch_says_what_time_it_covers() {
    let changes = Batch::quiet().read();
    assert_eq!(covers(&changes).from, Some("2026-02-28T02:00:00Z".parse().unwrap()));
    assert_eq!(covers(&changes).to.to_rfc3339(), "2026-03-01T02:00:00+00:00");
    let mut whole = Batch::quiet();
    for (_, listed) in &mut whole.listed {
        *listed = WHOLE;
    }
    let whole = whole.read();
    assert_eq!((covers(&whole).from, covers(&whole).whole.len()), (None, 0), "a first, whole extract");
    assert!(whole.notices().is_empty());
}

#[test]
fn a_table_sent_whole_among_changes_is_said() {
    let reference = Listed { reference: "Y", ..WHOLE };
    let read = Batch::quiet()
        .listed_as("SRCode", table(SRCODE, &[]), WHOLE)
        .listed_as("SRMapping", table("RowIdentifier,IdMappingGroup,Mapping", &[]), reference)
        .read();
    assert_eq!(covers(&read).whole, ["SRCode"]);
    assert_eq!(
        read.notices(),
        ["Sent whole though the other tables came as changes: SRCode. What has not changed was not looked at again."]
    );
}

#[test]
fn tables_that_cover_different_times_are_said() {
    let late = Listed { from: "20260228_1400", ..DELTA };
    let unknown = Listed { from: "", ..DELTA };
    let read = Batch::quiet().listed_as("SRCode", table(SRCODE, &[]), late).read();
    assert_eq!(covers(&read).from, Some("2026-02-28T14:00:00Z".parse().unwrap()), "the gap of any table shows");
    assert_eq!(
        read.notices(),
        [
            "Tables of the batch cover different times, so something may be missing between this batch and its neighbours: ask TPP for a whole extract."
        ]
    );
    let read = Batch::quiet().listed_as("SRCode", table(SRCODE, &[]), unknown).read();
    assert_eq!(
        read.notices(),
        [
            "A table of changes does not say since when, so a lost batch cannot be noticed: ask TPP about DateExtractFrom in the manifest."
        ]
    );
}

#[test]
fn what_is_missing_from_the_batch_or_its_manifest_is_said() {
    let mut batch = Batch::quiet().with("SRSpecialNotes", "gone in a moment");
    batch.files.remove("SRSpecialNotes.csv");
    assert_eq!(
        batch.read().notices(),
        [
            "The manifest lists tables that are not in the batch: SRSpecialNotes. What they hold was not seen; get the batch again from TPP, then pull again."
        ]
    );
    let mut batch = Batch::quiet().with("SRCode", table(SRCODE, &[code("2", &[])]));
    batch.listed.retain(|(name, _)| name != "SRCode");
    let read = batch.read();
    assert_eq!(read.part("code:2").display, "Anxiety", "what is there is read");
    assert_eq!(
        read.notices(),
        [
            "The manifest does not list SRCode, which may be left over from another batch: it was read; check the folder."
        ]
    );
    assert_eq!(
        Batch::quiet().without("SRCode").without("SRFreeText").read().notices(),
        [
            "There is no SRCode in the batch: no new coded lines of the record arrived; ask TPP for it.",
            "There is no SRFreeText in the batch: only codes were screened, and most disclosures are in the text; ask TPP for an extract with free text.",
        ]
    );
}

#[test]
fn deletions_that_cannot_show_are_said() {
    let without = SRCODE.trim_end_matches(",RemovedData");
    let rows = [code("2", &[]).rsplit_once(',').unwrap().0.to_owned()];
    let read = Batch::quiet().with("SRCode", table(without, &rows)).read();
    assert_eq!(read.part("code:2").display, "Anxiety");
    assert_eq!(
        read.notices(),
        [
            "There is no RemovedData column in SRCode: what was deleted there does not show, and is still kept and shown here; ask TPP for an extract with RemovedData."
        ]
    );
}

#[test]
fn a_batch_without_a_manifest_has_not_arrived() {
    let folder = tempfile::tempdir().unwrap();
    let error = |folder: &std::path::Path| Read::from(folder).unwrap_err().to_string();
    assert!(error(folder.path()).contains("holds no SRManifest.csv, which comes with every batch: wait"));
    assert!(error(&folder.path().join("absent")).contains("cannot be read"));
    Batch { files: Default::default(), listed: Vec::new() }.write(folder.path());
    assert!(error(folder.path()).contains("lists no table: wait until the batch has arrived as a whole"));
}

#[test]
fn wrong_words_in_the_manifest_are_said_and_do_not_count() {
    let odd = Listed { delta: "perhaps", from: "28/02/2026", ..WHOLE };
    let read = Batch::quiet().listed_as("SRCode", table(SRCODE, &[]), odd).read();
    assert_eq!(
        read.set_aside(),
        [
            "SRManifest.csv, row 5: IsDelta is neither Y nor N: it was taken as N; ask TPP about the batch",
            "SRManifest.csv, row 5: DateExtractFrom is not a time like 20260301_0200: it does not count; ask TPP about the batch",
        ]
    );
}
