//! In which order what a feed says applies, and what becomes of rows that contradict each other.

use std::fs;
use std::io::Write;
use std::path::Path;

use anteroom::protocol::Pulled;

use crate::kit::extract::{self, file, guid, row};
use crate::kit::{Person, Practice};
use crate::tpp;

const OBSERVATION: &str = "CareRecord_Observation";

/// A row of the table of observations: which, of which patient, what text (none: it is deleted), at which place.
fn observation(n: usize, patient: usize, text: Option<&str>, place: &str) -> String {
    let organisation = extract::ORGANISATION;
    match text {
        None => format!("{},,{organisation},,,,,,,,,,,,,,,,,,true,,{place}", guid(0x0b, n)),
        Some(text) => format!(
            "{},{},{organisation},2026-11-15,YMD,2026-11-15,10:00:00,,,,1,,{text},,,,Observation,,,,false,false,{place}",
            guid(0x0b, n),
            guid(0xaa, patient)
        ),
    }
}

/// An extract with these files of observations, each with the first of its processing identifiers.
fn extract_of(folder: &Path, files: &[(u32, &[String])]) -> String {
    let feed = extract::write(folder, &[]);
    let quiet = file(folder, OBSERVATION);
    let header = fs::read_to_string(&quiet).unwrap();
    fs::remove_file(&quiet).unwrap();
    let name = quiet.file_name().unwrap().to_str().unwrap().to_owned();
    for (first, rows) in files {
        let table = header.clone() + &rows.iter().map(|row| format!("{row}\r\n")).collect::<String>();
        fs::write(folder.join(name.replacen('1', &first.to_string(), 1)), table).unwrap();
    }
    feed
}

fn texts(lea: &mut Person) -> Vec<String> {
    let rows = lea.queue().rows;
    rows.into_iter().flat_map(|row| lea.open(row.entry).version.parts).map(|part| part.text).collect()
}

/// Files of observations, each with the first of its processing identifiers.
type Files = Vec<(u32, Vec<String>)>;

const OLD: &str = "Says her partner hits her: older.";
const NEW: &str = "Says her partner hits her: newer.";

#[test]
fn of_rows_about_one_line_the_highest_processing_identifier_counts_across_files_and_rows() {
    let gone = |place: &str| observation(1, 0, None, place);
    let sent = |text: &str, place: &str| observation(1, 0, Some(text), place);
    let cases: Vec<(&str, Files, &[&str])> = vec![
        ("deleted, then sent", vec![(100, vec![gone("100")]), (200, vec![sent(NEW, "200")])], &[NEW]),
        ("sent, then deleted", vec![(100, vec![sent(NEW, "100")]), (200, vec![gone("200")])], &[]),
        ("deleted, then sent, in one file", vec![(100, vec![gone("100"), sent(NEW, "101")])], &[NEW]),
        ("the same in another order", vec![(100, vec![sent(NEW, "101"), gone("100")])], &[NEW]),
        ("sent, then deleted, in another order", vec![(100, vec![gone("101"), sent(NEW, "100")])], &[]),
        ("the older text comes last", vec![(10, vec![sent(NEW, "20"), sent(OLD, "10")])], &[NEW]),
        ("without identifiers the later row", vec![(10, vec![sent(OLD, ""), sent(NEW, "")])], &[NEW]),
        ("without identifiers the later file", vec![(10, vec![gone("")]), (20, vec![sent(NEW, "")])], &[NEW]),
        ("a deletion that has none stands where it is", vec![(10, vec![sent(OLD, "15"), gone("")])], &[]),
    ];
    for (what, files, expected) in cases {
        let practice = Practice::new();
        let mut lea = practice.user("lea");
        let files: Vec<(u32, &[String])> = files.iter().map(|(first, rows)| (*first, rows.as_slice())).collect();
        lea.pull(&extract_of(&practice.path().join("day"), &files));
        assert_eq!(texts(&mut lea), expected, "{what}");
    }
}

