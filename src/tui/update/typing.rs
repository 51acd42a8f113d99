//! Keys that are text: the palette and the find line. And what is pasted.

use crossterm::event::KeyCode;

use super::{act, reply};
use crate::tui::action::{ACTIONS, About, Action};
use crate::tui::keymap::Key;
use crate::tui::state::{Effect, Overlay, State, Tone};
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;

/// More than this is no name and no reason.
const LONGEST: usize = 60;

pub(super) fn key(state: &mut State, key: Key) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Told { .. }) => {
            state.overlay = None;
            Vec::new()
        }
        Some(Overlay::Find) => {
            match key.typing() {
                Typing::Text(c) if state.queue.filter.chars().count() < LONGEST => state.queue.filter.push(c),
                Typing::Erase => {
                    if state.queue.filter.pop().is_none() {
                        state.overlay = None;
                    }
                }
                Typing::Accept => state.overlay = None,
                Typing::Leave => {
                    state.queue.filter.clear();
                    state.overlay = None;
                }
                Typing::Move(down) => {
                    let selected = &mut state.queue.selected;
                    *selected = if down { *selected + 1 } else { selected.saturating_sub(1) };
                    return Vec::new();
                }
                Typing::Text(_) | Typing::Other => return Vec::new(),
            }
            state.queue.selected = 0;
            reply::filter(&mut state.queue);
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
                Typing::Move(true) => *selected = (*selected + 1).min(fitting(typed).len().saturating_sub(1)),
                Typing::Move(false) => *selected = selected.saturating_sub(1),
                Typing::Accept => {
                    let chosen = fitting(typed).get(*selected).map(|about| about.action);
                    state.overlay = None;
                    match chosen {
                        Some(Action::Palette) | None => {}
                        Some(action) if action.applies(state.page()) => return act::act(state, action),
                        Some(action) => {
                            let about = action.about();
                            let places: Vec<&str> = about.at.iter().map(|place| place.words()).collect();
                            let sentence =
                                format!("{} works {}, not {}", about.name, places.join(" and "), state.page().words());
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
        Some(Overlay::Palette { typed, .. }) => *typed = line.chars().take(LONGEST).collect(),
        Some(Overlay::Find) => {
            state.queue.filter = line.chars().take(LONGEST).collect();
            state.queue.selected = 0;
            reply::filter(&mut state.queue);
        }
        _ => state.say(Tone::Warning, "something was pasted; it is not taken for keys"),
    }
    Vec::new()
}

/// The actions that fit what was typed, best first.
pub fn fitting(typed: &str) -> Vec<&'static About> {
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
    fitting.into_iter().map(|(.., about)| about).collect()
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
