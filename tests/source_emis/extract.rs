//! Extract folders made for a test, and what is read from them.

use anteroom::record::{Part, SourceKey};
use anteroom::source::emis::Emis;
use anteroom::source::{Change, PartFacts, PatientFacts, SetAside, Source};
use chrono::NaiveDate;

pub const STAMP: &str = "20260301020000_45E7CD20-EE37-41AB-90D6-DC9D4B03D102";
pub const PRACTICE: &str = "A0000000-0000-4000-8000-000000000001";
pub const PATIENT: &str = "C0000000-0000-4000-8000-000000000001";
pub const CONSULTATION: &str = "D0000000-0000-4000-8000-000000000001";
pub const CLINICIAN: &str = "E0000000-0000-4000-8000-000000000001";
/// Stands in every text; no sentence to people may hold it.
pub const CONFIDENTIAL: &str = "afraid of going home";

pub const OBSERVATION: [&str; 23] = [
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
pub const PATIENT_COLUMNS: [&str; 10] = [
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
pub const CODES: &str = "CodeId,Term,ReadTermId,SnomedCTConceptId\r\n\
    100,History,,\r\n\
    200,Serum sodium level,44I5.,1000661000000107\r\n\
    300,Anxiety,E200-1,48694002\r\n";

pub fn guid(n: usize) -> String {
    format!("B0000000-0000-4000-8000-{n:012}")
}

pub fn key(id: &str) -> SourceKey {
    SourceKey { system: "emis".into(), organisation: PRACTICE.into(), id: id.into() }
}

pub fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A row of `columns` in which those not named are empty.
pub fn row(columns: &[&str], fields: &[(&str, &str)]) -> String {
    for (name, _) in fields {
        assert!(columns.contains(name), "{name}");
    }
    let value = |column: &&str| fields.iter().rfind(|(name, _)| name == column).map_or("", |(_, value)| value);
    columns.iter().map(|column| quoted(value(column))).collect::<Vec<_>>().join(",")
}

/// A row of any table with what all tables of the record have, and what is given besides.
pub fn line(columns: &[&str], besides: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("PatientGuid", PATIENT),
        ("OrganisationGuid", PRACTICE),
        ("EffectiveDate", "2026-02-28"),
        ("EffectiveDatePrecision", "YMD"),
        ("EnteredDate", "2026-02-28"),
        ("EnteredTime", "09:30:00"),
        ("ClinicianUserInRoleGuid", CLINICIAN),
        ("Deleted", "false"),
        ("IsConfidential", "true"),
    ];
    fields.retain(|(name, _)| columns.contains(name));
    fields.extend_from_slice(besides);
    row(columns, &fields)
}

/// A good observation row, changed in the fields named.
pub fn observation(n: usize, changed: &[(&str, &str)]) -> String {
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

pub fn patient(changed: &[(&str, &str)]) -> String {
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

pub fn table(columns: &[&str], rows: &[String]) -> String {
    let mut lines = vec![columns.join(",")];
    lines.extend_from_slice(rows);
    lines.join("\r\n") + "\r\n"
}

pub fn observations(rows: &[String]) -> String {
    table(&OBSERVATION, rows)
}

/// An extract of one practice with these files besides; a later file of a name replaces an earlier one.
pub struct Extract(pub tempfile::TempDir);

impl Extract {
    /// Everything that makes a quiet day.
    pub fn quiet() -> Self {
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

    pub fn with(self, table: &str, content: impl AsRef<[u8]>) -> Self {
        self.file(&format!("1_{table}_{STAMP}.csv"), content)
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.0.path().join(name), content).unwrap();
        self
    }

    pub fn without(self, table: &str) -> Self {
        std::fs::remove_file(self.0.path().join(format!("1_{table}_{STAMP}.csv"))).unwrap();
        self
    }

    pub fn read(self) -> Read {
        Read::from(Emis::new(self.0.path()))
    }
}

/// What came out.
#[derive(Debug)]
pub struct Read(pub Vec<Change>);

impl Read {
    pub fn from(mut source: Emis) -> Self {
        let mut changes = Vec::new();
        source
            .read(&mut |change| {
                if !matches!(
                    change,
                    Change::FileRead { .. } | Change::Whole(_) | Change::Sequence(_) | Change::Practice(_)
                ) {
                    changes.push(change);
                }
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

    pub fn parts(&self) -> Vec<&PartFacts> {
        self.0.iter().filter_map(|change| if let Change::Part(facts) = change { Some(facts) } else { None }).collect()
    }

    pub fn part(&self, n: usize) -> &Part {
        &self.facts(n).part
    }

    pub fn facts(&self, n: usize) -> &PartFacts {
        let key = key(&guid(n));
        self.parts().into_iter().find(|facts| facts.part.key == key).unwrap_or_else(|| panic!("{:?}", self.0))
    }

    pub fn patients(&self) -> Vec<&PatientFacts> {
        self.0
            .iter()
            .filter_map(|change| if let Change::Patient(facts) = change { Some(facts) } else { None })
            .collect()
    }

    pub fn set_aside(&self) -> Vec<&SetAside> {
        self.0.iter().filter_map(|change| if let Change::SetAside(set) = change { Some(set) } else { None }).collect()
    }

    pub fn notices(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter_map(|change| if let Change::Notice(text) = change { Some(text.as_str()) } else { None })
            .collect()
    }

    pub fn ids(&self) -> Vec<&str> {
        self.parts().into_iter().map(|facts| facts.part.key.id.as_str()).collect()
    }
}

pub fn day(text: &str) -> Option<NaiveDate> {
    Some(text.parse().unwrap())
}