#[test]
fn a_line_that_is_deleted_and_sent_anew_on_a_later_day_is_there_once() {
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let first = extract_of(&practice.path().join("first"), &[(1, &[observation(1, 0, Some(OLD), "1")])]);
    lea.pull(&first);
    let again = [observation(1, 0, None, "10"), observation(1, 0, Some(NEW), "11")];
    let pulled = lea.pull(&extract_of(&practice.path().join("again"), &[(10, &again)]));
    assert_eq!((pulled.changed, pulled.deleted), (1, 0));
    assert_eq!(texts(&mut lea), [NEW]);
}

#[test]
fn what_system_one_removes_and_sends_anew_in_a_later_row_is_there() {
    use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, table};
    let abuse = [("SNOMEDText", "Domestic abuse")];
    let removed = [("RemovedData", "1")];
    let nowhere = [("RemovedData", "1"), ("IDOrganisationVisibleTo", "")];
    for (rows, left) in [
        ([code("2", &removed), code("2", &abuse)], 1),
        ([code("2", &nowhere), code("2", &abuse)], 1),
        ([code("2", &abuse), code("2", &removed)], 0),
    ] {
        let practice = Practice::new();
        let mut lea = practice.user("lea");
        let batch = tpp::Batch::quiet()
            .with("SRPatient", table(SRPATIENT, &[patient("1", &[])]))
            .with("SREvent", table(SREVENT, &[event("7", &[])]))
            .with("SRCode", table(SRCODE, &rows));
        lea.pull(&crate::tpp_feed(&batch, &practice.path().join("batch")));
        let queue = lea.queue().rows;
        let lines: usize = queue.iter().map(|row| lea.open(row.entry).version.parts.len()).sum();
        assert_eq!(lines, left);
    }
}

#[test]
fn of_plain_rows_the_later_counts() {
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let folder = practice.path().join("drop");
    fs::create_dir(&folder).unwrap();
    let map =
        "organisation = \"Z99901\"\n[columns]\nline = \"id\"\npatient = \"who\"\ntext = \"note\"\ndeleted = \"gone\"\n";
    fs::write(folder.join("columns.toml"), map).unwrap();
    let rows = format!("id,who,note,gone\n1,7,,yes\n1,7,{NEW},\n2,7,{OLD},\n2,7,,yes\n");
    fs::write(folder.join("a.csv"), rows).unwrap();
    lea.pull(&format!("lines:{}", folder.display()));
    assert_eq!(texts(&mut lea), [NEW]);
}

/// Exchanges the names of two columns.
fn swap(folder: &Path, table: &str, one: &str, other: &str) {
    let path = file(folder, table);
    let text = fs::read_to_string(&path).unwrap();
    let (header, rows) = text.split_once("\r\n").unwrap();
    let names: Vec<&str> = header
        .split(',')
        .map(|name| {
            if name == one {
                other
            } else if name == other {
                one
            } else {
                name
            }
        })
        .collect();
    fs::write(&path, format!("{}\r\n{rows}", names.join(","))).unwrap();
}

fn swapped(practice: &Practice, one: &str, other: &str) -> Pulled {
    let folder = practice.path().join("day");
    let rows: Vec<_> = (1..=30).map(|n| row(n, 0, n % 5, &format!("Says her partner hits her, line {n}."))).collect();
    let feed = extract::write(&folder, &rows);
    swap(&folder, OBSERVATION, one, other);
    practice.user("lea").pull(&feed)
}

fn lines_kept(practice: &Practice) -> usize {
    let mut lea = practice.user("lea");
    let texts = texts(&mut lea);
    (1..=30).filter(|n| texts.iter().any(|text| text.ends_with(&format!("line {n}.")))).count()
}

#[test]
fn columns_whose_names_were_exchanged_are_said_and_no_line_is_lost() {
    let practice = Practice::new();
    let pulled = swapped(&practice, "ObservationGuid", "PatientGuid");
    let alarms = practice.user("lea").queue().alarms.join("\n");
    assert!(
        alarms.contains("_CareRecord_Observation_")
            && alarms
                .contains("25 of 30 rows repeat an ObservationGuid with other content, so its columns may be swapped"),
        "{alarms}"
    );
    assert_eq!(pulled.parts, 30);
    assert_eq!(lines_kept(&practice), 30, "{alarms}");

    let practice = Practice::new();
    swapped(&practice, "PatientGuid", "OrganisationGuid");
    let alarms = practice.user("lea").queue().alarms.join("\n");
    assert!(alarms.contains("the OrganisationGuid of 30 of 30 rows is in neither"), "{alarms}");
    assert_eq!(lines_kept(&practice), 30);
}

