//! What a client and the daemon say to each other: JSON in length-delimited frames.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::audit::{Actor, Record};
use crate::record::{
    AccessLevel, Act, Decision, EntryId, EntryVersion, Handling, HideReason, Lane, Note, PatientAct, PatientId,
    Removal, Safeguards, Screening, Span, Stage, Style, Tier, Token, Version,
};
use crate::review::quality::{Agreement, Missed, Sampled, Share, Standing};
use crate::review::{LookAgain, State, Waiver};

/// The version of this protocol. A client and a daemon that differ say so and part.
pub const VERSION: u32 = 1;

/// The largest frame either side accepts, in bytes.
pub const MAX_FRAME: usize = 8 << 20;

/// The largest request the daemon reads, in bytes.
pub const MAX_REQUEST: usize = 1 << 20;

/// A request with the number under which its reply comes back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// Chosen by the client; the reply carries it.
    pub id: u64,
    /// What is asked.
    pub request: Request,
}

/// What the daemon sends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "each is made, sent and gone")]
#[serde(rename_all = "kebab-case")]
pub enum Sent {
    /// The answer to a request.
    Reply {
        /// The request's number.
        id: u64,
        /// The answer.
        reply: Reply,
    },
    /// Something nobody asked for.
    Notice(Notice),
}

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Must come first.
    Hello {
        /// The client's [`VERSION`].
        version: u32,
    },
    /// The queue, most urgent first.
    Queue {
        /// At most this many rows.
        limit: usize,
    },
    /// Some rows of the queue: those that fit, from a place on.
    Rows(Wanted),
    /// One entry, to read. The read is logged before the text is sent.
    Open {
        /// Which.
        entry: EntryId,
    },
    /// A decision on exactly the version and revision that the client has seen.
    Decide {
        /// Which entry.
        entry: EntryId,
        /// The version the person read.
        version: Version,
        /// The review's revision when they read it.
        revision: u64,
        /// What they decided.
        act: Act,
        /// The token of the caller's lease, where they claimed one. Without it the daemon claims in the same step,
        /// if nobody else has these entries in hand. A hide needs none.
        #[serde(default)]
        token: Option<Token>,
        /// Other entries with the same sensitive words that the person names as considered.
        #[serde(default)]
        waivers: Vec<Waiver>,
    },
    /// Puts into the caller's drafts of the twins of an entry what repeats its words: suggestions.
    Propose {
        /// Which entry.
        entry: EntryId,
    },
    /// Takes in hand what is open of an entry's patient at the entry's stage, or keeps it there: the holder is
    /// active. Whatever else the caller held is given back.
    Claim {
        /// Which entry.
        entry: EntryId,
    },
    /// The same, from somebody else: the lead may, and anybody from another screen of their own. Who had it is
    /// told and keeps their draft.
    TakeOver {
        /// Which entry.
        entry: EntryId,
    },
    /// Gives back all that the caller holds on this connection.
    Release,
    /// The skim page: lines with weak evidence, oldest first.
    Skim {
        /// At most this many lines.
        limit: usize,
    },
    /// Lets lines of the skim page pass, all of them read.
    Pass {
        /// The lines.
        lines: Vec<PassedLine>,
    },
    /// Pulls an entry that would otherwise clear into the queue, to be read whole.
    Pick {
        /// Which entry.
        entry: EntryId,
    },
    /// The lead decides in a dispute, or where somebody asked, on exactly what the lead has read.
    Resolve {
        /// Which entry.
        entry: EntryId,
        /// The version the lead read.
        version: Version,
        /// The review's revision when they read it.
        revision: u64,
        /// What they decided.
        act: Act,
        /// Why.
        why: String,
        /// As in a decision.
        #[serde(default)]
        token: Option<Token>,
        /// As in a decision.
        #[serde(default)]
        waivers: Vec<Waiver>,
    },
    /// Withdraws what is visible, in whatever version and revision it is.
    Withdraw {
        /// Which entry.
        entry: EntryId,
        /// Why, from the closed list.
        reason: HideReason,
        /// In their own words; may be empty.
        note: String,
    },
    /// Does something else with exactly the version and revision that the client has seen.
    Handle {
        /// Which entry.
        entry: EntryId,
        /// The version the person read.
        version: Version,
        /// The review's revision when they read it.
        revision: u64,
        /// What.
        handling: Handling,
    },
    /// The second reader of a redaction says, having read only what would be left, what they think is missing.
    ReadBack {
        /// Which entry.
        entry: EntryId,
        /// The version the person read.
        version: Version,
        /// The review's revision when they read it.
        revision: u64,
        /// Their guess; empty when nothing seems to be missing.
        guess: String,
    },
    /// The version of an entry that came before another one, to compare. The read is logged.
    Earlier {
        /// Which entry.
        entry: EntryId,
        /// The one before this.
        before: Version,
    },
    /// All that is here of one patient, without its text.
    Record {
        /// Whom.
        patient: PatientId,
    },
    /// Does something about a whole patient.
    Patient {
        /// Whom.
        patient: PatientId,
        /// What.
        act: PatientAct,
    },
    /// What needs somebody beside the queue: the lead's list, hides to review, birthdays.
    Worklist,
    /// What the caller did lately that can still be taken back, newest first.
    MyActs {
        /// At most this many.
        limit: usize,
    },
    /// The policy in force, as a file.
    Policy,
    /// Reads the policy file anew and puts it in force if it may be.
    TakePolicy,
    /// Takes the last decision on an entry back.
    Undo {
        /// Which entry.
        entry: EntryId,
    },
    /// Keeps a half-made redaction for its author, in place of an earlier one.
    KeepDraft {
        /// Which entry.
        entry: EntryId,
        /// The draft; `None` forgets it.
        draft: Option<Draft>,
    },
    /// Pulls now.
    Pull {
        /// What, e.g. `emis:PATH`. `None`: the next feed, which in the demo is the next day.
        from: Option<String>,
    },
    /// Shows what is due and writes the feed.
    Publish,
    /// Audit records, newest first.
    Audit {
        /// Only records before this sequence number.
        before: Option<u64>,
        /// At most this many.
        limit: usize,
        /// Also what the program notes of each arriving entry.
        everything: bool,
    },
    /// Recomputes the whole log.
    Verify,
    /// Writes a backup.
    BackUp {
        /// The file, a whole path, which must not be there.
        to: String,
        /// What closes it, as the store reads it. `None`: the public keys of the settings' custodians do.
        lock: Option<Secret>,
    },
    /// Derives what is visible anew and compares it with what the channel shows.
    Check,
    /// How far readers agree.
    Agreement,
    /// What was drawn, read and missed of what clears by itself.
    Clearing,
    /// Lets entries clear by themselves: the lead's act.
    SignClearing,
    /// How things stand.
    Status,
}

