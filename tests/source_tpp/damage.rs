//! What becomes of bad rows, tables, folders and zips, and of the good ones beside them.

use std::path::Path;

use anteroom::source::Change;

use crate::kit::*;

#[test]
fn each_bad_row_has_its_sentence_and_stops_no_other() {
    let cut = code("9", &[]).rsplit_once(',').unwrap().0.to_owned();
    let cases: [(String, bool, &str); 10] = [
        (cut, false, "the row has 17 fields where the header has 18: it was left out; ask for the table again"),
        (code("", &[]), false, "RowIdentifier is no number: the row was left out; ask the supplier for it again"),
        (
            code("9", &[("IDOrganisationVisibleTo", "")]),
            false,
            "IDOrganisationVisibleTo is empty: the row was left out; ask the supplier for it again",
        ),
        (
            code("9", &[("IDPatient", "-1")]),
            false,
            "IDPatient is no number: the row was left out; ask the supplier for it again",
        ),
        (
            code("9", &[("DateEvent", "2026-02-28")]),
            true,
            "DateEvent is not a date like 01 Mar 2026 or 01 Mar 2026 09:05:00: the row was kept without that date; correct it in SystmOne",
        ),
        (
            code("9", &[("DateEvent", "28 Feb 1700 00:00:00")]),
            true,
            "DateEvent lies before 1850: the row was kept without that date; correct it in SystmOne",
        ),
        (
            code("9", &[("DateEvent", "01 Jan 2999")]),
            true,
            "DateEvent lies more than a year after the extract: the row was kept without that date; correct it in SystmOne",
        ),
        (
            code("9", &[("DateEventRecorded", "30 Feb 2026 09:00:00")]),
            true,
            "the date of recording is not a date like 01 Mar 2026 or 01 Mar 2026 09:05:00: the row was kept without that date; correct it in SystmOne",
        ),
        (
            code("9", &[]).replace("\"Anxiety\"", "\"Anx\"iety\""),
            false,
            "a quoted field goes on behind its closing quote: it was left out; ask for the table again",
        ),
        // The columns of a row in another order: nothing stands where its number should.
        (
            code("Anxiety", &[("SNOMEDText", "9")]),
            false,
            "RowIdentifier is no number: the row was left out; ask the supplier for it again",
        ),
    ];
    for (bad, kept, why) in cases {
        let rows = [code("1", &[]), bad, code("2", &[])];
        let read = Batch::quiet().with("SRCode", table(SRCODE, &rows)).read();
        assert_eq!(read.set_aside(), [format!("SRCode.csv, row 3: {why}")]);
        let ids: Vec<&str> = read.parts().iter().map(|facts| facts.part.key.id.as_str()).collect();
        assert_eq!(ids, if kept { vec!["code:1", "code:9", "code:2"] } else { vec!["code:1", "code:2"] }, "{why}");
    }
}

#[test]
fn whole_tables_that_cannot_be_used_are_said_once() {
    for (content, why) in [
        (Vec::new(), "the file is empty, though a table without rows still has its header: ask for it again"),
        (
            table(&SRCODE.replace("RowIdentifier", "Row"), &[]),
            "the header lacks RowIdentifier: nothing in this table was read; ask the supplier for the table with these columns",
        ),
        (
            table(&SRCODE.replace("CTV3Text", "idevent"), &[]),
            "the header names IDEvent twice, so it cannot be told which is right: nothing in this table was read; ask the supplier for it again",
        ),
    ] {
        let read = Batch::quiet().with("SRCode", content).with("SREvent", table(SREVENT, &[event("7", &[])])).read();
        assert_eq!(read.set_aside(), [format!("SRCode.csv: {why}")]);
        assert_eq!(read.group("event:7").patient, key("patient:1"), "the other tables are read");
    }
}

#[test]
fn letters_of_either_encoding_arrive_as_they_were_written() {
    let mut bytes =
        table(SRFREETEXT, &[text("1", &[("FreeText", "“café”\r\nand \"no\"")]), text("2", &[("FreeText", "QQ")])]);
    let at = bytes.windows(2).position(|pair| pair == b"QQ").unwrap();
    bytes.splice(at..at + 2, *b"\x93caf\xe9\x94 \x80 5");
    bytes.splice(0..0, *b"\xef\xbb\xbf");
    let read = Batch::quiet().with("SREvent", table(SREVENT, &[event("7", &[])])).with("SRFreeText", bytes).read();
    assert!(read.set_aside().is_empty(), "{:?}", read.set_aside());
    assert_eq!(read.part("text:1::::1").text, "“café”\nand \"no\"");
    assert_eq!(read.part("text:2::::1").text, "“café” € 5");
}

