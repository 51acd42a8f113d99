//! What becomes of bad rows, tables and folders, and of the good ones beside them.

use std::path::Path;

use anteroom::record::{AccessLevel, Unreadable};
use anteroom::source::emis::Emis;
use anteroom::source::{Change, SetAside, Source, TEXT_LIMIT};
use proptest::prelude::*;

use crate::extract::*;

#[test]
fn a_deletion_without_a_practice_is_not_guessed_between_two() {
    let gone = row(&OBSERVATION, &[("ObservationGuid", &guid(1)), ("Deleted", "true")]);
    let read = Extract::quiet()
        .with(
            "Agreements_SharingOrganisation",
            format!("OrganisationGuid,IsActivated,Disabled,Deleted\r\n{PRACTICE},true,false,false\r\nA0000000-0000-4000-8000-000000000002,true,false,false\r\n"),
        )
        .with("CareRecord_Observation", observations(&[gone]))
        .read();
    assert_eq!(read.set_aside().len(), 1);
    assert_eq!(read.0.len(), 1);
}

#[test]
fn contradictions_about_online_access_are_said_and_the_wider_counts() {
    let online = "NhsNumber,AccessLevel,AccessFrom,ProxyName,ProxyRelation\r\n\
        9434765919,coded,2026-02-01,,\r\n\
        9434765919,summary,2026-03-01,,\r\n\
        9434765918,full,,,\r\n\
        9434765870,everything,soon,,\r\n";
    let read = Extract::quiet().file("online-access.csv", online).read();
    let said: Vec<String> = read.set_aside().into_iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "online-access.csv, row 3: AccessLevel differs from an earlier row of the same patient: the wider counts; correct it in this file",
            "online-access.csv, row 4: the check digit of the NHS number is wrong: the row was left out; correct NhsNumber in this file",
            "online-access.csv, row 5: AccessLevel is none of none, summary, coded and full: full was assumed; correct it in this file",
            "online-access.csv, row 5: AccessFrom is not a date like 2026-03-01: the practice’s go-live date counts instead; correct it in this file",
        ]
    );
    let levels = read.0.iter().filter_map(|change| match change {
        Change::Online { access, .. } => Some((access.level, access.from)),
        _ => None,
    });
    assert_eq!(levels.collect::<Vec<_>>(), [(AccessLevel::Full, None), (AccessLevel::Coded, day("2026-02-01"))]);
}

/// What becomes of a row with a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    LeftOut,
}

