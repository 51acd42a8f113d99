//! What a practice has written down: who it is, and who may do what.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use chrono::format::{Item, StrftimeItems};
use chrono::{Duration, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use serde::Deserialize;

use super::{Calendar, ServiceError};
use crate::audit::{Actor, Role};
use crate::source::{Connection, folder};
use crate::store::BackupLock;

const PRACTICE: &str = "practice.toml";
pub(super) const USERS: &str = "users.toml";
const POLICY: &str = "policy.toml";
/// The folder of the practice's own packs of rules, `*.toml`.
pub const PACKS: &str = "packs";
/// The folder of its reference sets.
pub const REFSETS: &str = "refsets";
/// Which rules it has silenced.
pub const SILENCES: &str = "rules.toml";

/// `practice.toml`, `users.toml` and `policy.toml` of the state folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Who the practice is.
    pub practice: Practice,
    /// The feeds that the daemon pulls.
    pub sources: Vec<SourceSetting>,
    /// Who may do what. Empty: nobody has been named yet.
    pub users: Vec<User>,
    /// The text of `policy.toml`, where there is one.
    pub policy: Option<String>,
    /// The state folder they were read from; none for settings made up in the program.
    pub dir: Option<PathBuf>,
    /// What members of the machine's groups may do, where they are not named themselves.
    pub groups: Vec<GroupRole>,
    /// How the daemon is reached.
    pub daemon: DaemonSettings,
    /// The public keys (age1…) of those who can open backups.
    pub custodians: Vec<String>,
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

/// How the daemon is reached: `[daemon]` in `practice.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DaemonSettings {
    /// The group of the machine whose members may connect. `None`: the folder's owner alone.
    pub group: Option<String>,
    /// Most connections at a time, 1 to 4096. One person may have three quarters of them.
    pub clients: usize,
    /// Whether figures are given on a second socket.
    pub metrics: bool,
    /// MiB that a pull leaves free on the store's disk. `None`: 2 GiB, or a twentieth of the disk where that is more.
    pub pull_leaves_mib: Option<u64>,
}

impl DaemonSettings {
    /// Bytes that a pull leaves free for decisions on a disk of `total` bytes.
    pub fn pull_leaves(&self, total: u64) -> u64 {
        self.pull_leaves_mib.map_or((2 << 30).max(total / 20), |mib| mib.saturating_mul(1 << 20))
    }
}

impl Default for DaemonSettings {
    fn default() -> Self {
        Self { group: None, clients: 128, metrics: true, pull_leaves_mib: None }
    }
}

/// What members of a group may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRole {
    /// The group's name on this machine.
    pub name: String,
    /// What its members may do.
    pub role: Role,
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
    #[serde(default)]
    source: Vec<SourceTable>,
    #[serde(default)]
    daemon: DaemonSettings,
    #[serde(default)]
    backup: BackupTable,
}

/// `[backup]` as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackupTable {
    #[serde(default)]
    custodians: Vec<String>,
}

/// A feed, and when it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSetting {
    /// What people call it.
    pub name: String,
    /// `KIND:PATH`, with the day in the path as `%Y-%m-%d` or in another form of strftime; or a server.
    pub what: String,
    /// When it is due.
    pub calendar: Calendar,
    /// How long nothing may have changed in its folder before it is read.
    pub stable_for: Duration,
    /// How long after it was due it counts as late.
    pub late_after: Duration,
    /// How a server is reached.
    pub connection: Connection,
}

impl SourceSetting {
    /// Whether each day has a folder or file of its own.
    pub fn has_days(&self) -> bool {
        self.what.contains('%') && !self.is_server()
    }

    fn is_server(&self) -> bool {
        self.what.starts_with("fhir:http://") || self.what.starts_with("fhir:https://")
    }

    /// The feed of a day, `KIND:PATH`.
    pub fn spec_on(&self, day: NaiveDate) -> String {
        if self.has_days() { day.format(&self.what).to_string() } else { self.what.clone() }
    }

    /// Whether `spec` names the feed of a day, or one of its batches.
    pub fn names(&self, day: NaiveDate, spec: &str) -> bool {
        let own = self.spec_on(day);
        own == spec || (self.has_days() && own.contains('*') && folder::fits(&own, spec))
    }

