//! Lines and a header become a version of an entry: what is stored, with what the feed says now.

use super::group::Group;
use crate::record::{Author, EntryId, EntryKind, EntryVersion, Part, SourceKey, Unreadable, Version};

/// An entry with more text than this is cut to what can be read and screened; the lines beyond are
/// held as too large. Keeps a version within one frame of the protocol.
const TEXT_LIMIT: usize = 1 << 20;

/// A version that the feed makes, before it has a number.
pub struct Assembled {
    /// The content, with the number of the version it came from.
    pub version: EntryVersion,
    /// Whose record; `None` when the feed did not say again.
    pub patient: Option<SourceKey>,
    /// Whether a header stands over the lines.
    pub has_header: bool,
}

/// The entry after the feed, or `None` when nothing of it is left.
///
/// `stored` is the current version at the source, `had_header` whether it has a header; `name` gives the
/// name of a member of staff.
pub fn assemble(
    id: EntryId,
    group: Group,
    stored: Option<&EntryVersion>,
    had_header: bool,
    name: &dyn Fn(&SourceKey) -> Option<String>,
) -> Option<Assembled> {
    if group.all_gone {
        return None;
    }
    let has_header = had_header || group.header.is_some();
    let mut parts: Vec<Part> = stored.map(|version| version.parts.clone()).unwrap_or_default();
    let mut patient = group.header.as_ref().map(|header| header.patient.clone());
    let mut lead: Option<(EntryKind, Option<chrono::DateTime<chrono::Utc>>)> = None;
    for facts in group.lines {
        patient.get_or_insert(facts.patient);
        if facts.part.key == group.key || lead.is_none() {
            lead = Some((facts.kind, facts.recorded));
        }
        let part = with_name(facts.part, &group.key, name);
        match parts.iter_mut().find(|stored| stored.key == part.key) {
            Some(stored) => *stored = part,
            None => parts.push(part),
        }
    }
    parts.retain(|part| !group.gone.contains(&part.key));
    if parts.is_empty() && !has_header {
        return None;
    }
    parts.sort_by(|a, b| a.order.cmp(&b.order).then_with(|| a.key.cmp(&b.key)));
    limit_text(&mut parts);

    let first = parts.first();
    let version = match (group.header, stored) {
        (Some(header), _) => EntryVersion {
            entry: id,
            version: Version::FIRST,
            kind: header.kind,
            title: header.title,
            happened: header.happened,
            recorded: header.recorded,
            author: named(header.author, &group.key, name),
            parts,
        },
        (None, Some(stored)) => EntryVersion { parts, ..stored.clone() },
        (None, None) => EntryVersion {
            entry: id,
            version: Version::FIRST,
            kind: lead.map_or(EntryKind::Other, |(kind, _)| kind),
            title: String::new(),
            happened: first.and_then(|part| part.happened),
            recorded: lead.and_then(|(_, recorded)| recorded),
            author: first.map(|part| part.author.clone()).unwrap_or_default(),
            parts,
        },
    };
    Some(Assembled { version, patient, has_header })
}

fn with_name(part: Part, group: &SourceKey, name: &dyn Fn(&SourceKey) -> Option<String>) -> Part {
    Part { author: named(part.author.clone(), group, name), ..part }
}

fn named(author: Author, group: &SourceKey, name: &dyn Fn(&SourceKey) -> Option<String>) -> Author {
    if !author.name.is_empty() || author.id.is_empty() {
        return author;
    }
    let name = name(&SourceKey { id: author.id.clone(), ..group.clone() }).unwrap_or_default();
    Author { name, ..author }
}

fn limit_text(parts: &mut [Part]) {
    let mut left = TEXT_LIMIT;
    for part in parts {
        match left.checked_sub(part.text.len()) {
            Some(rest) => left = rest,
            None => {
                part.text.clear();
                part.unreadable = Some(Unreadable::TooLarge);
            }
        }
    }
}