#[test]
fn patients_whom_nobody_ever_sent_are_an_alarm() {
    let practice = Practice::new();
    let folder = practice.path().join("day");
    let rows: Vec<_> = (1..=30).map(|n| row(n, 0, n % 5, &format!("Says her partner hits her, line {n}."))).collect();
    let feed = extract::write(&folder, &rows);
    let path = file(&folder, OBSERVATION);
    let other = fs::read_to_string(&path).unwrap().replace("{000000AA-", "{000000AB-");
    fs::write(&path, other).unwrap();
    practice.user("lea").pull(&feed);
    let alarms = practice.user("lea").queue().alarms.join("\n");
    assert!(alarms.contains("30 of 30 new entries are of patients whom no extract has sent"), "{alarms}");
}

#[test]
fn system_one_s_columns_exchanged_are_said() {
    use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, table};
    let practice = Practice::new();
    let rows: Vec<String> =
        (1..=12).map(|n| code(&n.to_string(), &[("IDEvent", ""), ("SNOMEDText", "Domestic abuse")])).collect();
    let turned = SRCODE.replacen("RowIdentifier", "x", 1).replacen("IDPatient", "RowIdentifier", 1);
    let batch = tpp::Batch::quiet()
        .with("SRPatient", table(SRPATIENT, &[patient("1", &[])]))
        .with("SREvent", table(SREVENT, &[event("7", &[])]))
        .with("SRCode", table(&turned.replacen('x', "IDPatient", 1), &rows));
    practice.user("lea").pull(&crate::tpp_feed(&batch, &practice.path().join("batch")));
    let alarms = practice.user("lea").queue().alarms.join("\n");
    assert!(alarms.contains("SRCode.csv: 11 of 12 rows repeat a RowIdentifier with other content"), "{alarms}");
    let mut lea = practice.user("lea");
    let queue = lea.queue().rows;
    let lines: usize = queue.iter().map(|row| lea.open(row.entry).version.parts.len()).sum();
    assert_eq!(lines, 12, "each is kept");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn tables_packed_with_gzip_are_read_and_other_packings_are_said() {
    let practice = Practice::new();
    let folder = practice.path().join("day");
    let feed = extract::write(&folder, &[row(1, 1, 0, NEW)]);
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let packed = gzip(&fs::read(&path).unwrap());
        fs::write(format!("{}.gz", path.display()), packed).unwrap();
        fs::remove_file(&path).unwrap();
    }
    fs::write(folder.join("2_CareRecord_Diary_20261116020000_A.csv.7z"), "7z").unwrap();
    let pulled = practice.user("lea").pull(&feed);
    assert_eq!((pulled.new, pulled.set_aside), (1, 1), "{pulled:?}");
    assert_eq!(
        pulled.set_aside_examples,
        [
            "2_CareRecord_Diary_20261116020000_A.csv.7z: the file is packed and was not read: unpack it first, then pull again"
        ]
    );
    assert_eq!(texts(&mut practice.user("lea")), [NEW]);

    let drop = practice.path().join("drop");
    fs::create_dir(&drop).unwrap();
    let map = "organisation = \"Z99901\"\n[columns]\nline = \"id\"\npatient = \"who\"\ntext = \"note\"\n";
    fs::write(drop.join("columns.toml"), map).unwrap();
    fs::write(drop.join("a.csv.gz"), gzip(format!("id,who,note\n1,7,{NEW}\n").as_bytes())).unwrap();
    let objects = gzip(format!("{{\"id\":2,\"who\":7,\"note\":\"{OLD}\"}}\n").as_bytes());
    fs::write(drop.join("b.jsonl.gz"), &objects).unwrap();
    assert_eq!(practice.user("lea").pull(&format!("lines:{}", drop.display())).new, 2);
    fs::write(drop.join("b.jsonl.gz"), &objects[..objects.len() - 12]).unwrap();
    let pulled = practice.user("lea").pull(&format!("lines:{}", drop.display()));
    assert!(pulled.set_aside_examples[0].contains("the packed file is damaged or cut off"), "{pulled:?}");
}
