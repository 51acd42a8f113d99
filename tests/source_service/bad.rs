//! Feeds that are wrong in one way, and the sentence that says so. What is right in them goes on.

use std::fs;
use std::io::Write;
use std::path::Path;

use anteroom::protocol::{Pulled, Reply, Request};
use chrono::Duration;

use crate::kit::extract::{self, file, row};
use crate::kit::{Practice, start};

const OBSERVATION: &str = "CareRecord_Observation";

/// An extract of three lines in a folder, changed by `spoil`, pulled.
fn pulled(practice: &Practice, name: &str, spoil: impl FnOnce(&Path)) -> Pulled {
    let folder = practice.path().join(name);
    let rows = [
        row(1, 1, 0, "Flu jab given."),
        row(2, 2, 0, "Says her partner hits her, spoil me."),
        row(3, 3, 1, "Knee better."),
    ];
    let feed = extract::write(&folder, &rows);
    spoil(&folder);
    practice.user("lea").pull(&feed)
}

fn edit(folder: &Path, change: impl FnOnce(&str) -> Vec<u8>) {
    let path = file(folder, OBSERVATION);
    let changed = change(&fs::read_to_string(&path).unwrap());
    fs::write(path, changed).unwrap();
}

fn texts(practice: &Practice) -> String {
    let mut lea = practice.user("lea");
    let rows = lea.queue().rows;
    let entries = rows.into_iter().map(|row| lea.open(row.entry).version.parts.into_iter().map(|part| part.text));
    entries.flat_map(Iterator::collect::<Vec<_>>).collect::<Vec<_>>().join("|")
}

#[test]
fn columns_in_another_order_and_a_byte_order_mark_change_nothing() {
    let (straight, turned) = (Practice::new(), Practice::new());
    let first = pulled(&straight, "day", |_| {});
    let second = pulled(&turned, "day", |folder| {
        edit(folder, |text| {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let mut writer = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
            for record in reader.records() {
                writer.write_record(record.unwrap().iter().rev()).unwrap();
            }
            writer.into_inner().unwrap()
        });
    });
    assert_eq!((second.parts, second.new, second.set_aside), (first.parts, first.new, 0));
    assert_eq!(texts(&straight), texts(&turned));
    assert!(texts(&turned).contains("partner hits her"));
}

#[test]
fn a_column_that_is_there_twice_refuses_its_table() {
    let practice = Practice::new();
    let pulled = pulled(&practice, "day", |folder| {
        edit(folder, |text| text.replacen("ProblemGuid", "AssociatedText", 1).into_bytes());
    });
    assert_eq!(pulled.set_aside, 1);
    assert!(
        pulled.set_aside_examples[0]
            .contains("the header names AssociatedText twice, so it cannot be told which is right"),
        "{:?}",
        pulled.set_aside_examples
    );
}

#[test]
fn of_a_column_that_is_there_twice_and_is_neither_key_nor_text_the_first_counts() {
    let practice = Practice::new();
    let pulled = pulled(&practice, "day", |folder| {
        edit(folder, |text| text.replacen("NumericRangeHigh", "NumericUnit", 1).into_bytes());
    });
    assert_eq!((pulled.parts, pulled.set_aside), (3, 1));
    assert!(
        pulled.set_aside_examples[0]
            .ends_with("the header names NumericUnit twice: the first was taken; ask the supplier which is right"),
        "{:?}",
        pulled.set_aside_examples
    );
}

#[test]
fn line_ends_inside_quotes_are_text() {
    let practice = Practice::new();
    let pulled = pulled(&practice, "day", |folder| {
        edit(folder, |text| text.replace("spoil me", "first line\r\n\r\nsecond, \"\"line\"\"").into_bytes());
    });
    assert_eq!((pulled.parts, pulled.set_aside), (3, 0));
    assert_eq!(texts(&practice), "Says her partner hits her, first line\n\nsecond, \"line\".");
}

#[test]
fn one_row_in_another_encoding_is_read_as_windows_1252_and_held() {
    let practice = Practice::new();
    let pulled = pulled(&practice, "day", |folder| {
        edit(folder, |text| {
            let at = text.find("spoil").unwrap();
            // Windows-1252 for é.
            [&text.as_bytes()[..at], b"\xe9", &text.as_bytes()[at..]].concat()
        });
    });
    assert_eq!((pulled.parts, pulled.set_aside), (3, 1));
    assert!(
        pulled.set_aside_examples[0].ends_with(
            "row 3: it is not UTF-8: it was read as Windows-1252 and is held; export the table again in UTF-8"
        ),
        "{:?}",
        pulled.set_aside_examples
    );
    assert_eq!(texts(&practice), "Says her partner hits her, éspoil me.");
}

