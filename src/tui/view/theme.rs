//! How things look. Sixteen colours at most, no painted background, and every state has a glyph, a number or an
//! attribute besides its colour, so that nothing is lost without colour.

use ratatui::style::{Color, Modifier, Style};

use crate::record::Tier;

/// The looks of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Whether colours are used. Attributes always are.
    pub colour: bool,
}

impl Theme {
    fn with(self, colour: Color, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        if self.colour { style.fg(colour) } else { style }
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
        Style::new().add_modifier(Modifier::DIM)
    }

    /// A key in the bar.
    pub fn key(self) -> Style {
        self.with(Color::Cyan, Modifier::BOLD)
    }

    /// Words that were found.
    pub fn mark(self) -> Style {
        self.with(Color::Yellow, Modifier::BOLD | Modifier::UNDERLINED)
    }

    /// The found words that are current, and what is selected.
    pub fn current(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED | Modifier::REVERSED)
    }

    /// The number of a match.
    pub fn number(self) -> Style {
        self.with(Color::Yellow, Modifier::BOLD)
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
        self.with(Color::Red, Modifier::BOLD)
    }

    /// Something went well.
    pub fn good(self) -> Style {
        self.with(Color::Green, Modifier::BOLD)
    }

    /// How urgent something is.
    pub fn tier(self, tier: Tier) -> Style {
        match tier {
            Tier::Critical => self.with(Color::Red, Modifier::BOLD),
            Tier::Disclosure => self.with(Color::Red, Modifier::empty()),
            Tier::Cue => self.with(Color::Yellow, Modifier::empty()),
            Tier::Weak | Tier::Nothing => Style::new(),
        }
    }
}
