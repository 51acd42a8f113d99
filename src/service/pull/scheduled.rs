//! Feeds that the settings name: which are due, what was done, what is late.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use chrono::{DateTime, Days, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::super::rows::{encode, get};
use super::super::settings::SourceSetting;
use super::super::{Service, ServiceError};
use crate::audit::{Actor, Event, Outcome, Record};
use crate::protocol::{FeedStatus, Pulled};
use crate::record::SourceKey;
use crate::source::{self, Source, SourceError};
use crate::store::Table;

/// How many days back a day that did not come is still looked for.
const LOOKED_FOR: usize = 31;

/// How deep folders may stand in folders.
const DEEPEST: usize = 8;

/// A feed that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The feed's name in the settings.
    pub name: String,
    /// Whose day.
    pub day: NaiveDate,
    /// Where it lies; `None` where it comes over a wire.
    pub path: Option<PathBuf>,
    /// How long nothing may have changed there.
    pub stable_for: Duration,
}

/// What was done of a feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Done {
    /// Everything that fell due up to then is done, or among the open ones.
    until: Option<DateTime<Utc>>,
    /// Days that fell due and did not come yet.
    open: Vec<NaiveDate>,
    /// When it was last pulled.
    pulled: Option<DateTime<Utc>>,
    /// Why the last pull failed, and when.
    failed: Option<(DateTime<Utc>, String)>,
    /// Kinds of records of which the last pull brought only a part.
    #[serde(default)]
    incomplete: Vec<String>,
    /// What lay there of the days that are done, as long as something may still come to them.
    #[serde(default)]
    lay_there: BTreeMap<NaiveDate, LayThere>,
}

/// What was found of a day when it was pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LayThere {
    /// Names, lengths and times of the files: what is looked at first, as it costs nothing.
    outside: [u8; 16],
    /// Their content.
    digest: Option<[u8; 32]>,
}

/// Names, lengths and times of the files at a place; `None` where it cannot be looked at.
fn from_outside(path: &Path) -> Option<[u8; 16]> {
    fn list(path: &Path, depth: usize, found: &mut Vec<(PathBuf, u64, u128)>) -> std::io::Result<()> {
        let about = std::fs::metadata(path)?;
        if about.is_dir() && depth < DEEPEST {
            for inside in std::fs::read_dir(path)? {
                list(&inside?.path(), depth + 1, found)?;
            }
        } else if about.is_file() {
            let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            found.push((path.to_owned(), about.len(), changed.unwrap_or_default().as_nanos()));
        }
        Ok(())
    }
    let mut found = Vec::new();
    list(path, 0, &mut found).ok()?;
    found.sort();
    let mut hasher = blake3::Hasher::new();
    for (path, length, changed) in found {
        hasher.update(path.as_os_str().as_encoded_bytes());
        hasher.update(&length.to_le_bytes());
        hasher.update(&changed.to_le_bytes());
    }
    hasher.finalize().as_bytes().first_chunk().copied()
}

impl Service {
    /// The practice's time.
    pub fn time(&self) -> DateTime<Utc> {
        self.now()
    }

