//! Who may do what, as `users.toml` says now: read anew when it changes, so that who lost a role has lost it at their
//! next request, not at the daemon's next start.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use super::settings::USERS;
use super::{Service, ServiceError, Settings, lock};
use crate::audit::{Actor, Event, Outcome, Record};
use crate::review::Guard;

/// What was read last, and of which file.
pub(super) struct Staff {
    settings: RwLock<Arc<Settings>>,
    seen: Mutex<Option<(SystemTime, u64)>>,
    fault: Mutex<Option<String>>,
}

impl Staff {
    pub(super) fn of(settings: &Settings) -> Self {
        let seen = Mutex::new(stamp(settings));
        Self { settings: RwLock::new(Arc::new(settings.clone())), seen, fault: Mutex::default() }
    }
}

/// When the file was written, and its length; `None` where there is none.
fn stamp(settings: &Settings) -> Option<(SystemTime, u64)> {
    let file = fs::metadata(settings.dir.as_ref()?.join(USERS)).ok()?;
    Some((file.modified().ok()?, file.len()))
}

impl Service {
    /// The settings with the users of now.
    pub(super) fn staff(&self) -> Arc<Settings> {
        Arc::clone(&self.staff.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads `users.toml` again if it has changed. What is wrong, or gone, changes nothing and is said on every screen.
    ///
    /// # Errors
    /// When the store takes no record of it.
    pub(super) fn reread_staff(&self) -> Result<(), ServiceError> {
        let Some(dir) = self.settings.dir.as_deref() else { return Ok(()) };
        let now = stamp(&self.settings);
        {
            let mut seen = lock(&self.staff.seen);
            if *seen == now {
                return Ok(());
            }
            *seen = now;
        }
        let job = Actor::system("daemon");
        let before = self.staff();
        let read = match now {
            Some(_) => Settings::read(dir).map_err(|error| error.to_string()),
            None => Err("users.toml is gone".to_owned()),
        };
        let fault = match read {
            Ok(read) => {
                let users = read.users.len();
                let settings = Settings { users: read.users, groups: read.groups, ..(*before).clone() };
                if settings != *before {
                    *self.staff.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
                    self.note(&job, Event::UsersChanged { users })?;
                    self.announce();
                }
                None
            }
            Err(why) => {
                self.note(&job, Event::UsersRefused { why: why.clone() })?;
                Some(format!("{why}; who may do what stays as it was: mend it"))
            }
        };
        *lock(&self.staff.fault) = fault;
        Ok(())
    }

    /// What people must know about the file, if anything.
    pub(super) fn staff_alarm(&self) -> Option<String> {
        lock(&self.staff.fault).clone()
    }

    /// Whether somebody still has the role with which they came.
    ///
    /// # Errors
    /// What became of it, also in the log.
    pub(super) fn still_has_role(&self, actor: &Actor, groups: &[String]) -> Result<(), ServiceError> {
        self.reread_staff()?;
        let staff = self.staff();
        let role = match staff.user(&actor.login) {
            Some(user) => Ok(user.role),
            None => staff.role_of(&actor.login, groups),
        };
        let why = match role {
            Ok(role) if role == actor.role => return Ok(()),
            Ok(role) => format!(
                "your role was {} and is {} now: nothing has changed, leave and come back",
                actor.role.name(),
                role.name()
            ),
            Err(ServiceError::Refused(why)) => why,
            Err(error) => return Err(error),
        };
        if !Guard::RoleNow.stops(true) {
            return Ok(());
        }
        let record = Record { outcome: Outcome::Refused(why.clone()), ..self.record(actor, Event::RoleLost) };
        self.commit(Vec::new(), Vec::new(), vec![record])?;
        Err(ServiceError::Refused(why))
    }
}
