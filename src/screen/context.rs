//! What the words around a finding say about it: denied, past, only imagined, about somebody else.
//!
//! After NegEx (Chapman 2001) and ConText (Harkema 2009), with the shorthand of GP notes: a cue reaches
//! forwards or backwards within its sentence until another cue, a conjunction or a new clause stops it.

use super::pattern::{Classes, Pattern, WordSet};
use super::reading::{Gap, Reading};
use super::vocabulary::Vocabulary;
use crate::record::{Context, Subject};

/// Compiled cues.
#[derive(Debug)]
pub(super) struct Cues {
    list: Vec<Cue>,
    index: Vec<Vec<u16>>,
    stops: WordSet,
    subjects: WordSet,
}

#[derive(Debug)]
struct Cue {
    pattern: Pattern,
    says: Says,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// What follows is denied.
    Denies,
    /// What precedes is denied.
    DeniesBefore,
    /// What precedes is denied, if the clause ends here: `asked re DA: no`, but not `awake, no distress`.
    DeniesClosing,
    /// Looks like a denial and is none.
    DeniesNothing,
    /// What follows is past.
    Past,
    /// What precedes is past.
    PastBefore,
    /// What follows is only imagined.
    Imagines,
    /// What follows is about somebody else.
    Other,
}

/// How many words a cue reaches.
const REACH: usize = 14;

const CUES: &[(Says, &str)] = &[
    (Says::DeniesNothing, "no|not|without change|changes|increase|doubt|wonder|difficulty|delay"),
    (
        Says::DeniesNothing,
        "not only|certain|sure|necessarily|allow+|let|tell|want|safe|submitted|obtained|obtainable|cause",
    ),
    (Says::DeniesNothing, "not an option"),
    (Says::DeniesNothing, "no|not one|idea"),
    (Says::Denies, "no|not|never|nil|without|denies|deny|denied|denying|denial|neither|nor|cannot|non"),
    (
        Says::Denies,
        "didn't|doesn't|don't|isn't|wasn't|hasn't|haven't|aren't|weren't|didnt|doesnt|dont|isnt|wasnt|hasnt",
    ),
    (Says::Denies, "ruled|rules out"),
    (Says::Denies, "free of"),
    (Says::Denies, "absence of"),
    (Says::Denies, "low suspicion for|of"),
    (Says::Denies, "negative|neg|ve for"),
    (Says::DeniesBefore, "unlikely|denied|denies|declined|absent|excluded|resolved"),
    (Says::DeniesBefore, "ruled out"),
    (Says::DeniesClosing, "negative|neg|nil|none|no|ve|nad"),
    (Says::Past, "h o"),
    (Says::Past, "hx|history of?"),
    (Says::Past, "phx|pmh|previous|previously|prior|former|past|historic|historical|historically"),
    (Says::Past, "in|as|during a? child|childhood|teenager|teens|girl|boy|youth"),
    (Says::Past, "aged|age # "),
    (Says::Past, "used to"),
    (Says::PastBefore, "#|two|three|four|five|six|ten|twenty|thirty|several|many years|yrs|yr|y|decades ago"),
    (Says::PastBefore, "years|yrs|decades ago"),
    (Says::PastBefore, "as|in a? child|childhood|teenager|teens|youth"),
    (Says::Imagines, "if"),
    (Says::Imagines, "should"),
    (Says::Imagines, "in case"),
    (Says::Imagines, "return|call|ring for|if"),
    (Says::Imagines, "risk of"),
    (Says::Other, "family history|hx of?"),
    (Says::Other, "fh|fhx"),
    (
        Says::Other,
        "mother|mum|mother's|mum's|father|dad|sister|sister's|brother|brother's|aunt|uncle|daughter|daughter's|son|son's|cousin|friend|friend's|neighbour|neighbour's|niece|nephew|gran|nan|grandmother|grandad|wife|husband",
    ),
];

/// Words that end a cue's reach.
const STOPS: &str = "but however although though except apart besides aside still yet because since whereas which who cause \
    positive remains remained appears became";

/// Words that begin a new clause after a comma.
const SUBJECTS: &str = "the he she they patient pt we i his her";

