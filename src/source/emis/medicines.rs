//! Medicines: what is prescribed, and each time it is issued.

use super::entries::{Circumstances, Common, Named, name, order, text, words};
use super::{Day, ExtractFile, guid, key, latest};
use crate::record::{EntryKind, Part, SourceKey};
use crate::source::outlet::Sink;
use crate::source::table::Column;
use crate::source::{Belongs, Change, PartFacts, SourceError};

/// What tells the two tables apart.
struct Shape {
    id: &'static str,
    heading: &'static str,
    /// Nothing promises that GUIDs differ between tables.
    prefix: &'static str,
}

const DRUG_RECORD: Shape = Shape { id: "DrugRecordGuid", heading: "Medication", prefix: "drug" };
const ISSUE_RECORD: Shape = Shape { id: "IssueRecordGuid", heading: "Issue", prefix: "issue" };

struct MedicineColumns {
    common: Common,
    when: Circumstances,
    code: Column,
    dosage: Column,
    quantity: Column,
    unit: Column,
    kind: Column,
    /// Written for the patient and the pharmacy, and printed on the prescription: from 8.0 on.
    messages: [Column; 3],
    consultation: Column,
}

/// Reads the prescribed medicines that are new, changed or gone.
pub(super) fn drugs(file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    medicines(&DRUG_RECORD, file, day, sink)
}

/// Reads the issues that are new, changed or gone. An issue is an entry of its own or a line of its
/// consultation, and no line of its prescription: a month's issue of what was decided once is decided by itself.
pub(super) fn issues(file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    medicines(&ISSUE_RECORD, file, day, sink)
}

fn medicines(shape: &Shape, file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    let latest = latest(file);
    let own = |key: SourceKey| SourceKey { id: format!("{}:{}", shape.prefix, key.id), ..key };
    file.read(
        shape.id,
        |header| MedicineColumns {
            common: Common::find(header, shape.id),
            when: Circumstances::find(header),
            code: header.required("CodeId"),
            dosage: header.only("Dosage"),
            quantity: header.optional(&["Quantity"]),
            unit: header.optional(&["QuantityUnit"]),
            kind: header.optional(&["PrescriptionType"]),
            messages: ["PatientMessage", "PharmacyMessage", "PharmacyText"].map(|name| header.text(&[name])),
            consultation: header.optional(&["ConsultationGuid"]),
        },
        sink,
        |columns, row, outlet| match name(file, &columns.common, day, row, outlet)? {
            Named::SetAside => Ok(()),
            Named::Gone { key } => outlet.send(Change::PartGone(own(key))),
            Named::Here { practice, id, patient } => {
                let recorded = columns.when.recorded(row, latest, outlet)?;
                let about = words(row.get(columns.code), &mut day.drugs, row, outlet)?;
                let consultation = guid(row.get(columns.consultation));
                let amount = [row.get(columns.quantity), row.get(columns.unit), row.get(columns.kind)];
                let [for_patient, for_pharmacy, on_label] = columns.messages.map(|message| row.raw(message));
                let part = Part {
                    key: own(key(&practice, &id)),
                    heading: shape.heading.to_owned(),
                    display: about.words(),
                    codes: about.codes,
                    value: amount.into_iter().filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" "),
                    text: text([row.raw(columns.dosage), for_patient, for_pharmacy, on_label]),
                    happened: columns.when.happened(row, latest, outlet)?,
                    author: day.author(&practice, columns.when.people(row)),
                    order: order(row.get(columns.common.processing), recorded, row),
                    unreadable: about.unreadable,
                };
                let belongs = consultation.map_or(Belongs::Alone, |id| Belongs::To(key(&practice, &id)));
                outlet.send_part(PartFacts { belongs, patient, kind: EntryKind::Medication, recorded, part })
            }
        },
    )
}
