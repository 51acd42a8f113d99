//! In what bytes a feed writes its letters.

/// How a file's bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Encoding {
    /// UTF-8; anything else is damage.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252. What is valid UTF-8 is read as that: files of both kinds turn up, and hardly any
    /// text in Windows-1252 that has more than plain letters is valid UTF-8 by chance.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

impl Encoding {
    /// The text, `None` where the bytes are not in this encoding.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match (std::str::from_utf8(bytes), self) {
            (Ok(text), _) => Some(text.to_owned()),
            (Err(_), Self::Utf8) => None,
            (Err(_), Self::Windows1252) => Some(windows_1252(bytes)),
        }
    }
}

/// Every byte stands for something, the five unused ones for the control characters of Latin-1
/// (WHATWG Encoding Standard, index windows-1252).
pub(super) fn windows_1252(bytes: &[u8]) -> String {
    /// What 0x80 to 0x9F stand for.
    const UPPER: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let letter = |byte: &u8| match byte {
        0x80..=0x9f => UPPER.get(usize::from(byte - 0x80)).copied().unwrap_or('\u{fffd}'),
        byte => char::from(*byte),
    };
    bytes.iter().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_is_windows_1252_where_a_feed_writes_that() {
        let both = Encoding::Windows1252;
        assert_eq!(both.decode(b"\x93caf\xe9\x94 \x80 5"), Some("“café” € 5".to_owned()));
        assert_eq!(both.decode("“café”".as_bytes()), Some("“café”".to_owned()), "a file of the other kind");
        assert_eq!(Encoding::Utf8.decode(b"caf\xe9"), None);
        assert_eq!(Encoding::Utf8.decode(b"plain"), Some("plain".to_owned()));
    }
}
