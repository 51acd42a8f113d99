//! Everything a person can do on the screen. The bottom bar, the help, the palette and the table of
//! `anteroom keys` are printed from this one list.

/// One thing a key can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each has its sentence in `ACTIONS`")]
pub enum Action {
    Down,
    Up,
    Right,
    Left,
    PageDown,
    PageUp,
    First,
    Last,
    Open,
    Approve,
    Redact,
    Hide,
    Remove,
    Keep,
    Grow,
    Shrink,
    NextMatch,
    PreviousMatch,
    TakeAll,
    Decide,
    SizeWord,
    SizeMatch,
    SizeSentence,
    SizeLine,
    Anchor,
    Style,
    Reader,
    LineStart,
    LineEnd,
    NextWord,
    PreviousWord,
    NextSentence,
    PreviousSentence,
    NextParagraph,
    PreviousParagraph,
    RemoveWord,
    RemoveMatch,
    RemoveSentence,
    RemoveLine,
    RemoveParagraph,
    Escalate,
    Note,
    Defer,
    ReadBack,
    Waive,
    Propose,
    TakeOver,
    Reopen,
    Confirm,
    GiveBack,
    Resume,
    PatientAsks,
    Flags,
    Record,
    Worklist,
    Alarms,
    NewerVersion,
    Tour,
    NextEntry,
    PreviousEntry,
    Patient,
    Versions,
    Skim,
    Pick,
    Pass,
    Find,
    Filter,
    Mark,
    MarkPatient,
    Log,
    Verify,
    Status,
    Policy,
    Pull,
    Publish,
    SwitchPerson,
    Back,
    Leave,
    AllTheSame,
    Undo,
    Palette,
    Help,
    Blank,
    Theme,
    Redraw,
    Suspend,
    Quit,
}

/// Where the keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The list of what waits.
    Queue,
    /// Lines with weak evidence, to be read down.
    Skim,
    /// One entry's text and reasons.
    Entry,
    /// Choosing what to take out of an entry.
    Redact,
    /// Choosing why an entry is hidden.
    Hide,
    /// What needs somebody beside the queue.
    Worklist,
    /// All that is here of one patient.
    Record,
    /// The audit log.
    Log,
    /// How things stand.
    Status,
    /// The rules of review that are in force.
    Policy,
    /// The list of keys.
    Help,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 11] = [
        Self::Queue,
        Self::Skim,
        Self::Entry,
        Self::Redact,
        Self::Hide,
        Self::Worklist,
        Self::Record,
        Self::Log,
        Self::Status,
        Self::Policy,
        Self::Help,
    ];

    /// The name of its table in a keymap file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Skim => "skim",
            Self::Entry => "entry",
            Self::Redact => "redact",
            Self::Hide => "hide",
            Self::Worklist => "worklist",
            Self::Record => "record",
            Self::Log => "log",
            Self::Status => "status",
            Self::Policy => "policy",
            Self::Help => "help",
        }
    }

    /// The place in a sentence: "… works in the queue".
    pub fn words(self) -> &'static str {
        match self {
            Self::Queue => "in the queue",
            Self::Skim => "on the skim page",
            Self::Entry => "in an entry",
            Self::Redact => "while redacting",
            Self::Hide => "while hiding",
            Self::Worklist => "on the worklist",
            Self::Record => "in a patient’s record",
            Self::Log => "in the log",
            Self::Status => "on the status page",
            Self::Policy => "in the policy",
            Self::Help => "in the help",
        }
    }
}

/// What there is to say about an action.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Which.
    pub action: Action,
    /// The name in keymap files.
    pub name: &'static str,
    /// A word or two for the bottom bar; empty where the bar does not show it.
    pub label: &'static str,
    /// One sentence without its full stop, for the help and the palette.
    pub sentence: &'static str,
    /// Where it applies.
    pub at: &'static [Place],
}

const EVERYWHERE: &[Place] = &Place::ALL;
const LISTS: &[Place] = &[
    Place::Queue,
    Place::Skim,
    Place::Entry,
    Place::Redact,
    Place::Worklist,
    Place::Record,
    Place::Log,
    Place::Status,
    Place::Policy,
    Place::Help,
];
const MAIN: &[Place] =
    &[Place::Queue, Place::Skim, Place::Entry, Place::Worklist, Place::Record, Place::Log, Place::Status];
const QUEUE: &[Place] = &[Place::Queue];
const LISTED: &[Place] = &[Place::Queue, Place::Skim, Place::Entry, Place::Worklist, Place::Record];
const READING: &[Place] = &[Place::Queue, Place::Entry];
const ENTRY: &[Place] = &[Place::Entry];
const REDACT: &[Place] = &[Place::Redact];
const OF_A_PATIENT: &[Place] = &[Place::Queue, Place::Entry, Place::Worklist, Place::Record];
const BESIDE_THE_QUEUE: &[Place] = &[Place::Queue, Place::Skim, Place::Worklist, Place::Log, Place::Status];