/// Which rows of the queue a screen wants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The place of the first one, from 0, among those that fit.
    pub from: usize,
    /// At most this many.
    pub limit: usize,
    /// Which fit.
    pub only: Only,
}

/// What a row must be to be listed; the default lists every one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Only {
    /// Words, each of which its patient's name, title, author or reasons must hold, if only nearly.
    pub words: String,
    /// At least so urgent.
    pub tier: Option<Tier>,
    /// Past its target.
    pub late: bool,
    /// Decided before, in an earlier version.
    pub changed: bool,
    /// Recorded or held by the caller.
    pub mine: bool,
    /// For exactly this reason.
    pub reason: Option<String>,
    /// Recorded by exactly this author.
    pub author: Option<String>,
    /// In this patient's record.
    pub patient: Option<PatientId>,
}

impl Only {
    /// Whether every row fits.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Text that is shown to nobody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What the daemon answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// To [`Request::Hello`].
    Welcome(Welcome),
    /// To [`Request::Queue`] and [`Request::Rows`].
    Queue(Queue),
    /// To [`Request::Skim`].
    Skim(Skim),
    /// To [`Request::Pass`].
    Passed(PassedOn),
    /// To [`Request::Open`].
    Entry(Box<Opened>),
    /// To [`Request::Decide`], [`Request::Pick`], [`Request::Undo`] and every other act on one entry.
    Decided(Decided),
    /// To [`Request::Claim`] and [`Request::TakeOver`].
    Claimed(Claimed),
    /// To [`Request::Release`].
    GivenBack,
    /// To [`Request::Propose`]: the entries with a new draft.
    Proposed(Vec<EntryId>),
    /// To [`Request::Earlier`].
    Earlier(Box<Earlier>),
    /// To [`Request::Record`].
    Record(Box<PatientRecord>),
    /// To [`Request::Patient`].
    PatientDone(PatientDone),
    /// To [`Request::Worklist`].
    Worklist(Worklist),
    /// To [`Request::MyActs`].
    MyActs(Vec<MyAct>),
    /// To [`Request::Policy`] and [`Request::TakePolicy`].
    Policy(PolicyFile),
    /// To [`Request::KeepDraft`].
    DraftKept,
    /// To [`Request::Pull`].
    Pulled(Pulled),
    /// To [`Request::Publish`].
    Published(Published),
    /// To [`Request::Audit`].
    Audit(Vec<AuditLine>),
    /// To [`Request::Verify`].
    Verified(Verified),
    /// To [`Request::BackUp`].
    BackedUp(BackedUp),
    /// To [`Request::Check`].
    Checked(Checked),
    /// To [`Request::Agreement`].
    Agreement(Box<AgreementReport>),
    /// To [`Request::Clearing`] and [`Request::SignClearing`].
    Clearing(Box<ClearingReport>),
    /// To [`Request::Status`].
    Status(Status),
    /// A rule says no. One sentence.
    Refused {
        /// Why, and what would be possible.
        why: String,
    },
    /// Something went wrong. One sentence.
    Failed {
        /// What, where, what to do.
        why: String,
    },
}

