//! What a version means for its patient: what screening says with all that stands over the patient, how a list puts it
//! in short, and whether it is online at all.

use std::cmp::Reverse;

use chrono::{Days, Duration, NaiveDate};

use super::super::Service;
use super::super::rows::EntryRow;
use crate::record::{
    AccessLevel, Category, CodeSystem, Context, EntryVersion, Finding, Flag, Lane, Patient, Safeguards, Screening,
    Span, Tier, sentences, words,
};
use crate::screen::{Standing, is_learned, raised};

/// So long a concern makes weak cues in its household weigh more: a quarter, in which households are reviewed.
const OF_LATE: Duration = Duration::days(90);

/// How many reasons a list shows of an entry.
const MOST_REASONS: usize = 4;

impl Service {
    /// What screening says of a version, with what is known of its patient.
    pub(in super::super) fn screened(
        &self,
        version: &EntryVersion,
        patient: &Patient,
        safeguards: &Safeguards,
    ) -> Screening {
        let standing = Standing {
            enhanced_review: safeguards.has(Flag::EnhancedReview) || patient.flags.contains(&Flag::EnhancedReview),
            // What people decided, not what else this pull brings: the same feed must screen alike in any order.
            household_concern: self.board().has_concern(patient.id, Tier::Disclosure, self.now() - OF_LATE),
            proxy_reads_text: patient.proxies.iter().any(|proxy| proxy.access == AccessLevel::Full),
        };
        let mut screening = raised(self.rules.screen_entry(version), standing);
        let mut raise = |rule: &str, category, why: &str| {
            screening.lane = Lane::Hold;
            screening.tier = Tier::Critical;
            screening.findings.insert(
                0,
                Finding {
                    rule: rule.to_owned(),
                    category,
                    tier: Tier::Critical,
                    place: None,
                    why: why.to_owned(),
                    context: Context::default(),
                    suggested: Vec::new(),
                },
            );
        };
        if patient.family_name.is_empty() && patient.given_name.is_empty() {
            raise("patient-unknown", Category::Unscreened, "the feeds have not sent this patient");
        }
        if version.parts.iter().any(crate::record::Part::is_hidden_at_source) {
            raise("hidden-at-source", Category::Unscreened, "the practice’s system hides this from the patient");
        }
        // Where a practice has coded so many, the code says nothing of any of them. What people set always holds.
        let is_coded = |flag| {
            patient.flags.contains(&flag)
                && !(flag == Flag::EnhancedReview && self.board().people().enhanced_review_is_common())
        };
        for flag in Flag::ALL {
            if flag.holds() && (safeguards.has(flag) || is_coded(flag)) {
                raise(&format!("patient-{}", flag.name()), Category::DomesticAbuse, flag.words());
            }
        }
        screening
    }

    /// The gravest reasons for a list, each once: the words that stand there, so that half of triage needs no
    /// opening; why, where a reason has no words of its own or these say little.
    pub(in super::super) fn reasons(version: &EntryVersion, screening: &Screening) -> Vec<String> {
        let mut findings: Vec<&Finding> = screening.findings.iter().collect();
        // What weighs the same stays in the order of reading.
        findings.sort_by_key(|finding| Reverse(gravity(finding)));
        let mut why: Vec<String> = Vec::new();
        for finding in findings {
            let words = finding.place.as_ref().and_then(|place| {
                let part = version.part(&place.part)?;
                match place.span {
                    Some(_) if is_learned(&finding.rule) => None,
                    Some(span) => in_short(&part.text, span),
                    None => Some(part.display.clone()).filter(|display| !display.is_empty()),
                }
            });
            let words = words.unwrap_or_else(|| finding.why.clone());
            if !why.iter().any(|said| said.contains(&words)) {
                why.push(words);
            }
        }
        why.truncate(MOST_REASONS);
        why
    }

    /// Whether an entry was recorded on or after the day from which the patient's online record shows.
    /// Where a date is missing it counts as open, which asks for review.
    pub(in super::super) fn open_online(&self, row: &EntryRow, patient: &Patient) -> bool {
        // What was recorded before the patient came to the practice is another one's history.
        let from = patient.access_from.or_else(|| self.settings.practice.go_live().max(patient.registered));
        match (from, row.recorded) {
            (Some(from), Some(recorded)) => recorded.with_timezone(&chrono_tz::Europe::London).date_naive() >= from,
            _ => true,
        }
    }
}

