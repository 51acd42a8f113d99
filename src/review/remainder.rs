//! What is left after a removal, and whether it still makes sense and still tells.

use crate::record::{Sex, Span, sentences, words};

/// Words that lead on to something: nothing ends with them.
const LEADS_ON: [&str; 44] = [
    "a", "about", "after", "against", "an", "and", "as", "at", "because", "before", "but", "by", "for", "from", "had",
    "has", "have", "her", "his", "if", "in", "into", "is", "like", "my", "of", "on", "or", "our", "since", "so",
    "that", "the", "their", "to", "until", "was", "were", "when", "where", "which", "who", "with", "without",
];

/// Words that go on from something: nothing begins with them.
const GOES_ON: [&str; 12] =
    ["and", "because", "but", "nor", "or", "so", "than", "that", "then", "which", "who", "whose"];

/// The kept pieces of sentences of which a part was removed that make no sense by themselves: a word or two, or a
/// piece that begins or ends in the middle of something. In bytes of `text`, in order.
///
/// A hint for whoever removes, nothing more: it knows words, not grammar.
pub fn fragments(text: &str, removed: &[Span]) -> Vec<Span> {
    let mut found = Vec::new();
    for sentence in sentences(text) {
        let mut cuts: Vec<Span> = removed.iter().copied().filter(|cut| cut.overlaps(sentence)).collect();
        if cuts.is_empty() {
            continue;
        }
        cuts.sort_unstable();
        let mut start = sentence.start;
        for cut in cuts.into_iter().chain([Span::new(sentence.end, sentence.end)]) {
            let piece = Span::new(start, cut.start.max(start));
            if !makes_sense(text, piece, sentence) {
                found.push(trimmed(text, piece));
            }
            start = start.max(cut.end.min(sentence.end));
        }
    }
    found
}

fn trimmed(text: &str, span: Span) -> Span {
    let piece = span.of(text).unwrap_or_default();
    let start = span.start + (piece.len() - piece.trim_start().len());
    Span::new(start, (span.start + piece.trim_end().len()).max(start))
}

fn makes_sense(text: &str, piece: Span, sentence: Span) -> bool {
    let said = bare(piece.of(text).unwrap_or_default());
    let (Some(first), Some(last)) = (said.first(), said.last()) else { return true };
    let follows_a_cut = piece.start > sentence.start;
    let before_a_cut = piece.end < sentence.end;
    let dangles = before_a_cut && LEADS_ON.contains(&last.as_str());
    let hangs = follows_a_cut && GOES_ON.contains(&first.as_str());
    !(dangles || hangs || said.len() < 3)
}

/// The words of a text in small letters, without the punctuation around them.
fn bare(text: &str) -> Vec<String> {
    let word = |span: Span| {
        let word = span.of(text)?.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        (!word.is_empty()).then_some(word)
    };
    words(text).into_iter().filter_map(word).collect()
}

/// Who a pronoun may stand for: where one of these is named in what is kept, the pronoun may be theirs.
const PEOPLE: [&str; 40] = [
    "aunt",
    "baby",
    "boy",
    "boyfriend",
    "brother",
    "carer",
    "child",
    "consultant",
    "dad",
    "daughter",
    "doctor",
    "dr",
    "ex",
    "father",
    "friend",
    "girl",
    "girlfriend",
    "gp",
    "grandmother",
    "husband",
    "man",
    "midwife",
    "miss",
    "mother",
    "mr",
    "mrs",
    "ms",
    "mum",
    "nan",
    "neighbour",
    "nurse",
    "partner",
    "physio",
    "sister",
    "sister-in-law",
    "son",
    "uncle",
    "wife",
    "woman",
    "surgeon",
];

const WOMEN: [&str; 14] = [
    "aunt",
    "daughter",
    "girl",
    "girlfriend",
    "grandmother",
    "miss",
    "mother",
    "mrs",
    "ms",
    "mum",
    "nan",
    "sister",
    "wife",
    "woman",
];
const MEN: [&str; 10] = ["boy", "boyfriend", "brother", "dad", "father", "husband", "man", "mr", "son", "uncle"];

/// The kept sentences that still point at what was removed: with “he” in the record of a woman, or “she” in that of
/// a man, and nobody named in what is kept before it. In bytes of `text`, in order.
pub fn pointers(text: &str, removed: &[Span], patient: Sex) -> Vec<Span> {
    let pronouns: &[&str] = match patient {
        Sex::Female => &["he", "him", "his", "they", "them", "their"],
        Sex::Male => &["she", "hers", "they", "them", "their"],
        Sex::Unknown => &["they", "them", "their"],
    };
    // Who a pronoun of the other sex cannot stand for.
    let others: &[&str] = match patient {
        Sex::Female => &WOMEN,
        Sex::Male => &MEN,
        Sex::Unknown => &[],
    };
    let Some(first) = removed.iter().map(|cut| cut.start).min() else { return Vec::new() };
    let mut named = false;
    let mut found = Vec::new();
    for sentence in sentences(text) {
        if removed.iter().any(|cut| cut.overlaps(sentence)) {
            continue;
        }
        let mut points = false;
        for word in bare(sentence.of(text).unwrap_or_default()) {
            let stem = word.split(['\'', '’']).next().unwrap_or_default();
            named |= PEOPLE.contains(&stem) && !others.contains(&stem);
            points |= !named && pronouns.contains(&stem);
        }
        if points && sentence.start > first {
            found.push(sentence);
        }
    }
    found
}