/// What the daemon tells without being asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// The queue is not what it was, or who has what of it in hand.
    QueueChanged,
    /// What the caller had in hand of this patient is in somebody else's. The caller's drafts are kept.
    TakenOver {
        /// Whose entries.
        patient: PatientId,
        /// Those open at this stage.
        stage: Stage,
        /// The name of who has them now.
        by: String,
    },
    /// The daemon is stopping.
    Closing,
}

/// Who the client is to the daemon, and what the practice is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The daemon's [`VERSION`].
    pub version: u32,
    /// Who the caller is and in which role.
    pub actor: Actor,
    /// The caller's name.
    pub name: String,
    /// The practice's name.
    pub practice: String,
    /// The people one can be in the demo; empty elsewhere.
    pub demo_people: Vec<Actor>,
}

/// The queue and what stands above it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// The practice's time.
    pub now: DateTime<Utc>,
    /// Most urgent first; what waits for one patient stands together, where the most urgent of it belongs.
    pub rows: Vec<QueueRow>,
    /// The place of the first of these among all that fit.
    #[serde(default)]
    pub from: usize,
    /// How many fit what was asked for.
    #[serde(default)]
    pub fits: usize,
    /// The numbers above and below the list.
    pub totals: Totals,
    /// What people must know about the feeds, a sentence each.
    pub alarms: Vec<String>,
}

/// The skim page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skim {
    /// Its lines.
    pub lines: Vec<SkimLine>,
    /// How long each line must have had of the page's time on the screen, milliseconds.
    pub reading_time: u64,
    /// The numbers of the queue.
    pub totals: Totals,
}

/// One line of the skim page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkimLine {
    /// The entry as a row of the queue would show it.
    pub row: QueueRow,
    /// The sentence that made it a line here.
    pub sentence: String,
    /// The words of it that did, in bytes of `sentence`; empty where it is the sentence as a whole.
    pub marked: Span,
}

/// A line that somebody read and lets pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedLine {
    /// Which entry.
    pub entry: EntryId,
    /// The version whose line they read.
    pub version: Version,
    /// The review's revision when they read it.
    pub revision: u64,
    /// The line's share of the page's time on the screen, milliseconds.
    pub on_screen: u64,
}

