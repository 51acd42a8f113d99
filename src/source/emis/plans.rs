//! The diary: what is to be done for a patient, and by when.

use super::codes::Codes;
use super::entries::{Circumstances, Common, Named, Words, name, no_text, order, text, words};
use super::{Day, ExtractFile, guid, key, latest};
use crate::record::{EntryKind, Part, SourceKey};
use crate::source::outlet::{Outlet, Sink};
use crate::source::table::{Column, Row};
use crate::source::{Belongs, Change, PartFacts, SourceError};

/// Reviews and screenings are planned years ahead.
const YEARS_AHEAD: u32 = 20;

struct DiaryColumns {
    common: Common,
    when: Circumstances,
    code: Column,
    term: Column,
    text: Column,
    duration: Column,
    place: Column,
    consultation: Column,
}

/// Reads the diary entries that are new, changed or gone.
pub(super) fn diary(file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    let latest = latest(file);
    let furthest = latest.checked_add_months(chrono::Months::new(12 * YEARS_AHEAD)).unwrap_or(latest);
    let mut has_text = None;
    file.read(
        "DiaryGuid",
        |header| {
            let columns = DiaryColumns {
                common: Common::find(header, "DiaryGuid"),
                when: Circumstances::find(header),
                code: header.required("CodeId"),
                term: header.optional(&["OriginalTerm"]),
                text: header.text(&["AssociatedText"]),
                duration: header.optional(&["DurationTerm"]),
                place: header.optional(&["LocationTypeDescription"]),
                consultation: header.optional(&["ConsultationGuid"]),
            };
            has_text = Some(columns.text.is_there());
            columns
        },
        sink,
        |columns, row, outlet| match name(file, &columns.common, day, row, outlet)? {
            Named::SetAside => Ok(()),
            Named::Gone { key } => outlet.send(Change::PartGone(diary_key(key))),
            Named::Here { practice, id, patient } => {
                let recorded = columns.when.recorded(row, latest, outlet)?;
                let about = what_is_planned(columns, &mut day.codes, row, outlet)?;
                let consultation = guid(row.get(columns.consultation));
                let belongs = consultation.map_or(Belongs::Alone, |id| Belongs::To(key(&practice, &id)));
                let states = [row.get(columns.duration), row.get(columns.place)];
                let part = Part {
                    key: diary_key(key(&practice, &id)),
                    heading: "Diary".to_owned(),
                    display: about.display,
                    codes: about.codes,
                    value: states.into_iter().filter(|state| !state.is_empty()).collect::<Vec<_>>().join(", "),
                    text: text([row.raw(columns.text)]),
                    happened: columns.when.happened(row, furthest, outlet)?,
                    author: day.author(&practice, columns.when.people(row)),
                    order: order(row.get(columns.common.processing), recorded, row),
                    unreadable: about.unreadable,
                };
                outlet.send_part(PartFacts { belongs, patient, kind: EntryKind::Other, recorded, part })
            }
        },
    )?;
    no_text(has_text, "AssociatedText", file, sink)
}

/// The words that were chosen; those of the code where the row has none.
fn what_is_planned(
    columns: &DiaryColumns,
    codes: &mut Codes,
    row: Row<'_>,
    outlet: &mut Outlet<'_>,
) -> Result<Words, SourceError> {
    let about = words(row.get(columns.code), codes, row, outlet)?;
    let display = match row.get(columns.term) {
        "" => about.words(),
        term => term.to_owned(),
    };
    Ok(Words { display, heading: String::new(), ..about })
}

/// Nothing promises that a diary entry has another GUID than an observation.
fn diary_key(key: SourceKey) -> SourceKey {
    SourceKey { id: format!("diary:{}", key.id), ..key }
}
