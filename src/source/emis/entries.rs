//! Consultations and the lines in them.

use chrono::{DateTime, NaiveDate, Utc};

use super::codes::Codes;
use super::people::no_guid;
use super::{Day, ExtractFile, companions, day_of, guid, is_true, key, latest, say_place};
use crate::record::{Code, CodeSystem, EntryKind, Part, SourceKey, Unreadable};
use crate::source::outlet::{Outlet, Sink};
use crate::source::table::{Column, Header, Row};
use crate::source::{Belongs, Change, GroupFacts, PartFacts, SourceError, dates};

/// Terms that say where in a consultation a line stands and nothing about the patient. EMIS Web writes
/// them as codes of its own.
const HEADINGS: [&str; 25] = [
    "additional",
    "administration note",
    "allergy",
    "assessment",
    "comment",
    "comment note",
    "document",
    "examination",
    "family history",
    "family history note",
    "follow up",
    "follow-up",
    "history",
    "investigation",
    "medication",
    "medication note",
    "plan",
    "problem",
    "procedure",
    "reason for encounter",
    "result",
    "social",
    "social history",
    "test request",
    "test request note",
];

/// Columns that every table of entries has.
pub(super) struct Common {
    id_name: &'static str,
    id: Column,
    patient: Column,
    practice: Column,
    deleted: Column,
    pub(super) processing: Column,
}

/// Columns that say when and by whom.
pub(super) struct Circumstances {
    effective: Column,
    precision: Column,
    entered_day: Column,
    entered_time: Column,
    clinician: Column,
    entered_by: Column,
}

impl Common {
    pub(super) fn find(header: &mut Header, id: &'static str) -> Self {
        Self {
            id_name: id,
            id: header.required(id),
            patient: header.required("PatientGuid"),
            practice: header.required("OrganisationGuid"),
            deleted: header.optional(&["Deleted"]),
            processing: header.optional(&["ProcessingId"]),
        }
    }
}

impl Circumstances {
    pub(super) fn find(header: &mut Header) -> Self {
        Self {
            effective: header.required("EffectiveDate"),
            precision: header.optional(&["EffectiveDatePrecision"]),
            entered_day: header.required("EnteredDate"),
            // Version 5.0 has no time in consultations.
            entered_time: header.optional(&["EnteredTime"]),
            clinician: header.optional(&["ClinicianUserInRoleGuid", "ClinicanUserInRoleGuid"]),
            entered_by: header.optional(&["EnteredByUserInRoleGuid"]),
        }
    }

    pub(super) fn people<'a>(&self, row: Row<'a>) -> [&'a str; 2] {
        [row.get(self.clinician), row.get(self.entered_by)]
    }

    /// The clinical date. Where the source knows only the year or the month, it is its first day.
    pub(super) fn happened(
        &self,
        row: Row<'_>,
        latest: NaiveDate,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<NaiveDate>, SourceError> {
        let precision = row.get(self.precision).to_ascii_uppercase();
        if precision == "U" {
            return Ok(None);
        }
        let day = day_of(row.get(self.effective), "EffectiveDate", latest, row, outlet)?;
        Ok(match precision.as_str() {
            "Y" => day.map(first_of_year),
            "YM" => day.map(first_of_month),
            _ => day,
        })
    }

    /// When it was saved, which is when the patient could first see it.
    pub(super) fn recorded(
        &self,
        row: Row<'_>,
        latest: NaiveDate,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let Some(day) = day_of(row.get(self.entered_day), "EnteredDate", latest, row, outlet)? else {
            return Ok(None);
        };
        let time = match dates::time(row.get(self.entered_time)) {
            Ok(time) => time,
            Err(why) => {
                outlet.set_aside(
                    row.number,
                    format!("EnteredTime {why}: midnight was taken instead; correct it in EMIS Web"),
                )?;
                chrono::NaiveTime::MIN
            }
        };
        Ok(Some(dates::from_london(day.and_time(time))))
    }
}

/// What the common columns of a row say.
pub(super) enum Named {
    Here {
        practice: String,
        id: String,
        patient: SourceKey,
    },
    Gone {
        key: SourceKey,
    },
    /// Already said.
    SetAside,
}

pub(super) fn name(
    file: &ExtractFile,
    columns: &Common,
    day: &Day,
    row: Row<'_>,
    outlet: &mut Outlet<'_>,
) -> Result<Named, SourceError> {
    say_place(file, columns.processing, row, outlet)?;
    let (id, practice) = (guid(row.get(columns.id)), day.practice(row.get(columns.practice)));
    let (Some(id), Some(practice)) = (id, practice) else {
        let which = if guid(row.get(columns.id)).is_none() { columns.id_name } else { "OrganisationGuid" };
        outlet.set_aside(row.number, no_guid(which))?;
        return Ok(Named::SetAside);
    };
    day.look_at_practice(&practice);
    // A deletion may come with everything else blank.
    if is_true(row.get(columns.deleted), "Deleted", row, outlet)? {
        return Ok(Named::Gone { key: key(&practice, &id) });
    }
    let Some(patient) = guid(row.get(columns.patient)) else {
        outlet.set_aside(row.number, no_guid("PatientGuid"))?;
        return Ok(Named::SetAside);
    };
    let patient = key(&practice, &patient);
    Ok(Named::Here { practice, id, patient })
}