/// What became of a page that was passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOn {
    /// The entries that went on to their hold.
    pub passed: Vec<EntryId>,
    /// Why others did not, a sentence each.
    pub refused: Vec<String>,
}

/// Numbers over the whole store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Entries waiting for a person.
    pub to_review: u64,
    /// Of these, past their target.
    pub late: u64,
    /// Of these, already readable by the patient or a proxy where the GP system shows at once.
    pub readable: u64,
    /// Entries with weak evidence that wait to be skimmed.
    pub to_skim: u64,
    /// Entries without a finding, or skimmed, that wait out the uniform hold.
    pub on_hold: u64,
    /// Decided, not yet visible, still undoable.
    pub settling: u64,
    /// When the first of those that wait for time become visible.
    pub next_visible: Option<DateTime<Utc>>,
    /// Visible to the patient.
    pub released: u64,
    /// Hidden, what was withdrawn not counted.
    pub hidden: u64,
    /// Withdrawn after they had been visible.
    #[serde(default)]
    pub withdrawn: u64,
    /// Waiting for the safeguarding lead: disputes and questions.
    #[serde(default)]
    pub for_lead: u64,
    /// Put off until a day.
    #[serde(default)]
    pub deferred: u64,
    /// Rows of the feeds that could not be used.
    pub set_aside: u64,
    /// When the last pull ended.
    pub pulled_at: Option<DateTime<Utc>>,
    /// Entries new or changed in it.
    pub pulled_entries: u64,
}

impl Totals {
    /// Of what is visible, hidden or withdrawn now, the share that is not visible: hiding too much is a breach
    /// too. `None` while there is nothing.
    pub fn hide_rate(&self) -> Option<f64> {
        let kept = self.hidden + self.withdrawn;
        let all = kept + self.released;
        (all > 0).then(|| kept as f64 / all as f64)
    }
}

/// One row of the queue: enough for half of triage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueRow {
    /// Which entry.
    pub entry: EntryId,
    /// The version that waits.
    pub version: Version,
    /// The review's revision.
    pub revision: u64,
    /// Where it stands.
    pub state: State,
    /// How urgent.
    pub tier: Tier,
    /// Queue or skim.
    pub lane: Lane,
    /// Whose record.
    pub patient: PatientId,
    /// `HOLT Marie`.
    pub patient_name: String,
    /// `F 34`.
    pub sex_age: String,
    /// Who can read the record today: `app`, `mother app`, `none`.
    pub readers: String,
    /// `Consultation`.
    pub title: String,
    /// Who recorded it.
    pub author: String,
    /// When it was saved at the source.
    pub recorded: Option<DateTime<Utc>>,
    /// Since when it waits here.
    pub waiting_since: DateTime<Utc>,
    /// When it is late.
    pub due: DateTime<Utc>,
    /// The strongest reasons, in plain words, most urgent first.
    pub why: Vec<String>,
    /// Whether an earlier version of it was decided.
    pub changed: bool,
    /// Who else has it in hand or open, by login.
    pub held_by: Option<String>,
    /// Who has the patient's entries of this stage in hand.
    #[serde(default)]
    pub lease: Option<Holding>,
    /// Who else has it open, by login.
    #[serde(default)]
    pub viewed_by: Vec<String>,
    /// Since when somebody can read it, where the GP system shows entries at once.
    #[serde(default)]
    pub readable_since: Option<DateTime<Utc>>,
}

/// Who has something in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Their name.
    pub name: String,
    /// Their login.
    pub login: String,
    /// Whether that is the caller, here or on another screen.
    pub yours: bool,
    /// For how much longer, in minutes begun, if they do nothing more.
    pub minutes_left: u64,
}

/// A lease that the caller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Whose entries.
    pub patient: PatientId,
    /// Those open at this stage.
    pub stage: Stage,
    /// To be shown with a decision.
    pub token: Token,
    /// For how much longer, in seconds, if the caller does nothing more.
    pub seconds_left: u64,
}