/// What a version says of enhanced review before access is given (SNOMED CT 1364731000000104, "indicated", and
/// 1364751000000106, "not indicated"), with the day: the latest counts, and on one day the cautious one.
pub fn enhanced_review(version: &EntryVersion) -> Option<(NaiveDate, bool)> {
    let said = version.parts.iter().flat_map(|part| {
        let day = part.happened.or(version.happened).or(version.recorded.map(|moment| moment.date_naive()));
        part.codes.iter().filter_map(move |code| match (code.system, code.code.as_str()) {
            (CodeSystem::Snomed, "1364731000000104") => Some((day?, true)),
            (CodeSystem::Snomed, "1364751000000106") => Some((day?, false)),
            _ => None,
        })
    });
    said.max()
}

/// Whether an entry is history that came with the patient from another practice: recorded before they registered
/// here, or about that time and entered by the transfer in the weeks after. It is no news, so it must neither
/// flood the queue nor clear by itself.
pub fn is_from_elsewhere(version: &EntryVersion, patient: &Patient) -> bool {
    const TRANSFER: Days = Days::new(60);
    let Some(registered) = patient.registered else { return false };
    let recorded = version.recorded.map(|moment| moment.with_timezone(&chrono_tz::Europe::London).date_naive());
    let by_transfer = recorded.is_some_and(|day| day <= registered + TRANSFER);
    recorded.is_some_and(|day| day < registered)
        || (by_transfer && version.happened.is_some_and(|day| day < registered))
}

/// How grave a finding is among those of an entry: its tier; then what is about the entry as a whole, since that
/// holds whatever its words say; then what a rule found, which says more than a resemblance; then what stands there
/// as a fact of now; then what is done to the patient, before what others are or told.
fn gravity(finding: &Finding) -> impl Ord + use<> {
    let Context { negated, historical, hypothetical, .. } = finding.context;
    let softened = [negated, historical, hypothetical].into_iter().filter(|softer| *softer).count();
    let harm = !matches!(finding.category, Category::ThirdParty | Category::Perpetrator);
    (finding.tier, finding.place.is_none(), !is_learned(&finding.rule), Reverse(softened), harm)
}

/// The words of a finding with some of the sentence around them: on its own a match can be as short as `DA`. An
/// ellipsis stands where the sentence goes on. `None` where all of that says little.
fn in_short(text: &str, span: Span) -> Option<String> {
    const ENOUGH: usize = 36;
    const LITTLE: usize = 12;
    let sentence = sentences(text).into_iter().find(|sentence| sentence.overlaps(span)).unwrap_or(span);
    let words: Vec<Span> = words(text).into_iter().filter(|word| sentence.contains(*word)).collect();
    let mut range = (
        words.iter().position(|word| word.overlaps(span)).unwrap_or(0),
        words.iter().rposition(|word| word.overlaps(span)).map_or(0, |last| last + 1),
    );
    let joined = |(from, to): (usize, usize)| -> String {
        let words = words.get(from..to).unwrap_or_default();
        words.iter().filter_map(|word| word.of(text)).collect::<Vec<_>>().join(" ")
    };
    let fits = |range: (usize, usize)| joined(range).chars().count() <= ENOUGH;
    // What follows says more than what came before.
    while range.1 < words.len() && fits((range.0, range.1 + 1)) {
        range.1 += 1;
    }
    while range.0 > 0 && fits((range.0 - 1, range.1)) {
        range.0 -= 1;
    }
    let said = joined(range);
    let before = if range.0 > 0 { "… " } else { "" };
    let after = if range.1 < words.len() { " …" } else { "" };
    (said.chars().count() > LITTLE).then(|| format!("{before}{said}{after}"))
}

/// Everybody who recorded a line, once.
pub fn authors(version: &EntryVersion) -> Vec<String> {
    let mut authors: Vec<String> = std::iter::once(&version.author)
        .chain(version.parts.iter().map(|part| &part.author))
        .map(|author| author.id.clone())
        .filter(|id| !id.is_empty())
        .collect();
    authors.sort_unstable();
    authors.dedup();
    authors
}
