//! Tables that add to an observation: problems and referrals.

use super::entries::{Common, Named, name, no_text, order, text, words};
use super::{Day, ExtractFile, key};
use crate::record::{EntryKind, Part, SourceKey};
use crate::source::outlet::Sink;
use crate::source::table::Column;
use crate::source::{Belongs, Change, PartFacts, SourceError};

struct ProblemColumns {
    common: Common,
    comment: Column,
    status: Column,
    significance: Column,
}

/// Reads the problems that are new, changed or gone. A problem adds to an observation, which may have
/// come on an earlier day.
pub(super) fn problems(file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    let mut has_text = None;
    file.read(
        "ObservationGuid",
        |header| {
            let columns = ProblemColumns {
                common: Common::find(header, "ObservationGuid"),
                comment: header.text(&["Comment"]),
                status: header.optional(&["ProblemStatusDescription"]),
                significance: header.optional(&["SignificanceDescription"]),
            };
            has_text = Some(columns.comment.is_there());
            columns
        },
        sink,
        |columns, row, outlet| match name(file, &columns.common, day, row, outlet)? {
            Named::SetAside => Ok(()),
            Named::Gone { key } => outlet.send(Change::PartGone(problem_key(key))),
            Named::Here { practice, id, patient } => {
                let observation = key(&practice, &id);
                let part = Part {
                    key: problem_key(observation.clone()),
                    heading: "Problem".to_owned(),
                    display: String::new(),
                    codes: Vec::new(),
                    value: joined([row.get(columns.status), row.get(columns.significance)]),
                    text: text([row.raw(columns.comment)]),
                    happened: None,
                    author: Default::default(),
                    order: order(row.get(columns.common.processing), None, row),
                    unreadable: None,
                };
                outlet.send_part(PartFacts {
                    belongs: Belongs::With(observation),
                    patient,
                    kind: EntryKind::Problem,
                    recorded: None,
                    part,
                })
            }
        },
    )?;
    no_text(has_text, "Comment", file, sink)
}

/// A problem and its observation share one GUID and are two lines.
fn problem_key(observation: SourceKey) -> SourceKey {
    SourceKey { id: format!("problem:{}", observation.id), ..observation }
}

struct ReferralColumns {
    common: Common,
    reason: Column,
    urgency: Column,
    service: Column,
    mode: Column,
}

/// Reads the referrals that are new or changed. The table has no deletions: a referral goes with its observation.
pub(super) fn referrals(file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    file.read(
        "ObservationGuid",
        |header| ReferralColumns {
            common: Common::find(header, "ObservationGuid"),
            reason: header.optional(&["ReferralReasonCodeId"]),
            urgency: header.optional(&["ReferralUrgency"]),
            service: header.optional(&["ReferralServiceType"]),
            mode: header.optional(&["ReferralMode"]),
        },
        sink,
        |columns, row, outlet| match name(file, &columns.common, day, row, outlet)? {
            Named::SetAside => Ok(()),
            Named::Gone { key } => outlet.send(Change::PartGone(referral_key(key))),
            Named::Here { practice, id, patient } => {
                let observation = key(&practice, &id);
                let reason = match row.get(columns.reason) {
                    "" => Default::default(),
                    reason => words(reason, &mut day.codes, row, outlet)?,
                };
                let part = Part {
                    key: referral_key(observation.clone()),
                    heading: "Referral".to_owned(),
                    display: reason.words(),
                    codes: reason.codes,
                    value: joined([row.get(columns.urgency), row.get(columns.service), row.get(columns.mode)]),
                    text: String::new(),
                    happened: None,
                    author: Default::default(),
                    order: order(row.get(columns.common.processing), None, row),
                    unreadable: reason.unreadable,
                };
                outlet.send_part(PartFacts {
                    belongs: Belongs::With(observation),
                    patient,
                    kind: EntryKind::Other,
                    recorded: None,
                    part,
                })
            }
        },
    )
}

/// A referral and its observation share one GUID and are two lines.
pub(super) fn referral_key(observation: SourceKey) -> SourceKey {
    SourceKey { id: format!("referral:{}", observation.id), ..observation }
}

fn joined<const N: usize>(states: [&str; N]) -> String {
    let states: Vec<&str> = states.into_iter().filter(|state| !state.is_empty()).collect();
    states.join(", ")
}
