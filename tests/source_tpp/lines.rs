//! What good rows say.

use anteroom::record::{CodeSystem, EntryId, EntryKind, EntryVersion, Lane, Unreadable, Version};
use anteroom::screen::Rules;
use anteroom::source::{Belongs, Change};

use crate::kit::*;

#[test]
fn a_quiet_day_says_only_what_time_it_covers() {
    let read = Batch::quiet().read();
    assert!(matches!(read.0.as_slice(), [Change::Covers(_)]), "{read:?}");
}

#[test]
fn an_event_gathers_codes_texts_and_letters() {
    let staff = table(
        "RowIdentifier,StaffName,RemovedData",
        &[row("RowIdentifier,StaffName,RemovedData", &[("RowIdentifier", "90"), ("StaffName", "Dr Grace Sample")])],
    );
    let profiles = "RowIdentifier,IDStaffMember,RemovedData";
    let profile = row(profiles, &[("RowIdentifier", "91"), ("IDStaffMember", "90")]);
    let mapping = "RowIdentifier,IdMappingGroup,Mapping";
    let method = row(mapping, &[("RowIdentifier", "300"), ("Mapping", "Telephone")]);
    let media = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,IDEvent,DateEvent,DateEventRecorded,FileName,SenderOrganisation,RemovedData";
    let letter = row(
        media,
        &[
            ("RowIdentifier", "4"),
            ("IDOrganisationVisibleTo", ORGANISATION),
            ("IDPatient", "1"),
            ("IDEvent", "7"),
            ("DateEventRecorded", "28 Feb 2026 09:31:00"),
            ("FileName", "MARAC minutes.pdf"),
        ],
    );
    let read = Batch::quiet()
        .with("SRStaffMember", staff)
        .with("SRStaffMemberProfile", table(profiles, &[profile]))
        .with("SRMapping", table(mapping, &[method]))
        .with("SREvent", table(SREVENT, &[event("7", &[("ContactMethod", "300"), ("IDProfileEnteredBy", "91")])]))
        .with("SRCode", table(SRCODE, &[code("2", &[("IDDoneBy", "90")]), code("3", &[("IDEvent", "-1")])]))
        .with(
            "SRFreeText",
            table(
                &format!("{SRFREETEXT},RemovedData"),
                &[text("5", &[("IDEvent", "7"), ("Question", "History")]) + ",\"\""],
            ),
        )
        .with("SRMedia", table(media, &[letter]))
        .read();
    assert!(read.set_aside().is_empty() && read.notices().is_empty(), "{read:?}");
    let group = read.group("event:7");
    assert_eq!((group.kind, group.title.as_str()), (EntryKind::Consultation, "Telephone"));
    assert_eq!(group.recorded, Some("2026-02-28T09:30:00Z".parse().unwrap()));
    assert_eq!((group.author.id.as_str(), group.author.name.as_str()), ("staff:90", "Dr Grace Sample"));
    assert!(read.0.contains(&Change::Staff { key: key("staff:90"), name: "Dr Grace Sample".into() }));
    let coded = read.facts("code:2");
    assert_eq!((&coded.belongs, &coded.patient), (&Belongs::To(key("event:7")), &key("patient:1")));
    assert_eq!(coded.part.display, "Anxiety");
    assert_eq!(
        coded.part.codes.iter().map(|code| (code.system, code.code.as_str())).collect::<Vec<_>>(),
        [(CodeSystem::Snomed, "48694002"), (CodeSystem::Ctv3, "E200.")]
    );
    assert_eq!(coded.part.author, group.author);
    assert_eq!(read.facts("code:3").belongs, Belongs::Alone);
    let spoken = read.facts("text:5::::1");
    assert_eq!((&spoken.belongs, spoken.part.text.as_str()), (&Belongs::To(key("event:7")), CONFIDENTIAL));
    assert_eq!(spoken.part.heading, "History");
    let letter = read.facts("media:4");
    assert_eq!((letter.kind, letter.part.unreadable), (EntryKind::Document, Some(Unreadable::NotSent)));
    assert_eq!((&letter.belongs, letter.part.text.as_str()), (&Belongs::To(key("event:7")), "MARAC minutes.pdf"));
}