    /// What is due, the oldest day of each feed first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_feeds(&self) -> Result<Vec<Due>, ServiceError> {
        let mut due = Vec::new();
        for setting in &self.settings.sources {
            let done = self.done(setting)?;
            let mut days = self.open_days(setting, &done);
            days.extend(self.changed_since(setting, &done));
            days.sort_unstable();
            // Of what stopped in the middle the rest is due at once.
            if days.is_empty() && !done.incomplete.is_empty() {
                days.push(self.now().with_timezone(&setting.calendar.zone).date_naive());
            }
            due.extend(days.into_iter().map(|day| Due {
                name: setting.name.clone(),
                day,
                path: setting.path_on(day),
                stable_for: setting.stable_for,
            }));
        }
        Ok(due)
    }

    /// Pulls a feed of the settings for a day, and remembers that it did.
    ///
    /// # Errors
    /// As [`Service::pull`]; that it failed is remembered too, and shown.
    pub fn pull_due(&self, actor: &Actor, due: &Due) -> Result<Pulled, ServiceError> {
        let setting = self.named_source(&due.name)?;
        let mut done = self.done(setting)?;
        let (open, is_first) = (self.open_days(setting, &done), done.until.is_none());
        let mut lies_there = due.path.as_deref().filter(|_| setting.has_days()).and_then(from_outside).map(|outside| {
            // Looked at before it is read: what comes meanwhile is found the next time.
            LayThere { outside, digest: None }
        });
        let pulled = self.open_source(&setting.spec_on(due.day)).map_err(ServiceError::from).and_then(|mut source| {
            if let Some(lies_there) = &mut lies_there {
                let manifest = source.manifest()?;
                lies_there.digest = manifest.digest();
                let known = done.lay_there.get(&due.day).and_then(|known| known.digest);
                if let Some(known) = known.filter(|known| Some(*known) == lies_there.digest) {
                    // Asked for again, or copied or touched: the content is what was read.
                    let state = self.stream(&manifest.stream)?;
                    let at = state.pulled_at(&known).or(done.pulled).unwrap_or_else(|| self.now());
                    return Ok(state.nothing_new(source.name(), at));
                }
            }
            self.pull_and_publish(actor, source.as_mut())
        });
        let now = self.now();
        match &pulled {
            Ok(pulled) => {
                if let Some(lies_there) = lies_there {
                    done.lay_there.insert(due.day, lies_there);
                }
                let oldest = now.date_naive() - Duration::days(LOOKED_FOR as i64);
                done.lay_there.retain(|day, _| *day >= oldest);
                done.until = Some(now);
                // Without a folder a day, one pull brings what several days would have.
                // The first pull of a feed is its beginning.
                let begins = is_first.then_some(due.day);
                let is_done = |day: &NaiveDate| {
                    *day == due.day || !setting.has_days() || begins.is_some_and(|first| *day < first)
                };
                done.open = open.into_iter().filter(|day| !is_done(day)).collect();
                done.failed = None;
                done.pulled = done.pulled.max(Some(pulled.pulled_before.unwrap_or(now)));
                done.incomplete.clone_from(&pulled.incomplete);
            }
            Err(error) => done.failed = Some((now, error.to_string())),
        }
        let source = setting.name.clone();
        let record = match &pulled {
            Ok(pulled) => self.record(
                actor,
                Event::PullFinished {
                    source,
                    parts: pulled.parts,
                    entries: pulled.new + pulled.changed,
                    set_aside: pulled.set_aside,
                },
            ),
            Err(error) => Record {
                outcome: Outcome::Refused(error.to_string()),
                ..self.record(actor, Event::PullStarted { source })
            },
        };
        let write = (Table::Meta, self.done_key(&setting.name), Some(encode(&done)?));
        self.commit(Vec::new(), vec![write], vec![record])?;
        pulled
    }

    /// Pulls the feed that a request names: one of the settings by its name, or a kind and a path. What the settings
    /// would have pulled by themselves counts as done.
    ///
    /// # Errors
    /// As [`Service::pull`].
    pub(in super::super) fn pull_named(&self, actor: &Actor, name: &str) -> Result<Pulled, ServiceError> {
        for setting in &self.settings.sources {
            let today = self.now().with_timezone(&setting.calendar.zone).date_naive();
            let mut lately = (0..=LOOKED_FOR as u64).map(|back| today - Days::new(back));
            let day = match setting.name == name {
                true => Some(today),
                false => lately.find(|day| setting.spec_on(*day) == name),
            };
            if let Some(day) = day {
                let (path, stable_for) = (setting.path_on(day), setting.stable_for);
                return self.pull_due(actor, &Due { name: setting.name.clone(), day, path, stable_for });
            }
        }
        self.pull_and_publish(actor, self.open_source(name)?.as_mut())
    }

    /// Days that are done and to whose folder something has come since, or in which something has changed.
    fn changed_since(&self, setting: &SourceSetting, done: &Done) -> Vec<NaiveDate> {
        let has_changed = |(day, known): (&NaiveDate, &LayThere)| {
            let now = setting.path_on(*day).as_deref().and_then(from_outside);
            now.is_some_and(|now| now != known.outside).then_some(*day)
        };
        done.lay_there.iter().filter_map(has_changed).collect()
    }

    fn open_source(&self, spec: &str) -> Result<Box<dyn Source>, SourceError> {
        let token = self.settings.sources.iter().find(|setting| setting.what == spec).and_then(|it| it.token.clone());
        source::open(spec, self.now().date_naive(), token)
    }

    fn named_source(&self, name: &str) -> Result<&SourceSetting, ServiceError> {
        let missing = || ServiceError::Refused(format!("practice.toml names no [[source]] {name}"));
        self.settings.sources.iter().find(|setting| setting.name == name).ok_or_else(missing)
    }

    /// Days that fell due and are not done, the oldest first. A feed that was never pulled begins with the day
    /// that fell due last.
    fn open_days(&self, setting: &SourceSetting, done: &Done) -> Vec<NaiveDate> {
        let now = self.now();
        let mut days = match done.until {
            Some(until) => setting.calendar.days_due(until, now, LOOKED_FOR),
            None => setting.calendar.days_due(now - Duration::days(8), now, 1),
        };
        days.extend(&done.open);
        days.sort_unstable();
        days.dedup();
        let oldest = now.date_naive() - Duration::days(LOOKED_FOR as i64);
        days.retain(|day| *day >= oldest && !done.lay_there.contains_key(day));
        if !setting.has_days() {
            days = days.pop().into_iter().collect();
        }
        days
    }

    fn done(&self, setting: &SourceSetting) -> Result<Done, ServiceError> {
        let key = self.done_key(&setting.name);
        Ok(get::<Done>(self.store.as_ref(), Table::Meta, &key)?.map(|read| read.row).unwrap_or_default())
    }

    fn done_key(&self, name: &str) -> Vec<u8> {
        let name = SourceKey { system: "source".to_owned(), organisation: String::new(), id: name.to_owned() };
        [b"source/".as_slice(), &self.keys.identity.part(&name)].concat()
    }

    /// What is late or failed, a sentence each.
    pub(in super::super) fn late_feeds(&self) -> Result<Vec<String>, ServiceError> {
        let now = self.now();
        let mut alarms = Vec::new();
        for setting in &self.settings.sources {
            let done = self.done(setting)?;
            let mut open = self.open_days(setting, &done);
            open.retain(|day| setting.calendar.due_on(*day).is_some_and(|due| due + setting.late_after < now));
            let late: Vec<String> = open.iter().map(|day| day.format("%a %-d %b").to_string()).collect();
            if let Some((at, why)) = &done.failed {
                let at = at.with_timezone(&setting.calendar.zone).format("%H:%M on %a %-d %b");
                alarms.push(format!("{}: the pull at {at} failed and is tried again: {why}", setting.name));
            }
            if let (Some(at), [_, ..]) = (done.pulled, done.incomplete.as_slice()) {
                let at = at.with_timezone(&setting.calendar.zone).format("%H:%M on %a %-d %b");
                alarms.push(format!(
                    "{}: the pull at {at} brought only a part of {}: what is missing is not in this queue and is asked for \
                     again within the hour",
                    setting.name,
                    done.incomplete.join(", ")
                ));
            }
            if let [first, rest @ ..] = late.as_slice() {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more days", rest.len()) };
                let oldest = open.iter().min().and_then(|day| setting.path_on(*day));
                let place = oldest.map(|path| format!(", to be put into {}", path.display())).unwrap_or_default();
                alarms.push(format!(
                    "{}: the feed of {first}{more} was due and has not come: what was entered is not in this queue; ask \
                     the supplier for it{place}",
                    setting.name
                ));
            }
        }
        Ok(alarms)
    }

    /// How each feed of the settings stands.
    pub(in super::super) fn feeds_status(&self) -> Result<Vec<FeedStatus>, ServiceError> {
        let now = self.now();
        let of = |setting: &SourceSetting| {
            let done = self.done(setting)?;
            Ok(FeedStatus {
                name: setting.name.clone(),
                pulled_at: done.pulled,
                next: setting.calendar.next(now),
                open_days: self.open_days(setting, &done),
                failed: done.failed.map(|(_, why)| why),
                incomplete: done.incomplete,
            })
        };
        self.settings.sources.iter().map(of).collect()
    }
}
