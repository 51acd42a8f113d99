//! What a safeguarding lead sees beside the queue.

use anteroom::protocol::{Opened, Twin, TwinWhy, Work, WorkItem};
use anteroom::record::{Act, Decision, Flag, FlagSet, HideReason, Removal, RemovalTarget, Span, Style};
use anteroom::review::State;

use super::daemon::Daemon;
use super::practice;

fn item(kind: Work, entry: Option<&Opened>, patient: &Opened, what: &str) -> WorkItem {
    WorkItem {
        kind,
        entry: entry.map(|entry| entry.row.entry),
        patient: patient.row.patient,
        patient_name: patient.row.patient_name.clone(),
        what: what.to_owned(),
        since: practice::at(18, 9, 0),
        owner: "Dr Lea Lead".to_owned(),
    }
}

/// The day of the design with a dispute, a hidden entry, twins, a birthday, and a flag over every patient.
pub fn day() -> Daemon {
    let mut day = practice::day();
    day[0].row.state = State::Disputed;
    let sentence = "Partner strangled her on Sunday, kids upstairs.";
    let at = day[0].version.parts[1].text.find(sentence).unwrap_or_default();
    let removal = Removal {
        part: day[0].version.parts[1].key.clone(),
        target: RemovalTarget::Text(Span::new(at, at + sentence.len())),
    };
    let decided = |by: &str, act: Act| Decision { by: by.to_owned(), act, at: practice::at(20, 9, 0) };
    day[0].decisions = vec![
        decided("dr.vik", Act::Redact { removals: vec![removal], style: Style::Silent }),
        decided("dr.okafor", Act::Approve),
    ];
    day[5].row.state = State::Hidden;
    day[5].decisions = vec![decided("dr.vik", Act::Hide { reason: HideReason::ThirdParty })];
    let words = vec!["dad hits him".to_owned()];
    let twin = |of: &Opened| Twin {
        row: of.row.clone(),
        why: TwinWhy::ShowsTheSame,
        suggested: Vec::new(),
        waived: false,
        words: words.clone(),
    };
    day[1].twins = vec![twin(&day[2]), twin(&day[7])];
    let work = vec![
        item(Work::Disputed, Some(&day[0]), &day[0], "disputed"),
        item(Work::HideReview, Some(&day[5]), &day[5], "hidden until review on 2026-11-20"),
        item(
            Work::TurnsEleven,
            None,
            &day[1],
            "11 on 2026-12-01: look at who may read the record, and at what waits or shows",
        ),
    ];
    let flag = FlagSet {
        flag: Flag::CoercionRisk,
        by: "dr.vik".to_owned(),
        at: practice::at(18, 9, 0),
        why: "her sister rang".to_owned(),
        clearing: Some("dr.okafor".to_owned()),
        looked_at: None,
    };
    Daemon::with(day).change(|inside| {
        inside.work = work;
        inside.safeguards.flags = vec![flag];
    })
}