/// Reads the consultations that are new, changed or gone.
pub(super) fn consultations(file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    let latest = latest(file);
    file.read(
        "ConsultationGuid",
        |header| {
            (
                Common::find(header, "ConsultationGuid"),
                Circumstances::find(header),
                header.optional(&["ConsultationSourceTerm"]),
            )
        },
        sink,
        |(common, when, title), row, outlet| match name(file, common, day, row, outlet)? {
            Named::SetAside => Ok(()),
            Named::Gone { key } => outlet.send(Change::GroupGone(key)),
            Named::Here { practice, id, patient } => {
                let facts = GroupFacts {
                    key: key(&practice, &id),
                    patient,
                    kind: EntryKind::Consultation,
                    title: row.get(*title).to_owned(),
                    happened: when.happened(row, latest, outlet)?,
                    recorded: when.recorded(row, latest, outlet)?,
                    author: day.author(&practice, when.people(row)),
                };
                outlet.send_group(row.number, facts)
            }
        },
    )
}

struct ObservationColumns {
    common: Common,
    when: Circumstances,
    code: Column,
    consultation: Column,
    parent: Column,
    text: Column,
    qualifiers: Column,
    abnormal_reason: Column,
    value: Column,
    unit: Column,
    low: Column,
    high: Column,
    kind: Column,
    document: Column,
}

/// Reads the lines that are new, changed or gone.
pub(super) fn observations(file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    let latest = latest(file);
    let mut has_text = None;
    file.read(
        "ObservationGuid",
        |header| {
            let columns = ObservationColumns {
                common: Common::find(header, "ObservationGuid"),
                when: Circumstances::find(header),
                code: header.required("CodeId"),
                consultation: header.required("ConsultationGuid"),
                parent: header.optional(&["ParentObservationGuid"]),
                text: header.text(&["AssociatedText"]),
                qualifiers: header.text(&["Qualifiers"]),
                abnormal_reason: header.text(&["AbnormalReason"]),
                value: header.optional(&["Value"]),
                unit: header.optional(&["NumericUnit"]),
                low: header.optional(&["NumericRangeLow"]),
                high: header.optional(&["NumericRangeHigh"]),
                kind: header.optional(&["ObservationType"]),
                document: header.optional(&["DocumentGuid"]),
            };
            has_text = Some(columns.text.is_there());
            columns
        },
        sink,
        |columns, row, outlet| match name(file, &columns.common, day, row, outlet)? {
            Named::SetAside => Ok(()),
            Named::Gone { key } => {
                outlet.send(Change::CompanionGone(companions::referral_key(key.clone())))?;
                outlet.send(Change::PartGone(key))
            }
            Named::Here { practice, id, patient } => {
                let facts = observation(columns, day, latest, (practice, id, patient), row, outlet)?;
                outlet.send_part(facts)
            }
        },
    )?;
    no_text(has_text, "AssociatedText", file, sink)
}

/// Free text left the extract with specification 7.1 and came back with 8.0: without it codes are all there is.
pub(super) fn no_text(
    has_text: Option<bool>,
    column: &str,
    file: &ExtractFile,
    sink: &mut Sink<'_>,
) -> Result<(), SourceError> {
    if has_text != Some(false) {
        return Ok(());
    }
    sink(Change::Notice(format!(
        "Free text is missing from {} today ({column}): only codes were screened, and most disclosures are in the \
         text; ask the supplier for an extract with free text.",
        file.name()
    )))
}