const fn about(
    action: Action,
    name: &'static str,
    label: &'static str,
    sentence: &'static str,
    at: &'static [Place],
) -> About {
    About { action, name, label, sentence, at }
}

/// Every action, in the order in which the bar and the help show them.
pub const ACTIONS: &[About] = {
    use Action::*;
    &[
        about(Remove, "remove", "remove", "Take the selection out", REDACT),
        about(Keep, "keep", "keep", "Leave the selection in, or put it back", REDACT),
        about(Grow, "grow", "more", "Select more: word, match, sentence, line, paragraph, all", REDACT),
        about(Shrink, "shrink", "less", "Select less", REDACT),
        about(TakeAll, "take-all", "take all", "Take every suggested removal", REDACT),
        about(Decide, "decide", "decide", "Decide: exactly what is shown takes effect", REDACT_AND_HIDE),
        about(Open, "open", "open", "Open the selected entry; the read is logged", LISTED),
        about(Pick, "pick", "to queue", "Pull it into the queue, to be read whole", &[Place::Skim, Place::Entry]),
        about(Pass, "pass", "pass page", "Let the lines of this page pass, all of them read", &[Place::Skim]),
        about(Approve, "approve", "approve", "Let the patient see this entry as it is", READING),
        about(Redact, "redact", "redact", "Choose words to take out, and see what will be shown", READING),
        about(Hide, "hide", "hide", "Keep the whole entry from every reader, and say why", WHERE_ONE_HIDES),
        about(Escalate, "escalate", "ask lead", "Ask the safeguarding lead, in words of your own", READING),
        about(Defer, "defer", "", "Put it off for some days, and say what is missing", READING),
        about(ReadBack, "read-back", "", "As second reader: say what seems to be missing", ENTRY),
        about(NextMatch, "next-match", "next match", "Go to the next numbered match", ENTRY_AND_REDACT),
        about(PreviousMatch, "previous-match", "", "Go to the previous numbered match", ENTRY_AND_REDACT),
        about(Note, "note", "note", "Write a note for the next reader; no patient ever sees it", READING),
        about(Style, "style", "style", "Change between silent and marked removal", REDACT),
        about(Reader, "reader", "reader", "Show what the next reader of this record will see", REDACT),
        about(SizeWord, "word", "", "Select by word", REDACT),
        about(SizeMatch, "match", "", "Select by match, with the removal suggested for it", REDACT),
        about(SizeSentence, "sentence", "", "Select by sentence", REDACT),
        about(SizeLine, "line", "", "Select by line", REDACT),
        about(Anchor, "anchor", "", "Hold this end of the selection: moving extends it", REDACT),
        about(LineStart, "line-start", "", "Go to the first word of the line", REDACT),
        about(LineEnd, "line-end", "", "Go to the last word of the line", REDACT),
        about(NextWord, "next-word", "", "Go to the next word", REDACT),
        about(PreviousWord, "previous-word", "", "Go to the word before", REDACT),
        about(NextSentence, "next-sentence", "", "Go to the next sentence", REDACT),
        about(PreviousSentence, "previous-sentence", "", "Go to the sentence before", REDACT),
        about(NextParagraph, "next-paragraph", "", "Go to the next paragraph", REDACT),
        about(PreviousParagraph, "previous-paragraph", "", "Go to the paragraph before", REDACT),
        about(RemoveWord, "remove-word", "", "Take this word out", REDACT),
        about(RemoveMatch, "remove-match", "", "Take this match out", REDACT),
        about(RemoveSentence, "remove-sentence", "", "Take this sentence out", REDACT),
        about(RemoveLine, "remove-line", "", "Take this line out", REDACT),
        about(RemoveParagraph, "remove-paragraph", "", "Take this paragraph out", REDACT),
        about(Reopen, "reopen", "reopen", "As lead: take a hide or a withdrawal back, to be read anew", ENTRY),
        about(Confirm, "confirm", "stays so", "As lead, after looking again: it stays as it is", ENTRY),
        about(GiveBack, "give-back", "give back", "As lead: give it back to the reviewers with advice", ENTRY),
        about(Resume, "resume", "take up", "Take up again what was put off", ENTRY),
        about(PatientAsks, "patient-asks", "patient asks", "Note that the patient asks to see what is hidden", ENTRY),
        about(Waive, "considered", "", "See entries with the same words; name one as considered", ENTRY),
        about(Propose, "propose", "", "Draft the same removals in all entries with the same words", ENTRY),
        about(TakeOver, "take-over", "", "Take this patient over from who has them in hand", READING),
        about(Patient, "patient", "patient", "Show who can read this record, and open what else waits", ENTRY),
        about(Record, "record", "record", "List all that is here of this patient, hidden and visible", WITH_A_RECORD),
        about(Flags, "flags", "flags", "Set or clear this patient’s flags, like hold everything", OF_A_PATIENT),
        about(Versions, "versions", "versions", "Show what changed since the version before, and so on back", ENTRY),
        about(NewerVersion, "newer-version", "", "Go from an earlier version to the one after it", ENTRY),
        about(NextEntry, "next-entry", "", "Go to the next entry without deciding", ENTRY),
        about(PreviousEntry, "previous-entry", "", "Go to the previous entry without deciding", ENTRY),
        about(Skim, "skim", "", "Read down the weak cues, one line an entry", QUEUE),
        about(Verify, "verify", "verify", "Recompute the whole log and say whether it is intact", &[Place::Log]),
        about(Find, "find", "find", "Show only rows whose name, reason or author fits", QUEUE),
        about(Mark, "mark", "mark", "Mark or unmark this row: hiding hides all that are marked", QUEUE),
        about(MarkPatient, "mark-patient", "", "Mark all that waits for this patient", QUEUE),
        about(Filter, "filter", "only", "Show only what is late, or of one patient, reason, author", QUEUE),
        about(Pull, "pull", "pull", "Fetch new entries now; in the demo the next day", &[Place::Queue, Place::Status]),
        about(Publish, "publish", "publish", "Show what is due and write the feed", &[Place::Queue, Place::Status]),
        about(
            Worklist,
            "worklist",
            "worklist",
            "What else waits: disputes, hides to review, birthdays",
            BESIDE_THE_QUEUE,
        ),
        about(Alarms, "alarms", "", "Read what must be known about the feeds, whole", &[Place::Queue, Place::Status]),
        about(Policy, "policy", "policy", "Read the rules of review in force, line by line", &[Place::Status]),
        about(Log, "log", "log", "Read the audit log", MAIN),
        about(Status, "status", "", "Show how things stand", MAIN),
        about(SwitchPerson, "switch-person", "person", "In the demo: go on as the next person", MAIN),
        about(Down, "down", "", "Move down", LISTS_AND_HIDE),
        about(Up, "up", "", "Move up", LISTS_AND_HIDE),
        about(Right, "right", "", "Select the next piece of the same size", REDACT),
        about(Left, "left", "", "Select the piece before, of the same size", REDACT),
        about(PageDown, "page-down", "", "Move a page down", LISTS),
        about(PageUp, "page-up", "", "Move a page up", LISTS),
        about(First, "first", "", "Go to the top", LISTS),
        about(Last, "last", "", "Go to the bottom", LISTS),
        about(Undo, "undo", "", "Take your last decision back, until it is published", MAIN),
        about(AllTheSame, "all-the-same", "", "After a warning: do it all the same", ENTRY_AND_REDACT),
        about(Back, "back", "back", "Leave this page, or what lies over it", EVERYWHERE),
        about(Leave, "leave", "leave", "Leave this page; in the queue, leave the program", EVERYWHERE),
        about(Palette, "palette", "all", "Find any action by its words", EVERYWHERE),
        about(Help, "help", "help", "Show the keys", EVERYWHERE),
        about(Blank, "blank", "", "Blank the screen at once; any key brings it back", EVERYWHERE),
        about(Tour, "tour", "", "In the demo: begin the tour, or end it", EVERYWHERE),
        about(Theme, "theme", "", "Change the colours: dark, light, high contrast, none", EVERYWHERE),
        about(Redraw, "redraw", "", "Draw the screen anew and ask for the latest queue", EVERYWHERE),
        about(Suspend, "suspend", "", "Put the program aside and return to the shell", EVERYWHERE),
        about(Quit, "quit", "", "Leave the program; what was half done is kept", EVERYWHERE),
    ]
};

