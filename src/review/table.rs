//! The table of moves in the two forms that people read: a picture and a list of who may do what.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::moves::{TRANSITIONS, Transition, Who};
use super::state::State;

/// Every move as a Mermaid state diagram, from [`TRANSITIONS`]. What can happen in every state is drawn once.
pub fn diagram() -> String {
    let mut out =
        String::from("stateDiagram-v2\n    state \"current version\" as Current {\n        [*] --> Screening\n");
    for state in State::ALL.into_iter().filter(|state| state.name().contains('-')) {
        if leaves(state) {
            _ = writeln!(out, "        state \"{}\" as {state:?}", state.name());
        }
    }
    let everywhere: Vec<&Transition> = TRANSITIONS.iter().filter(|row| is_everywhere(row)).collect();
    for from in State::ALL {
        for to in State::ALL {
            let events: Vec<&str> = TRANSITIONS
                .iter()
                .filter(|row| row.from == from && row.to.contains(&to) && !everywhere.contains(row))
                .map(|row| row.on.words())
                .collect();
            if !events.is_empty() {
                _ = writeln!(out, "        {from:?} --> {to:?}: {}", events.join(", "));
            }
        }
    }
    out.push_str("    }\n");
    for row in everywhere.into_iter().filter(|row| row.from == State::Screening) {
        for to in row.to {
            _ = writeln!(out, "    Current --> {to:?}: {}", row.on.words());
        }
    }
    out
}

/// Who may do what while an entry stands where, as a Markdown table, from [`TRANSITIONS`].
pub fn permissions() -> String {
    let mut out = String::from("| What | Who | While it is | Then it is |\n| --- | --- | --- | --- |\n");
    let mut done: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in TRANSITIONS {
        if !done.insert((row.on.words(), may(row.who))) {
            continue;
        }
        let same = || TRANSITIONS.iter().filter(|other| other.on == row.on && other.who == row.who);
        let from = match is_everywhere(row) {
            true => "any of the above".to_owned(),
            false => names(same().map(|row| row.from)),
        };
        let to = names(same().flat_map(|row| row.to.iter().copied()));
        _ = writeln!(out, "| {} | {} | {from} | {to} |", row.on.words(), may(row.who));
    }
    out
}

/// Whether `row` has a like in every state that can be left, to the same end.
fn is_everywhere(row: &Transition) -> bool {
    let alike = |from| TRANSITIONS.iter().any(|other| other.from == from && other.on == row.on && other.to == row.to);
    !row.to.iter().any(|to| leaves(*to)) && State::ALL.into_iter().filter(|from| leaves(*from)).all(alike)
}

fn leaves(state: State) -> bool {
    TRANSITIONS.iter().any(|row| row.from == state)
}

fn names(states: impl Iterator<Item = State>) -> String {
    let states: BTreeSet<State> = states.collect();
    states.into_iter().map(State::name).collect::<Vec<_>>().join(", ")
}

fn may(who: Who) -> &'static str {
    match who {
        Who::System => "the program",
        Who::Reviewer => "a clinician or the safeguarding lead",
        Who::Decider => "who decided it; any reviewer where nobody did",
        Who::Lead => "the safeguarding lead",
        Who::OtherLead => "a safeguarding lead who is no party to it",
    }
}
