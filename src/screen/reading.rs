//! One pass over the text: folded words with their places, and the sentences they stand in.
//!
//! Every later detector reads this and never the bytes again, so what hides a word from one of them
//! (case, accents, a Cyrillic а, a zero-width joiner) is undone here once for all.

use std::cell::Cell;

use unicode_normalization::UnicodeNormalization;

use super::lookalikes::lookalike;
use super::pattern::{Around, Hit, Signature};
use super::spelling::Spelling;
use super::vocabulary::{Vocabulary, hash_start};
use crate::record::{Span, sentences_into};

/// How many words on either side of a word can belong to it; no sentence that people write is longer.
const WINDOW: usize = 60;

/// A word of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// Its bytes.
    pub span: Span,
    /// Its number in the vocabulary; [`Vocabulary::UNKNOWN`] for a word that no rule knows.
    pub word: u32,
    /// Its number as written in capitals, for rules that ask for them.
    pub capitals: u32,
    /// Which sentence it stands in.
    pub sentence: u32,
    /// What stands between it and the word before.
    pub before: Gap,
}

/// What separates a word from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// White space, or a mark that joins: a hyphen, a slash.
    Space,
    /// A comma, colon, dash or bracket: a new clause may begin.
    Clause,
    /// The sentence ended.
    Sentence,
    /// A question mark in front of the word, as in `?NAI`.
    Query,
}

/// Why a text cannot be trusted to say what it seems to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A control character: the text was not text, or was cut.
    Control,
    /// A character that is not shown, or turns the direction of reading.
    Invisible,
    /// A word of letters from two alphabets that look alike.
    MixedScript,
    /// Words in a script that the rules do not know.
    OtherScript,
    /// Bytes were lost before the text reached us.
    Damaged,
}

impl Trouble {
    /// In a clinician's words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Control => "holds control characters, so it could not be screened",
            Self::Invisible => "holds characters that are not shown, so it could not be screened",
            Self::MixedScript => "holds words that mix alphabets, so it could not be screened",
            Self::OtherScript => "is partly in a script that the rules do not know, so it could not be screened",
            Self::Damaged => "was damaged before it reached us, so it could not be screened",
        }
    }
}

/// Empty lists with room for a text, kept from one to the next: a day's texts are many and short, and asking for this
/// room anew for each took a fifth of the time.
#[derive(Default)]
struct Spare {
    tokens: Vec<Token>,
    sentences: Vec<Span>,
    signatures: Vec<Signature>,
}

thread_local! {
    static SPARE: Cell<Option<Spare>> = const { Cell::new(None) };
}

/// The room that a longer text than this took, in bytes, is given back.
const WORTH_KEEPING: usize = 1 << 16;

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if self.text.len() > WORTH_KEEPING {
            return;
        }
        let mut spare = Spare {
            tokens: std::mem::take(&mut self.tokens),
            sentences: std::mem::take(&mut self.sentences),
            signatures: std::mem::take(&mut self.signatures),
        };
        spare.tokens.clear();
        spare.sentences.clear();
        spare.signatures.clear();
        SPARE.set(Some(spare));
    }
}

/// A text as the detectors see it.
#[derive(Debug)]
pub(super) struct Reading<'t> {
    /// The text itself.
    pub text: &'t str,
    /// Its words in order.
    pub tokens: Vec<Token>,
    /// Its sentences in order.
    pub sentences: Vec<Span>,
    /// What stands in the way of reading it, with the place.
    pub troubles: Vec<(Trouble, Span)>,
    /// The words of each sentence that has any, as a signature.
    signatures: Vec<Signature>,
}