#[test]
fn each_bad_row_has_its_sentence_and_stops_no_other() {
    use Fate::{Kept, LeftOut};
    let cut = |n| observation(9, &[]).rsplitn(n, ',').last().unwrap().to_owned();
    let invalid = observation(9, &[("AssociatedText", "invalid:Q")]);
    let cases: Vec<(String, Fate, &str)> = vec![
        (cut(4), LeftOut, "the row has 20 fields where the header has 23: it was left out; ask for the table again"),
        (
            observation(9, &[]) + ",,",
            LeftOut,
            "the row has 25 fields where the header has 23: it was left out; ask for the table again",
        ),
        (
            observation(9, &[]).replace(CONFIDENTIAL, "\"a\"b"),
            LeftOut,
            "a quoted field goes on behind its closing quote: it was left out; ask for the table again",
        ),
        (
            observation(9, &[]).replace(CONFIDENTIAL, "\"never closed"),
            LeftOut,
            "a quoted field goes on behind its closing quote: it was left out; ask for the table again",
        ),
        (invalid, Kept, "it is not UTF-8: it was read as Windows-1252 and is held; export the table again in UTF-8"),
        (
            observation(9, &[("ObservationGuid", "")]),
            LeftOut,
            "ObservationGuid is empty or no GUID: the row was left out; ask the supplier for it again",
        ),
        (
            observation(9, &[("ObservationGuid", "not a guid")]),
            LeftOut,
            "ObservationGuid is empty or no GUID: the row was left out; ask the supplier for it again",
        ),
        (
            observation(9, &[("PatientGuid", "")]),
            LeftOut,
            "PatientGuid is empty or no GUID: the row was left out; ask the supplier for it again",
        ),
        (
            observation(9, &[("EffectiveDate", "28/02/2026")]),
            Kept,
            "EffectiveDate is not a date like 2026-03-01: the row was kept without that date; correct it in EMIS Web",
        ),
        (
            observation(9, &[("EffectiveDate", "1849-12-31")]),
            Kept,
            "EffectiveDate lies before 1850: the row was kept without that date; correct it in EMIS Web",
        ),
        (
            observation(9, &[("EffectiveDate", "2027-03-02")]),
            Kept,
            "EffectiveDate lies more than a year after the extract: the row was kept without that date; correct it in EMIS Web",
        ),
        (
            observation(9, &[("EnteredDate", "2026-02-30")]),
            Kept,
            "EnteredDate is not a date like 2026-03-01: the row was kept without that date; correct it in EMIS Web",
        ),
        (
            observation(9, &[("EnteredTime", "25:00:00")]),
            Kept,
            "EnteredTime is not a time like 09:05:00: midnight was taken instead; correct it in EMIS Web",
        ),
        (
            observation(9, &[("CodeId", "999")]),
            Kept,
            "CodeId is not in Coding_ClinicalCode, so nobody knows what the line says: it and others with this code are held; ask the supplier for a whole Coding_ClinicalCode",
        ),
        (
            observation(9, &[("CodeId", "")]),
            Kept,
            "CodeId is empty: the line was kept with its text alone; ask the supplier for it again",
        ),
        (
            observation(9, &[("ConsultationGuid", "a b")]),
            Kept,
            "ConsultationGuid is no GUID: the line was kept outside its consultation; ask the supplier for it again",
        ),
        (
            observation(9, &[("Deleted", "perhaps")]),
            Kept,
            "Deleted is neither true nor false: it was taken as false; ask the supplier for the row again",
        ),
        (
            observation(9, &[("AssociatedText", &format!("a\n{}, b", guid(3)))]),
            Kept,
            "a field holds what looks like another row: the row was kept as it is; look in the file for a quote that is never closed",
        ),
    ];
    for (bad, fate, why) in cases {
        // The next row has a quoted text, which is where a quote that was never closed ends.
        let rows = [observation(1, &[]), bad.clone(), observation(2, &[("AssociatedText", "a, \"b\"\r\nc")])];
        let mut bytes = observations(&rows).into_bytes();
        if let Some(at) = bytes.windows(9).position(|window| window == b"invalid:Q") {
            bytes[at + 8] = 0xe9;
        }
        let read = Extract::quiet().with("CareRecord_Observation", bytes).read();
        let file = format!("1_CareRecord_Observation_{STAMP}.csv");
        assert_eq!(read.set_aside(), [&SetAside { file, row: 3, why: why.into() }], "{bad}");
        let (first, ninth, second) = (guid(1), guid(9), guid(2));
        let expected = if fate == Kept { vec![&first, &ninth, &second] } else { vec![&first, &second] };
        assert_eq!(read.ids(), expected, "{bad}");
        assert_eq!(read.part(2).text, "a, \"b\"\nc");
    }
}

#[test]
fn an_unknown_code_is_held_and_said_once() {
    let rows = [observation(1, &[("CodeId", "999")]), observation(2, &[("CodeId", "999")])];
    let read = Extract::quiet().with("CareRecord_Observation", observations(&rows)).read();
    for n in [1, 2] {
        assert_eq!(read.part(n).display, "code 999 (unknown)");
        assert_eq!(read.part(n).unreadable, Some(Unreadable::NotSent));
        assert_eq!(read.part(n).text, CONFIDENTIAL);
    }
    assert_eq!(read.set_aside().len(), 1);
    let none =
        Extract::quiet().without("Coding_ClinicalCode").with("CareRecord_Observation", observations(&rows)).read();
    assert_eq!(none.part(1).unreadable, Some(Unreadable::NotSent));
    assert!(none.set_aside().is_empty(), "the missing table is said as such");
    assert_eq!(
        none.notices(),
        [
            "There is no Coding_ClinicalCode file in the extract: no line has its code’s words, so every coded line is held; ask the supplier for it."
        ]
    );
}