#[test]
fn what_was_set_aside_is_listed_by_feed_until_a_pull_of_that_feed_sets_nothing_aside() {
    let practice = Practice::new();
    let wrong = |folder: &Path| edit(folder, |text| text.replacen("2026-11-15", "1700-01-01", 1).into_bytes());
    pulled(&practice, "day", wrong);
    let drop = practice.path().join("drop");
    fs::create_dir(&drop).unwrap();
    let map = "organisation = \"Z99901\"\n[columns]\nline = \"id\"\npatient = \"who\"\ntext = \"note\"\n";
    fs::write(drop.join("columns.toml"), map).unwrap();
    fs::write(drop.join("a.csv"), "id,who,note\n1,7,Knee better.\n").unwrap();
    let mut lea = practice.user("lea");
    lea.pull(&format!("lines:{}", drop.display()));
    let listed = |practice: &Practice| match practice.user("lea").ask(Request::SetAside) {
        Reply::SetAside(feeds) => feeds,
        other => panic!("{other:?}"),
    };
    // The clean pull of another feed changes nothing.
    let feeds = listed(&practice);
    assert_eq!((feeds.len(), feeds[0].rows), (1, 1));
    assert!(feeds[0].feed.starts_with("emis") && feeds[0].sentences[0].contains("EffectiveDate lies before 1850"));
    let queue = lea.queue();
    assert_eq!(queue.totals.set_aside, 1);
    let said = "1 row was left out or read with a gap: anteroom pull --set-aside lists them";
    assert!(queue.alarms.iter().any(|alarm| alarm.ends_with(said)), "{:?}", queue.alarms);

    pulled(&practice, "next", |_| {});
    assert_eq!(listed(&practice), []);
    assert_eq!(lea.queue().totals.set_aside, 0);
}

#[test]
fn a_field_of_ten_megabytes_is_held_as_not_screened() {
    let practice = Practice::new();
    let pulled = pulled(&practice, "day", |folder| {
        edit(folder, |text| text.replace("spoil me", &"knee better ".repeat(900_000)).into_bytes());
    });
    assert_eq!((pulled.parts, pulled.new, pulled.queued), (3, 3, 1));
    assert!(
        pulled.set_aside_examples[0].ends_with(
            "row 3: AssociatedText is longer than 1 MiB: the line is held without it; read it in the practice’s system"
        ),
        "{:?}",
        pulled.set_aside_examples
    );
    let row = practice.user("lea").queue().rows.remove(0);
    assert_eq!(u8::from(row.tier), 4);
}

#[test]
fn dates_that_cannot_be_are_said_and_the_rows_kept() {
    for (date, why) in [("1700-01-01", "lies before 1850"), ("2999-12-31", "lies more than a year after the extract")] {
        let practice = Practice::new();
        let pulled = pulled(&practice, "day", |folder| {
            edit(folder, |text| text.replacen("2026-11-15", date, 1).into_bytes());
        });
        assert_eq!((pulled.parts, pulled.new, pulled.set_aside), (3, 3, 1));
        assert!(
            pulled.set_aside_examples[0].contains(&format!("EffectiveDate {why}: the row was kept without that date")),
            "{:?}",
            pulled.set_aside_examples
        );
    }
}

#[test]
fn the_clock_of_this_machine_moved_back() {
    let practice = Practice::new();
    pulled(&practice, "first", |_| {});
    practice.clock.set(start() - Duration::hours(30));
    let pulled = pulled(&practice, "second", |folder| {
        edit(folder, |text| text.replace("Knee better", "Knee worse").into_bytes());
    });
    assert_eq!(pulled.changed, 1);
    assert!(
        pulled.notices.iter().any(|notice| notice.contains("the clock of this machine is behind the last pull (")),
        "{:?}",
        pulled.notices
    );
}

#[test]
fn two_practices_that_share_guids_are_kept_apart() {
    let practice = Practice::new();
    pulled(&practice, "one", |_| {});
    let other = pulled(&practice, "other", |folder| {
        for table in ["Admin_Organisation", "Admin_Patient", "CareRecord_Consultation", OBSERVATION] {
            let path = file(folder, table);
            let text = fs::read_to_string(&path).unwrap();
            let other = extract::ORGANISATION.replace("0A00", "0B00");
            fs::write(path, text.replace(extract::ORGANISATION, &other).replace("hits her", "threatens her")).unwrap();
        }
    });
    assert_eq!((other.new, other.changed, other.patients), (3, 0, 2));
    let texts = texts(&practice);
    assert!(texts.contains("hits her") && texts.contains("threatens her"), "{texts}");
}

