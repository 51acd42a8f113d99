//! What a practice has written down: who it is, and who may do what.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Deserialize;

use super::ServiceError;
use crate::audit::{Actor, Role};

const PRACTICE: &str = "practice.toml";
const USERS: &str = "users.toml";
const POLICY: &str = "policy.toml";

/// `practice.toml`, `users.toml` and `policy.toml` of the state folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Who the practice is.
    pub practice: Practice,
    /// Who may do what. Empty: nobody has been named yet.
    pub users: Vec<User>,
    /// The text of `policy.toml`, where there is one.
    pub policy: Option<String>,
    /// The state folder they were read from; none for settings made up in the program.
    pub dir: Option<PathBuf>,
    /// The files that were read, by name, for backups.
    pub files: Vec<(String, String)>,
}

/// Who the practice is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practice {
    /// Its ODS code.
    pub ods: String,
    /// Its name.
    pub name: String,
    /// The day online access to new entries began. Entries recorded before it are history that no
    /// patient sees online. `None`: everything counts as visible.
    #[serde(default)]
    pub go_live: Option<toml::value::Date>,
    /// Where patients read their record.
    #[serde(default)]
    pub shown_by: ShownBy,
    /// How entries clear in which nothing was found.
    #[serde(default)]
    pub clearing: Clears,
}

impl Practice {
    /// The day online access began.
    pub fn go_live(&self) -> Option<NaiveDate> {
        let date = self.go_live?;
        NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))
    }
}

impl Default for Practice {
    fn default() -> Self {
        Self {
            ods: "UNKNOWN".into(),
            name: "This practice".into(),
            go_live: None,
            shown_by: ShownBy::default(),
            clearing: Clears::default(),
        }
    }
}

/// Where patients read their record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShownBy {
    /// From the GP system itself, which shows an entry the moment it is saved: by the time we pull it,
    /// it may have been read.
    #[default]
    System,
    /// From our portal feed alone: nothing shows before it is released.
    Portal,
}

/// How entries clear in which nothing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clears {
    /// None clears before enough of them were read and the lead has signed; then a sample is read before the
    /// rest clears, and too large a bound of what was missed stops it.
    #[default]
    Measured,
    /// All clear when their hold has ended, and nobody learns what is missed: for the demonstration and for tests.
    Unmeasured,
}

/// Somebody who may use the program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name they log in with on this machine.
    pub login: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Their identifier at the source, by which they are recognised as an entry's author.
    #[serde(default)]
    pub staff_guid: Option<String>,
}

impl User {
    /// As the log names them.
    pub fn actor(&self) -> Actor {
        Actor { login: self.login.clone(), role: self.role }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PracticeFile {
    practice: Practice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersFile {
    #[serde(default)]
    user: Vec<User>,
}

impl Settings {
    /// Reads the settings of a state folder. A file that is not there gives the defaults.
    ///
    /// # Errors
    /// When a file cannot be read or is not of the form it should be, with its line.
    pub fn read(dir: &Path) -> Result<Self, ServiceError> {
        let (mut practice, mut users, mut files) = (Practice::default(), Vec::new(), Vec::new());
        if let Some(text) = text(&dir.join(PRACTICE))? {
            practice = parse::<PracticeFile>(PRACTICE, &text)?.practice;
            files.push((PRACTICE.to_owned(), text));
        }
        if let Some(text) = text(&dir.join(USERS))? {
            users = parse::<UsersFile>(USERS, &text)?.user;
            files.push((USERS.to_owned(), text));
        }
        for (i, user) in users.iter().enumerate() {
            if users[..i].iter().any(|other| other.login == user.login) {
                return Err(ServiceError::Settings(format!(
                    "users.toml names the login {} twice: keep one of them",
                    user.login
                )));
            }
        }
        let policy = text(&dir.join(POLICY))?;
        if let Some(text) = &policy {
            files.push((POLICY.to_owned(), text.clone()));
        }
        Ok(Self { practice, users, policy, dir: Some(dir.to_owned()), files })
    }

    /// The policy file as it is now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn policy_now(&self) -> Result<Option<String>, ServiceError> {
        self.dir.as_ref().map_or(Ok(None), |dir| text(&dir.join(POLICY)))
    }

    /// The user with this login.
    pub fn user(&self, login: &str) -> Option<&User> {
        self.users.iter().find(|user| user.login == login)
    }
}

fn text(path: &Path) -> Result<Option<String>, ServiceError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ServiceError::Settings(format!("{} cannot be read: {error}", path.display()))),
    }
}

fn parse<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, ServiceError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        ServiceError::Settings(format!("{name}, line {line}: {}", error.message()))
    })
}
