//! A whole entry: one text made of its parts, and the way back from that text to the parts.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::rules::Rules;
use super::statistics::{is_faint, is_learned};
use super::{Match, lanes};
use crate::record::{Category, Context, EntryVersion, Finding, Place, Screening, SourceKey, Span, Tier};

/// One text made of an entry's parts, one line for each piece that a patient could read.
struct Whole {
    text: String,
    pieces: Vec<Piece>,
}

struct Piece {
    /// Where it stands in the text.
    span: Span,
    /// The part it came from; `None` for the entry's title.
    part: Option<usize>,
    /// Whether it is the part's free text, in which a stretch can be removed.
    free: bool,
}

impl Whole {
    fn new(version: &EntryVersion) -> Self {
        let mut whole = Self { text: String::new(), pieces: Vec::new() };
        whole.add(&version.title, None, false);
        for (number, part) in version.parts.iter().enumerate() {
            whole.add(&part.heading, Some(number), false);
            whole.add(&part.display, Some(number), false);
            // Sources send the words of a code once for the line and again for each of its codes.
            for code in part.codes.iter().filter(|code| code.display != part.display) {
                whole.add(&code.display, Some(number), false);
            }
            whole.add(&part.value, Some(number), false);
            whole.add(&part.text, Some(number), true);
        }
        whole
    }

    fn add(&mut self, piece: &str, part: Option<usize>, free: bool) {
        if piece.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(piece);
        self.pieces.push(Piece { span: Span::new(start, self.text.len()), part, free });
        self.text.push('\n');
    }

    /// The places of `span`, one for each piece it touches.
    fn places(&self, version: &EntryVersion, span: Span) -> Vec<Place> {
        let first = self.pieces.partition_point(|piece| piece.span.end <= span.start);
        let touched = self.pieces.iter().skip(first).take_while(|piece| piece.span.start < span.end);
        touched
            .filter_map(|piece| {
                let part = version.parts.get(piece.part?)?;
                let inside = Span::new(
                    span.start.max(piece.span.start) - piece.span.start,
                    span.end.min(piece.span.end) - piece.span.start,
                );
                Some(Place { part: part.key.clone(), span: piece.free.then_some(inside) })
            })
            .collect()
    }
}

impl Rules {
    /// Screens one version of an entry: its title, and of every part the codes, their words, the value and the text.
    pub fn screen_entry(&self, version: &EntryVersion) -> Screening {
        let mut findings: Vec<Finding> = Vec::new();
        let whole = Whole::new(version);
        for (found, remove) in self.in_text(&self.read(&whole.text)) {
            let place = whole.places(version, found.span).into_iter().next();
            // The model has learned from sentences that people wrote; titles and code words are neither.
            if is_learned(&found.rule) && place.as_ref().is_none_or(|place| place.span.is_none()) {
                continue;
            }
            let suggested = remove.map(|span| whole.places(version, span)).unwrap_or_default();
            findings.push(finding(found, place, suggested));
        }
        for part in &version.parts {
            let whole_part = Place { part: part.key.clone(), span: None };
            for (found, _) in self.in_codes(&part.codes) {
                findings.push(finding(found, Some(whole_part.clone()), vec![whole_part.clone()]));
            }
            if part.unreadable.is_some() {
                findings.push(Finding {
                    rule: "unscreened".to_owned(),
                    category: Category::Unscreened,
                    tier: Tier::Critical,
                    place: Some(whole_part),
                    why: "Content that could not be read or screened".to_owned(),
                    context: Context::default(),
                    suggested: Vec::new(),
                });
            }
        }
        // Where rules say enough to hold, what only faintly resembles a disclosure would bury their reasons.
        if findings.iter().any(|finding| finding.tier >= Tier::Cue && !is_learned(&finding.rule)) {
            findings.retain(|finding| !is_faint(finding));
        }
        let places: HashMap<&SourceKey, usize> =
            version.parts.iter().enumerate().map(|(number, part)| (&part.key, number + 1)).collect();
        findings.sort_by_cached_key(|finding| {
            let place = finding.place.as_ref();
            let part = place.and_then(|place| places.get(&place.part)).copied().unwrap_or_default();
            (Reverse(finding.tier), part, place.and_then(|place| place.span), finding.rule.clone())
        });
        Screening {
            lane: lanes::lane(&findings),
            tier: findings.iter().map(|finding| finding.tier).max().unwrap_or(Tier::Nothing),
            findings,
            rules: self.version().to_owned(),
        }
    }
}

fn finding(found: Match, place: Option<Place>, suggested: Vec<Place>) -> Finding {
    Finding {
        rule: found.rule,
        category: found.category,
        tier: found.tier,
        place,
        why: found.why,
        context: found.context,
        suggested,
    }
}
