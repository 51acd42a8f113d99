//! An invented practice: nobody in it exists.

use anteroom::audit::{Event, Role};
use anteroom::protocol::{AuditLine, Opened, PatientCard, QueueRow, Totals};
use anteroom::record::{
    AccessLevel, Author, Category, Context, EntryId, EntryKind, EntryVersion, Finding, HideReason, Lane, Part,
    PatientId, Place, Screening, SourceKey, Span, Style, Tier, Version, sentences,
};
use anteroom::review::State;
use chrono::{DateTime, Duration, TimeZone, Utc};

use super::daemon::line;

/// Friday 20 November 2026, 12:26.
pub fn now() -> DateTime<Utc> {
    at(20, 12, 26)
}

/// When a hide of that day is looked at again.
pub fn review_day() -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(2027, 2, 18).unwrap()
}

pub fn at(day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, day, hour, minute, 0).unwrap()
}

pub fn totals(entries: &[Opened]) -> Totals {
    Totals {
        to_review: entries.len() as u64,
        late: entries.iter().filter(|entry| entry.row.due < now()).count() as u64,
        readable: 3,
        on_hold: 103,
        next_visible: Some(at(21, 7, 0)),
        pulled_at: Some(at(20, 6, 2)),
        pulled_entries: 112,
        ..Totals::default()
    }
}

pub fn key(id: &str) -> SourceKey {
    SourceKey { system: "emis".to_owned(), organisation: "E12345".to_owned(), id: id.to_owned() }
}

pub fn part(id: &str, heading: &str, display: &str, text: &str) -> Part {
    Part {
        key: key(id),
        heading: heading.to_owned(),
        display: display.to_owned(),
        codes: Vec::new(),
        value: String::new(),
        text: text.to_owned(),
        happened: None,
        author: Author { id: "shah".to_owned(), name: "Dr Shah".to_owned() },
        order: 0,
        unreadable: None,
    }
}

/// A row and an entry that holds `parts`.
#[allow(clippy::too_many_arguments)]
pub fn entry(
    number: u8,
    minutes: i64,
    tier: Tier,
    name: &str,
    sex_age: &str,
    readers: &str,
    title: &str,
    author: &str,
    why: &[&str],
    parts: Vec<Part>,
    findings: Vec<Finding>,
) -> Opened {
    let waiting_since = now() - Duration::minutes(minutes);
    let version = Version(1);
    let row = QueueRow {
        entry: EntryId([number; 16]),
        version,
        revision: 2,
        state: State::Queued,
        tier,
        lane: Lane::Hold,
        patient: PatientId([number; 16]),
        patient_name: name.to_owned(),
        sex_age: sex_age.to_owned(),
        readers: readers.to_owned(),
        title: title.to_owned(),
        author: author.to_owned(),
        recorded: Some(waiting_since),
        waiting_since,
        due: waiting_since + Duration::minutes(120),
        why: why.iter().map(|why| (*why).to_owned()).collect(),
        changed: false,
        held_by: None,
        lease: None,
        viewed_by: Vec::new(),
        readable_since: None,
        agreed: false,
    };
    Opened {
        version: EntryVersion {
            entry: row.entry,
            version,
            kind: EntryKind::Consultation,
            title: title.to_owned(),
            happened: None,
            recorded: row.recorded,
            author: Author { id: author.to_lowercase(), name: author.to_owned() },
            parts,
        },
        screening: Screening { lane: Lane::Hold, tier, findings, rules: "2026-11-18".to_owned() },
        patient: PatientCard {
            name: name.to_owned(),
            sex_age: sex_age.to_owned(),
            born: chrono::NaiveDate::from_ymd_opt(1992, 3, 4),
            nhs_number: Some("999 012 3456".to_owned()),
            readers: vec!["patient’s app, full record".to_owned()],
            views: vec![
                ("Marie’s app".to_owned(), AccessLevel::Full),
                ("the mother’s app".to_owned(), AccessLevel::Coded),
            ],
            household: Vec::new(),
            flags: Vec::new(),
        },
        decisions: Vec::new(),
        notes: Vec::new(),
        look_again: None,
        to_read_back: false,
        proposed: None,
        before: None,
        earlier_removals: Vec::new(),
        also_here: Vec::new(),
        withheld: Vec::new(),
        draft: None,
        may_not_release: None,
        twins: Vec::new(),
        row,
    }
}

/// A finding on `words` of `text` in part `id`, suggesting the sentence around it.
pub fn finding(id: &str, text: &str, words: &str, category: Category, tier: Tier, why: &str) -> Finding {
    let start = text.find(words).unwrap_or_else(|| panic!("no “{words}”"));
    let span = Span::new(start, start + words.len());
    let sentence = sentences(text).into_iter().find(|sentence| sentence.overlaps(span));
    let suggested = sentence.map(|span| Place { part: key(id), span: Some(span) }).into_iter().collect();
    Finding {
        rule: "test".to_owned(),
        category,
        tier,
        place: Some(Place { part: key(id), span: Some(span) }),
        why: why.to_owned(),
        context: Context::default(),
        suggested,
    }
}

pub const HISTORY: &str = "Poor sleep 6/52, palps. Brought by sister, seen alone. Partner strangled her on Sunday, kids \
     upstairs. He checks her phone every night. Does not want him to know she came.";
pub const EXAM: &str = "Petechiae L eyelid, neck tender. Voice hoarse. BP 128/82.";
pub const PLAN: &str = "Sertraline 50 mg. MARAC referral sent, IDVA to ring sister’s number. Safety netted. r/v 1/52.";