    /// Where the feed of a day lies; `None` where it comes over a wire. Its last part may hold `*`, which stands for
    /// anything.
    pub fn path_on(&self, day: NaiveDate) -> Option<PathBuf> {
        let spec = self.spec_on(day);
        let (_, path) = spec.split_once(':')?;
        (!self.is_server()).then(|| PathBuf::from(path))
    }
}

/// `[[source]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    name: String,
    what: String,
    /// `07:15`, on the clocks of the time zone.
    at: String,
    #[serde(default)]
    days: Vec<Weekday>,
    time_zone: Option<String>,
    /// Seconds.
    #[serde(default = "two_minutes")]
    stable_for: u32,
    /// Minutes.
    #[serde(default = "two_hours")]
    late_after: u32,
    token: Option<PathBuf>,
    proxy: Option<String>,
    ca: Option<PathBuf>,
}

fn two_minutes() -> u32 {
    120
}

fn two_hours() -> u32 {
    120
}

impl SourceTable {
    fn checked(self) -> Result<SourceSetting, ServiceError> {
        let wrong = |what: &str| ServiceError::Settings(format!("practice.toml, [[source]] {}: {what}", self.name));
        let at = NaiveTime::parse_from_str(&self.at, "%H:%M")
            .map_err(|_| wrong("at is no time of day like \"07:15\": write it so"))?;
        let zone = match &self.time_zone {
            None => Tz::Europe__London,
            Some(name) => {
                name.parse().map_err(|_| wrong("time_zone is no zone like \"Europe/London\": write it so"))?
            }
        };
        if !self.what.contains(':') {
            return Err(wrong("what does not say which kind of feed it is: write emis:FOLDER, tpp:FOLDER or the like"));
        }
        if self.what.contains('%') && StrftimeItems::new(&self.what).any(|item| item == Item::Error) {
            return Err(wrong("what has a % that stands for nothing: write days as %Y-%m-%d, and % itself as %%"));
        }
        let is_server = self.what.starts_with("fhir:http");
        if !is_server && write!(String::new(), "{}", NaiveDate::default().format(&self.what)).is_err() {
            return Err(wrong(
                "what has a % that stands for a time, which a day does not have: write * where the time of day stands",
            ));
        }
        let (folders, last) = self.what.rsplit_once('/').unwrap_or(("", &self.what));
        if !is_server && (folders.contains('*') || (last.contains('*') && !last.contains('%'))) {
            return Err(wrong(
                "what has a * that is not beside the day in the last part of the path: write it so, as in %Y%m%d_*",
            ));
        }
        Ok(SourceSetting {
            calendar: Calendar { at, days: self.days, zone },
            stable_for: Duration::seconds(i64::from(self.stable_for)),
            late_after: Duration::minutes(i64::from(self.late_after)),
            name: self.name,
            what: self.what,
            connection: Connection { token: self.token, proxy: self.proxy, ca: self.ca },
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersFile {
    #[serde(default)]
    user: Vec<User>,
    #[serde(default)]
    group: Vec<GroupRole>,
}

impl Settings {
    /// Reads the settings of a state folder. A file that is not there gives the defaults.
    ///
    /// # Errors
    /// When a file cannot be read or is not of the form it should be, with its line.
    pub fn read(dir: &Path) -> Result<Self, ServiceError> {
        let (mut practice, mut daemon) = (Practice::default(), DaemonSettings::default());
        let (mut sources, mut custodians) = (Vec::<SourceSetting>::new(), Vec::new());
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        if let Some(text) = text(&dir.join(PRACTICE))? {
            let file = parse::<PracticeFile>(PRACTICE, &text)?;
            (practice, daemon, custodians) = (file.practice, file.daemon, file.backup.custodians);
            if !custodians.is_empty() {
                BackupLock::to(&custodians)
                    .map_err(|why| ServiceError::Settings(format!("practice.toml, [backup] custodians: {why}")))?;
            }
            sources = file.source.into_iter().map(SourceTable::checked).collect::<Result<_, _>>()?;
            if !(1..=4096).contains(&daemon.clients) {
                let why = "practice.toml, [daemon] clients: give a number from 1 to 4096";
                return Err(ServiceError::Settings(why.into()));
            }
        }
        if let Some(text) = text(&dir.join(USERS))? {
            UsersFile { user: users, group: groups } = parse(USERS, &text)?;
        }
        for (i, user) in users.iter().enumerate() {
            if users[..i].iter().any(|other| other.login == user.login) {
                return Err(ServiceError::Settings(format!(
                    "users.toml names the login {} twice: keep one of them",
                    user.login
                )));
            }
        }
        let roles = users.iter().map(|user| user.role).chain(groups.iter().map(|group| group.role));
        if roles.into_iter().any(|role| role == Role::System) {
            return Err(ServiceError::Settings(
                "users.toml gives somebody the role system, which is the program's own: give them another".into(),
            ));
        }
        let policy = text(&dir.join(POLICY))?;
        for (i, source) in sources.iter().enumerate() {
            if sources[..i].iter().any(|other| other.name == source.name) {
                return Err(ServiceError::Settings(format!(
                    "practice.toml names the source {} twice: give one another name",
                    source.name
                )));
            }
        }
        Ok(Self { practice, sources, users, groups, daemon, custodians, policy, dir: Some(dir.to_owned()) })
    }

    /// What a practice has written down, as it is now, by name: its settings, and its own rules, without which a restored
    /// practice would read new entries with other eyes.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn files_now(&self) -> Result<Vec<(String, String)>, ServiceError> {
        let Some(dir) = &self.dir else { return Ok(Vec::new()) };
        let mut names: Vec<String> = [PRACTICE, USERS, POLICY, SILENCES].map(str::to_owned).into();
        names.extend(names_in(dir, PACKS)?.into_iter().filter(|name| name.ends_with(".toml")));
        names.extend(names_in(dir, REFSETS)?);
        let mut files = Vec::new();
        for name in names {
            files.extend(text(&dir.join(&name))?.map(|text| (name, text)));
        }
        Ok(files)
    }

    /// The policy file as it is now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn policy_now(&self) -> Result<Option<String>, ServiceError> {
        self.dir.as_ref().map_or(Ok(None), |dir| text(&dir.join(POLICY)))
    }

    /// The role of somebody whom `users.toml` does not name, by the groups they belong to.
    ///
    /// # Errors
    /// When none of their groups has a role, or several have different ones: nobody both decides and runs the
    /// machine because of an oversight.
    pub fn role_of(&self, login: &str, groups: &[String]) -> Result<Role, ServiceError> {
        // Whoever owns the folder could write users.toml; until it is written they act as lead.
        if self.users.is_empty() && self.groups.is_empty() {
            return Ok(Role::Lead);
        }
        let mut given = self.groups.iter().filter(|group| groups.contains(&group.name));
        let first = given.next().ok_or_else(|| {
            ServiceError::Refused(format!(
                "{login} has no role in this practice: ask the administrator to add the login, or one of its groups, \
                 to users.toml"
            ))
        })?;
        match given.find(|other| other.role != first.role) {
            Some(other) => Err(ServiceError::Refused(format!(
                "{login} is in the groups {} and {}, which have different roles: ask the administrator to name the \
                 login in users.toml",
                first.name, other.name
            ))),
            None => Ok(first.role),
        }
    }

    /// The user with this login.
    pub fn user(&self, login: &str) -> Option<&User> {
        self.users.iter().find(|user| user.login == login)
    }
}

/// The files of a folder in the state folder, in the order of their names; none where there is no such folder.
fn names_in(dir: &Path, folder: &str) -> Result<Vec<String>, ServiceError> {
    let cannot = |why: String| ServiceError::Settings(format!("{} cannot be read: {why}", dir.join(folder).display()));
    let files = match std::fs::read_dir(dir.join(folder)) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot(error.to_string())),
    };
    let mut names = Vec::new();
    for file in files {
        let file = file.map_err(|error| cannot(error.to_string()))?;
        if file.path().is_file() {
            let name = file.file_name().into_string().map_err(|_| cannot("a name in it is not UTF-8".to_owned()))?;
            names.push(format!("{folder}/{name}"));
        }
    }
    names.sort();
    Ok(names)
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
