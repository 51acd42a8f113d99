//! Keys that are text: the palette and the find line. And what is pasted.

use crossterm::event::KeyCode;

use super::{act, bulk, flags, handle, queue};
use crate::tui::action::{ACTIONS, About, Action, Place};
use crate::tui::keymap::{Key, Keymap};
use crate::tui::state::{Effect, Overlay, State, Tone};
use crate::tui::words;
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;

/// What is written about an entry is a few sentences at most.
const LONGEST_WORDS: usize = 400;

/// More than this is no name and no reason.
const LONGEST: usize = 60;

pub(super) fn key(state: &mut State, key: Key) -> Vec<Effect> {
    let page = state.page();
    match &mut state.overlay {
        Some(Overlay::Told { .. }) => {
            state.overlay = None;
            Vec::new()
        }
        Some(Overlay::Find { untouched }) => {
            let mut only = state.queue.only.clone();
            let typed = key.typing();
            if std::mem::take(untouched) && matches!(typed, Typing::Text(_)) {
                only.words.clear();
            }
            match typed {
                Typing::Text(c) if only.words.chars().count() < LONGEST => only.words.push(c),
                Typing::Erase => {
                    if only.words.pop().is_none() {
                        state.overlay = None;
                    }
                }
                Typing::Accept => state.overlay = None,
                Typing::Leave => {
                    only.words.clear();
                    state.overlay = None;
                }
                Typing::Move(down) => {
                    let selected = &mut state.queue.selected;
                    *selected = if down { *selected + 1 } else { selected.saturating_sub(1) };
                }
                Typing::Text(_) | Typing::Other => {}
            }
            if only == state.queue.only { Vec::new() } else { queue::narrow(state, only) }
        }
        Some(Overlay::Filter) => {
            state.overlay = None;
            let digit = key.digit();
            let chosen = queue::filters(state).into_iter().find(|(number, ..)| Some(*number) == digit);
            chosen.map(|(.., only)| queue::narrow(state, only)).unwrap_or_default()
        }
        Some(Overlay::Flags) => flags::chosen(state, key.digit()),
        Some(Overlay::Write { what, typed }) => {
            match key.typing() {
                Typing::Text(c) if typed.chars().count() < LONGEST_WORDS => typed.push(c),
                Typing::Erase => {
                    typed.pop();
                }
                Typing::Move(down) => handle::turn(what, !down),
                Typing::Accept => return handle::send(state),
                Typing::Leave => state.overlay = None,
                Typing::Text(_) | Typing::Other => {}
            }
            Vec::new()
        }
        Some(Overlay::Count { targets, reason, typed }) => {
            match key.typing() {
                Typing::Text(c) if c.is_ascii_digit() && typed.len() < 3 => typed.push(c),
                Typing::Erase => {
                    typed.pop();
                }
                Typing::Leave => {
                    state.overlay = None;
                    state.say(Tone::Plain, "nothing is hidden; the marks are still there");
                }
                Typing::Accept if *typed == targets.len().to_string() => {
                    let (targets, reason) = (std::mem::take(targets), *reason);
                    state.overlay = None;
                    return bulk::counted(state, targets, reason);
                }
                Typing::Accept => {
                    let sentence = format!("these are {}: type that number to hide them", targets.len());
                    typed.clear();
                    state.say(Tone::Plain, sentence);
                }
                Typing::Text(_) | Typing::Move(_) | Typing::Other => {}
            }
            Vec::new()
        }
        Some(Overlay::Palette { typed, selected }) => {
            match key.typing() {
                Typing::Text(c) if typed.chars().count() < LONGEST => {
                    typed.push(c);
                    *selected = 0;
                }
                Typing::Erase => {
                    if typed.pop().is_none() {
                        state.overlay = None;
                    } else {
                        *selected = 0;
                    }
                }
                Typing::Leave => state.overlay = None,
                Typing::Move(true) => {
                    *selected = (*selected + 1).min(fitting(typed, page, &state.keymap).len().saturating_sub(1))
                }
                Typing::Move(false) => *selected = selected.saturating_sub(1),
                Typing::Accept => {
                    let chosen = fitting(typed, page, &state.keymap).get(*selected).map(|about| about.action);
                    state.overlay = None;
                    match chosen {
                        Some(Action::Palette) | None => {}
                        Some(action) if action.applies(state.page()) => return act::act(state, action),
                        Some(action) => {
                            let about = action.about();
                            let works = words::places(about.at);
                            let sentence = format!("{} works {works}, not {}", about.name, state.page().words());
                            state.say(Tone::Plain, sentence);
                        }
                    }
                }
                Typing::Text(_) | Typing::Other => {}
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// A pasted text is never a row of keys: a stray paste could decide on entries.
pub(super) fn pasted(state: &mut State, text: &str) -> Vec<Effect> {
    let line: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    match &mut state.overlay {
        Some(Overlay::Write { typed, .. }) => {
            typed.extend(line.chars().take(LONGEST_WORDS.saturating_sub(typed.chars().count())))
        }
        Some(Overlay::Palette { typed, .. }) => *typed = line.chars().take(LONGEST).collect(),
        Some(Overlay::Find { .. }) => {
            let words = line.chars().take(LONGEST).collect();
            let only = crate::protocol::Only { words, ..state.queue.only.clone() };
            return queue::narrow(state, only);
        }
        _ => state.say(Tone::Warning, "something was pasted; it is not taken for keys"),
    }
    Vec::new()
}

/// The actions that fit what was typed: that whose key it is, then those that can be done on the page, of these the best.
pub fn fitting(typed: &str, page: Place, keymap: &Keymap) -> Vec<&'static About> {
    let matcher = SkimMatcherV2::default();
    let mut fitting: Vec<(i64, usize, &About)> = ACTIONS
        .iter()
        .enumerate()
        .filter_map(|(i, about)| {
            // A hit in the name says more than one in the sentence.
            let name = matcher.fuzzy_match(about.name, typed).map(|score| score * 2 + 1);
            let sentence = matcher.fuzzy_match(about.sentence, typed);
            Some((-name.max(sentence)?, i, about))
        })
        .collect();
    fitting.sort_by_key(|(score, i, _)| (*score, *i));
    // Letters scattered over a sentence fit almost anything; beside a good hit they are noise.
    let best = fitting.first().map_or(0, |(score, ..)| *score);
    fitting.retain(|(score, ..)| *score * 2 <= best);
    fitting.sort_by_key(|(.., about)| !about.at.contains(&page));
    let mut fitting: Vec<&About> = fitting.into_iter().map(|(.., about)| about).collect();
    let has_key = |about: &About| keymap.keys(page, about.action, true).iter().any(|key| key == typed);
    if let Some(about) = ACTIONS.iter().find(|about| about.at.contains(&page) && has_key(about)) {
        fitting.retain(|other| other.action != about.action);
        fitting.insert(0, about);
    }
    fitting
}

/// What a key means in a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// A character of it.
    Text(char),
    /// Take the last one away.
    Erase,
    /// Done.
    Accept,
    /// Never mind.
    Leave,
    /// Down or up the list.
    Move(bool),
    /// Nothing.
    Other,
}

impl Key {
    /// What the key means in a line of text.
    pub fn typing(self) -> Typing {
        let (code, plain, ctrl) = self.parts();
        match code {
            KeyCode::Char(c) if plain && !c.is_control() => Typing::Text(c),
            KeyCode::Backspace => Typing::Erase,
            KeyCode::Enter => Typing::Accept,
            KeyCode::Esc => Typing::Leave,
            KeyCode::Char('c' | 'g') if ctrl => Typing::Leave,
            KeyCode::Down | KeyCode::Tab => Typing::Move(true),
            KeyCode::Up | KeyCode::BackTab => Typing::Move(false),
            KeyCode::Char('n' | 'j') if ctrl => Typing::Move(true),
            KeyCode::Char('p' | 'k') if ctrl => Typing::Move(false),
            _ => Typing::Other,
        }
    }
}