#[test]
fn a_value_keeps_its_number_even_where_a_list_has_it_too() {
    let mapping = "RowIdentifier,IdMappingGroup,Mapping";
    let list = row(mapping, &[("RowIdentifier", "128"), ("Mapping", "Telephone")]);
    let value = [("IsNumeric", "TRUE"), ("NumericComparator", "<"), ("NumericValue", "128"), ("NumericUnit", "mmol/L")];
    let read = Batch::quiet()
        .with("SRMapping", table(mapping, &[list]))
        .with("SRCode", table(SRCODE, &[code("2", &value)]))
        .read();
    assert_eq!((read.facts("code:2").kind, read.part("code:2").value.as_str()), (EntryKind::Result, "< 128 mmol/L"));
}

#[test]
fn rows_of_free_text_with_one_identifier_stay_apart_and_find_their_line() {
    let of_code = [("SRTable", "SRCode"), ("IDSRTable", "2")];
    let rows = [
        text("5", &[("IDEvent", "7"), ("Question", "At home?")]),
        text("5", &[("IDEvent", "7"), ("Question", "Since when?"), ("FreeText", "Sunday")]),
        text("6", &of_code),
        text("6", &[]),
    ];
    let read = Batch::quiet()
        .with("SRCode", table(SRCODE, &[code("2", &[])]))
        .with("SRFreeText", table(SRFREETEXT, &rows))
        .read();
    let keys: Vec<&str> = read.parts().iter().skip(1).map(|facts| facts.part.key.id.as_str()).collect();
    assert_eq!(keys, ["text:5::::1", "text:5::::2", "text:6:SRCode:2::1", "text:6::::1"]);
    assert_eq!(read.part("text:5::::2").text, "Sunday");
    assert_eq!(read.facts("text:6:SRCode:2::1").belongs, Belongs::With(key("code:2")));
    assert_eq!(read.facts("text:6::::1").belongs, Belongs::Alone);
    assert_eq!(read.facts("text:6::::1").patient, key("patient:1"), "the only organisation of the batch");
}

/// That somebody is on a plan is what must not be read over a shoulder: it is held by what the row says,
/// without a word of free text.
#[test]
fn plans_and_notes_are_entries_that_are_held() {
    let child = "RowIdentifier,IDOrganisationVisibleTo,DateAdded,ChildProtectionPlan,DateRemoved,RemovalReason,IDPatient,RemovedData";
    let person = "RowIdentifier,IDOrganisationVisibleTo,DateAdded,ProtectionPlan,DateRemoved,IDPatient,ReasonForPlan,RemovedData";
    let note = "RowIdentifier,IDOrganisationVisibleTo,DateEventRecorded,DateStart,Type,Note,DateExpired,DateDeleted,IDPatient,RemovedData";
    let common = [("RowIdentifier", "1"), ("IDOrganisationVisibleTo", ORGANISATION), ("IDPatient", "1")];
    let with = |columns: &str, besides: &[(&str, &str)]| row(columns, &[&common, besides].concat());
    let read = Batch::quiet()
        .with("SRChildAtRisk", table(child, &[with(child, &[("DateAdded", "28 Feb 2026 10:00:00")])]))
        .with(
            "SRPersonAtRisk",
            table(person, &[with(person, &[("DateAdded", "28 Feb 2026 10:00:00"), ("ReasonForPlan", CONFIDENTIAL)])]),
        )
        .with(
            "SRSpecialNotes",
            table(
                note,
                &[
                    with(
                        note,
                        &[("Type", "Alert"), ("Note", CONFIDENTIAL), ("DateEventRecorded", "28 Feb 2026 10:00:00")],
                    ),
                    with(note, &[("RowIdentifier", "2"), ("DateDeleted", "28 Feb 2026 11:00:00")]),
                ],
            ),
        )
        .read();
    assert!(read.set_aside().is_empty() && read.notices().is_empty(), "{read:?}");
    assert!(read.0.contains(&Change::PartGone(key("note:2"))));
    assert_eq!(read.part("person-at-risk:1").text, CONFIDENTIAL);
    assert_eq!((read.part("note:1").display.as_str(), read.part("note:1").text.as_str()), ("Alert", CONFIDENTIAL));
    let rules = Rules::built_in();
    for id in ["child-at-risk:1", "person-at-risk:1"] {
        let facts = read.facts(id);
        assert_eq!((&facts.belongs, facts.recorded), (&Belongs::Alone, Some("2026-02-28T10:00:00Z".parse().unwrap())));
        let mut part = facts.part.clone();
        part.text.clear();
        let version = EntryVersion {
            entry: EntryId([0; 16]),
            version: Version::FIRST,
            kind: facts.kind,
            title: String::new(),
            happened: None,
            recorded: None,
            author: Default::default(),
            parts: vec![part],
        };
        assert_eq!(rules.screen_entry(&version).lane, Lane::Hold, "{id}");
    }
}