fn batch() -> Batch {
    Batch::quiet()
        .with("SREvent", table(SREVENT, &[event("7", &[])]))
        .with("SRCode", table(SRCODE, &[code("1", &[]), code("2", &[])]))
}

fn read(path: &Path) -> Result<Read, String> {
    Read::from(path).map_err(|error| error.to_string())
}

#[test]
fn a_zip_says_what_its_folder_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("20260301_0200.zip");
    batch().zip(&path);
    assert_eq!(read(&path).unwrap(), batch().read());
}

#[test]
fn a_zip_that_was_cut_off_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.zip");
    batch().zip(&path);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(
        read(&path).unwrap_err().ends_with(
            "is not a whole zip: it may still be on its way, or was cut off; pull again when it has arrived"
        )
    );
}

#[test]
fn damage_inside_a_zip_costs_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.zip");
    let many: Vec<String> = (1..2_000).map(|n| code(&n.to_string(), &[])).collect();
    batch().with("SRCode", table(SRCODE, &many)).zip(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    // In the middle of the packed bytes of the table, which is the first of the zip.
    let at = bytes.windows(10).position(|name| name == b"SRCode.csv").unwrap() + 2_000;
    bytes[at..at + 200].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let read = read(&path).unwrap();
    assert_eq!(
        read.set_aside().last().unwrap(),
        "SRCode.csv: the packed file is damaged or cut off: what came before was read; ask for it again"
    );
    assert_eq!(read.group("event:7").patient, key("patient:1"));
}

#[test]
fn names_that_climb_out_of_a_zip_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("climbing.zip");
    batch().zip(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    // Of the same length, in both places where a zip keeps a name.
    let (name, climbing) = (b"20260301_0200/SREvent.csv", b"../../../../a/SREvent.csv");
    while let Some(at) = bytes.windows(name.len()).position(|window| window == name) {
        bytes[at..at + name.len()].copy_from_slice(climbing);
    }
    std::fs::write(&path, bytes).unwrap();
    let read = read(&path).unwrap();
    assert_eq!(
        read.set_aside(),
        [
            "climbing.zip: a file in the zip names a place outside it: it was left out; ask the supplier who made the zip"
        ]
    );
    assert_eq!(read.parts().len(), 2, "the tables beside it are read");
    assert!(!read.0.iter().any(|change| matches!(change, Change::Group(_))));
    assert!(read.notices()[0].starts_with("The manifest lists tables that are not in the batch: SREvent."));
}

/// Whoever delivers a batch must not have another file of the machine read in its place, nor another folder.
#[test]
fn a_link_that_leads_out_of_the_batch_is_named_and_not_followed() {
    use std::os::unix::fs::symlink;
    const LEADS_OUT: &str =
        "the link leads out of the feed’s folder and was not followed: put the file itself there, then pull again";
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    batch().write(folder.path());
    batch().write(elsewhere.path());
    std::fs::remove_file(folder.path().join("SREvent.csv")).unwrap();
    symlink(elsewhere.path().join("SREvent.csv"), folder.path().join("SREvent.csv")).unwrap();
    symlink(elsewhere.path(), folder.path().join("20260301_0200")).unwrap();
    let found = read(folder.path()).unwrap();
    assert_eq!(found.set_aside(), [format!("20260301_0200: {LEADS_OUT}"), format!("SREvent.csv: {LEADS_OUT}")]);
    assert!(!found.0.iter().any(|change| matches!(change, Change::Group(_))));
    assert_eq!(found.parts().len(), 2, "the tables beside it are read");
    // So is the manifest: a batch whose manifest lies elsewhere has not arrived.
    std::fs::remove_file(folder.path().join("SRManifest.csv")).unwrap();
    symlink(elsewhere.path().join("SRManifest.csv"), folder.path().join("SRManifest.csv")).unwrap();
    assert!(read(folder.path()).err().unwrap().to_string().contains("holds no SRManifest.csv"));
}

#[test]
fn a_zip_that_grows_without_end_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.zip");
    let mut bomb = table(SRCODE, &[code("1", &[])]);
    bomb.resize(20 << 20, b'\n');
    bomb.extend_from_slice(code("2", &[]).as_bytes());
    batch().with("SRCode", bomb).zip(&path);
    assert!(std::fs::metadata(&path).unwrap().len() < 200_000, "it is small");
    let read = read(&path).unwrap();
    assert_eq!(
        read.set_aside(),
        [
            "SRCode.csv: the packed file grows to more than 200 times its size: what came before was read; ask the supplier for it again"
        ]
    );
    assert_eq!(read.parts().len(), 1);
}
