//! The tour of the demo. It asks for one thing after the other and goes on when that has been done, by whatever
//! keys and in whatever order; it stands below the page, takes no key away, and one key ends it.

use super::action::Action;
use super::layout::WIDE;
use super::state::{Deed, Preview, Screen, State, Tone};
use super::words;
use crate::record::{Act, HideReason};

/// Rows that it takes from the page.
pub const ROWS: u16 = 2;

/// The smallest terminal that has room for it.
const SMALLEST: (u16, u16) = (80, 24);

/// How far somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tour {
    /// The present step, from 0.
    pub step: usize,
    /// The steps that have been done, in order or not.
    did: [bool; STEPS.len()],
    /// How many acts of this session stood when it was looked last.
    acts: usize,
}

impl Tour {
    /// As far as it is, for somebody who has done nothing yet.
    pub(super) fn of_another(self) -> Self {
        Self { acts: 0, ..self }
    }
}

/// What an input did to the acts of this session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Acts {
    Same,
    /// One more, and whether that hid something.
    More {
        hid: bool,
    },
    Fewer,
}

/// One thing to do.
struct Step {
    /// What there is to see, and to do; `{}` stands for the key of `action`.
    says: fn(&State) -> &'static str,
    action: Action,
    /// Whether it is done by now.
    done: fn(&State, Acts) -> bool,
}

const STEPS: [Step; 9] = [
    Step {
        says: |_| "This is what waits, most urgent first, with the reason beside it. {} opens the selected entry.",
        action: Action::Open,
        done: |state, _| state.entry.is_some(),
    },
    Step {
        says: |_| "Small numbers stand behind what was found; below is why. {} goes from one to the next.",
        action: Action::NextMatch,
        done: |state, _| state.entry.as_ref().is_some_and(|entry| entry.current.is_some()) || state.redact.is_some(),
    },
    Step {
        says: |_| "Where only some of it endangers, only that has to go. {} takes words out.",
        action: Action::Redact,
        done: |state, _| state.redact.is_some(),
    },
    Step {
        says: |state| match state.size.0 >= WIDE {
            true => {
                "On the left the record, on the right exactly what the app would show. {} takes every suggestion out."
            }
            false => "Above the record, below exactly what the app would show. {} takes every suggestion out.",
        },
        action: Action::TakeAll,
        done: |state, _| state.redact.as_ref().is_some_and(|redacting| !redacting.removals.is_empty()),
    },
    Step {
        says: |state| match state.redact.as_ref().map(|redacting| &redacting.preview) {
            Some(Preview::Nothing(_)) => {
                "Nothing worth reading is left, so this one is better hidden: {} asks why, and a digit answers."
            }
            _ => "Compare the two, and read what is left: screening misses things. {} decides; the next one opens.",
        },
        action: Action::Decide,
        done: |_, acts| matches!(acts, Acts::More { .. }),
    },
    Step {
        says: |_| "Nothing is visible yet: every decision waits first. {} takes the last one back.",
        action: Action::Undo,
        done: |_, acts| acts == Acts::Fewer,
    },
    Step {
        says: |_| "Where one sentence is not enough, hide the whole entry: {}, then a digit says why.",
        action: Action::Hide,
        done: |_, acts| acts == Acts::More { hid: true },
    },
    Step {
        says: |_| "Weak cues do not fill the queue: they are read down in seconds. Back in the queue, {} opens them.",
        action: Action::Skim,
        done: |state, _| state.screen == Screen::Skim,
    },
    Step { says: |_| "That is all there is to a day. {} shows every key.", action: Action::Help, done: |_, _| false },
];

/// Begins the tour, or ends it.
pub(super) fn toggle(state: &mut State) {
    state.tour = match state.tour {
        None if !state.is_demo() => {
            state.say(Tone::Plain, "only the demo has a tour: everybody in it is invented");
            None
        }
        None => Some(Tour { acts: state.done.len(), ..Tour::default() }),
        Some(_) => None,
    };
    state.size = page_size(state.terminal, state.tour);
}

/// Goes on when the present step has been done; past those after it that were done before they were asked for.
pub(super) fn watch(state: &mut State) {
    let Some(mut tour) = state.tour else { return };
    let acts = match state.done.len().cmp(&tour.acts) {
        std::cmp::Ordering::Less => Acts::Fewer,
        std::cmp::Ordering::Equal => Acts::Same,
        std::cmp::Ordering::Greater => {
            Acts::More { hid: state.done.last().is_some_and(|last| hid(&last.deed, &last.text)) }
        }
    };
    tour.acts = state.done.len();
    for (did, step) in tour.did.iter_mut().zip(&STEPS) {
        *did |= (step.done)(state, acts);
    }
    while tour.did.get(tour.step).is_some_and(|did| *did) {
        tour.step += 1;
    }
    state.tour = Some(tour);
}

fn hid(deed: &Deed, text: &str) -> bool {
    let hidden = words::done(&Act::Hide { reason: HideReason::HarmToPatient });
    matches!(deed, Deed::Hidden(_)) || text.starts_with(hidden)
}

/// What is left to the page on a terminal of that size.
pub(super) fn page_size(terminal: (u16, u16), tour: Option<Tour>) -> (u16, u16) {
    let room = terminal.0 >= SMALLEST.0 && terminal.1 >= SMALLEST.1;
    (terminal.0, terminal.1 - if tour.is_some() && room { ROWS } else { 0 })
}

/// The step as it is shown: which of how many, what to see and to do, and the key that ends the tour.
pub(super) fn shown(state: &State) -> Option<(String, String, String)> {
    if state.size == state.terminal {
        return None;
    }
    let number = state.tour?.step;
    let step = STEPS.get(number)?;
    let key = |action: Action| {
        let places = std::iter::once(state.page()).chain(action.about().at.iter().copied());
        let mut keys = places.flat_map(|place| state.keymap.keys(place, action, state.ascii));
        keys.next().unwrap_or_else(|| action.about().name.to_owned())
    };
    let says = (step.says)(state).replace("{}", &key(step.action));
    Some((format!("Tour {}/{}", number + 1, STEPS.len()), says, format!("{} ends it", key(Action::Tour))))
}
