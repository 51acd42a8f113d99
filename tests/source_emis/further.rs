//! The tables beside consultations and their lines.

use anteroom::record::{CodeSystem, EntryKind, Unreadable};
use anteroom::source::{Belongs, Change, PartFacts};

use crate::extract::*;

const DIARY: [&str; 17] = [
    "DiaryGuid",
    "PatientGuid",
    "OrganisationGuid",
    "EffectiveDate",
    "EffectiveDatePrecision",
    "EnteredDate",
    "EnteredTime",
    "ClinicianUserInRoleGuid",
    "CodeId",
    "OriginalTerm",
    "AssociatedText",
    "DurationTerm",
    "LocationTypeDescription",
    "Deleted",
    "IsConfidential",
    "ConsultationGuid",
    "ProcessingId",
];
const REFERRAL: [&str; 7] = [
    "ObservationGuid",
    "PatientGuid",
    "OrganisationGuid",
    "ReferralUrgency",
    "ReferralServiceType",
    "ReferralMode",
    "ReferralReasonCodeId",
];
const ISSUE: [&str; 20] = [
    "IssueRecordGuid",
    "PatientGuid",
    "OrganisationGuid",
    "DrugRecordGuid",
    "EffectiveDate",
    "EffectiveDatePrecision",
    "EnteredDate",
    "EnteredTime",
    "ClinicianUserInRoleGuid",
    "CodeId",
    "Dosage",
    "Quantity",
    "QuantityUnit",
    "IsConfidential",
    "PatientMessage",
    "PharmacyMessage",
    "PharmacyText",
    "ConsultationGuid",
    "Deleted",
    "ProcessingId",
];
const DRUG: [&str; 15] = [
    "DrugRecordGuid",
    "PatientGuid",
    "OrganisationGuid",
    "EffectiveDate",
    "EffectiveDatePrecision",
    "EnteredDate",
    "EnteredTime",
    "ClinicianUserInRoleGuid",
    "CodeId",
    "Dosage",
    "Quantity",
    "QuantityUnit",
    "PrescriptionType",
    "IsConfidential",
    "Deleted",
];
const DRUG_CODES: &str = "CodeId,Term,DmdProductCodeId\r\n70,Sertraline 50mg tablets,39695211000001102\r\n";

fn one(read: &Read, id: &str) -> PartFacts {
    let found = read.parts().into_iter().find(|facts| facts.part.key == key(id));
    found.unwrap_or_else(|| panic!("no {id} in {:?}", read.0)).clone()
}

#[test]
fn a_diary_entry_says_what_is_planned_and_when() {
    let rows = [
        line(
            &DIARY,
            &[
                ("DiaryGuid", &guid(1)),
                ("CodeId", "300"),
                ("OriginalTerm", "MARAC review"),
                ("AssociatedText", CONFIDENTIAL),
                ("EffectiveDate", "2031-02-28"),
                ("DurationTerm", "Soon"),
                ("ConsultationGuid", CONSULTATION),
            ],
        ),
        line(&DIARY, &[("DiaryGuid", &guid(2)), ("CodeId", "300"), ("EffectiveDate", "2999-01-01")]),
        row(&DIARY, &[("DiaryGuid", &guid(3)), ("Deleted", "true")]),
    ];
    let read = Extract::quiet().with("CareRecord_Diary", table(&DIARY, &rows)).read();
    let planned = one(&read, &format!("diary:{}", guid(1)));
    assert_eq!(planned.belongs, Belongs::To(key(CONSULTATION)));
    assert_eq!((planned.part.display.as_str(), planned.part.text.as_str()), ("MARAC review", CONFIDENTIAL));
    assert_eq!((planned.part.value.as_str(), planned.part.happened), ("Soon", day("2031-02-28")));
    assert_eq!(planned.part.codes[0].code, "48694002");
    let astray = one(&read, &format!("diary:{}", guid(2)));
    assert_eq!((&astray.belongs, astray.part.happened), (&Belongs::Alone, None));
    assert_eq!(astray.part.display, "Anxiety", "the code speaks where no term was chosen");
    assert_eq!(
        read.set_aside().into_iter().map(|aside| aside.why.as_str()).collect::<Vec<_>>(),
        [
            "EffectiveDate lies more than a year after the extract: the row was kept without that date; correct it in EMIS Web"
        ]
    );
    assert!(read.0.contains(&Change::PartGone(key(&format!("diary:{}", guid(3))))));
}