#[test]
fn a_patient_with_a_wrong_number_or_birthday_is_kept_without_it() {
    let rows = [
        patient(&[("NhsNumber", "9434765918")]),
        patient(&[("DateOfBirth", "1066-10-14"), ("PatientGuid", CLINICIAN)]),
    ];
    let read = Extract::quiet().with("Admin_Patient", table(&PATIENT_COLUMNS, &rows)).read();
    let [numberless, ageless] = read.patients()[..] else { panic!("{read:?}") };
    assert_eq!((&numberless.nhs_number, numberless.born), (&None, day("1990-05-06")));
    assert_eq!((ageless.nhs_number.is_some(), ageless.born), (true, None));
    assert_eq!((ageless.family_name.as_str(), ageless.address.as_str()), ("Example", "1 Low Road, ZZ99 1AA"));
    let said: Vec<&str> = read.set_aside().into_iter().map(|set_aside| set_aside.why.as_str()).collect();
    assert_eq!(
        said,
        [
            "the check digit of the NHS number is wrong: the patient was kept without it; correct NhsNumber in EMIS Web",
            "DateOfBirth lies before 1850: the row was kept without that date; correct it in EMIS Web",
        ]
    );
}

#[test]
fn whole_files_that_cannot_be_used_are_said_once() {
    let header = OBSERVATION.join(",");
    let twice = header.replace("ProblemGuid", "associatedtext");
    let cases: Vec<(Vec<u8>, u64, &str)> = vec![
        (Vec::new(), 0, "the file is empty, though a table without rows still has its header: ask for it again"),
        (
            header.replace("CodeId", "Code").into_bytes(),
            0,
            "the header lacks CodeId: nothing in this table was read; ask the supplier for the table with these columns",
        ),
        (
            twice.into_bytes(),
            0,
            "the header names AssociatedText twice, so it cannot be told which is right: nothing in this table was read; ask the supplier for it again",
        ),
        (b"\"Obs".to_vec(), 0, "the header is damaged: nothing in this table was read; ask for it again"),
        (
            b"\xff\xfeO\0b\0s\0\r\0\n\0".to_vec(),
            0,
            "the header is not UTF-8: nothing in this table was read; export it again in UTF-8",
        ),
        (
            cut_off(&observations(&[observation(1, &[])]), 20),
            2,
            "the file ends in the middle of the row: it was left out; ask for the table again",
        ),
        (
            cut_off(&observations(&[observation(1, &[("AssociatedText", "a\r\n\"b\" and more")])]), 70),
            2,
            "the file ends inside quotes: it was left out with the line after it; ask for the table again",
        ),
    ];
    for (content, row, why) in cases {
        let read = Extract::quiet()
            .with("CareRecord_Observation", &content)
            .with("Admin_Patient", table(&PATIENT_COLUMNS, &[patient(&[])]))
            .read();
        let file = format!("1_CareRecord_Observation_{STAMP}.csv");
        assert_eq!(read.set_aside(), [&SetAside { file, row, why: why.into() }]);
        assert_eq!(read.patients().len(), 1, "the other tables are read");
    }
}

fn cut_off(text: &str, bytes: usize) -> Vec<u8> {
    text.as_bytes()[..text.len() - bytes].to_vec()
}

#[test]
fn missing_free_text_is_said_loudly() {
    let columns: Vec<&str> = OBSERVATION.into_iter().filter(|name| *name != "AssociatedText").collect();
    let line = observation(1, &[("AssociatedText", "")]);
    // Without the empty field of the text.
    let line = line.replacen(",300,,,", ",300,,", 1);
    let read = Extract::quiet().with("CareRecord_Observation", table(&columns, &[line])).read();
    assert_eq!(read.part(1).display, "Anxiety");
    assert_eq!(
        read.notices(),
        [format!(
            "Free text is missing from 1_CareRecord_Observation_{STAMP}.csv today (AssociatedText): only codes were screened, \
         and most disclosures are in the text; ask the supplier for an extract with free text."
        )]
    );
}

