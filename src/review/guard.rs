//! The guards of the rules, by name. Each can be taken away in a build made for that, to see which test
//! notices; in every other build they stand.

/// A reason for which a move, or showing an entry, is refused. Each has a test that fails without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guard {
    /// A move needs the role that its row of the table names.
    Role,
    /// Nobody decides in another's name.
    OwnName,
    /// The lead who decides between readers, or for them, is neither of them.
    NotParty,
    /// Only who took part takes back.
    TookPart,
    /// Only who hid takes the hide back.
    OwnHide,
    /// Who has a conflict of interest, or is locked out of this patient, moves nothing towards visible.
    LockedOut,
    /// The author is not counted at tier 2 and above, nor for a redaction.
    Author,
    /// Nobody is counted twice.
    SamePerson,
    /// Two who want different things are a dispute, and it is withheld.
    Dispute,
    /// As many people must agree as the policy says for the tier and the act.
    People,
    /// Where the policy says so, one of them is the safeguarding lead.
    LeadAmongThem,
    /// Showing what somebody hid needs a second person.
    Overruling,
    /// Whose turn is drawn is read by a second person.
    Drawn,
    /// A redaction's second reader first reads what is left.
    ReadBackFirst,
    /// If they can name what is gone, it is disputed.
    NamedIt,
    /// A line of the skim page counts as read after the reading time.
    ReadingTime,
    /// Nothing moves by time before its time.
    Due,
    /// Publication asks the whole formula anew.
    AskedAnew,
    /// Nothing of a held patient clears without people.
    Held,
    /// Clears by rule only in what screening found nothing in.
    OnlyClear,
    /// Older than the online record is not reviewed, and not shown.
    NotOpen,
    /// What comes back from hidden is screened first.
    ScreenedFirst,
    /// A deferral has a limit.
    DeferralLimit,
    /// Handling over, putting off and overruling say why.
    Why,
    /// A flag makes approvals fall.
    FlagDrops,
    /// Newer rules raise a tier and never lower it.
    NeverLower,
    /// What newer rules find more in is withdrawn, or read again.
    Rescreen,
    /// Formula: the source has it.
    AtSource,
    /// Formula: decided on exactly this version and content.
    SameContent,
    /// Formula: no hide stands.
    NoHide,
    /// Formula: enough people agreed on one act.
    Agreed,
    /// Formula: the uniform hold has run.
    HoldRun,
    /// One person has a patient's entries in hand at a stage, and no other.
    InHand,
    /// A decision shows the token of the lease that binds now.
    Token,
    /// A decision is on the version and revision that was read.
    AsRead,
    /// The same words elsewhere are handled, or named as considered.
    Twins,
    /// A second reader learns nothing of the first.
    Blind,
    /// Clearing a flag takes two people.
    FlagByTwo,
    /// Only named reviewers open a restricted record.
    NamedReaders,
    /// After the clock was put forward nothing is shown by time.
    ClockForward,
    /// Nothing clears by itself before enough was read and the lead has signed.
    ShadowFirst,
    /// Nothing clears by itself where something serious was missed.
    Suspended,
    /// Formula: an invented entry is shown to nobody.
    Decoy,
    /// Who reads does not see in the log how what they have yet to read arrived.
    DecoyUnseen,
    /// Every fifth hand-out goes by the end of the target.
    EveryFifth,
    /// A looser policy takes two people.
    PolicyByTwo,
    /// Who lost their role does nothing more with it.
    RoleNow,
}

impl Guard {
    /// Every guard.
    pub const ALL: [Self; 47] = [
        Self::Role,
        Self::OwnName,
        Self::NotParty,
        Self::TookPart,
        Self::OwnHide,
        Self::LockedOut,
        Self::Author,
        Self::SamePerson,
        Self::Dispute,
        Self::People,
        Self::LeadAmongThem,
        Self::Overruling,
        Self::Drawn,
        Self::ReadBackFirst,
        Self::NamedIt,
        Self::ReadingTime,
        Self::Due,
        Self::AskedAnew,
        Self::Held,
        Self::OnlyClear,
        Self::NotOpen,
        Self::ScreenedFirst,
        Self::DeferralLimit,
        Self::Why,
        Self::FlagDrops,
        Self::NeverLower,
        Self::Rescreen,
        Self::AtSource,
        Self::SameContent,
        Self::NoHide,
        Self::Agreed,
        Self::HoldRun,
        Self::InHand,
        Self::Token,
        Self::AsRead,
        Self::Twins,
        Self::Blind,
        Self::FlagByTwo,
        Self::NamedReaders,
        Self::ClockForward,
        Self::ShadowFirst,
        Self::Suspended,
        Self::Decoy,
        Self::DecoyUnseen,
        Self::EveryFifth,
        Self::PolicyByTwo,
        Self::RoleNow,
    ];

    /// Whether the guard refuses: `breach`, unless this is a build for mutation and the guard is taken away.
    #[cfg(not(feature = "mutation"))]
    #[inline]
    pub(crate) const fn stops(self, breach: bool) -> bool {
        breach
    }

    /// Whether the guard refuses: `breach`, unless it is the one taken away.
    #[cfg(feature = "mutation")]
    pub(crate) fn stops(self, breach: bool) -> bool {
        breach && TAKEN_AWAY.load(std::sync::atomic::Ordering::Relaxed) != self as usize
    }

    /// Takes one guard away from the whole process, or puts all back.
    #[cfg(feature = "mutation")]
    pub fn take_away(guard: Option<Self>) {
        TAKEN_AWAY.store(guard.map_or(usize::MAX, |guard| guard as usize), std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(feature = "mutation")]
static TAKEN_AWAY: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(usize::MAX);
