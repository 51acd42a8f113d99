//! Which keys do what: the default map, the chosen one on top of it, the user's own on top of that.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use toml::de::{DeTable, DeValue};

use super::action::{ACTIONS, Action, Place};

const DEFAULT: &str = include_str!("../../keymaps/default.toml");
const VIM: &str = include_str!("../../keymaps/vim.toml");
const EMACS: &str = include_str!("../../keymaps/emacs.toml");

/// One key with the modifiers that count. Shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Key {
    /// The key that a terminal reported.
    pub fn new(event: KeyEvent) -> Self {
        let mut code = event.code;
        let mut modifiers = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
        if code == KeyCode::Tab && event.modifiers.contains(KeyModifiers::SHIFT) {
            code = KeyCode::BackTab;
        }
        if let KeyCode::Char(c) = code
            && modifiers.contains(KeyModifiers::CONTROL)
        {
            code = KeyCode::Char(c.to_ascii_lowercase());
            match code {
                // Some terminals send Ctrl-H for the backspace key, and none of our maps use Ctrl-H.
                KeyCode::Char('h') => {
                    code = KeyCode::Backspace;
                    modifiers -= KeyModifiers::CONTROL;
                }
                // Ctrl-/ arrives as byte 1F, which crossterm names after the old Ctrl-7.
                KeyCode::Char('7' | '_') => code = KeyCode::Char('/'),
                _ => {}
            }
        }
        Self { code, modifiers }
    }

    /// The digit, where it is a bare digit.
    pub fn digit(self) -> Option<u8> {
        match (self.code, self.modifiers) {
            (KeyCode::Char(c @ '0'..='9'), KeyModifiers::NONE) => Some(c as u8 - b'0'),
            _ => None,
        }
    }

    /// The code, whether no modifier counts, and whether Ctrl is held.
    pub(super) fn parts(self) -> (KeyCode, bool, bool) {
        (self.code, self.modifiers.is_empty(), self.modifiers == KeyModifiers::CONTROL)
    }

    /// Whether it is the bare escape key, which also ends a half-typed sequence.
    pub fn is_escape(self) -> bool {
        self.code == KeyCode::Esc && self.modifiers.is_empty()
    }

    fn parse(word: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = word;
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-").filter(|after| !after.is_empty()) {
                modifiers |= KeyModifiers::CONTROL;
                rest = after;
            } else if let Some(after) = rest.strip_prefix("alt-").filter(|after| !after.is_empty()) {
                modifiers |= KeyModifiers::ALT;
                rest = after;
            } else {
                break;
            }
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => KeyCode::Char(c),
            _ => match NAMED.iter().find(|(name, ..)| *name == rest) {
                Some((_, code, _)) => *code,
                None => KeyCode::F(rest.strip_prefix('f')?.parse().ok().filter(|n| (1..=12).contains(n))?),
            },
        };
        Some(Self { code, modifiers })
    }

    fn show(self, ascii: bool) -> String {
        let mut out = String::new();
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            out.push_str("ctrl-");
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            out.push_str("alt-");
        }
        match self.code {
            KeyCode::Char(' ') => out.push_str("space"),
            KeyCode::Char(c) => out.push(c),
            KeyCode::F(n) => out.push_str(&format!("F{n}")),
            code => match NAMED.iter().find(|(_, named, _)| *named == code) {
                Some((name, _, glyph)) => out.push_str(if ascii { name } else { glyph }),
                None => out.push('?'),
            },
        }
        out
    }
}

/// Keys with names: in files, and as the screen shows them.
const NAMED: [(&str, KeyCode, &str); 15] = [
    ("enter", KeyCode::Enter, "↵"),
    ("tab", KeyCode::Tab, "⇥"),
    ("shift-tab", KeyCode::BackTab, "⇤"),
    ("esc", KeyCode::Esc, "esc"),
    ("space", KeyCode::Char(' '), "space"),
    ("backspace", KeyCode::Backspace, "⌫"),
    ("delete", KeyCode::Delete, "del"),
    ("up", KeyCode::Up, "↑"),
    ("down", KeyCode::Down, "↓"),
    ("left", KeyCode::Left, "←"),
    ("right", KeyCode::Right, "→"),
    ("page-up", KeyCode::PageUp, "PgUp"),
    ("page-down", KeyCode::PageDown, "PgDn"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
];

/// Something wrong in a keymap file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Which file.
    pub file: String,
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.what)
    }
}

/// What a typed sequence means so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This action.
    Action(Action),
    /// The beginning of a longer sequence.
    Begun,
    /// Nothing.
    Nothing,
}

/// Sequences with what they do. A few dozen at most, so they are searched from the front.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Table(Vec<(Vec<Key>, Action)>);

