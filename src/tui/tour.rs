//! The tour of the demo. It asks for one thing after the other and goes on when that has been done, by whatever
//! keys; it stands below the page, takes no key away, and one key ends it.

use super::action::Action;
use super::state::{Screen, State, Tone};

/// Rows that it takes from the page.
pub const ROWS: u16 = 2;

/// The smallest terminal that has room for it.
const SMALLEST: (u16, u16) = (80, 24);

/// One thing to do.
struct Step {
    /// What there is to see, and to do; `{}` stands for the key of `action`.
    says: &'static str,
    action: Action,
    /// Whether it has been done.
    done: fn(&State) -> bool,
}

const STEPS: [Step; 9] = [
    Step {
        says: "This is what waits, most urgent first, with the reason beside it. {} opens the selected entry.",
        action: Action::Open,
        done: |state| state.screen == Screen::Entry,
    },
    Step {
        says: "Small numbers stand behind what was found; below is why. {} goes from one to the next.",
        action: Action::NextMatch,
        done: |state| state.entry.as_ref().is_some_and(|entry| entry.current.is_some()) || state.redact.is_some(),
    },
    Step {
        says: "Most of this is harmless, some of it endangers. {} takes words out.",
        action: Action::Redact,
        done: |state| state.redact.is_some(),
    },
    Step {
        says: "Above the record, below exactly what the app would show. {} takes every suggestion out.",
        action: Action::TakeAll,
        done: |state| state.redact.as_ref().is_some_and(|redacting| !redacting.removals.is_empty()),
    },
    Step {
        says: "Compare the two; nothing shows that words are missing. {} decides, and the next entry opens.",
        action: Action::Decide,
        done: |state| !state.done.is_empty(),
    },
    Step {
        says: "Nothing is visible yet: every decision waits first. {} takes the last one back.",
        action: Action::Undo,
        done: |state| state.done.is_empty(),
    },
    Step {
        says: "Where one sentence is not enough, hide the whole entry: {}, then a digit says why.",
        action: Action::Hide,
        done: |state| !state.done.is_empty(),
    },
    Step {
        says: "Weak cues do not fill the queue: they are read down in seconds. Back in the queue, {} opens them.",
        action: Action::Skim,
        done: |state| state.screen == Screen::Skim,
    },
    Step { says: "That is all there is to a day. {} shows every key.", action: Action::Help, done: |_| false },
];

/// Begins the tour, or ends it.
pub(super) fn toggle(state: &mut State) {
    state.tour = match state.tour {
        None if !state.is_demo() => {
            state.say(Tone::Plain, "only the demo has a tour: everybody in it is invented");
            None
        }
        None => Some(0),
        Some(_) => None,
    };
    state.size = page_size(state.terminal, state.tour);
}

/// Goes on when the present step has been done.
pub(super) fn watch(state: &mut State) {
    if let Some(step) = state.tour
        && STEPS.get(step).is_some_and(|step| (step.done)(state))
    {
        state.tour = Some(step + 1);
    }
}

/// What is left to the page on a terminal of that size.
pub(super) fn page_size(terminal: (u16, u16), tour: Option<usize>) -> (u16, u16) {
    let room = terminal.0 >= SMALLEST.0 && terminal.1 >= SMALLEST.1;
    (terminal.0, terminal.1 - if tour.is_some() && room { ROWS } else { 0 })
}

/// The step as it is shown: which of how many, what to see and to do, and the key that ends the tour.
pub(super) fn shown(state: &State) -> Option<(String, String, String)> {
    if state.size == state.terminal {
        return None;
    }
    let number = state.tour?;
    let step = STEPS.get(number)?;
    let key = |action: Action| {
        let places = std::iter::once(state.page()).chain(action.about().at.iter().copied());
        let mut keys = places.flat_map(|place| state.keymap.keys(place, action, state.ascii));
        keys.next().unwrap_or_else(|| action.about().name.to_owned())
    };
    let says = step.says.replace("{}", &key(step.action));
    Some((format!("Tour {}/{}", number + 1, STEPS.len()), says, format!("{} ends it", key(Action::Tour))))
}
