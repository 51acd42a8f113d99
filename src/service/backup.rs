//! A backup of everything, and whether what is shown is what may be.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::rows::{self, EntryRow};
use super::{Service, ServiceError, lock};
use crate::audit::{Actor, Event, Outcome, Record, Role};
use crate::protocol::{BackedUp, Checked, Secret, hex};
use crate::record::EntryId;
use crate::review::State;
use crate::store::{About, BackupLock, Table};

/// How often what is shown is compared with what may be while people withdraw, and how long is waited in between.
const MOST_LOOKS: u32 = 200;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

impl Service {
    /// Writes a backup to the file `to`, closed with `closing`, else for the settings' custodians. No pull and no publication runs meanwhile;
    /// decisions do.
    ///
    /// # Errors
    /// When the role may not, or no backup could be made; nothing of it is left then.
    pub fn back_up(&self, actor: &Actor, to: &str, closing: Option<&Secret>) -> Result<BackedUp, ServiceError> {
        // Whoever chooses what closes it can read it, and it is written with the daemon's rights.
        if !matches!(actor.role, Role::Lead | Role::Admin) {
            let why = format!("the role {} makes no backup: the lead or the administrator does", actor.role.name());
            let refused = Outcome::Refused(why.clone());
            let record = Record { outcome: refused, ..self.record(actor, Event::BackedUp { frames: 0 }) };
            self.commit(Vec::new(), Vec::new(), vec![record])?;
            return Err(ServiceError::Refused(why));
        }
        let to = Path::new(to);
        if !to.is_absolute() {
            return Err(ServiceError::Refused("a backup needs a whole path, from / on".into()));
        }
        let closing: BackupLock = match closing {
            Some(closing) => serde_json::from_str(&closing.0)
                .map_err(|_| ServiceError::Refused("this is not what closes a backup: use the same version".into()))?,
            None if self.settings.custodians.is_empty() => {
                let why = "practice.toml names no custodians, who could open a backup: add custodians = [\"age1…\"] under \
                           [backup], name a public key with --to, or use --passphrase";
                return Err(ServiceError::Refused(why.into()));
            }
            None => BackupLock::to(&self.settings.custodians)?,
        };
        let _one_at_a_time = lock(&self.batch);
        let about = About::new(&self.settings.practice.ods, self.now(), self.settings.files_now()?);
        let manifest = self.store.back_up(&about, to, &closing)?;
        self.note(actor, Event::BackedUp { frames: manifest.frames })?;
        Ok(BackedUp {
            frames: manifest.frames,
            head: hex(&manifest.head),
            rows: manifest.tables.iter().map(|table| table.rows).sum(),
        })
    }

    /// Derives for every entry of the store whether patients may see it, and compares that with what the
    /// channel shows. Repairs nothing: the next publication does.
    ///
    /// # Errors
    /// When the store or what the channel shows cannot be read.
    pub fn check(&self, actor: &Actor) -> Result<Checked, ServiceError> {
        let _one_at_a_time = lock(&self.batch);
        let now = self.now();
        let mut checked = Checked::default();
        let mut visible: Vec<EntryId> = Vec::new();
        rows::for_each::<EntryRow>(self.store.as_ref(), Table::Entry, &[], |_, read| {
            checked.entries += 1;
            let id = read.row.entry.id;
            match self.shown_now(&read.row, now) {
                Ok(Some(_)) if read.row.review.state == State::Released => visible.push(id),
                Ok(Some(_)) => checked.wrong.push(format!("entry {id} counts as visible and was never released")),
                Ok(None) => {}
                Err(why) => checked.wrong.push(format!("entry {id} cannot be judged: {why}")),
            }
            Ok(())
        })?;
        let (shown, wrong) = self.compare(visible, now)?;
        checked.visible = shown;
        checked.wrong.extend(wrong);
        self.note(actor, Event::FeedChecked { entries: checked.entries, wrong: checked.wrong.len() })?;
        Ok(checked)
    }

    /// How many of these entries patients see now, and what of it the channel shows otherwise. While somebody withdraws
    /// something the two may differ, so what differs is looked at again when nobody does.
    fn compare(&self, visible: Vec<EntryId>, now: DateTime<Utc>) -> Result<(u64, Vec<String>), ServiceError> {
        let mut looks = 1;
        loop {
            let before = self.acts.at_rest();
            let (shown, wrong) = {
                let _one_at_a_time = lock(&self.delivery);
                // What was visible a moment ago may have been withdrawn since.
                let shown = self.shown_of(visible.clone(), now)?;
                let compared = self.channel.compare(&self.settings.practice.name, &shown);
                (shown.len() as u64, compared.map_err(|why| ServiceError::Channel(why.to_string()))?)
            };
            let undisturbed = before.is_some() && self.acts.at_rest() == before;
            if wrong.is_empty() || undisturbed || looks == MOST_LOOKS {
                return Ok((shown, wrong));
            }
            looks += 1;
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
}