#[test]
fn a_deletion_of_what_was_never_seen_is_counted() {
    let practice = Practice::new();
    let folder = practice.path().join("day");
    let feed = extract::write(&folder, &[extract::Row { deleted: true, ..row(9, 0, 0, "") }, row(1, 1, 0, "Flu jab.")]);
    let pulled = practice.user("lea").pull(&feed);
    assert_eq!((pulled.new, pulled.deleted), (1, 0));
    assert!(
        pulled.notices.iter().any(|notice| notice
            == "emis: 1 deletion names a line that never came; nothing need be done, unless an extract is missing"),
        "{:?}",
        pulled.notices
    );
}

#[test]
fn a_whole_extract_again_queues_nothing_that_was_decided() {
    let practice = Practice::new();
    pulled(&practice, "first", |_| {});
    let mut lea = practice.user("lea");
    let entry = lea.queue().rows[0].entry;
    lea.hide(entry).unwrap();
    let again = pulled(&practice, "again", |folder| fs::write(folder.join("notes.txt"), "not a table").unwrap());
    assert_eq!((again.parts, again.new, again.changed, again.queued), (3, 0, 0, 0));
    assert_eq!(lea.queue().rows.len(), 0);
    assert_eq!(lea.queue().totals.hidden, 1);
}

#[test]
fn a_gzip_that_was_cut_off_gives_what_came_before() {
    let practice = Practice::new();
    let folder = practice.path().join("export");
    fs::create_dir(&folder).unwrap();
    let mut lines = String::new();
    for n in 0..4_000 {
        // Noise, so that the packed file has length to be cut.
        let noise = u64::wrapping_mul(n + 1, 0x9e37_79b9_7f4a_7c15);
        lines += &format!(
            "{{\"resourceType\":\"Observation\",\"id\":\"o{n}\",\"status\":\"final\",\"code\":{{\"text\":\"Note\"}},\"subject\":{{\"reference\":\"Patient/p\"}},\"note\":[{{\"text\":\"Seen {noise:x}\"}}]}}\n"
        );
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(lines.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    fs::write(folder.join("Observation.ndjson.gz"), &packed[..packed.len() / 2]).unwrap();
    let pulled = practice.user("lea").pull(&format!("fhir:{}", folder.display()));
    assert!(pulled.new > 1_000 && pulled.new < 4_000, "{pulled:?}");
    assert_eq!(
        pulled.set_aside_examples,
        ["Observation.ndjson.gz: the packed file is damaged or cut off: what came before was read; ask for it again"]
    );
}

/// Gives the extract in a folder another date.
fn dated(folder: &Path, stamp: &str) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().replace("20261116020000", stamp);
        fs::rename(&path, folder.join(name)).unwrap();
    }
}

#[test]
fn an_extract_that_comes_late_overtakes_none_that_was_made_after_it() {
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let mut day = |name: &str, stamp: &str, rows: &[extract::Row]| {
        let folder = practice.path().join(name);
        let feed = extract::write(&folder, rows);
        dated(&folder, stamp);
        lea.pull(&feed)
    };
    day("monday", "20261116020000", &[row(1, 1, 0, "Says her partner hits her, monday.")]);
    day("wednesday", "20261118020000", &[row(1, 1, 0, "Says her partner hits her, wednesday.")]);
    let late = day(
        "tuesday",
        "20261117020000",
        &[row(1, 1, 0, "Says her partner hits her, tuesday."), row(2, 1, 0, "And her son."), row(3, 3, 0, "Flu jab.")],
    );
    // A line that nobody had sent is taken; what a later extract made stays.
    assert_eq!((late.new, late.changed), (1, 1), "{late:?}");
    assert!(late.notices.iter().any(|notice| notice.contains("came after one made on")), "{:?}", late.notices);
    let texts = texts(&practice);
    assert!(texts.contains("wednesday") && texts.contains("And her son") && !texts.contains("tuesday"), "{texts}");
}

/// As many entries as a practice has, so that a whole extract can be told.
fn many(n: usize) -> Vec<extract::Row> {
    (1..=n).map(|n| row(n, n, n % 5, &format!("Flu jab given, line {n}."))).collect()
}

fn pulled_rows(practice: &Practice, name: &str, stamp: &str, rows: &[extract::Row]) -> Pulled {
    let folder = practice.path().join(name);
    let feed = extract::write(&folder, rows);
    dated(&folder, stamp);
    practice.user("lea").pull(&feed)
}