/// Everything a reviewer needs beside the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The row as the queue shows it.
    pub row: QueueRow,
    /// The content.
    pub version: EntryVersion,
    /// What was found in it.
    pub screening: Screening,
    /// Whose record it is in.
    pub patient: PatientCard,
    /// Standing decisions on this version. Empty for a second reader, who reads blind.
    pub decisions: Vec<Decision>,
    /// What people wrote about it, oldest first. For a second reader only the lead's advice.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// Why somebody should look at it again, if so.
    #[serde(default)]
    pub look_again: Option<LookAgain>,
    /// Whether `version` is only what would be left of it: the reader says what they think is missing
    /// ([`Request::ReadBack`]) before they see the original.
    #[serde(default)]
    pub to_read_back: bool,
    /// The redaction that the second reader, who has read it back, agrees to or not.
    #[serde(default)]
    pub proposed: Option<Act>,
    /// The version that was decided before this one, with the decision.
    pub before: Option<(EntryVersion, Vec<Decision>)>,
    /// Removals of the decided version found again in this one: suggestions only.
    pub earlier_removals: Vec<Removal>,
    /// Other entries that wait, of this patient and of the household.
    pub also_here: Vec<QueueRow>,
    /// The caller's own half-made redaction.
    pub draft: Option<Draft>,
    /// Why the caller may not approve or redact this entry, if so, in one sentence.
    pub may_not_release: Option<String>,
    /// Other entries with the same sensitive words, of this patient and of those linked with them.
    #[serde(default)]
    pub twins: Vec<Twin>,
}

/// Another entry with the same sensitive words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    /// The other entry, as a row of the queue would show it.
    pub row: QueueRow,
    /// Which of the two shows what the other withholds.
    pub why: TwinWhy,
    /// What of it repeats the words: suggestions only.
    pub suggested: Vec<Removal>,
    /// Whether somebody who decided on one of the two named the other as considered.
    pub waived: bool,
    /// The words of the other that are the same, as they stand there.
    #[serde(default)]
    pub words: Vec<String>,
}

/// An earlier version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// What stood in it.
    pub content: EntryVersion,
    /// What was decided on it; empty where nobody did.
    pub decisions: Vec<Decision>,
}

/// All that is here of one patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientRecord {
    /// Whom.
    pub patient: PatientId,
    /// Who they are, who reads their record, what stands over them.
    pub card: PatientCard,
    /// What people have set over them.
    pub safeguards: Safeguards,
    /// Their entries, wherever these stand, newest first.
    pub entries: Vec<QueueRow>,
    /// How many more there are.
    pub more: u64,
    /// Why the caller is shown none of it, in one sentence.
    pub closed: Option<String>,
}

/// Which of two twins shows what the other withholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TwinWhy {
    /// The other shows, or may come to show, what was found or is withheld here.
    ShowsTheSame,
    /// The other withholds what stands here.
    WithheldThere,
}

/// The patient beside the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientCard {
    /// `HOLT Marie`.
    pub name: String,
    /// `F 34`.
    pub sex_age: String,
    /// Day of birth.
    pub born: Option<NaiveDate>,
    /// `999 012 3456`.
    pub nhs_number: Option<String>,
    /// Who reads this record, a line each: `patient’s app, full record`, `Jane Doe, mother, full record`.
    pub readers: Vec<String>,
    /// The same by name, `Marie’s app`, `mother`, with what their login shows.
    #[serde(default)]
    pub views: Vec<(String, AccessLevel)>,
    /// Others at the same address, a line each.
    pub household: Vec<String>,
    /// What stands over the patient, a line each.
    pub flags: Vec<String>,
}

/// A half-made redaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The version it was made on.
    pub version: Option<Version>,
    /// What is taken out so far.
    pub removals: Vec<Removal>,
    /// How.
    pub style: Style,
}

