//! Feeds that the settings name: which are due, what was done, what is late.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Days, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::super::rows::{encode, get};
use super::super::settings::SourceSetting;
use super::super::{Service, ServiceError};
use crate::audit::{Actor, Event, Outcome, Record};
use crate::protocol::{FeedStatus, Pulled};
use crate::record::SourceKey;
use crate::source::{self, Manifest, Source, SourceError, folder};
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

/// What lay there before it is read: what comes meanwhile is found the next time.
fn lies_there(setting: &SourceSetting, due: &Due) -> Option<LayThere> {
    let outside = due.path.as_deref().filter(|_| setting.has_days()).and_then(folder::from_outside)?;
    Some(LayThere { outside, digest: None })
}

/// The digest of all that lies there of a day.
fn digest_of(manifests: &[Manifest]) -> Option<[u8; 32]> {
    if let [only] = manifests {
        return only.digest();
    }
    let mut hasher = blake3::Hasher::new();
    for manifest in manifests {
        hasher.update(&manifest.digest()?);
    }
    Some(hasher.finalize().into())
}

/// What several batches of one day brought.
fn together(first: Pulled, second: Pulled) -> Pulled {
    let [mut notices, mut examples] = [first.notices, first.set_aside_examples];
    notices.extend(second.notices);
    examples.extend(second.set_aside_examples);
    Pulled {
        source: second.source,
        parts: first.parts + second.parts,
        new: first.new + second.new,
        changed: first.changed + second.changed,
        deleted: first.deleted + second.deleted,
        queued: first.queued + second.queued,
        to_skim: first.to_skim + second.to_skim,
        on_hold: first.on_hold + second.on_hold,
        not_open: first.not_open + second.not_open,
        patients: first.patients + second.patients,
        set_aside: first.set_aside + second.set_aside,
        set_aside_examples: examples,
        notices,
        pulled_before: None,
        incomplete: second.incomplete,
    }
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
        let mut lies_there = lies_there(setting, due);
        let pulled = self.batches_of(setting, due.day).and_then(|mut sources| {
            let mut manifests = Vec::new();
            if let Some(lies_there) = &mut lies_there {
                manifests = sources.iter().map(|source| source.manifest()).collect::<Result<_, _>>()?;
                lies_there.digest = digest_of(&manifests);
                let known = done.lay_there.get(&due.day).and_then(|known| known.digest);
                if known.is_some() && lies_there.digest == known {
                    // Asked for again, or copied or touched: the content is what was read.
                    return self.nothing_new(&manifests, &done);
                }
            }
            let several = sources.len() > 1;
            let mut all = None;
            for (number, source) in sources.iter_mut().enumerate() {
                // Of several on one day those that came before have been read.
                if let Some(manifest) = manifests.get(number).filter(|_| several)
                    && let Some(digest) = manifest.digest()
                    && self.stream(&manifest.stream)?.pulled_at(&digest).is_some()
                {
                    continue;
                }
                let pulled = self.pull_and_publish(actor, source.as_mut())?;
                all = Some(match all {
                    Some(before) => together(before, pulled),
                    None => pulled,
                });
            }
            all.map_or_else(|| self.nothing_new(&manifests, &done), Ok)
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
                false => lately.find(|day| setting.names(*day, name)),
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
            let now = setting.path_on(*day).as_deref().and_then(folder::from_outside);
            now.is_some_and(|now| now != known.outside).then_some(*day)
        };
        done.lay_there.iter().filter_map(has_changed).collect()
    }

    /// What a pull brings of batches that have been read.
    fn nothing_new(&self, manifests: &[Manifest], done: &Done) -> Result<Pulled, ServiceError> {
        let last = manifests.last().ok_or(ServiceError::Internal("a day without a batch"))?;
        let state = self.stream(&last.stream)?;
        let at = last.digest().and_then(|digest| state.pulled_at(&digest)).or(done.pulled);
        Ok(state.nothing_new(last.stream.split(' ').next().unwrap_or_default(), at.unwrap_or_else(|| self.now())))
    }

    /// The batches of a feed's day, in the order in which they apply.
    fn batches_of(&self, setting: &SourceSetting, day: NaiveDate) -> Result<Vec<Box<dyn Source>>, ServiceError> {
        let spec = setting.spec_on(day);
        let Some((kind, pattern)) = spec.split_once(':').filter(|(_, path)| setting.has_days() && path.contains('*'))
        else {
            return Ok(vec![self.open_source(&spec)?]);
        };
        let unlisted = |error: std::io::Error| {
            SourceError(format!("the folder of {pattern} cannot be listed ({}): check the path", error.kind()))
        };
        let places = folder::fitting(Path::new(pattern)).map_err(unlisted)?;
        let names: Vec<_> = places.iter().filter_map(|place| place.file_name()?.to_str()).collect();
        if places.is_empty() {
            return Err(
                SourceError(format!("nothing fits {pattern}: wait until the batch has come, then pull again")).into()
            );
        }
        if !folder::are_in_order(&places) {
            return Err(SourceError(format!(
                "{pattern} fits {}, and which of them came first cannot be told: leave one of them there, then pull again",
                names.join(" and ")
            ))
            .into());
        }
        let specs = places.iter().map(|place| format!("{kind}:{}", place.display()));
        specs.map(|spec| Ok(self.open_source(&spec)?)).collect()
    }

    fn open_source(&self, spec: &str) -> Result<Box<dyn Source>, SourceError> {
        let setting = self.settings.sources.iter().find(|setting| setting.what == spec);
        let connection = setting.map(|setting| setting.connection.clone()).unwrap_or_default();
        source::open(spec, self.now().date_naive(), connection)
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
