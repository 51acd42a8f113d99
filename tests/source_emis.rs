//! What an EMIS Web extract folder says, seen through `Source`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use anteroom::record::{AccessLevel, Code, CodeSystem, EntryKind, Part, SourceKey, Unreadable};
use anteroom::source::emis::{Emis, Letters};
use anteroom::source::{Belongs, Change, PartFacts, PatientFacts, SetAside, Source, TEXT_LIMIT};
use chrono::NaiveDate;
use proptest::prelude::*;

const STAMP: &str = "20260301020000_45E7CD20-EE37-41AB-90D6-DC9D4B03D102";
const PRACTICE: &str = "A0000000-0000-4000-8000-000000000001";
const PATIENT: &str = "C0000000-0000-4000-8000-000000000001";
const CONSULTATION: &str = "D0000000-0000-4000-8000-000000000001";
const CLINICIAN: &str = "E0000000-0000-4000-8000-000000000001";
/// Stands in every text; no sentence to people may hold it.
const CONFIDENTIAL: &str = "afraid of going home";

const OBSERVATION: [&str; 23] = [
    "ObservationGuid",
    "PatientGuid",
    "OrganisationGuid",
    "EffectiveDate",
    "EffectiveDatePrecision",
    "EnteredDate",
    "EnteredTime",
    "ClinicianUserInRoleGuid",
    "EnteredByUserInRoleGuid",
    "ParentObservationGuid",
    "CodeId",
    "ProblemGuid",
    "AssociatedText",
    "ConsultationGuid",
    "Value",
    "NumericUnit",
    "ObservationType",
    "NumericRangeLow",
    "NumericRangeHigh",
    "DocumentGuid",
    "Deleted",
    "IsConfidential",
    "ProcessingId",
];
const PATIENT_COLUMNS: [&str; 10] = [
    "PatientGuid",
    "OrganisationGuid",
    "Sex",
    "DateOfBirth",
    "GivenName",
    "Surname",
    "NhsNumber",
    "NumberAndStreet",
    "Postcode",
    "Deleted",
];
const CODES: &str = "CodeId,Term,ReadTermId,SnomedCTConceptId\r\n\
    100,History,,\r\n\
    200,Serum sodium level,44I5.,1000661000000107\r\n\
    300,Anxiety,E200-1,48694002\r\n";

fn guid(n: usize) -> String {
    format!("B0000000-0000-4000-8000-{n:012}")
}

fn key(id: &str) -> SourceKey {
    SourceKey { system: "emis".into(), organisation: PRACTICE.into(), id: id.into() }
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A row of `columns` in which those not named are empty.
fn row(columns: &[&str], fields: &[(&str, &str)]) -> String {
    for (name, _) in fields {
        assert!(columns.contains(name), "{name}");
    }
    let value = |column: &&str| fields.iter().rfind(|(name, _)| name == column).map_or("", |(_, value)| value);
    columns.iter().map(|column| quoted(value(column))).collect::<Vec<_>>().join(",")
}

/// A good observation row, changed in the fields named.
fn observation(n: usize, changed: &[(&str, &str)]) -> String {
    let (guid, number) = (guid(n), n.to_string());
    let mut fields = vec![
        ("ObservationGuid", guid.as_str()),
        ("PatientGuid", PATIENT),
        ("OrganisationGuid", PRACTICE),
        ("EffectiveDate", "2026-02-28"),
        ("EffectiveDatePrecision", "YMD"),
        ("EnteredDate", "2026-02-28"),
        ("EnteredTime", "09:30:00"),
        ("ClinicianUserInRoleGuid", CLINICIAN),
        ("CodeId", "300"),
        ("AssociatedText", CONFIDENTIAL),
        ("ConsultationGuid", CONSULTATION),
        ("ObservationType", "Observation"),
        ("Deleted", "false"),
        ("ProcessingId", number.as_str()),
    ];
    fields.extend_from_slice(changed);
    row(&OBSERVATION, &fields)
}

fn patient(changed: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("PatientGuid", PATIENT),
        ("OrganisationGuid", PRACTICE),
        ("Sex", "F"),
        ("DateOfBirth", "1990-05-06"),
        ("GivenName", "Ada"),
        ("Surname", "Example"),
        ("NhsNumber", "9434765919"),
        ("NumberAndStreet", "1 Low Road"),
        ("Postcode", "ZZ99 1AA"),
        ("Deleted", "false"),
    ];
    fields.extend_from_slice(changed);
    row(&PATIENT_COLUMNS, &fields)
}

