//! How patients and entries are told apart, inside the program and at the source.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

/// An NHS number whose check digit is right: ten digits, the last one modulus 11
/// (NHS Data Dictionary, "NHS NUMBER").
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NhsNumber([u8; 10]);

/// Why a string is not an NHS number. Never carries the string: it may be a real number with a typing slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NhsNumberError {
    /// Something other than ten digits, spaces apart.
    #[error("an NHS number has ten digits")]
    Length,
    /// Ten digits that contradict their check digit.
    #[error("the check digit of the NHS number is wrong")]
    CheckDigit,
}

impl FromStr for NhsNumber {
    type Err = NhsNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut digits = [0u8; 10];
        let mut count = 0;
        for c in text.chars().filter(|c| !matches!(c, ' ' | '-')) {
            let digit = c.to_digit(10).ok_or(NhsNumberError::Length)?;
            *digits.get_mut(count).ok_or(NhsNumberError::Length)? = digit as u8;
            count += 1;
        }
        if count != 10 {
            return Err(NhsNumberError::Length);
        }
        let sum: u32 = digits[..9].iter().zip((2..=10).rev()).map(|(d, weight)| u32::from(*d) * weight).sum();
        let check = match 11 - sum % 11 {
            11 => 0,
            10 => return Err(NhsNumberError::CheckDigit),
            check => check,
        };
        if u32::from(digits[9]) == check { Ok(Self(digits)) } else { Err(NhsNumberError::CheckDigit) }
    }
}

/// The range 999 999 0000 to 999 999 9999: numbers that begin with 999 are nobody's.
const DECOYS: [u8; 6] = [9; 6];

impl NhsNumber {
    /// A number of those reserved for decoys; which, follows from `n`.
    pub fn of_decoy(n: u32) -> Option<Self> {
        let all: Vec<Self> = (0..10_000).filter_map(|last| format!("999999{last:04}").parse().ok()).collect();
        all.get(n as usize % all.len().max(1)).cloned()
    }

    /// Whether it is reserved for decoys: then no channel takes it.
    pub fn is_decoy(&self) -> bool {
        self.0.starts_with(&DECOYS)
    }

    /// As readers see it. A decoy must not be told by its number, and a number that could be somebody's must not be
    /// invented: theirs has a check digit that is wrong.
    pub fn shown(&self) -> String {
        let Self([.., a, b, c, d]) = self;
        if !self.is_decoy() {
            return self.to_string();
        }
        let nine = [4 + a % 4, *b, *c, *d, 9 - a, 9 - b, *c, *a, 9 - d];
        let text = |last: u8| nine.iter().chain([&last]).map(|digit| char::from(b'0' + digit)).collect::<String>();
        let wrong = (0..10).map(text).find(|digits| digits.parse::<Self>().is_err()).unwrap_or_default();
        let (first, rest) = wrong.split_at(3);
        let (second, third) = rest.split_at(3);
        format!("{first} {second} {third}")
    }
}

impl fmt::Display for NhsNumber {
    /// In the three groups that people read it in: `999 012 3456`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, digit) in self.0.iter().enumerate() {
            if i == 3 || i == 6 {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for NhsNumber {
    /// Hides the number: debug output ends in logs and panics.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NhsNumber(…)")
    }
}

impl TryFrom<String> for NhsNumber {
    type Error = NhsNumberError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<NhsNumber> for String {
    fn from(number: NhsNumber) -> Self {
        number.0.iter().map(|d| char::from(b'0' + d)).collect()
    }
}

/// How a source names one of its things. EMIS does not promise that its GUIDs differ between
/// organisations, so the organisation is part of the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceKey {
    /// The source's kind, e.g. `emis`, so that two systems cannot collide.
    pub system: String,
    /// The organisation's identifier at the source.
    pub organisation: String,
    /// The thing's identifier within the organisation.
    pub id: String,
}

/// The practice's secret from which the store's keys are made, so that a key or a file name
/// never carries an identifier that a stranger could look up.
#[derive(Clone)]
pub struct IdentityKey(Zeroizing<[u8; 32]>);

impl IdentityKey {
    /// Wraps 32 random bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }

    fn digest(&self, label: &str, key: &SourceKey) -> [u8; 16] {
        shortened(keyed_digest(&self.0, &[label, &key.system, &key.organisation, &key.id].map(str::as_bytes)))
    }

    /// The entry that the source calls `key`.
    pub fn entry(&self, key: &SourceKey) -> EntryId {
        EntryId(self.digest("entry", key))
    }

    /// The patient that the source calls `key`.
    pub fn patient(&self, key: &SourceKey) -> PatientId {
        PatientId(self.digest("patient", key))
    }

    /// An opaque store key for a member of staff.
    pub fn staff(&self, key: &SourceKey) -> [u8; 16] {
        self.digest("staff", key)
    }

    /// An opaque store key for somebody who logs in.
    pub fn login(&self, login: &str) -> [u8; 16] {
        shortened(keyed_digest(&self.0, &["login", login].map(str::as_bytes)))
    }

    /// An opaque store key for one part.
    pub fn part(&self, key: &SourceKey) -> [u8; 16] {
        self.digest("part", key)
    }
}

fn shortened(digest: [u8; 32]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}

/// HMAC-SHA-256 over parts with their lengths, so that moving a byte from one part to the next changes it.
pub(super) fn keyed_digest(secret: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = match Hmac::<Sha256>::new_from_slice(secret) {
        Ok(mac) => mac,
        // HMAC takes keys of any length; the type cannot say so.
        Err(_) => return [0; 32],
    };
    for part in parts {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// In hexadecimal digits, without the formatter: every row and every record names several.
fn hex(bytes: &[u8; 16]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; 16];
                if text.len() != 32 || !text.is_ascii() {
                    return Err("an identifier has 32 hexadecimal digits");
                }
                for (i, byte) in bytes.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16)
                        .map_err(|_| "an identifier has 32 hexadecimal digits")?;
                }
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                hex(&id.0)
            }
        }
    };
}

opaque_id! {
    /// One entry, for ever, whatever its version. Keyed, so it tells a stranger nothing.
    EntryId
}
opaque_id! {
    /// One patient of one practice. Keyed, so it tells a stranger nothing.
    PatientId
}

/// The number of an entry's snapshot, from 1. It only grows: content A → B → A makes three versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub u32);

impl Version {
    /// The first snapshot of an entry.
    pub const FIRST: Self = Self(1);

    /// The snapshot after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