impl<'t> Reading<'t> {
    /// Reads `text` with the words of `vocabulary`, misspelt or not.
    pub fn new(text: &'t str, vocabulary: &Vocabulary, spelling: &Spelling) -> Self {
        let Spare { tokens, mut sentences, mut signatures } = SPARE.take().unwrap_or_default();
        sentences_into(text, &mut sentences);
        signatures.resize(sentences.len(), Signature::NONE);
        let mut reading = Self { text, tokens, sentences, troubles: Vec::new(), signatures };
        let mut word = Word::default();
        let mut sentence = 0;
        let mut before = Gap::Sentence;
        let mut at = 0;
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(at) {
            if word.is_empty() {
                // The common cases, which must be fast: a plain word, a blank, a comma.
                match PLAIN.get(usize::from(*byte)) {
                    Some(Plain::Letter) => {
                        if let Some(end) = plain_word(bytes, at) {
                            reading.plain(at, end, &mut sentence, &mut before, vocabulary, spelling);
                            at = end;
                            continue;
                        }
                    }
                    Some(Plain::Blank) => {
                        at += 1;
                        continue;
                    }
                    Some(Plain::Clause) => {
                        before = before.max(Gap::Clause);
                        at += 1;
                        continue;
                    }
                    _ => {}
                }
            }
            let Some(rest) = text.get(at..) else { break };
            let mut chars = rest.chars();
            let Some(c) = chars.next() else { break };
            let next_is_letter = chars.next().is_some_and(char::is_alphanumeric);
            match kind(c) {
                Kind::Word => word.push(at, c),
                Kind::Invisible if !word.is_empty() || next_is_letter => {
                    reading.trouble(Trouble::Invisible, at, c);
                    word.end = word.end.max(if word.is_empty() { 0 } else { at + c.len_utf8() });
                }
                Kind::SoftHyphen => {}
                Kind::Apostrophe if !word.is_empty() && next_is_letter => word.push(at, '\''),
                other => {
                    reading.finish(&mut word, &mut sentence, &mut before, vocabulary, spelling);
                    match other {
                        Kind::Clause => before = before.max(Gap::Clause),
                        Kind::Query => before = before.max(Gap::Query),
                        Kind::Control => reading.trouble(Trouble::Control, at, c),
                        Kind::Direction => reading.trouble(Trouble::Invisible, at, c),
                        Kind::Damaged => reading.trouble(Trouble::Damaged, at, c),
                        _ => {}
                    }
                }
            }
            at += c.len_utf8();
        }
        reading.finish(&mut word, &mut sentence, &mut before, vocabulary, spelling);
        reading
    }

    /// The words of sentence `number`, as a range of token indices.
    pub fn sentence_tokens(&self, number: u32) -> std::ops::Range<usize> {
        let start = self.tokens.partition_point(|token| token.sentence < number);
        let end = self.tokens.partition_point(|token| token.sentence <= number);
        start..end
    }

    /// The words around token `at` in its own sentence and `sentences` on either side, at most [`WINDOW`] each way:
    /// a text without a full stop must not cost the square of its length.
    pub fn window(&self, at: usize, sentences: u32) -> std::ops::Range<usize> {
        let Some(token) = self.tokens.get(at) else { return 0..0 };
        let start = self.sentence_tokens(token.sentence.saturating_sub(sentences)).start;
        let end = self.sentence_tokens(token.sentence.saturating_add(sentences)).end;
        start.max(at.saturating_sub(WINDOW))..end.min(at + WINDOW + 1)
    }

    /// The words around token `at`.
    pub fn around(&self, at: usize) -> Around {
        let number = self.tokens.get(at).map_or(0, |token| token.sentence as usize);
        let beside = number.saturating_sub(1)..(number + 2).min(self.signatures.len());
        let mut neighbours = Signature::NONE;
        self.signatures.get(beside).unwrap_or_default().iter().for_each(|one| neighbours.join(one));
        Around { sentence: self.signatures.get(number).copied().unwrap_or(Signature::NONE), neighbours }
    }

    /// The words of sentence `number` but those of `cleared`, folded and rightly spelt.
    pub fn words(&self, number: u32, cleared: &[Hit], vocabulary: &Vocabulary) -> Vec<String> {
        let says = |at: &usize| !cleared.iter().any(|hit| hit.0 <= *at && *at <= hit.1);
        let tokens = self.sentence_tokens(number).filter(says).filter_map(|at| self.tokens.get(at));
        let word = |token: &Token| match vocabulary.name(token.word) {
            "" => fold(token.span.of(self.text).unwrap_or_default()),
            name => name.to_owned(),
        };
        tokens.map(word).collect()
    }

    /// The bytes from token `first` to token `last`.
    pub fn span(&self, first: usize, last: usize) -> Span {
        match (self.tokens.get(first), self.tokens.get(last)) {
            (Some(a), Some(b)) => Span::new(a.span.start, b.span.end),
            _ => Span::new(0, 0),
        }
    }