impl Cues {
    /// Compiles the cues into `vocabulary`.
    pub fn new(vocabulary: &mut Vocabulary) -> Self {
        let classes = Classes::new();
        let list: Vec<Cue> = CUES
            .iter()
            .filter_map(|(says, source)| {
                // A cue that does not compile would be a slip of ours; the test below names it.
                Pattern::compile(source, &classes, vocabulary).ok().map(|pattern| Cue { pattern, says: *says })
            })
            .collect();
        let mut stops = WordSet::default();
        STOPS.split_whitespace().for_each(|word| stops.insert(vocabulary.add(word)));
        let mut subjects = WordSet::default();
        SUBJECTS.split_whitespace().for_each(|word| subjects.insert(vocabulary.add(word)));
        let mut index = vec![Vec::new(); vocabulary.len()];
        for (number, cue) in list.iter().enumerate() {
            for word in cue.pattern.anchors() {
                if let Some(slot) = index.get_mut(word as usize) {
                    slot.push(number as u16);
                }
            }
        }
        Self { list, index, stops, subjects }
    }

    /// What is said about tokens `first..=last`.
    pub fn around(&self, reading: &Reading, first: usize, last: usize) -> Context {
        let mut context = Context::default();
        let Some(token) = reading.tokens.get(first) else { return context };
        context.hypothetical = token.before == Gap::Query;
        let window = reading.window(first, 0);
        let mut found: Vec<(Says, usize, usize)> = Vec::new();
        for at in window.clone() {
            let Some(token) = reading.tokens.get(at) else { continue };
            for number in self.index.get(token.word as usize).into_iter().flatten() {
                if let Some(cue) = self.list.get(*number as usize)
                    && let Some((from, to)) = cue.pattern.matches_at(reading, at)
                {
                    found.push((cue.says, from, to));
                }
            }
        }
        let pseudo: Vec<(usize, usize)> =
            found.iter().filter(|(says, ..)| *says == Says::DeniesNothing).map(|(_, from, to)| (*from, *to)).collect();
        for (says, from, to) in found {
            if matches!(says, Says::Denies | Says::DeniesBefore | Says::DeniesClosing)
                && pseudo.iter().any(|(start, end)| *start <= from && to <= *end)
            {
                continue;
            }
            let forwards = to < first && first - to <= REACH && !self.stopped(reading, to, first);
            // `PMH:` and `Past history:` head a list, so a colon does not stop them.
            let heads = to < first && first - to <= REACH && !self.stopped(reading, to + 1, first);
            let inside = from >= first && to <= last;
            let backwards = from > last && from - last <= REACH && !self.stopped(reading, last, from);
            match says {
                Says::Denies if forwards => context.negated = true,
                Says::DeniesBefore if backwards && from - last <= 6 => context.negated = true,
                Says::DeniesClosing if backwards && from - last <= 4 && ends_clause(reading, to) => {
                    context.negated = true
                }
                Says::Past if heads || inside => context.historical = true,
                Says::PastBefore if backwards || inside => context.historical = true,
                Says::Imagines if forwards => context.hypothetical = true,
                Says::Other if forwards && first - to <= 6 => context.subject = Subject::Other,
                _ => {}
            }
        }
        context
    }

    /// Whether a word, a new clause or a new section stands between two tokens.
    fn stopped(&self, reading: &Reading, after: usize, before: usize) -> bool {
        let between = |at: usize| {
            let (Some(token), Some(previous)) = (reading.tokens.get(at), reading.tokens.get(at.wrapping_sub(1))) else {
                return false;
            };
            let gap = reading.text.get(previous.span.end..token.span.start).unwrap_or_default();
            let section = gap.contains(':') || gap.len() > 5;
            let clause = token.before == Gap::Clause && self.subjects.contains(token.word);
            section || clause || (at < before && self.stops.contains(token.word))
        };
        (after + 1..=before).any(between)
    }
}

/// Whether nothing of its clause follows token `at`.
fn ends_clause(reading: &Reading, at: usize) -> bool {
    match (reading.tokens.get(at), reading.tokens.get(at + 1)) {
        (Some(token), Some(next)) => next.sentence != token.sentence || next.before != Gap::Space,
        _ => true,
    }
}