/// A decision that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Which entry.
    pub entry: EntryId,
    /// Where it stands now.
    pub state: State,
    /// When it becomes visible, if nothing else happens.
    pub visible_at: Option<DateTime<Utc>>,
    /// When a hide is looked at again.
    pub review_by: Option<NaiveDate>,
    /// Its place in the log.
    pub seq: u64,
    /// After a hide: other entries that show the same words. What of these was on its way to be shown, or was
    /// shown, waits for people now.
    #[serde(default)]
    pub twins: Vec<EntryId>,
    /// Whether it was invented, to measure what readers miss: it is gone, and nothing else is to be done.
    #[serde(default)]
    pub decoy: bool,
    /// What follows from it and could not be done yet, as a sentence. The decision stands.
    #[serde(default)]
    pub unfinished: Option<String>,
}

/// What became of an act about a whole patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientDone {
    /// Whom.
    pub patient: PatientId,
    /// What stands over the patient now, a line each.
    pub flags: Vec<String>,
    /// Entries that wait for people again, or are no longer visible.
    pub moved: u64,
    /// Whether it waits for a second person.
    pub needs_second: bool,
    /// Its place in the log.
    pub seq: u64,
}

/// What needs somebody beside the queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Worklist {
    /// Most pressing first.
    pub items: Vec<WorkItem>,
}

/// One line of a worklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkItem {
    /// What sort of work.
    pub kind: Work,
    /// The entry concerned; none where it is about a patient as a whole.
    pub entry: Option<EntryId>,
    /// Whose record.
    pub patient: PatientId,
    /// `HOLT Marie`.
    pub patient_name: String,
    /// What to do, in a few words.
    pub what: String,
    /// Since when it waits, or the day on which it is due.
    pub since: DateTime<Utc>,
    /// Who has to see to it, by name.
    pub owner: String,
}

/// The sorts of work, most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Withdrawn, and a channel still shows it.
    StillShown,
    /// Visible or hidden, and to be looked at again.
    LookAgain,
    /// Two readers differ.
    Disputed,
    /// A reviewer asks.
    Escalated,
    /// Twice over its target.
    TwiceOver,
    /// Past its target.
    Late,
    /// Three quarters of its target are gone.
    SoonLate,
    /// A hide whose day of review has come.
    HideReview,
    /// A flag that somebody wants cleared.
    FlagToClear,
    /// A flag that the record speaks for and nobody has set.
    FlagProposed,
    /// A flag that has stood for long.
    FlagReview,
    /// A child with safeguarding signals who will soon be eleven: proxy access changes.
    TurnsEleven,
    /// One who will soon be sixteen: their own access begins.
    TurnsSixteen,
    /// Somebody else reads the record of a child at risk.
    ProxyOfChild,
}

impl Work {
    /// As a heading.
    pub fn words(self) -> &'static str {
        match self {
            Self::StillShown => "withdrawn and still shown",
            Self::LookAgain => "to look at again",
            Self::Disputed => "disputed",
            Self::Escalated => "the lead is asked",
            Self::TwiceOver => "twice over its target",
            Self::Late => "late",
            Self::SoonLate => "soon late",
            Self::HideReview => "hide to review",
            Self::FlagToClear => "flag to clear",
            Self::FlagProposed => "flag proposed",
            Self::FlagReview => "flag to review",
            Self::TurnsEleven => "turns eleven",
            Self::TurnsSixteen => "turns sixteen",
            Self::ProxyOfChild => "proxy of a child at risk",
        }
    }
}

/// Something the caller did that can still be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MyAct {
    /// The entry as the queue would show it.
    pub row: QueueRow,
    /// What they did, in a word or two.
    pub what: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Its place in the log.
    pub seq: u64,
}

/// A policy as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFile {
    /// The file, with every line explained.
    pub text: String,
    /// Its digest, as the log names it.
    pub digest: String,
    /// What the file that was to be taken waits for, if it is not in force yet.
    #[serde(default)]
    pub waits: Option<String>,
}