    fn trouble(&mut self, trouble: Trouble, at: usize, c: char) {
        if self.troubles.last().is_none_or(|(last, _)| *last != trouble) {
            self.troubles.push((trouble, Span::new(at, at + c.len_utf8())));
        }
    }

    fn finish(
        &mut self,
        word: &mut Word,
        sentence: &mut usize,
        before: &mut Gap,
        vocabulary: &Vocabulary,
        spelling: &Spelling,
    ) {
        if word.is_empty() {
            return;
        }
        let span = Span::new(word.start, word.end);
        if let Some(trouble) = word.trouble() {
            self.troubles.push((trouble, span));
        }
        let number = match vocabulary.number(&word.folded) {
            Vocabulary::UNKNOWN => spelling.meant(&word.folded),
            number => number,
        };
        let capitals = if word.all_capitals() { vocabulary.capitals(number) } else { Vocabulary::UNKNOWN };
        self.push(span, number, capitals, sentence, before);
        word.clear();
    }

    /// Adds the plain word from `start` to `end`.
    fn plain(
        &mut self,
        start: usize,
        end: usize,
        sentence: &mut usize,
        before: &mut Gap,
        vocabulary: &Vocabulary,
        spelling: &Spelling,
    ) {
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let hash = hash_start(rest, end - start);
        let mut number = vocabulary.number_of_hash(hash);
        if number == Vocabulary::UNKNOWN {
            let written = self.text.get(start..end).unwrap_or_default();
            number = if written.bytes().all(|byte| byte.is_ascii_digit()) {
                Vocabulary::NUMBER
            } else {
                spelling.meant_hashed(hash, written)
            };
        }
        let mut capitals = Vocabulary::UNKNOWN;
        if rest.first_chunk::<2>().is_some_and(|two| two.iter().all(u8::is_ascii_uppercase)) {
            capitals = vocabulary.capitals(number);
            let written = self.text.get(start..end).unwrap_or_default();
            let upper = written.bytes().filter(u8::is_ascii_uppercase).count();
            let lower = written.bytes().filter(u8::is_ascii_lowercase).count();
            if !all_capitals(upper, lower) {
                capitals = Vocabulary::UNKNOWN;
            }
        }
        self.push(Span::new(start, end), number, capitals, sentence, before);
    }

    fn push(&mut self, span: Span, word: u32, capitals: u32, sentence: &mut usize, before: &mut Gap) {
        while self.sentences.get(*sentence).is_some_and(|s| s.end <= span.start) {
            *sentence += 1;
        }
        if *before != Gap::Query && self.tokens.last().is_none_or(|last| last.sentence != *sentence as u32) {
            *before = Gap::Sentence;
        }
        self.tokens.push(Token { span, word, capitals, sentence: *sentence as u32, before: *before });
        if let Some(signature) = self.signatures.get_mut(*sentence)
            && word != Vocabulary::UNKNOWN
        {
            signature.add(word);
            if capitals != Vocabulary::UNKNOWN {
                signature.add(capitals);
            }
        }
        *before = Gap::Space;
    }
}

/// More than one capital, and no more than the `s` of a plural beside them.
fn all_capitals(upper: usize, lower: usize) -> bool {
    upper > 1 && lower <= 1 && upper > lower
}

impl Gap {
    fn max(self, other: Self) -> Self {
        if other as u8 > self as u8 { other } else { self }
    }
}

/// What a byte of plain text is, where no word has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    Letter,
    Blank,
    Clause,
    /// To be looked at as a character.
    Else,
}

const PLAIN: [Plain; 256] = {
    let mut table = [Plain::Else; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => Plain::Letter,
            b' ' | b'\n' | b'\t' | b'\r' | b'-' | b'/' | b'.' | b'+' | b'&' => Plain::Blank,
            b',' | b';' | b':' | b'(' | b')' | b'[' | b']' | b'"' | b'=' => Plain::Clause,
            _ => Plain::Else,
        };
        byte += 1;
    }
    table
};

