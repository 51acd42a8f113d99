//! How things look. Sixteen colours at most, no painted background, and every state has a glyph, a number or an
//! attribute besides its colour, so that nothing is lost without colour.

use ratatui::style::{Color, Modifier, Style};

use crate::record::Tier;

/// The looks of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// For light text on a dark ground.
    #[default]
    Dark,
    /// For dark text on a light ground.
    Light,
    /// Bright colours, and nothing dimmed.
    Contrast,
    /// No colours, only attributes.
    None,
}

/// What a colour stands for.
#[derive(Clone, Copy)]
enum Role {
    Key,
    Mark,
    Alarm,
    Caution,
    Good,
}

impl Theme {
    /// Every theme, in the order in which a key goes through them.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::Contrast, Self::None];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Contrast => "contrast",
            Self::None => "none",
        }
    }

    /// The theme with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }

    /// The next one.
    pub fn next(self) -> Self {
        let here = Self::ALL.iter().position(|theme| *theme == self).unwrap_or_default();
        Self::ALL[(here + 1) % Self::ALL.len()]
    }

    fn colour(self, role: Role) -> Option<Color> {
        let [key, mark, alarm, caution, good] = match self {
            Self::Dark => [Color::Cyan, Color::Yellow, Color::Red, Color::Yellow, Color::Green],
            // Yellow and cyan cannot be read on white.
            Self::Light => [Color::Blue, Color::Magenta, Color::Red, Color::Magenta, Color::Green],
            Self::Contrast => {
                [Color::LightCyan, Color::LightYellow, Color::LightRed, Color::LightYellow, Color::LightGreen]
            }
            Self::None => return None,
        };
        Some(match role {
            Role::Key => key,
            Role::Mark => mark,
            Role::Alarm => alarm,
            Role::Caution => caution,
            Role::Good => good,
        })
    }

    fn with(self, role: Role, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        self.colour(role).map_or(style, |colour| style.fg(colour))
    }

    /// Ordinary text.
    pub fn plain(self) -> Style {
        Style::new()
    }

    /// Names, and what is current.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What stands in the background.
    pub fn dim(self) -> Style {
        if self == Self::Contrast { Style::new() } else { Style::new().add_modifier(Modifier::DIM) }
    }

    /// A key in the bar.
    pub fn key(self) -> Style {
        self.with(Role::Key, Modifier::BOLD)
    }

    /// Words that were found.
    pub fn mark(self) -> Style {
        self.with(Role::Mark, Modifier::BOLD | Modifier::UNDERLINED)
    }

    /// Words that are gone from a line that is otherwise still there.
    pub fn gone(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::CROSSED_OUT)
    }

    /// The found words that are current, and what is selected.
    pub fn current(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED | Modifier::REVERSED)
    }

    /// The number of a match.
    pub fn number(self) -> Style {
        self.with(Role::Mark, Modifier::BOLD)
    }

    /// What is selected.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Selected words that are already taken out: still to be read, and struck through.
    pub fn selected_removed(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::CROSSED_OUT)
    }

    /// Care is needed.
    pub fn alarm(self) -> Style {
        self.with(Role::Alarm, Modifier::BOLD)
    }

    /// Something went well.
    pub fn good(self) -> Style {
        self.with(Role::Good, Modifier::BOLD)
    }

    /// How urgent something is.
    pub fn tier(self, tier: Tier) -> Style {
        match tier {
            Tier::Critical => self.with(Role::Alarm, Modifier::BOLD),
            Tier::Disclosure => self.with(Role::Alarm, Modifier::empty()),
            Tier::Cue => self.with(Role::Caution, Modifier::empty()),
            Tier::Weak | Tier::Nothing => Style::new(),
        }
    }
}