fn table(columns: &[&str], rows: &[String]) -> String {
    let mut lines = vec![columns.join(",")];
    lines.extend_from_slice(rows);
    lines.join("\r\n") + "\r\n"
}

fn observations(rows: &[String]) -> String {
    table(&OBSERVATION, rows)
}

/// An extract of one practice with these files besides; a later file of a name replaces an earlier one.
struct Extract(tempfile::TempDir);

impl Extract {
    /// Everything that makes a quiet day.
    fn quiet() -> Self {
        let extract = Self(tempfile::tempdir().unwrap());
        extract
            .with("Admin_Organisation", format!("OrganisationGuid,OrganisationName,ODSCode\r\n{PRACTICE},Low Road Surgery,Z99902\r\n"))
            .with(
                "Agreements_SharingOrganisation",
                format!("OrganisationGuid,IsActivated,LastModifiedDate,Disabled,Deleted\r\n{PRACTICE},true,2026-01-01 09:00:00,false,false\r\n"),
            )
            .with("Coding_ClinicalCode", CODES)
            .with("Admin_Patient", table(&PATIENT_COLUMNS, &[]))
            .with("CareRecord_Consultation", "ConsultationGuid,PatientGuid,OrganisationGuid,EffectiveDate,EffectiveDatePrecision,EnteredDate,EnteredTime,ClinicianUserInRoleGuid,ConsultationSourceTerm,Deleted,ProcessingId\r\n")
            .with("CareRecord_Observation", observations(&[]))
            .with("CareRecord_Problem", "ObservationGuid,PatientGuid,OrganisationGuid,Deleted,Comment,ProblemStatusDescription,SignificanceDescription,ProcessingId\r\n")
    }

    fn with(self, table: &str, content: impl AsRef<[u8]>) -> Self {
        self.file(&format!("1_{table}_{STAMP}.csv"), content)
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.0.path().join(name), content).unwrap();
        self
    }

    fn without(self, table: &str) -> Self {
        std::fs::remove_file(self.0.path().join(format!("1_{table}_{STAMP}.csv"))).unwrap();
        self
    }

    fn read(self) -> Read {
        Read::from(Emis::new(self.0.path()))
    }
}

/// What came out.
#[derive(Debug)]
struct Read(Vec<Change>);

impl Read {
    fn from(mut source: Emis) -> Self {
        let mut changes = Vec::new();
        source
            .read(&mut |change| {
                changes.push(change);
                Ok(())
            })
            .unwrap();
        for change in &changes {
            let said = match change {
                Change::SetAside(set_aside) => set_aside.to_string(),
                Change::Notice(notice) => notice.clone(),
                _ => continue,
            };
            assert!(!said.contains(CONFIDENTIAL) && !said.contains(PATIENT), "{said}");
        }
        Self(changes)
    }

    fn parts(&self) -> Vec<&PartFacts> {
        self.0.iter().filter_map(|change| if let Change::Part(facts) = change { Some(facts) } else { None }).collect()
    }

    fn part(&self, n: usize) -> &Part {
        &self.facts(n).part
    }

    fn facts(&self, n: usize) -> &PartFacts {
        let key = key(&guid(n));
        self.parts().into_iter().find(|facts| facts.part.key == key).unwrap_or_else(|| panic!("{:?}", self.0))
    }

    fn patients(&self) -> Vec<&PatientFacts> {
        self.0
            .iter()
            .filter_map(|change| if let Change::Patient(facts) = change { Some(facts) } else { None })
            .collect()
    }

    fn set_aside(&self) -> Vec<&SetAside> {
        self.0.iter().filter_map(|change| if let Change::SetAside(set) = change { Some(set) } else { None }).collect()
    }

    fn notices(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter_map(|change| if let Change::Notice(text) = change { Some(text.as_str()) } else { None })
            .collect()
    }