/// What a pull brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulled {
    /// The source, and for the demo the day.
    pub source: String,
    /// Lines read.
    pub parts: u64,
    /// Entries new.
    pub new: u64,
    /// Entries changed.
    pub changed: u64,
    /// Entries deleted.
    pub deleted: u64,
    /// Of the new and changed: to the queue.
    pub queued: u64,
    /// Of the new and changed: to the skim page.
    pub to_skim: u64,
    /// Of the new and changed: without a finding, on hold.
    pub on_hold: u64,
    /// Of the new and changed: recorded before online access began, so nobody can read them online.
    pub not_open: u64,
    /// Patients new or changed.
    pub patients: u64,
    /// Rows that could not be used.
    pub set_aside: u64,
    /// The first of these, a sentence each.
    pub set_aside_examples: Vec<String>,
    /// What people must know, a sentence each.
    pub notices: Vec<String>,
}

/// What publication did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Entries that became visible.
    pub released: u64,
    /// Entries that were due and stayed withheld.
    pub kept_back: u64,
    /// Entries in the feed.
    pub in_feed: u64,
    /// Where the feed was written; none in the demo.
    pub feed: Option<String>,
    /// When the next one is due.
    pub next: Option<DateTime<Utc>>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Its place.
    pub seq: u64,
    /// The digest of its frame, in hexadecimal.
    pub digest: String,
    /// What happened.
    pub record: Record,
    /// `HOLT Marie · Consultation` for those who may read records.
    pub subject: Option<String>,
}

/// What verification of the log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Frames read.
    pub frames: u64,
    /// The last digest, in hexadecimal.
    pub head: String,
    /// What is wrong, a sentence each.
    pub damage: Vec<String>,
}

impl Verified {
    /// What a verification found, with the digest written out.
    pub fn from_report(frames: u64, head: Option<[u8; 32]>, damage: Vec<String>) -> Self {
        Self { frames, head: head.map(|digest| hex(&digest)).unwrap_or_default(), damage }
    }
}

/// A backup that was written and read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// Frames in it.
    pub frames: u64,
    /// The digest of the last one, in hexadecimal.
    pub head: String,
    /// Its rows.
    pub rows: u64,
}

/// What deriving visibility anew found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Entries whose visibility was derived.
    pub entries: u64,
    /// How many of them patients may see.
    pub visible: u64,
    /// What differs, a sentence each, without clinical words.
    pub wrong: Vec<String>,
}

/// How far readers agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgreementReport {
    /// Over all entries that two people decided.
    pub agreement: Agreement,
    /// Each reviewer against their cases: the caller alone, or for the lead everybody.
    pub reviewers: Vec<ReviewerLine>,
}

/// One reviewer against their cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewerLine {
    /// Who.
    pub login: String,
    /// Where they stand.
    pub standing: Standing,
}

/// What was drawn, read and missed of what clears by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClearingReport {
    /// Whether anything clears, and how.
    pub mode: ClearingMode,
    /// Who signed, and when.
    pub signed: Option<(String, DateTime<Utc>)>,
    /// Entries to be read before anybody can sign.
    pub needed: u64,
    /// The bound of the share missed must not be above this, 0 to 1.
    pub limit: f64,
    /// Entries read since shadow began.
    pub read: u64,
    /// Strata of which everything is read, because something serious was missed.
    pub suspended: Vec<String>,
    /// Newest first.
    pub windows: Vec<WindowLine>,
    /// Visible entries of suspended strata that cleared by rule: for the lead to look at again.
    pub look_back: Vec<EntryId>,
    /// What each reader noticed of the decoys they read: the caller alone, or for the lead everybody.
    #[serde(default)]
    pub readers: Vec<ReaderLine>,
}

/// What one reader noticed of the decoys they read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReaderLine {
    /// Who.
    pub login: String,
    /// Decoys withheld, or asked about, of those decided on.
    pub noticed: Share,
}

/// Whether entries clear by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClearingMode {
    /// All do, and nobody learns what is missed.
    Unmeasured,
    /// None does: all are read.
    Shadow,
    /// They do, and a sample is read.
    Signed,
}

