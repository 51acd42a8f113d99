//! The only way out: every line is made safe here.

use std::io::{self, Write};

use unicode_normalization::UnicodeNormalization;

use crate::record::Shown;
use crate::tui::words;

/// Says lines.
pub struct Voice<W: Write> {
    out: W,
    ascii: bool,
    /// Whether anything was refused.
    pub refused: bool,
}

impl<W: Write> Voice<W> {
    /// Says lines on `out`, in ASCII alone if need be.
    pub fn new(out: W, ascii: bool) -> Self {
        Self { out, ascii, refused: false }
    }

    /// Says one line. What would move a cursor or hide something in it is shown instead.
    ///
    /// # Errors
    /// Those of the output.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        let safe = Shown::new(text).as_str().replace('\n', "\n    ");
        let line = if self.ascii { ascii(&safe) } else { safe };
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Says why something did not happen.
    ///
    /// # Errors
    /// Those of the output.
    pub fn refuse(&mut self, why: &str) -> io::Result<()> {
        self.refused = true;
        self.say(&words::capital(why))
    }

    /// Asks for a line.
    ///
    /// # Errors
    /// Those of the output.
    pub fn ask(&mut self, prompt: &str) -> io::Result<()> {
        write!(self.out, "{prompt}")?;
        self.out.flush()
    }
}

fn ascii(text: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii() => c,
        '“' | '”' => '"',
        '’' | '‘' => '\'',
        '–' | '—' => '-',
        '·' => '.',
        '⟨' => '<',
        '⟩' => '>',
        c => std::iter::once(c).nfd().next().filter(char::is_ascii).unwrap_or('?'),
    };
    text.chars().map(plain).collect()
}

/// `text` with one mark at its end, so that a screen reader neither stumbles over two nor runs on.
pub fn ended(text: &str) -> String {
    let text = text.trim_end();
    let bare = text.trim_end_matches(['.', ',', ';', ':', ' ']);
    if bare.len() == text.len() && text.ends_with(['?', '!', '…']) { text.to_owned() } else { format!("{bare}.") }
}

/// Several things in one sentence, each without a mark of its own at its end; what is empty is left out.
pub fn listed<'a>(items: impl IntoIterator<Item = &'a str>, between: &str) -> String {
    let bare = items.into_iter().map(|item| item.trim().trim_end_matches(['.', ',', ';']));
    bare.filter(|item| !item.is_empty()).collect::<Vec<_>>().join(between)
}