#[test]
fn a_referral_stands_and_goes_with_its_observation() {
    let referral = line(
        &REFERRAL,
        &[
            ("ObservationGuid", &guid(1)),
            ("ReferralUrgency", "Urgent"),
            ("ReferralMode", "Written"),
            ("ReferralReasonCodeId", "300"),
        ],
    );
    let gone = row(&OBSERVATION, &[("ObservationGuid", &guid(2)), ("Deleted", "true")]);
    let read = Extract::quiet()
        .with("CareRecord_ObservationReferral", table(&REFERRAL, &[referral]))
        .with("CareRecord_Observation", observations(&[observation(1, &[]), gone]))
        .read();
    let facts = one(&read, &format!("referral:{}", guid(1)));
    assert_eq!(facts.belongs, Belongs::With(key(&guid(1))));
    assert_eq!((facts.part.display.as_str(), facts.part.value.as_str()), ("Anxiety", "Urgent, Written"));
    let order = read.ids();
    assert_eq!(order, [guid(1), format!("referral:{}", guid(1))], "the observation comes first");
    assert!(read.0.contains(&Change::CompanionGone(key(&format!("referral:{}", guid(2))))));
}

#[test]
fn medicines_keep_name_directions_amount_and_messages() {
    let drug = line(
        &DRUG,
        &[
            ("DrugRecordGuid", &guid(1)),
            ("CodeId", "70"),
            ("Dosage", "One daily"),
            ("Quantity", "28"),
            ("QuantityUnit", "tablet"),
            ("PrescriptionType", "Repeat"),
        ],
    );
    let issue = [
        ("DrugRecordGuid", guid(1)),
        ("CodeId", "70".to_owned()),
        ("Dosage", "One daily".to_owned()),
        ("PatientMessage", CONFIDENTIAL.to_owned()),
        ("PharmacyMessage", "do not hand to partner".to_owned()),
        ("PharmacyText", "call first".to_owned()),
    ];
    let issue = |n: usize, consultation: &str| {
        let own = guid(n);
        let mut fields: Vec<(&str, &str)> = issue.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend([("IssueRecordGuid", own.as_str()), ("ConsultationGuid", consultation)]);
        line(&ISSUE, &fields)
    };
    let read = Extract::quiet()
        .with("Coding_DrugCode", DRUG_CODES)
        .with("Prescribing_DrugRecord", table(&DRUG, &[drug]))
        .with("Prescribing_IssueRecord", table(&ISSUE, &[issue(1, CONSULTATION), issue(2, "")]))
        .read();
    assert!(read.set_aside().is_empty() && read.notices().is_empty(), "{:?}", read.0);
    let drug = one(&read, &format!("drug:{}", guid(1)));
    assert_eq!((drug.kind, &drug.belongs), (EntryKind::Medication, &Belongs::Alone));
    assert_eq!(drug.part.display, "Sertraline 50mg tablets");
    assert_eq!((drug.part.value.as_str(), drug.part.text.as_str()), ("28 tablet Repeat", "One daily"));
    let code = &drug.part.codes[0];
    assert_eq!((code.system, code.code.as_str()), (CodeSystem::Snomed, "39695211000001102"));
    let issued = one(&read, &format!("issue:{}", guid(1)));
    assert_eq!(issued.belongs, Belongs::To(key(CONSULTATION)));
    assert_eq!(issued.part.text, format!("One daily\n{CONFIDENTIAL}\ndo not hand to partner\ncall first"));
    assert_eq!(one(&read, &format!("issue:{}", guid(2))).belongs, Belongs::Alone);
}

#[test]
fn a_medicine_without_a_name_is_held_and_said() {
    let drug = line(&DRUG, &[("DrugRecordGuid", &guid(1)), ("CodeId", "71"), ("Dosage", "One daily")]);
    let drugs = table(&DRUG, &[drug]);
    let unknown = Extract::quiet().with("Coding_DrugCode", DRUG_CODES).with("Prescribing_DrugRecord", &drugs).read();
    let held = one(&unknown, &format!("drug:{}", guid(1)));
    assert_eq!((held.part.unreadable, held.part.text.as_str()), (Some(Unreadable::NotSent), "One daily"));
    assert_eq!(
        unknown.set_aside()[0].why,
        "CodeId is not in Coding_DrugCode, so nobody knows what the line says: it and others with this code are held; ask the supplier for a whole Coding_DrugCode"
    );
    let none = Extract::quiet().with("Prescribing_DrugRecord", &drugs).read();
    assert_eq!(one(&none, &format!("drug:{}", guid(1))).part.unreadable, Some(Unreadable::NotSent));
    assert!(none.set_aside().is_empty());
    assert_eq!(
        none.notices(),
        [
            "There is no Coding_DrugCode file in the extract: no medicine has its name, so every one is held; ask the supplier for it."
        ]
    );
}