/// One window of the sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowLine {
    /// Its number.
    pub window: u32,
    /// Its first day.
    pub begins: NaiveDate,
    /// What was missed of what screening found nothing in.
    pub clear: Missed,
    /// What was missed of what was passed on the skim page.
    pub skimmed: Missed,
    /// Each stratum.
    pub strata: Vec<StratumLine>,
}

/// One stratum in one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StratumLine {
    /// Its name.
    pub stratum: String,
    /// Entries drawn.
    pub drawn: u64,
    /// Entries open to the sample, read and missed.
    pub sampled: Sampled,
    /// The exact one-sided 95 % upper bound of the share missed in it, 0 to 1.
    pub bound: f64,
}

/// A feed of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// Its name.
    pub name: String,
    /// When it was last pulled.
    pub pulled_at: Option<DateTime<Utc>>,
    /// When it is due next.
    pub next: Option<DateTime<Utc>>,
    /// Days that fell due and have not come.
    pub open_days: Vec<NaiveDate>,
    /// Why the last pull failed, if it did.
    pub failed: Option<String>,
}

/// The exposure clock: entered at the source, pulled, decided. Where the GP system shows entries itself, a patient
/// may read them from the first of these on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// Minutes since the oldest entry that waits for a person was entered.
    pub longest_waiting: Option<u64>,
    /// Entries that people decided on in the last seven days, and of which it is known when they were entered.
    pub decided: u64,
    /// Half of these were pulled within so many minutes of being entered.
    pub median_to_pull: Option<u64>,
    /// Half of these were decided within so many minutes of being entered.
    pub median_to_decision: Option<u64>,
}

/// A pull under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulling {
    /// Lines read so far.
    pub lines: u64,
    /// Entries stored so far.
    pub entries: u64,
    /// How much of what was read is stored, in per cent.
    pub done: u64,
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The numbers of the queue.
    pub totals: Totals,
    /// What people must know, a sentence each.
    pub alarms: Vec<String>,
    /// Last sequence number of the journal.
    pub seq: u64,
    /// The daemon's version.
    pub build: String,
    /// The rules in use.
    pub rules: String,
    /// Bytes free on the store's disk.
    pub free_bytes: u64,
    /// The leases that bind now.
    #[serde(default)]
    pub leases: Vec<LeaseLine>,
    /// The feeds of the settings.
    #[serde(default)]
    pub feeds: Vec<FeedStatus>,
    /// How long entries could be read before anybody decided.
    #[serde(default)]
    pub exposure: Box<Exposure>,
    /// The pull under way, if there is one.
    #[serde(default)]
    pub pulling: Option<Box<Pulling>>,
    /// How the machine's side of it is.
    #[serde(default)]
    pub health: Box<Health>,
}

/// How the store and the daemon are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Bytes of the journal on the disk.
    pub journal_bytes: u64,
    /// Bytes of the view on the disk.
    pub view_bytes: u64,
    /// The last unit that the view has kept.
    pub applied: u64,
    /// How many units it is behind the log; readers see those too.
    pub behind: u64,
    /// How long the last sync took, microseconds; none yet since the start.
    pub last_sync_micros: Option<u64>,
    /// Syncs since the start.
    pub syncs: u64,
    /// Why the store takes no more writes.
    pub stopped: Option<String>,
    /// All of the store's disk, bytes.
    pub total_bytes: u64,
    /// Free space below which work is refused, bytes.
    pub floor_bytes: u64,
    /// Connections now, this one too.
    pub clients: u64,
    /// What waits for people, by state and tier.
    pub queue: Vec<Depth>,
}

/// How many entries wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// Where.
    pub state: State,
    /// How urgent.
    pub tier: Tier,
    /// How many.
    pub entries: u64,
}

/// A lease as the status shows it: without its patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseLine {
    /// Who has it, by login.
    pub login: String,
    /// For which reading.
    pub stage: Stage,
    /// For how long they have had it, seconds.
    pub held: u64,
    /// For how much longer, seconds, if they do nothing more.
    pub left: u64,
}