#[test]
fn files_that_are_no_table_of_the_day() {
    let read = Extract::quiet()
        .file(&format!("1_Admin_Location_{STAMP}.csv"), "anything")
        .file(&format!("1_Admin_PatientHistory_{STAMP}.csv"), "anything")
        .file("CareRecord_Observation.csv", "anything")
        .file("notes.txt", "anything")
        .file(&format!("1_CareRecord_Observation_{STAMP}.csv.gpg"), "anything")
        .read();
    assert_eq!(
        read.set_aside().into_iter().map(ToString::to_string).collect::<Vec<_>>(),
        [format!(
            "1_CareRecord_Observation_{STAMP}.csv.gpg: the file is still encrypted and was not read: decrypt it first, then pull again"
        )]
    );
    assert_eq!(
        read.notices(),
        [
            "CareRecord_Observation.csv was left out, because the name is not one of an extract (five parts with _ between them): rename it if it belongs to the day.",
        ]
    );
}

/// Later versions of the extract have tables that are not published.
#[test]
fn a_table_that_nothing_reads_is_named_with_the_number_of_its_rows() {
    let columns = "\u{feff}PatientGuid,OrganisationGuid,Detail\r\n";
    let rows = format!("{columns}{},{PRACTICE},\"two\r\nlines, \"\"quoted\"\"\"\r\n{},,x\r\n", guid(1), guid(2));
    let read = Extract::quiet()
        .file(&format!("1_CareRecord_Safeguarding_{STAMP}.csv"), &rows)
        .file(&format!("1_CareRecord_Alert_{STAMP}.csv"), format!("{columns}{},,x\r\n", guid(1)))
        // Nothing of patients is in these.
        .file(&format!("1_CareRecord_Nothing_{STAMP}.csv"), columns)
        .file(&format!("1_Admin_Location_{STAMP}.csv"), "LocationGuid\r\nx\r\n")
        .file(&format!("1_Appointment_Slot_{STAMP}.csv"), &rows)
        .read();
    let mut said = read.notices();
    said.retain(|notice| notice.starts_with("Not screened"));
    assert_eq!(
        said,
        [
            "Not screened, because nothing here reads them: CareRecord_Alert (1 row), CareRecord_Safeguarding (2 rows); look at \
          them in EMIS Web."
        ]
    );
    assert_eq!(read.notices().len(), 1);
}

#[test]
fn two_files_of_one_table_are_read_the_oldest_first() {
    let older = format!("900_CareRecord_Observation_{}.csv", STAMP.replace("0301", "0228"));
    let read = Extract::quiet()
        .with("CareRecord_Observation", observations(&[observation(1, &[])]))
        .file(&older, observations(&[observation(2, &[])]))
        .read();
    assert_eq!(read.ids(), [guid(2), guid(1)]);
    assert_eq!(
        read.notices(),
        [
            "CareRecord_Observation is there more than once for one sharing agreement: all were read, the oldest first; check that the folder holds one day."
        ]
    );
}

#[test]
fn a_folder_without_an_extract_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| Emis::new(path).read(&mut |_| Ok(())).unwrap_err().to_string();
    assert!(read(folder.path()).contains("holds no table of an EMIS Web extract"));
    assert!(read(&folder.path().join("absent")).contains("cannot be read"));
}

