//! Pulls each feed when it is due, and after days off everything that was missed, in order.
//!
//! What is due says [`Calendar`](crate::service::Calendar); what has been done is in the store. Here stands only
//! what is seen from outside: whether a folder is there, and whether somebody still writes into it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use crate::audit::Actor;
use crate::protocol::Pulled;
use crate::service::{Due, Service, ServiceError, from_outside};

/// How long after a pull that failed, or stopped in the middle, the next one is tried; it doubles up to the most.
const AGAIN_AFTER: Duration = Duration::minutes(5);
const AGAIN_AT_MOST: Duration = Duration::hours(1);

/// Looks for feeds that are due.
pub struct Scheduler {
    service: Arc<Service>,
    /// What each place held when it was looked at, and since when it has been so.
    seen: HashMap<PathBuf, ([u8; 16], DateTime<Utc>)>,
    /// After how long, and not before when, a feed is tried again whose pull failed or stopped in the middle.
    again: HashMap<String, (Duration, DateTime<Utc>)>,
}

impl Scheduler {
    /// One that has seen nothing.
    pub fn new(service: Arc<Service>) -> Self {
        Self { service, seen: HashMap::new(), again: HashMap::new() }
    }

    /// Pulls what is due and ready, the oldest day of each feed first. A day that is not there holds up no later
    /// one, and stays due.
    pub fn look(&mut self) -> Vec<Result<Pulled, ServiceError>> {
        let due = match self.service.due_feeds() {
            Ok(due) => due,
            Err(error) => return vec![Err(error)],
        };
        let mut done = Vec::new();
        for due in due {
            let now = self.service.time();
            if self.again.get(&due.name).is_some_and(|(_, not_before)| now < *not_before) || !self.is_ready(&due, now) {
                continue;
            }
            let pulled = self.service.pull_due(&Actor::system("schedule"), &due);
            match &pulled {
                Ok(pulled) if pulled.incomplete.is_empty() => {
                    self.again.remove(&due.name);
                }
                _ => {
                    let wait = self.again.get(&due.name).map_or(AGAIN_AFTER, |(wait, _)| *wait);
                    self.again.insert(due.name.clone(), ((wait * 2).min(AGAIN_AT_MOST), now + wait));
                }
            }
            done.push(pulled);
        }
        done
    }

    /// Whether the feed's place holds something, and the same as some time ago: a folder into which somebody still
    /// writes is not read.
    fn is_ready(&mut self, due: &Due, now: DateTime<Utc>) -> bool {
        let Some(path) = &due.path else { return true };
        let Some(signature) = from_outside(path) else {
            self.seen.remove(path);
            return false;
        };
        match self.seen.get(path) {
            Some((before, since)) if *before == signature => now - *since >= due.stable_for,
            _ => {
                self.seen.insert(path.clone(), (signature, now));
                due.stable_for.is_zero()
            }
        }
    }
}
