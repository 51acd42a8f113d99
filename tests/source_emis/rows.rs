//! What good rows say.

use anteroom::record::{AccessLevel, Code, CodeSystem, EntryKind, Unreadable};
use anteroom::source::{Belongs, Change, SetAside};

use crate::extract::*;

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
fn documents_are_unread_unless_the_row_is_all_there_is_of_them() {
    let elsewhere = ("DocumentGuid", "{F0000000-0000-4000-8000-000000000001}");
    let (document, wordless) = (("ObservationType", "Document"), ("AssociatedText", ""));
    let rows = [
        observation(1, &[elsewhere]),
        observation(2, &[elsewhere, document, wordless]),
        observation(3, &[document, wordless]),
        observation(4, &[document]),
    ];
    let read = Extract::quiet().with("CareRecord_Observation", observations(&rows)).read();
    for (n, unreadable) in
        [(1, Some(Unreadable::NotSent)), (2, Some(Unreadable::NotSent)), (3, Some(Unreadable::NotSent)), (4, None)]
    {
        assert_eq!(read.facts(n).kind, EntryKind::Document);
        assert_eq!(read.part(n).unreadable, unreadable, "{n}");
    }
    assert_eq!(read.part(1).text, CONFIDENTIAL, "what did come is kept");
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
        [
            Change::PatientGone(key(PATIENT)),
            Change::GroupGone(key(CONSULTATION)),
            Change::CompanionGone(key(&format!("referral:{}", guid(1)))),
            Change::PartGone(key(&guid(1))),
        ]
    );
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
