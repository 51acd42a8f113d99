//! Why a move is refused, as the person who asked is told.

use chrono::{DateTime, NaiveDate, Utc};

use super::moves::{EventName, Who};
use super::state::State;
use super::visible::Withheld;

/// Why a move is refused, as the person who asked is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The table has no such move.
    #[error("{what} is not possible while the entry is {state}", what = .on.words(), state = .from.name())]
    NoSuchMove {
        /// From.
        from: State,
        /// On.
        on: EventName,
    },
    /// The role may not.
    #[error("only {} may do this", role(*.0))]
    Role(Who),
    /// A decision in another person's name.
    #[error("a decision is made in one's own name: sign in as the person who decides")]
    NotYou,
    /// It was somebody else's decision.
    #[error("only {0} may take this decision back; hide the entry if it must not be seen")]
    NotTheirs(String),
    /// The lead took part in what is to be decided.
    #[error("your own decision is among those that differ: another lead must decide; you can hide it")]
    Party,
    /// A conflict of interest, or locked out of this patient.
    #[error("you have a conflict of interest in this patient, or are locked out of the record; you can hide it")]
    LockedOut,
    /// The author is not counted.
    #[error("you recorded this entry, and one with such a finding needs another pair of eyes; you can hide it")]
    Author,
    /// The same person twice.
    #[error("you already agreed; a second person must")]
    SamePerson,
    /// The second reader has not yet read what would be left.
    #[error("the first reader took words out: read what is left and say what you think is missing first")]
    ReadBackFirst,
    /// The line was not on the screen long enough to be read.
    #[error("the page was not on the screen long enough to be read: take the time, or pull out what needs it")]
    TooFast,
    /// Nobody has decided.
    #[error("nobody has decided on this entry: there is nothing to take back")]
    NothingToUndo,
    /// Put off into the past, or for too long.
    #[error("an entry can be put off until a day from tomorrow to {0}")]
    Deferral(NaiveDate),
    /// Nothing was written where something must be.
    #[error("say why, in a few words")]
    SayWhy,
    /// Too much was written.
    #[error("that is too long for a note: write 4,000 bytes at most, the rest belongs in the record")]
    TooLong,
    /// Time has not come.
    #[error("it is not due before {0}")]
    NotYet(DateTime<Utc>),
    /// What must hold for it to be shown does not.
    #[error("it cannot be shown: {0}")]
    Withheld(#[from] Withheld),
}

fn role(who: Who) -> &'static str {
    match who {
        Who::System => "the program",
        Who::Reviewer | Who::Decider => "a clinician or the safeguarding lead",
        Who::Lead | Who::OtherLead => "the safeguarding lead",
    }
}