const ENTRY_AND_REDACT: &[Place] = &[Place::Entry, Place::Redact];
const REDACT_AND_HIDE: &[Place] = &[Place::Redact, Place::Hide];
const WHERE_ONE_HIDES: &[Place] = &[Place::Queue, Place::Skim, Place::Entry, Place::Redact];
const LISTS_AND_HIDE: &[Place] = EVERYWHERE;
const WITH_A_RECORD: &[Place] = &[Place::Queue, Place::Entry, Place::Worklist];

impl About {
    /// Whether the bottom bar names it there. How to find the others is named apart.
    pub fn applies_in_bar(&self, place: Place) -> bool {
        let apart = matches!(self.action, Action::Palette | Action::Help);
        !self.label.is_empty() && !apart && self.at.contains(&place)
    }
}

impl Action {
    /// What there is to say about it. Every action is in [`ACTIONS`]; a test holds that.
    pub fn about(self) -> &'static About {
        ACTIONS.iter().find(|about| about.action == self).unwrap_or(&ACTIONS[0])
    }

    /// The action with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        ACTIONS.iter().find(|about| about.name == name).map(|about| about.action)
    }

    /// Whether it applies there.
    pub fn applies(self, place: Place) -> bool {
        self.about().at.contains(&place)
    }
}