#[test]
fn what_a_whole_extract_no_longer_holds_is_gone() {
    let practice = Practice::new();
    let mut rows = many(200);
    rows.push(row(201, 7, 2, "Ear syringed, secondline."));
    assert_eq!(pulled_rows(&practice, "first", "20261116020000", &rows).new, 200);
    // A day's changes say nothing of the rest.
    let day = pulled_rows(&practice, "day", "20261117020000", &[row(300, 300, 1, "Cough.")]);
    assert_eq!((day.new, day.changed, day.deleted), (1, 0, 0));
    // Everything again, without three entries and without the second line of another.
    rows.retain(|row| ![11, 12, 13].iter().any(|gone| row.guid == extract::guid(0x0b, *gone)));
    rows.retain(|row| row.guid != extract::guid(0x0b, 201));
    rows.push(row(300, 300, 1, "Cough."));
    let again = pulled_rows(&practice, "again", "20261118020000", &rows);
    assert_eq!((again.new, again.changed, again.deleted), (0, 1, 3), "{again:?}");
    practice.clock.set(crate::kit::start() + Duration::days(30));
    practice.service.publish(&anteroom::audit::Actor::system("publish")).unwrap();
    let shown = fs::read_to_string(practice.feed()).unwrap();
    assert!(shown.contains("line 10.") && shown.contains("line 7."), "{shown}");
    for gone in ["line 11.", "line 12.", "line 13.", "secondline"] {
        assert!(!shown.contains(gone), "{gone} is still shown");
    }
}

#[test]
fn a_whole_extract_that_was_cut_short_deletes_nothing_and_is_said() {
    let practice = Practice::new();
    let rows = many(200);
    pulled_rows(&practice, "first", "20261116020000", &rows);
    let short = pulled_rows(&practice, "short", "20261117020000", &rows[..90]);
    assert_eq!((short.new, short.changed, short.deleted), (0, 0, 0));
    let said = |queue: &anteroom::protocol::Queue| queue.alarms.join("\n");
    let alarms = said(&practice.user("lea").queue());
    assert!(alarms.contains("none was taken as deleted; ask the supplier whether it is whole"), "{alarms}");

    // With a row that cannot be used it cannot be told what is missing.
    let folder = practice.path().join("spoiled");
    let feed = extract::write(&folder, &rows[..195]);
    edit(&folder, |text| text.replacen(",2026-11-15,YMD", ",1700-01-01,YMD", 1).into_bytes());
    dated(&folder, "20261118020000");
    assert_eq!(practice.user("lea").pull(&feed).deleted, 0);
    let alarms = said(&practice.user("lea").queue());
    assert!(alarms.contains("1 of its rows could not be used"), "{alarms}");
    // Every line again: nothing is missing, and nothing is said.
    let whole = pulled_rows(&practice, "whole", "20261119020000", &rows);
    assert_eq!(whole.deleted, 0);
    assert!(!whole.notices.iter().any(|notice| notice.contains("taken as deleted")), "{whole:?}");
}

/// Whoever delivers a feed must not have another file of the machine read in its place.
#[test]
fn a_link_that_leads_out_of_a_folder_is_not_followed_whatever_the_feed() {
    use std::os::unix::fs::symlink;
    let practice = Practice::new();
    let secret = practice.path().join("secret");
    let resource = |id: &str| {
        format!(
            "{{\"resourceType\":\"Condition\",\"id\":\"{id}\",\"subject\":{{\"reference\":\"Patient/1\"}},\"note\":[{{\"text\":\"{id}\"}}]}}\n"
        )
    };
    let map = "organisation = \"Z99904\"\n[columns]\nline = \"id\"\npatient = \"who\"\ntext = \"note\"\n";
    let feeds: [(&str, &str, String, String); 3] = [
        ("lines", "a.csv", "id,who,note\n1,1,here\n".to_owned(), "id,who,note\n2,1,secret\n".to_owned()),
        ("fhir", "a.ndjson", resource("here"), resource("secret")),
        ("gpconnect", "a.json", resource("here"), resource("secret")),
    ];
    for (kind, name, here, elsewhere) in feeds {
        let folder = practice.path().join(kind);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("columns.toml"), map).unwrap();
        fs::write(folder.join(name), here).unwrap();
        fs::write(&secret, elsewhere).unwrap();
        symlink(&secret, folder.join(format!("Ada-Example-{name}"))).unwrap();
        symlink(practice.path().join("store"), folder.join("store")).unwrap();
        let pulled = practice.user("lea").pull(&format!("{kind}:{}", folder.display()));
        assert_eq!((pulled.new, pulled.set_aside), (1, 2), "{kind}: {pulled:?}");
        let said = pulled.set_aside_examples.join("\n");
        assert!(said.contains("leads out of the feed’s folder and was not followed"), "{kind}: {said}");
        assert_eq!(said.contains("Ada-Example"), kind != "gpconnect", "names of bundles are patients’: {said}");
    }
    // A map of columns is one of the folder's files.
    let folder = practice.path().join("mapped");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.csv"), "id,who,note\n1,1,here\n").unwrap();
    fs::write(&secret, map).unwrap();
    symlink(&secret, folder.join("columns.toml")).unwrap();
    let from = Some(format!("lines:{}", folder.display()));
    let Reply::Failed { why } = practice.user("lea").ask(Request::Pull { from }) else { panic!("it was followed") };
    assert!(why.contains("columns.toml: the link leads out"), "{why}");
}