impl Table {
    fn get(&self, keys: &[Key]) -> Option<Action> {
        self.0.iter().find(|(bound, _)| bound == keys).map(|(_, action)| *action)
    }

    fn remove(&mut self, keys: &[Key]) {
        self.0.retain(|(bound, _)| bound != keys);
    }

    fn insert(&mut self, keys: Vec<Key>, action: Action) {
        self.remove(&keys);
        self.0.push((keys, action));
    }

    fn begins(&self, keys: &[Key]) -> bool {
        self.0.iter().any(|(bound, _)| bound.len() > keys.len() && bound.starts_with(keys))
    }
}

/// Which keys do what, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keymap {
    everywhere: Table,
    at: BTreeMap<Place, Table>,
}

impl Keymap {
    /// The names of the maps that come with the program.
    pub const NAMES: [&'static str; 3] = ["default", "vim", "emacs"];

    /// The map called `name`: the default with its changes on top. `None` for an unknown name.
    pub fn named(name: &str) -> Option<Self> {
        let changes = match name {
            "default" => "",
            "vim" => VIM,
            "emacs" => EMACS,
            _ => return None,
        };
        let mut map = Self::default();
        // A test holds that neither has a mistake.
        map.merge("keymaps/default.toml", DEFAULT);
        map.merge(name, changes);
        Some(map)
    }

    /// The map over which a file says it is to be laid: `map = "vim"` before its first table.
    pub fn laid_over(text: &str) -> Option<String> {
        let (tables, _) = DeTable::parse_recoverable(text);
        tables.get_ref().iter().find_map(|(name, value)| match (name.get_ref().as_ref(), value.get_ref()) {
            ("map", DeValue::String(name)) => Some(name.to_string()),
            _ => None,
        })
    }

    /// Lays the bindings of a file over these, key by key; `"none"` takes a key away. What is wrong is
    /// reported and left out, the rest counts.
    pub fn merge(&mut self, file: &str, text: &str) -> Vec<Mistake> {
        let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        let mut mistakes = Vec::new();
        let mut wrong = |at: usize, what: String| {
            mistakes.push(Mistake { file: file.to_owned(), line: line(at), what });
        };
        let (tables, errors) = DeTable::parse_recoverable(text);
        let broken = !errors.is_empty();
        for error in errors {
            wrong(error.span().map_or(0, |span| span.start), error.message().to_owned());
        }
        let mut added = Vec::new();
        for (section, bindings) in tables.get_ref() {
            if let ("map", DeValue::String(name)) = (section.get_ref().as_ref(), bindings.get_ref()) {
                if !Self::NAMES.contains(&name.as_ref()) {
                    let message = format!("there is no map “{name}”{}", nearest(name, Self::NAMES.into_iter()));
                    wrong(bindings.span().start, message);
                }
                continue;
            }
            let place = match section.get_ref().as_ref() {
                "everywhere" => None,
                name => match Place::ALL.into_iter().find(|place| place.name() == name) {
                    Some(place) => Some(place),
                    None => {
                        let names = Place::ALL.map(Place::name).into_iter().chain(["everywhere"]);
                        let message = format!("there is no place “{name}”{}", nearest(name, names));
                        wrong(section.span().start, message);
                        continue;
                    }
                },
            };
            let DeValue::Table(bindings) = bindings.get_ref() else {
                wrong(section.span().start, "keys stand in a table such as [queue]".to_owned());
                continue;
            };
            // In the order of the file: the first key of an action is the one that the bar names.
            let mut bindings: Vec<_> = bindings.iter().collect();
            bindings.sort_by_key(|(keys, _)| keys.span().start);
            for (keys, action) in bindings {
                let Some(sequence) = keys.get_ref().split(' ').map(Key::parse).collect::<Option<Vec<Key>>>() else {
                    let message = format!(
                        "“{}” is not a key; write a character, ctrl-x, alt-x, f1 or one of {}",
                        keys.get_ref(),
                        NAMED.map(|(name, ..)| name).join(", ")
                    );
                    wrong(keys.span().start, message);
                    continue;
                };
                let name = match action.get_ref() {
                    DeValue::String(name) => name.as_ref(),
                    // What a broken line left behind has been told already.
                    _ if broken => continue,
                    _ => {
                        wrong(action.span().start, "an action is a name in quotes".to_owned());
                        continue;
                    }
                };
                let table = match place {
                    None => &mut self.everywhere,
                    Some(place) => self.at.entry(place).or_default(),
                };
                if name == "none" {
                    table.remove(&sequence);
                    continue;
                }
                let Some(action_named) = Action::from_name(name) else {
                    let names = ACTIONS.iter().map(|about| about.name);
                    wrong(action.span().start, format!("there is no action “{name}”{}", nearest(name, names)));
                    continue;
                };
                if let Some(place) = place
                    && !action_named.applies(place)
                {
                    wrong(action.span().start, format!("“{name}” does nothing {}", place.words()));
                    continue;
                }
                table.insert(sequence.clone(), action_named);
                added.push((keys.span().start, place, sequence));
            }
        }
        for (at, place, sequence) in added {
            if let Some(shorter) = self.shadow(place, &sequence) {
                wrong(at, format!("“{}” already acts by itself; set it to \"none\" first", show(&shorter, true)));
                match place {
                    None => self.everywhere.remove(&sequence),
                    Some(place) => self.at.entry(place).or_default().remove(&sequence),
                };
            }
        }
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes.dedup_by_key(|mistake| mistake.line);
        mistakes
    }

    /// The shorter sequence that hides `sequence`.
    fn shadow(&self, place: Option<Place>, sequence: &[Key]) -> Option<Vec<Key>> {
        (1..sequence.len()).map(|length| &sequence[..length]).find_map(|shorter| {
            let here = place.and_then(|place| self.at.get(&place)).is_some_and(|table| table.get(shorter).is_some());
            (here || self.everywhere.get(shorter).is_some()).then(|| shorter.to_vec())
        })
    }

    /// What `typed` means at `place`. A place's own keys come before those for everywhere.
    pub fn resolve(&self, place: Place, typed: &[Key]) -> Found {
        let tables = [self.at.get(&place), Some(&self.everywhere)];
        for table in tables.into_iter().flatten() {
            if let Some(action) = table.get(typed) {
                return Found::Action(action);
            }
            if table.begins(typed) {
                return Found::Begun;
            }
        }
        Found::Nothing
    }

    /// Where else `typed` does something, for a sentence that says why it cannot act here: the action, and the places
    /// in which it is that one.
    pub fn elsewhere(&self, typed: &[Key]) -> Option<(Vec<Place>, Action)> {
        let (_, first) = self.at.iter().find_map(|(place, table)| table.get(typed).map(|action| (place, action)))?;
        let places = self.at.iter().filter(|(_, table)| table.get(typed) == Some(first)).map(|(place, _)| *place);
        Some((places.collect(), first))
    }

    /// The sequences that do `action` at `place`, shortest first, as the screen shows them.
    pub fn keys(&self, place: Place, action: Action, ascii: bool) -> Vec<String> {
        let mut found: Vec<&Vec<Key>> = Vec::new();
        for table in [self.at.get(&place), Some(&self.everywhere)].into_iter().flatten() {
            found.extend(table.0.iter().filter(|(_, bound)| *bound == action).map(|(keys, _)| keys));
        }
        found.sort_by_key(|keys| keys.len());
        found.retain(|keys| self.resolve(place, keys) == Found::Action(action));
        found.dedup();
        found.into_iter().map(|keys| show(keys, ascii)).collect()
    }

    /// The table of `anteroom keys`: a place, then its keys and sentences.
    pub fn listing(&self, ascii: bool) -> String {
        let mut out = String::new();
        let mut above = None;
        for (place, keys, sentence) in self.table(ascii).into_iter().filter(|(_, keys, _)| !keys.is_empty()) {
            if above != Some(place) {
                let gap = if above.is_some() { "\n" } else { "" };
                out.push_str(&format!("{gap}{}\n", super::words::capital(place.words())));
                above = Some(place);
            }
            let pad = " ".repeat(18usize.saturating_sub(unicode_width::UnicodeWidthStr::width(keys.as_str())));
            out.push_str(&format!("  {keys}{pad}  {sentence}\n"));
        }
        out
    }

    /// Lines of `place, keys, sentence` for every action that applies there, for `anteroom keys` and the help.
    pub fn table(&self, ascii: bool) -> Vec<(Place, String, &'static str)> {
        let mut lines = Vec::new();
        for place in Place::ALL {
            for about in ACTIONS.iter().filter(|about| about.at.contains(&place)) {
                let keys = self.keys(place, about.action, ascii);
                lines.push((place, keys.join("  "), about.sentence));
            }
        }
        lines
    }
}

fn show(keys: &[Key], ascii: bool) -> String {
    keys.iter().map(|key| key.show(ascii)).collect::<Vec<_>>().join(" ")
}

/// How a typed sequence reads in a sentence.
pub fn spelled(keys: &[Key]) -> String {
    show(keys, true)
}

/// `; did you mean …?` for the closest name, when one is close.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|candidate| (distance(name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 2)
        .map(|(_, candidate)| format!("; did you mean “{candidate}”?"))
        .unwrap_or_default()
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, c) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, d) in row[1..].iter_mut().zip(&b) {
            let cost = diagonal + usize::from(c != *d);
            diagonal = *slot;
            left = cost.min(*slot + 1).min(left + 1);
            *slot = left;
        }
        row[0] = i + 1;
    }
    row.last().copied().unwrap_or_default()
}