#[test]
fn a_problem_takes_its_words_from_its_code() {
    let problem =
        "RowIdentifier,IDOrganisationVisibleTo,DateEventRecorded,CTV3Code,IDCode,IDEvent,IDPatient,RemovedData";
    let common =
        [("RowIdentifier", "8"), ("IDOrganisationVisibleTo", ORGANISATION), ("IDPatient", "1"), ("CTV3Code", "E200.")];
    let with = |besides: &[(&str, &str)]| table(problem, &[row(problem, &[&common, besides].concat())]);
    let read = Batch::quiet().with("SRProblem", with(&[("IDCode", "2")])).read();
    assert_eq!(read.facts("problem:8").belongs, Belongs::With(key("code:2")));
    assert_eq!(read.part("problem:8").unreadable, None);
    let nowhere = Batch::quiet().with("SRProblem", with(&[])).read();
    let held = nowhere.part("problem:8");
    assert_eq!((held.display.as_str(), held.unreadable), ("code E200. (unknown)", Some(Unreadable::NotSent)));
    let terms = "RowIdentifier,Ctv3Code,Ctv3Text";
    let term = row(terms, &[("RowIdentifier", "1"), ("Ctv3Code", "E200."), ("Ctv3Text", "Anxiety states")]);
    let known = Batch::quiet().with("SRProblem", with(&[])).with("SRCtv3", table(terms, &[term])).read();
    assert_eq!(
        (known.part("problem:8").display.as_str(), known.part("problem:8").unreadable),
        ("Anxiety states", None)
    );
}

#[test]
fn what_was_removed_is_gone_and_needs_no_more_than_its_number() {
    let removed = [("RemovedData", "1"), ("IDOrganisationVisibleTo", ""), ("IDPatient", "")];
    let read = Batch::quiet()
        .with("SRPatient", table(SRPATIENT, &[row(SRPATIENT, &[("RowIdentifier", "3"), ("RemovedData", "1")])]))
        .with("SREvent", table(SREVENT, &[event("7", &removed)]))
        .with("SRCode", table(SRCODE, &[code("2", &removed), code("4", &[])]))
        .read();
    for gone in
        [Change::PatientGone(key("patient:3")), Change::GroupGone(key("event:7")), Change::PartGone(key("code:2"))]
    {
        assert!(read.0.contains(&gone), "{gone:?}");
    }
    let two = Batch::quiet()
        .with("SREvent", table(SREVENT, &[event("7", &removed), event("8", &[("IDOrganisationVisibleTo", "B1")])]))
        .with("SRCode", table(SRCODE, &[code("4", &[])]))
        .read();
    assert!(!two.0.contains(&Change::GroupGone(key("event:7"))), "not guessed between two");
    assert_eq!(
        two.set_aside(),
        [
            "SREvent.csv, row 2: a deletion without IDOrganisationVisibleTo in a batch of several organisations, or of none: it was left out; ask the supplier for it again"
        ]
    );
}