    fn ids(&self) -> Vec<&str> {
        self.parts().into_iter().map(|facts| facts.part.key.id.as_str()).collect()
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    Some(text.parse().unwrap())
}

#[test]
fn a_quiet_day_says_nothing() {
    let read = Extract::quiet().read();
    assert_eq!(read.0, []);
}

#[test]
fn a_line_of_a_consultation() {
    let line = observation(
        1,
        &[
            ("ObservationGuid", "{b0000000-0000-4000-8000-000000000001}"),
            ("CodeId", "100"),
            ("AssociatedText", "he said \"no\",\r\nthen left"),
        ],
    );
    let staff = format!(
        "UserInRoleGuid,OrganisationGuid,Title,GivenName,Surname\r\n{CLINICIAN},{PRACTICE},Dr,Grace,Sample\r\n"
    );
    let read = Extract::quiet()
        .with("CareRecord_Observation", format!("\u{feff}{}", observations(&[line])))
        .with("Admin_UserInRole", staff)
        .read();
    let facts = read.facts(1);
    assert_eq!(facts.belongs, Belongs::To(key(CONSULTATION)));
    assert_eq!(facts.patient, key(PATIENT));
    assert_eq!((facts.part.heading.as_str(), facts.part.display.as_str()), ("History", ""));
    assert_eq!(facts.part.text, "he said \"no\",\nthen left");
    assert_eq!((facts.part.author.id.as_str(), facts.part.author.name.as_str()), (CLINICIAN, "Dr Grace Sample"));
    assert!(read.0.contains(&Change::Staff { key: key(CLINICIAN), name: "Dr Grace Sample".into() }));
    assert!(read.set_aside().is_empty());
}

#[test]
fn a_result_keeps_value_unit_range_and_codes() {
    let line = observation(
        1,
        &[
            ("CodeId", "200"),
            ("Value", "128"),
            ("NumericUnit", "mmol/L"),
            ("NumericRangeLow", "133"),
            ("NumericRangeHigh", "146"),
        ],
    );
    let read = Extract::quiet().with("CareRecord_Observation", observations(&[line])).read();
    let facts = read.facts(1);
    assert_eq!(facts.kind, EntryKind::Result);
    assert_eq!(facts.part.display, "Serum sodium level");
    assert_eq!(facts.part.value, "128 mmol/L (133–146)");
    let code = |system, code: &str| Code { system, code: code.into(), display: "Serum sodium level".into() };
    assert_eq!(facts.part.codes, [code(CodeSystem::Snomed, "1000661000000107"), code(CodeSystem::Read2, "44I5.")]);
}

#[test]
fn lines_outside_consultations_stay_with_their_parent() {
    let alone = [("ConsultationGuid", "")];
    let parent = guid(1);
    let child = [("ConsultationGuid", ""), ("ParentObservationGuid", parent.as_str())];
    let both = [("ParentObservationGuid", parent.as_str())];
    let rows = [observation(1, &alone), observation(2, &child), observation(3, &both)];
    let read = Extract::quiet().with("CareRecord_Observation", observations(&rows)).read();
    assert_eq!(read.facts(1).belongs, Belongs::Alone);
    assert_eq!(read.facts(2).belongs, Belongs::With(key(&parent)));
    assert_eq!(read.facts(3).belongs, Belongs::To(key(CONSULTATION)));
}

#[test]
fn documents_are_unread_unless_their_words_come_in_the_row() {
    let document = [("DocumentGuid", "{F0000000-0000-4000-8000-000000000001}"), ("ObservationType", "Document")];
    let wordless = [document[0], document[1], ("AssociatedText", "")];
    let rows = [observation(1, &document), observation(2, &wordless)];
    let extract = Extract::quiet().with("CareRecord_Observation", observations(&rows));
    let elsewhere = Read::from(Emis::new(extract.0.path()));
    let in_text = Read::from(Emis::new(extract.0.path()).with_letters(Letters::InText));
    for (read, n, unreadable) in [
        (&elsewhere, 1, Some(Unreadable::NotSent)),
        (&elsewhere, 2, Some(Unreadable::NotSent)),
        (&in_text, 1, None),
        (&in_text, 2, Some(Unreadable::NotSent)),
    ] {
        assert_eq!(read.facts(n).kind, EntryKind::Document);
        assert_eq!(read.part(n).unreadable, unreadable, "{n}");
    }
    assert_eq!(elsewhere.part(1).text, CONFIDENTIAL, "what did come is kept");
}

#[test]
fn dates_and_times_are_those_of_the_practice() {
    for (changed, happened, recorded) in [
        (vec![("EnteredDate", "2025-07-01")], day("2026-02-28"), "2025-07-01T08:30:00Z"),
        (vec![("EnteredDate", "2025-10-26"), ("EnteredTime", "01:30:00")], day("2026-02-28"), "2025-10-26T00:30:00Z"),
        (vec![("EnteredDate", "2025-03-30"), ("EnteredTime", "01:30:00")], day("2026-02-28"), "2025-03-30T01:30:00Z"),
        (vec![("EnteredTime", "")], day("2026-02-28"), "2026-02-28T00:00:00Z"),
        (vec![("EffectiveDatePrecision", "U")], None, "2026-02-28T09:30:00Z"),
        (vec![("EffectiveDatePrecision", "Y")], day("2026-01-01"), "2026-02-28T09:30:00Z"),
        (vec![("EffectiveDatePrecision", "YM")], day("2026-02-01"), "2026-02-28T09:30:00Z"),
        (vec![("EffectiveDatePrecision", "YMDT")], day("2026-02-28"), "2026-02-28T09:30:00Z"),
    ] {
        let read = Extract::quiet().with("CareRecord_Observation", observations(&[observation(1, &changed)])).read();
        assert_eq!(read.part(1).happened, happened, "{changed:?}");
        assert_eq!(read.facts(1).recorded, Some(recorded.parse().unwrap()), "{changed:?}");
        assert!(read.set_aside().is_empty());
    }
}

#[test]
fn lines_stand_in_the_order_in_which_they_were_saved() {
    let rows = [
        observation(1, &[("ProcessingId", "30")]),
        observation(2, &[("ProcessingId", "20")]),
        observation(3, &[("ProcessingId", "10"), ("EnteredTime", "09:31:00")]),
    ];
    let read = Extract::quiet().with("CareRecord_Observation", observations(&rows)).read();
    let mut order: Vec<(u64, usize)> = (1..=3).map(|n| (read.part(n).order, n)).collect();
    order.sort_unstable();
    assert_eq!(order.into_iter().map(|(_, n)| n).collect::<Vec<_>>(), [2, 1, 3]);
}

#[test]
fn a_problem_joins_its_observation_which_comes_first() {
    let problem = format!(
        "ObservationGuid,PatientGuid,OrganisationGuid,Deleted,Comment,ProblemStatusDescription,SignificanceDescription,ProcessingId\r\n\
         {},{PATIENT},{PRACTICE},false,{CONFIDENTIAL},Active Problem,Significant Problem,9\r\n\
         {},,,true,,,,10\r\n",
        guid(1),
        guid(2),
    );
    let read = Extract::quiet()
        .with("CareRecord_Problem", problem)
        .with("CareRecord_Observation", observations(&[observation(1, &[])]))
        .read();
    let id = format!("problem:{}", guid(1));
    assert_eq!(read.ids(), [guid(1).as_str(), id.as_str()]);
    let facts = read.parts()[1];
    assert_eq!(facts.belongs, Belongs::With(key(&guid(1))));
    assert_eq!((facts.part.heading.as_str(), facts.part.display.as_str()), ("Problem", ""));
    assert_eq!(facts.part.value, "Active Problem, Significant Problem");
    assert_eq!(facts.part.text, CONFIDENTIAL);
    assert!(read.0.contains(&Change::PartGone(key(&format!("problem:{}", guid(2))))));
}

#[test]
fn deletions_need_nothing_but_the_guid() {
    let gone = row(&OBSERVATION, &[("ObservationGuid", &guid(1)), ("Deleted", "TRUE")]);
    let consultation = format!(
        "ConsultationGuid,PatientGuid,OrganisationGuid,EffectiveDate,EnteredDate,Deleted\r\n{CONSULTATION},,,,,true\r\n"
    );
    let left = row(&PATIENT_COLUMNS, &[("PatientGuid", PATIENT), ("Deleted", "true")]);
    let read = Extract::quiet()
        .with("CareRecord_Observation", observations(&[gone]))
        .with("CareRecord_Consultation", consultation)
        .with("Admin_Patient", table(&PATIENT_COLUMNS, &[left]))
        .read();
    assert_eq!(
        read.0,
        [Change::PatientGone(key(PATIENT)), Change::GroupGone(key(CONSULTATION)), Change::PartGone(key(&guid(1)))]
    );
}

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
fn a_practice_that_stopped_sharing_is_an_alarm() {
    for (flags, stopped) in [
        ("true,false,true", "has left the sharing agreement"),
        ("true,true,false", "is disabled in the sharing agreement"),
        ("false,false,false", "is not activated in the sharing agreement"),
    ] {
        let read = Extract::quiet()
            .with(
                "Agreements_SharingOrganisation",
                format!("OrganisationGuid,IsActivated,Disabled,Deleted\r\n{PRACTICE},{flags}\r\n"),
            )
            .read();
        let expected = format!(
            "Low Road Surgery (Z99902) {stopped}: its new entries do not arrive, so an empty queue means nothing; \
             have it switched on again in EMIS Web."
        );
        assert_eq!(read.notices(), [expected]);
    }
}

#[test]
fn online_access_reaches_patients_of_the_day_and_others() {
    let online = "NhsNumber,AccessLevel,AccessFrom,ProxyName,ProxyRelation\r\n\
        943 476 5919,full,2026-02-01,Sam Example,Father\r\n\
        9434765919,,,Kim Example,Mother\r\n\
        9434765870,none,,,\r\n";
    let read = Extract::quiet()
        .file("online-access.csv", online)
        .with("Admin_Patient", table(&PATIENT_COLUMNS, &[patient(&[])]))
        .read();
    let known = read.patients()[0].online.clone().unwrap();
    assert_eq!((known.level, known.from), (AccessLevel::Full, day("2026-02-01")));
    let relations: Vec<&str> = known.proxies.iter().map(|proxy| proxy.relation.as_str()).collect();
    assert_eq!(relations, ["Father", "Mother"]);
    let others: Vec<&Change> = read.0.iter().filter(|change| matches!(change, Change::Online { .. })).collect();
    let [Change::Online { nhs_number, access }] = others.as_slice() else { panic!("{others:?}") };
    assert_eq!(*nhs_number, "9434765870".parse().unwrap());
    assert_eq!((access.level, access.from, access.proxies.len()), (AccessLevel::None, None, 0));
    assert_eq!(read.set_aside(), Vec::<&SetAside>::new());
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
        (invalid, LeftOut, "the row is not valid UTF-8: it was left out; export it again in UTF-8"),
        (
            observation(9, &[("ObservationGuid", "")]),
            LeftOut,
            "ObservationGuid or OrganisationGuid is empty or no GUID: the row was left out; ask the supplier for it again",
        ),
        (
            observation(9, &[("ObservationGuid", "not a guid")]),
            LeftOut,
            "ObservationGuid or OrganisationGuid is empty or no GUID: the row was left out; ask the supplier for it again",
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
fn names_of_columns_and_files_may_be_spelt_as_they_are() {
    let columns = "OBSERVATIONGUID, patientguid,OrganisationGUID,EffectiveDate,EnteredDate,ClinicanUserInRoleGuid,Codeid,Consultationguid,associatedText";
    let line = format!("{},{PATIENT},{PRACTICE},2026-02-28,2026-02-28,{CLINICIAN},300,,{CONFIDENTIAL}", guid(1));
    let read = Extract::quiet()
        .without("CareRecord_Observation")
        .file(&format!("7-90_carerecord_observation_{STAMP}.CSV"), format!("{columns}\n{line}"))
        .read();
    assert_eq!(read.part(1).author.id, CLINICIAN);
    assert_eq!(read.part(1).text, CONFIDENTIAL);
}

#[test]
fn files_that_are_no_table_of_the_day() {
    let other = format!("1_CareRecord_Diary_{STAMP}.csv");
    let read = Extract::quiet()
        .file(&format!("1_Admin_Location_{STAMP}.csv"), "anything")
        .file(&other, "anything")
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
            "Not screened, because nothing here reads them: CareRecord_Diary.",
            "CareRecord_Observation.csv was left out, because the name is not one of an extract (five parts with _ between them): rename it if it belongs to the day.",
        ]
    );
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
    assert!(read(&folder.path().join("absent")).contains("cannot be listed"));
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
        Line::Bad(6) => good.bytes().map(|byte| if byte == b'f' { 0xff } else { byte }).collect(),
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
        prop_assert_eq!(read.parts().len(), lines.iter().filter(good).count());
        prop_assert_eq!(read.set_aside().len(), lines.iter().filter(|line| !good(line)).count());
    }
}