#[test]
fn a_text_over_the_limit_is_dropped_and_held() {
    let long = "x".repeat(5 << 20);
    let fits = "y".repeat(TEXT_LIMIT);
    let rows = [observation(1, &[("AssociatedText", &long)]), observation(2, &[("AssociatedText", &fits)])];
    let read = Extract::quiet().with("CareRecord_Observation", observations(&rows)).read();
    assert_eq!((read.part(1).text.len(), read.part(1).unreadable), (0, Some(Unreadable::TooLarge)));
    assert_eq!(read.part(1).display, "Anxiety");
    assert_eq!((read.part(2).text.len(), read.part(2).unreadable), (TEXT_LIMIT, None));
}

#[test]
fn a_quote_that_is_never_closed_costs_one_row() {
    let lost = observation(2, &[]).replace(CONFIDENTIAL, "\"never closed");
    let mut rows = vec![observation(1, &[]), lost];
    // Together longer than a row may be, and no quote in them.
    let text = "x".repeat(20_000);
    rows.extend((3..900).map(|n| observation(n, &[("AssociatedText", &text)])));
    let last = rows.len();
    let read = Extract::quiet().with("CareRecord_Observation", observations(&rows)).read();
    assert_eq!(read.parts().len(), last - 1);
    assert_eq!(read.set_aside().len(), 1);
    assert_eq!(read.set_aside()[0].why, "the row is longer than 16 MiB: it was left out; ask for the table again");
}

#[test]
fn control_characters_are_kept_as_they_are() {
    let text = "red \u{1b}[31malert\u{7} \u{202e}txet\u{0}";
    let read = Extract::quiet()
        .with("CareRecord_Observation", observations(&[observation(1, &[("AssociatedText", text)])]))
        .read();
    assert_eq!(read.part(1).text, text);
}

/// A good row, or one way to be bad.
#[derive(Debug, Clone)]
enum Line {
    Good(String),
    Bad(u8),
}

fn bytes_of(n: usize, line: &Line) -> Vec<u8> {
    let good = observation(n, &[("AssociatedText", CONFIDENTIAL)]);
    match line {
        Line::Good(text) => observation(n, &[("AssociatedText", text)]).into_bytes(),
        Line::Bad(0) => good.rsplit_once(',').unwrap().0.into(),
        Line::Bad(1) => format!("{good},more").into(),
        Line::Bad(2) => good.replace(CONFIDENTIAL, "\"never closed").into(),
        Line::Bad(3) => good.replace(CONFIDENTIAL, "\"never closed,\r\nin two lines").into(),
        Line::Bad(4) => good.replace(CONFIDENTIAL, "\"closed\" too early").into(),
        Line::Bad(5) => good.replace(CONFIDENTIAL, "\"a text,\r\nof two lines\",and a field too many").into(),
        Line::Bad(6) => {
            good.replace(CONFIDENTIAL, "Q").bytes().map(|byte| if byte == b'Q' { 0xff } else { byte }).collect()
        }
        Line::Bad(7) => good.get(..40).unwrap().into(),
        Line::Bad(_) => good.replace("-8000-", " 8000 ").into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_good_row_is_lost_among_bad_ones(
        lines in proptest::collection::vec(
            prop_oneof!["[a-z ,\"\\n]{0,12}".prop_map(Line::Good), (0u8..9).prop_map(Line::Bad)],
            0..12,
        )
    ) {
        let mut content = (OBSERVATION.join(",") + "\r\n").into_bytes();
        for (n, line) in lines.iter().enumerate() {
            content.extend(bytes_of(n, line));
            content.extend(b"\r\n");
        }
        let read = Extract::quiet().with("CareRecord_Observation", content).read();
        let good = |line: &&Line| matches!(line, Line::Good(_));
        for (n, line) in lines.iter().enumerate() {
            if let Line::Good(text) = line {
                // Nothing but white space is no text.
                let text = if text.trim().is_empty() { "" } else { text };
                prop_assert_eq!(&read.part(n).text, text, "row {}", n);
            }
        }
        let kept = lines.iter().filter(|line| good(line) || matches!(line, Line::Bad(6)));
        prop_assert_eq!(read.parts().len(), kept.count());
        prop_assert_eq!(read.set_aside().len(), lines.iter().filter(|line| !good(line)).count());
    }
}
