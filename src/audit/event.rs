//! What can happen.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::record::{EntryId, Flag, HideReason, Stage, Style, Token};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The store was created.
    StoreCreated {
        /// The ODS code of the practice.
        practice: String,
    },
    /// A program opened the store.
    Started {
        /// The program's version.
        build: String,
    },
    /// The practice does not want a rule of screening; said again at every start.
    RuleSilenced {
        /// The rule.
        rule: String,
        /// Why it is not wanted here.
        reason: String,
        /// Who decided it.
        by: String,
        /// The version of the rules without it.
        rules: String,
    },
    /// Somebody looked at the queue.
    QueueViewed {
        /// How many rows were shown.
        rows: usize,
    },
    /// Somebody looked at the skim page.
    SkimViewed {
        /// How many lines were shown.
        lines: usize,
    },
    /// Somebody read a line of the skim page and let it pass.
    Passed {
        /// Its share of the page's time on the screen, milliseconds.
        on_screen: u64,
    },
    /// Somebody pulled an entry into the queue, to be read whole.
    Picked,
    /// Somebody read an entry.
    EntryOpened,
    /// Somebody read the log.
    AuditViewed {
        /// How many records were shown.
        rows: usize,
    },
    /// Somebody kept, or forgot, a half-made redaction.
    DraftKept {
        /// How many removals it holds.
        removals: usize,
    },
    /// Somebody took a patient's entries in hand. The record names the patient.
    LeaseAcquired {
        /// Those open at this stage.
        stage: Stage,
        /// Which grant it is.
        token: Token,
    },
    /// Somebody gave them back, finished with them, or took another patient's in hand.
    LeaseReleased {
        /// The stage.
        stage: Stage,
        /// Which grant ended.
        token: Token,
    },
    /// A lease was found to have run out. The actor is the program: nobody did it.
    LeaseExpired {
        /// The stage.
        stage: Stage,
        /// Which grant ended.
        token: Token,
        /// Whose it was, by login.
        holder: String,
    },
    /// Somebody wanted to take a patient's entries in hand.
    LeaseDenied {
        /// The stage.
        stage: Stage,
    },
    /// Somebody took another's lease over.
    LeaseTakenOver {
        /// The stage.
        stage: Stage,
        /// Which grant ended.
        token: Token,
        /// Whose it was, by login.
        holder: String,
    },
    /// The log was recomputed.
    LogVerified {
        /// Frames read.
        frames: u64,
        /// Damages found.
        damage: usize,
    },
    /// A pull began.
    PullStarted {
        /// The source.
        source: String,
    },
    /// A pull ended.
    PullFinished {
        /// The source.
        source: String,
        /// Parts read.
        parts: u64,
        /// Entries new or changed.
        entries: u64,
        /// Rows that could not be used.
        set_aside: u64,
    },
    /// Facts about patients arrived; of none where a pull kept only what it needs itself.
    PatientsUpdated {
        /// How many patients.
        patients: usize,
    },
    /// A new entry arrived.
    Ingested,
    /// An entry changed at the source.
    Changed,
    /// An entry was deleted at the source.
    Deleted,
    /// A row that could not be used.
    SetAside {
        /// File and row, without its content.
        place: String,
    },
    /// Screening ended.
    Screened {
        /// The tier.
        tier: u8,
        /// The rules that fired.
        rules: Vec<String>,
    },
    /// A person approved.
    Approved,
    /// A person redacted.
    Redacted {
        /// How the removed words look.
        style: Style,
        /// How many removals.
        removals: usize,
    },
    /// A person hid.
    Hidden {
        /// Why.
        reason: HideReason,
    },
    /// Who decided named other entries with the same sensitive words as considered.
    TwinsWaived {
        /// Which.
        entries: Vec<EntryId>,
    },
    /// A person hid what was visible.
    Withdrawn {
        /// Why.
        reason: HideReason,
    },
    /// Every channel shows no more what was withdrawn.
    Purged,
    /// A second reader read what would be left, before the original.
    ReadBack {
        /// Whether they could name words that are gone.
        named_it: bool,
    },
    /// A reviewer asked the lead.
    Escalated,
    /// A reviewer put an entry off.
    Deferred {
        /// Until the morning of this day.
        until: NaiveDate,
    },
    /// A reviewer took up again what was put off.
    Resumed,
    /// The day came until which it was put off.
    DeferralOver,
    /// The lead decided in a dispute, or where somebody asked.
    Resolved {
        /// What: `approve`, `redact` or `hide`.
        act: String,
    },
    /// The lead gave an entry back with advice.
    Returned,
    /// The lead set a hide or a withdrawal aside.
    Reopened,
    /// The patient asked to see what is hidden.
    PatientAsked,
    /// The lead looked again, and it stays as it is.
    Confirmed,
    /// A reviewer wrote a note for whoever reads the entry next.
    Noted,
    /// Newer rules read an entry and moved it, or asked for another look.
    Rescreened {
        /// The tier.
        tier: u8,
        /// The rules that fired.
        rules: Vec<String>,
    },
    /// The rules of screening are other than they were.
    RulesChanged {
        /// The version of the rules before.
        from: String,
        /// The version now.
        to: String,
        /// Entries read again.
        entries: u64,
        /// Entries that moved or want another look.
        moved: u64,
    },
    /// A policy is in force from now on.
    PolicyChanged {
        /// The digest of the one before.
        from: String,
        /// The digest of this one.
        to: String,
    },
    /// A policy file was refused; the one before stays in force.
    PolicyRefused {
        /// The digest of the refused file.
        digest: String,
        /// The line and the reason.
        why: String,
    },
    /// Somebody wants a policy that is looser than the one in force: a second person must agree.
    PolicyProposed {
        /// The digest of the file.
        digest: String,
        /// The lines that are looser.
        looser: Vec<String>,
    },
    /// The file of those who may use the program was read anew.
    UsersChanged {
        /// How many it names.
        users: usize,
    },
    /// That file is wrong; what it said before counts.
    UsersRefused {
        /// The line and the reason.
        why: String,
    },
    /// Somebody wanted to do something in a role that they have no longer.
    RoleLost,
    /// An invented entry was put among those that are read as a sample.
    DecoySown {
        /// In which window.
        window: u32,
    },
    /// An invented entry was read, and is gone.
    DecoyRead {
        /// In which window it stood.
        window: u32,
        /// Whether its reader noticed anything.
        seen: bool,
        /// Whether that counts: not where rules had come to highlight it.
        counts: bool,
    },
    /// A flag that a record speaks for was refused.
    FlagRefused {
        /// Which.
        flag: Flag,
    },
    /// A flag was set on a patient.
    FlagSet {
        /// Which.
        flag: Flag,
        /// Whether what was visible was withdrawn.
        withdrew: bool,
        /// Entries it moved.
        entries: u64,
    },
    /// Somebody asked to clear a flag; a second person must agree.
    FlagClearAsked {
        /// Which.
        flag: Flag,
    },
    /// A second person agreed, and the flag is gone.
    FlagCleared {
        /// Which.
        flag: Flag,
    },
    /// It was named who may open a patient's record.
    ReadersNamed {
        /// Their logins.
        logins: Vec<String>,
    },
    /// Somebody moves nothing of a patient towards visible from now on.
    LockedOut {
        /// Whom.
        login: String,
    },
    /// Somebody was let in again.
    LetIn {
        /// Whom.
        login: String,
    },
    /// The machine's clock was put forward, or back.
    ClockStepped {
        /// By how much; negative is back.
        seconds: i64,
    },
    /// Somebody looked at a list of work.
    WorklistViewed {
        /// How many lines were shown.
        lines: usize,
    },
    /// An entry that would clear was open to the sample.
    Drawn {
        /// In which window of 28 days, counted from 1970-01-01.
        window: u32,
        /// In which stratum.
        stratum: String,
        /// How many of a million are drawn there.
        rate: u32,
        /// Whether it was.
        drawn: bool,
    },
    /// A drawn entry was read for the first time.
    SampleRead {
        /// In which window it was drawn.
        window: u32,
        /// Whether it should not have cleared.
        missed: bool,
    },
    /// The seed of a window was fixed, and what is drawn in it.
    SeedCommitted {
        /// Which window.
        window: u32,
        /// The digest of the seed, in hexadecimal.
        digest: String,
        /// How many of a million are drawn of each stratum.
        rates: Vec<(String, u32)>,
    },
    /// A window has ended, and anybody may draw its sample again.
    SeedRevealed {
        /// Which window.
        window: u32,
        /// Its seed, in hexadecimal.
        seed: String,
    },
    /// What a window says of what was missed in it.
    EstimatePublished {
        /// Which window.
        window: u32,
        /// Entries that were open to the sample.
        entries: u64,
        /// Of these, drawn and read.
        read: u64,
        /// Of these, missed.
        missed: u64,
        /// The upper bound of the share missed, in parts of a million.
        bound: u32,
    },
    /// Something serious was missed: all entries of the stratum are read until the lead signs again.
    StratumSuspended {
        /// Which.
        stratum: String,
    },
    /// Nothing clears by itself any more.
    ClearingStopped {
        /// Why.
        why: String,
    },
    /// The lead let entries clear by themselves.
    ClearingSigned {
        /// How many had been read.
        read: u64,
        /// The upper bound of the share missed then, in parts of a million.
        bound: u32,
    },
    /// Somebody looked at the figures.
    ReportViewed,
    /// A decision was taken back before publication.
    Undone,
    /// The uniform hold ended.
    HoldElapsed,
    /// An entry became visible.
    Published,
    /// An entry was due and stayed withheld.
    PublishBlocked {
        /// The rule that blocked it.
        why: String,
    },
    /// A batch left through a channel.
    BatchPublished {
        /// The channel.
        channel: String,
        /// Entries visible in it.
        entries: u64,
    },
    /// A backup was written.
    BackedUp {
        /// Frames in it.
        frames: u64,
    },
    /// What is visible was derived anew and compared with what the channel shows.
    FeedChecked {
        /// Entries whose visibility was derived.
        entries: u64,
        /// Differences.
        wrong: usize,
    },
    /// An incomplete frame at the journal's end, never acknowledged, was cut.
    TailCut {
        /// How many bytes.
        bytes: u64,
    },
    /// The view was rebuilt from the journal.
    ViewRebuilt {
        /// Why.
        why: String,
    },
}
