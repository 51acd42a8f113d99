//! No key is ignored without a word: where nothing came of one, a sentence says so.

use crate::record::{EntryId, Style};
use crate::tui::action::Action;
use crate::tui::redaction::{Removals, Selection, Size};
use crate::tui::state::{Blank, Overlay, Screen, State, Tone};
use crate::tui::tour::Tour;
use crate::tui::view::Theme;

/// What a key may change on a page, small enough to be compared at every key.
#[derive(PartialEq)]
pub(super) struct Snapshot {
    screen: Screen,
    overlay: Option<Overlay>,
    blank: Option<Blank>,
    tour: Option<Tour>,
    theme: Theme,
    typed: usize,
    lists: [usize; 9],
    entry: Option<(EntryId, [Option<usize>; 4])>,
    redact: Option<(Selection, Removals, Style, [usize; 4])>,
}

impl Snapshot {
    pub(super) fn of(state: &State) -> Self {
        let entry = state.entry.as_ref().map(|open| {
            let compared = open.compared.as_ref().map(|compared| compared.index);
            (open.opened.row.entry, [Some(open.top), open.current, compared, Some(open.considered.len())])
        });
        let redact = state.redact.as_ref().map(|made| {
            let places = [made.kept.len(), made.reader, made.preview_top, made.top];
            (made.selection.clone(), made.removals.clone(), made.style, places)
        });
        Self {
            screen: state.screen,
            overlay: state.overlay.clone(),
            blank: state.blank,
            tour: state.tour,
            theme: state.theme,
            typed: state.typed.len(),
            lists: [
                state.queue.selected,
                state.queue.marked.len(),
                state.skim.selected(),
                state.skim.number().0,
                state.worklist.selected,
                state.record.as_ref().map_or(0, |open| open.selected),
                state.log.selected,
                state.status_top,
                state.policy.top,
            ],
            entry,
            redact,
        }
    }
}

/// Says that the key changed nothing, and why, unless that has been said in better words. What changes something that is
/// not compared here says so itself, and has no sentence here: one that is not true would be worse than none.
pub(super) fn tell(state: &mut State, before: &Snapshot) {
    let Some(action) = state.acted.filter(|_| state.message.is_none() && state.place().is_some()) else { return };
    if *before != Snapshot::of(state) {
        return;
    }
    use Action::*;
    let by_match = state.redact.as_ref().is_some_and(|made| made.selection.size == Size::Match);
    let sentence = match action {
        Right if by_match => "there is no match after this one",
        Left if by_match => "there is no match before this one",
        Down | PageDown | Last => "there is nothing further down",
        Up | PageUp | First => "there is nothing further up",
        Right | NextWord | NextSentence | NextParagraph => "nothing to select comes after this",
        Left | PreviousWord | PreviousSentence | PreviousParagraph => "nothing to select comes before this",
        LineStart => "this is the first word of the line",
        LineEnd => "this is the last word of the line",
        NextMatch | PreviousMatch => "there is no other match",
        SizeWord | SizeMatch | SizeSentence | SizeLine => "that is how it is selected already",
        Grow => "all is selected already",
        Shrink => "less than this cannot be selected",
        Remove | RemoveWord | RemoveMatch | RemoveSentence | RemoveLine | RemoveParagraph => {
            "that is taken out already"
        }
        Keep => "that is left in already",
        TakeAll => "all that is suggested is taken out already",
        Open | Record | Flags if state.opening.is_some() || state.fetching.is_some() => "one moment: it is on its way",
        _ => return,
    };
    state.say(Tone::Plain, sentence);
}