fn observation(
    columns: &ObservationColumns,
    day: &mut Day,
    latest: NaiveDate,
    (practice, id, patient): (String, String, SourceKey),
    row: Row<'_>,
    outlet: &mut Outlet<'_>,
) -> Result<PartFacts, SourceError> {
    let belongs = belongs(columns, &practice, row, outlet)?;
    let recorded = columns.when.recorded(row, latest, outlet)?;
    let kind = row.get(columns.kind);
    let names_document = !row.get(columns.document).is_empty();
    let value = value(row.get(columns.value), row.get(columns.unit), row.get(columns.low), row.get(columns.high));
    let kind = if names_document || kind.eq_ignore_ascii_case("Document") {
        EntryKind::Document
    } else if !value.is_empty() || kind.eq_ignore_ascii_case("Value") || kind.eq_ignore_ascii_case("Investigation") {
        EntryKind::Result
    } else {
        EntryKind::Other
    };
    let words = words(row.get(columns.code), &mut day.codes, row, outlet)?;
    let text = text([row.raw(columns.text), row.raw(columns.qualifiers), row.raw(columns.abnormal_reason)]);
    let is_missing = names_document || (kind == EntryKind::Document && text.is_empty());
    let unreadable = if is_missing { Some(Unreadable::NotSent) } else { words.unreadable };
    let part = Part {
        key: key(&practice, &id),
        heading: words.heading,
        display: words.display,
        codes: words.codes,
        value,
        text,
        happened: columns.when.happened(row, latest, outlet)?,
        author: day.author(&practice, columns.when.people(row)),
        order: order(row.get(columns.common.processing), recorded, row),
        unreadable,
    };
    Ok(PartFacts { belongs, patient, kind, recorded, part })
}

/// A line outside a consultation stays with the line it is a child of, as the two readings of a blood
/// pressure or the tests of a panel do.
fn belongs(
    columns: &ObservationColumns,
    practice: &str,
    row: Row<'_>,
    outlet: &mut Outlet<'_>,
) -> Result<Belongs, SourceError> {
    let link = |field: &str| guid(field).map(|id| key(practice, &id));
    let consultation = row.get(columns.consultation);
    Ok(match (link(consultation), link(row.get(columns.parent))) {
        (Some(consultation), _) => Belongs::To(consultation),
        (None, parent) => {
            if !consultation.is_empty() {
                outlet.set_aside(
                    row.number,
                    "ConsultationGuid is no GUID: the line was kept outside its consultation; ask the supplier for it again",
                )?;
            }
            parent.map_or(Belongs::Alone, Belongs::With)
        }
    })
}

/// What a line's code says.
#[derive(Default)]
pub(super) struct Words {
    pub(super) heading: String,
    pub(super) display: String,
    pub(super) codes: Vec<Code>,
    pub(super) unreadable: Option<Unreadable>,
}

impl Words {
    /// The words, where it does not matter that they may be a heading.
    pub(super) fn words(&self) -> String {
        format!("{}{}", self.heading, self.display)
    }
}

/// What the code with this number says; one that `codes` lacks is said once, by the name of its table.
pub(super) fn words(id: &str, codes: &mut Codes, row: Row<'_>, outlet: &mut Outlet<'_>) -> Result<Words, SourceError> {
    if id.is_empty() {
        outlet.set_aside(
            row.number,
            "CodeId is empty: the line was kept with its text alone; ask the supplier for it again",
        )?;
        return Ok(Words::default());
    }
    if let Some(code) = codes.get(id) {
        let (term, codes) = (code.term.to_string(), code.codes());
        let is_heading = HEADINGS.contains(&term.to_lowercase().as_str());
        let (heading, display) = if is_heading { (term, String::new()) } else { (String::new(), term) };
        return Ok(Words { heading, display, codes, unreadable: None });
    }
    if codes.is_news(id) {
        outlet.set_aside(
            row.number,
            format!(
                "CodeId is not in {table}, so nobody knows what the line says: it and others with this code are held; \
                 ask the supplier for a whole {table}",
                table = codes.table.in_file_names()
            ),
        )?;
    }
    Ok(Words {
        heading: String::new(),
        display: format!("code {id} (unknown)"),
        codes: vec![Code { system: CodeSystem::Local, code: id.to_owned(), display: String::new() }],
        unreadable: Some(Unreadable::NotSent),
    })
}

/// `7.2 mmol/L (3.5–5.3)`.
fn value(value: &str, unit: &str, low: &str, high: &str) -> String {
    let range = match (low, high) {
        ("", "") => String::new(),
        (low, "") => format!("({low} or more)"),
        ("", high) => format!("({high} or less)"),
        (low, high) => format!("({low}–{high})"),
    };
    let pieces: Vec<&str> = [value, unit, &range].into_iter().filter(|piece| !piece.is_empty()).collect();
    pieces.join(" ")
}

/// Free texts of one line, one under the other, with one kind of line end.
pub(super) fn text<const N: usize>(texts: [&str; N]) -> String {
    let texts: Vec<String> =
        texts.into_iter().filter(|text| !text.trim().is_empty()).map(|text| text.replace("\r\n", "\n")).collect();
    texts.join("\n")
}

pub(super) fn order(processing: &str, recorded: Option<DateTime<Utc>>, row: Row<'_>) -> u64 {
    dates::place(recorded, processing.parse().unwrap_or(row.number))
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    chrono::Datelike::with_day(&day, 1).unwrap_or(day)
}

fn first_of_year(day: NaiveDate) -> NaiveDate {
    chrono::Datelike::with_ordinal(&day, 1).unwrap_or(day)
}
