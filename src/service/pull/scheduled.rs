//! Feeds that the settings name: which are due, what was done, what is late.

use std::path::PathBuf;

use chrono::{DateTime, Duration, NaiveDate, Utc};
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
            let days = self.open_days(setting, &self.done(setting)?);
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
        let open = self.open_days(setting, &done);
        let pulled = self
            .open_source(&setting.spec_on(due.day))
            .map_err(ServiceError::from)
            .and_then(|mut source| self.pull_and_publish(actor, source.as_mut()));
        let now = self.now();
        match &pulled {
            Ok(_) => {
                done.until = Some(now);
                // Without a folder a day, one pull brings what several days would have.
                let is_done = |day: &NaiveDate| *day == due.day || !setting.has_days();
                done.open = open.into_iter().filter(|day| !is_done(day)).collect();
                done.pulled = Some(now);
                done.failed = None;
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

    /// The feed that a request names: one of the settings by its name, or a kind and a path.
    ///
    /// # Errors
    /// When there is no such feed.
    pub(in super::super) fn feed_named(&self, name: &str) -> Result<Box<dyn Source>, ServiceError> {
        if self.settings.sources.iter().all(|setting| setting.name != name) {
            return Ok(self.open_source(name)?);
        }
        let setting = self.named_source(name)?;
        let today = self.now().with_timezone(&setting.calendar.zone).date_naive();
        Ok(self.open_source(&setting.spec_on(today))?)
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
        days.retain(|day| *day >= oldest);
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
            let late: Vec<String> = self
                .open_days(setting, &done)
                .into_iter()
                .filter(|day| setting.calendar.due_on(*day).is_some_and(|due| due + setting.late_after < now))
                .map(|day| day.format("%a %-d %b").to_string())
                .collect();
            if let Some((at, why)) = &done.failed {
                let at = at.with_timezone(&setting.calendar.zone).format("%H:%M on %a %-d %b");
                alarms.push(format!("{}: the pull at {at} failed and is tried again: {why}", setting.name));
            }
            if let [first, rest @ ..] = late.as_slice() {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more days", rest.len()) };
                alarms.push(format!(
                    "{}: the feed of {first}{more} was due and has not come: what was entered is not in this queue",
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
            })
        };
        self.settings.sources.iter().map(of).collect()
    }
}