/// The entry of the picture in the design.
pub fn holt() -> Opened {
    let mut holt = entry(
        1,
        192,
        Tier::Critical,
        "HOLT Marie",
        "F 34",
        "app",
        "Consultation",
        "Dr Shah",
        &["strangled by partner", "MARAC referral", "phone checked"],
        vec![
            part("p1", "Problem", "Anxiety states", ""),
            part("p2", "History", "", HISTORY),
            part("p3", "Exam", "", EXAM),
            part("p4", "Plan", "", PLAN),
        ],
        vec![
            finding("p4", PLAN, "MARAC referral", Category::DomesticAbuse, Tier::Critical, "MARAC referral"),
            finding(
                "p2",
                HISTORY,
                "Partner strangled her on Sunday",
                Category::DomesticAbuse,
                Tier::Disclosure,
                "strangulation by partner",
            ),
            finding(
                "p2",
                HISTORY,
                "checks her phone every night",
                Category::DomesticAbuse,
                Tier::Disclosure,
                "phone checked",
            ),
            finding(
                "p3",
                EXAM,
                "Petechiae L eyelid",
                Category::DomesticAbuse,
                Tier::Cue,
                "injury that shows what happened",
            ),
            finding("p4", PLAN, "sister’s number", Category::ThirdParty, Tier::Cue, "sister’s number"),
        ],
    );
    holt.patient.household = vec!["OBI Daniel, M 9".to_owned()];
    holt.patient.flags = vec!["EMIS hides whole consultations only: redacting hides this one there too".to_owned()];
    holt
}

#[allow(clippy::too_many_arguments)]
fn simple(
    number: u8,
    minutes: i64,
    tier: Tier,
    who: [&str; 4],
    entry_of: [&str; 2],
    why: &[&str],
    text: &str,
    marked: &str,
) -> Opened {
    let [name, sex_age, readers, category] = who;
    let [title, author] = entry_of;
    let category = match category {
        "child" => Category::ChildSafeguarding,
        "adult" => Category::AdultSafeguarding,
        _ => Category::ThirdParty,
    };
    let id = format!("s{number}");
    let findings = match marked {
        "" => Vec::new(),
        words => vec![finding(&id, text, words, category, tier, why[0])],
    };
    entry(number, minutes, tier, name, sex_age, readers, title, author, why, vec![part(&id, "", "", text)], findings)
}

/// The queue of the picture in the design.
pub fn day() -> Vec<Opened> {
    vec![
        holt(),
        simple(
            2,
            160,
            Tier::Disclosure,
            ["OBI Daniel", "M 9", "mum app", "child"],
            ["Letter, CAMHS", "CAMHS"],
            &["says dad hits him"],
            "Daniel says dad hits him when mum is out.",
            "dad hits him",
        ),
        simple(
            3,
            65,
            Tier::Disclosure,
            ["OBI Ruth", "F 37", "app", "third"],
            ["Consultation", "Dr Shah"],
            &["also here: OBI D"],
            "Tired. Worried about Daniel, who told school that dad hits him.",
            "told school",
        ),
        simple(
            4,
            58,
            Tier::Cue,
            ["TAN Wei", "M 81", "daughter", "adult"],
            ["Telephone call", "Nurse Bell"],
            &["money taken by carer"],
            "Says the carer took money from his drawer.",
            "took money",
        ),
        simple(
            5,
            41,
            Tier::Cue,
            ["LEWIS Kayleigh", "F 15", "mum app", "child"],
            ["Nurse", "Nurse Bell"],
            &["asked about pressure"],
            "Asked how to say no to boyfriend.",
            "say no",
        ),
        simple(
            6,
            30,
            Tier::Weak,
            ["PARK Ji-woo", "F 52", "none", "third"],
            ["Problem", "Dr Shah"],
            &["history of DV, coded"],
            "History of domestic violence, resolved.",
            "",
        ),
        simple(
            7,
            12,
            Tier::Weak,
            ["ADEYEMI Tolu", "F 29", "app", "third"],
            ["Consultation", "Dr Rahman"],
            &["neighbour rang, asked not to be named"],
            "Neighbour rang, asked not to be named.",
            "Neighbour rang",
        ),
        simple(
            8,
            10,
            Tier::Weak,
            ["BRIGGS Sam", "M 44", "app", "third"],
            ["Result", "Lab"],
            &["comment names a person"],
            "Spoke to Mrs Briggs about this result.",
            "",
        ),
    ]
}

pub fn log() -> Vec<AuditLine> {
    let rahman = |seq, minute, event, subject| line(seq, minute, "dr.rahman", Role::Clinician, event, subject);
    vec![
        rahman(88_214, 52, Event::Approved, Some("BRIGGS S · Result")),
        rahman(88_213, 51, Event::Redacted { style: Style::Silent, removals: 3 }, Some("HOLT M · Consultation")),
        rahman(88_212, 50, Event::Undone, Some("HOLT M · Consultation")),
        rahman(88_211, 49, Event::Hidden { reason: HideReason::HarmToOther }, Some("HOLT M · Consultation")),
        rahman(88_210, 47, Event::EntryOpened, Some("HOLT M · Consultation")),
        line(
            88_209,
            2,
            "publish",
            Role::System,
            Event::BatchPublished { channel: "portal".to_owned(), entries: 41 },
            None,
        ),
        line(
            88_208,
            1,
            "pull",
            Role::System,
            Event::PullFinished { source: "emis".to_owned(), parts: 2510, entries: 112, set_aside: 2 },
            None,
        ),
    ]
}