/// Where the word that begins at `start` ends, when it is plain ASCII and nothing after it could belong to it.
fn plain_word(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let plain = |byte: &u8| PLAIN.get(usize::from(*byte)) == Some(&Plain::Letter);
    let length = rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
    let joins = rest.get(length).is_some_and(|next| !next.is_ascii() || matches!(next, b'\'' | b'`'));
    if joins { None } else { Some(start + length) }
}

/// A word as the detectors see it.
fn fold(written: &str) -> String {
    let mut word = Word::default();
    for (at, c) in written.char_indices() {
        match kind(c) {
            Kind::Word => word.push(at, c),
            Kind::Apostrophe => word.push(at, '\''),
            _ => {}
        }
    }
    word.folded
}

/// The word being read.
#[derive(Default)]
struct Word {
    start: usize,
    end: usize,
    folded: String,
    latin: usize,
    lookalike: usize,
    foreign: usize,
    upper: usize,
    lower: usize,
}

impl Word {
    fn is_empty(&self) -> bool {
        self.folded.is_empty()
    }

    fn clear(&mut self) {
        self.folded.clear();
        (self.latin, self.lookalike, self.foreign, self.upper, self.lower) = (0, 0, 0, 0, 0);
    }

    fn all_capitals(&self) -> bool {
        all_capitals(self.upper, self.lower)
    }

    fn trouble(&self) -> Option<Trouble> {
        if self.lookalike > 0 && self.latin > 0 {
            Some(Trouble::MixedScript)
        } else if self.foreign + self.lookalike > 2 {
            Some(Trouble::OtherScript)
        } else {
            None
        }
    }

    fn push(&mut self, at: usize, c: char) {
        if self.is_empty() {
            self.start = at;
        }
        self.end = at + c.len_utf8();
        if c.is_ascii() {
            self.upper += usize::from(c.is_ascii_uppercase());
            self.lower += usize::from(c.is_ascii_lowercase());
            self.latin += usize::from(c.is_ascii_alphabetic());
            self.folded.push(c.to_ascii_lowercase());
            return;
        }
        // Full-width and mathematical letters decompose to the plain one; accents are dropped.
        let mut decomposed = c.nfkd().filter(|d| !unicode_normalization::char::is_combining_mark(*d)).peekable();
        if decomposed.peek().is_none() && self.is_empty() {
            self.folded.push(' ');
        }
        for d in decomposed {
            if let Some(plain) = lookalike(d) {
                self.lookalike += 1;
                self.folded.push(plain);
            } else if d.is_ascii() {
                self.latin += usize::from(d.is_ascii_alphabetic());
                self.upper += usize::from(d.is_ascii_uppercase());
                self.lower += usize::from(d.is_ascii_lowercase());
                self.folded.push(d.to_ascii_lowercase());
            } else {
                let latin = ('\u{c0}'..='\u{24f}').contains(&d) || ('\u{1e00}'..='\u{1eff}').contains(&d);
                self.foreign += usize::from(d.is_alphabetic() && !latin);
                self.folded.extend(d.to_lowercase());
            }
        }
    }
}

enum Kind {
    Word,
    Apostrophe,
    Clause,
    Query,
    Control,
    Invisible,
    SoftHyphen,
    Direction,
    Damaged,
    Other,
}

fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Kind::Word,
        ' ' | '\n' | '\t' | '\r' | '-' | '/' | '.' | '+' | '&' => Kind::Other,
        '\'' | '\u{2018}' | '\u{2019}' | '\u{2bc}' | '`' => Kind::Apostrophe,
        ',' | ';' | ':' | '(' | ')' | '[' | ']' | '"' | '=' | '\u{2013}' | '\u{2014}' | '\u{201c}' | '\u{201d}' => {
            Kind::Clause
        }
        '?' => Kind::Query,
        '\u{ad}' => Kind::SoftHyphen,
        '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}'
        | '\u{180e}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{3164}'
        | '\u{e0000}'..='\u{e007f}' => Kind::Invisible,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => Kind::Direction,
        '\u{fffd}' => Kind::Damaged,
        '\u{b}' | '\u{c}' | '\u{85}' => Kind::Other,
        c if c.is_control() => Kind::Control,
        c if c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c) => Kind::Word,
        _ => Kind::Other,
    }
}
